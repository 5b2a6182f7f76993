//! The past as it stands in an SQLite file.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags, Row, params};

use super::{Change, HistoryError, Lived, Outcome, Past, Wanted, Written};
use crate::{
    conversation::Visit,
    journal::{
        Entry, JournalError, OpenError, Write,
        sqlite::{Known, Time, entry_of, is_held, known, trouble},
    },
};

/// How long the daemon's start or stop may keep a reader out.
const PATIENCE: Duration = Duration::from_secs(5);

/// A file that is only read.
#[derive(Debug)]
pub(super) struct File {
    /// Sees one state of the journal from its first question on.
    connection: Connection,
    /// Where it is.
    path: PathBuf,
}

impl File {
    /// Opens it; nothing where nothing was ever written to it.
    pub(super) fn open(path: &Path) -> Result<Option<Self>, HistoryError> {
        let path = path.to_owned();
        if !path.exists() {
            return Err(HistoryError::Absent { path });
        }
        if !path.is_file() {
            return Err(HistoryError::Refused(OpenError::NoFile { path }));
        }
        let unreadable = |error| HistoryError::Unreadable(trouble(&path, &error));
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&path, flags).map_err(unreadable)?;
        connection.busy_timeout(PATIENCE).map_err(unreadable)?;
        match known(&connection).map_err(unreadable)? {
            Known::Empty => Ok(None),
            Known::Ours(_) => Ok(Some(Self { connection, path })),
            Known::Newer { found, known } => Err(HistoryError::Refused(OpenError::Newer {
                path,
                found,
                known,
            })),
            Known::Foreign => Err(HistoryError::Refused(OpenError::Foreign { path })),
        }
    }

    /// What happened to daemons.
    fn runs(&self) -> rusqlite::Result<Vec<Lived>> {
        // Signs of life come once a minute, so the last write after the last of them is a later one.
        let mut statement = self.connection.prepare(
            "SELECT started_at, max(alive_at, ifnull((
                 SELECT max(iif(outcome = 'raised', settled_at, at)) FROM history
                 WHERE at >= alive_at AND history.owner = runs.owner
                     AND at < ifnull((SELECT min(started_at) FROM runs later WHERE later.id > runs.id), 9e18)), 0)),
                 stopped_at, id = (SELECT max(id) FROM runs) FROM runs",
        )?;
        let runs_now = is_held(&self.path) != Some(false);
        let mut changes = Vec::new();
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let time = |column| row.get::<_, Option<Time>>(column);
            let (alive, stopped, newest) = (time(1)?, time(2)?, row.get(3)?);
            let lived = |at: Time, what| Lived {
                at: at.0,
                what,
                replica: None,
            };
            changes.extend(time(0)?.map(|at| lived(at, Change::Started)));
            changes.extend(match stopped {
                Some(at) => Some(lived(at, Change::Stopped)),
                None if newest && runs_now => None,
                None => alive.map(|at| lived(at, Change::Killed)),
            });
        }
        Ok(changes)
    }

    /// Hands over the writes.
    fn history(
        &self,
        wanted: &Wanted,
        listener: &mut dyn FnMut(Written) -> bool,
    ) -> rusqlite::Result<()> {
        let mut statement = self.connection.prepare(
            "SELECT conversation, leg, queue, step, from_priority, to_priority, due_at, at, outcome, settled_at
             FROM history WHERE at >= ?1 AND (?2 IS NULL OR conversation = ?2) ORDER BY at, id",
        )?;
        let since = wanted.since.map_or(i64::MIN, Timestamp::as_millisecond);
        for written in statement.query_map(params![since, wanted.conversation], read_written)? {
            if !listener(written?) {
                break;
            }
        }
        Ok(())
    }
}

impl Past for File {
    fn daemons(&self) -> Result<Vec<Lived>, JournalError> {
        self.runs().map_err(|error| trouble(&self.path, &error))
    }

    fn writes(
        &self,
        wanted: &Wanted,
        listener: &mut dyn FnMut(Written) -> bool,
    ) -> Result<(), JournalError> {
        let told = self.history(wanted, listener);
        told.map_err(|error| trouble(&self.path, &error))
    }

    fn entry(&self, visit: &Visit) -> Result<Option<Entry>, JournalError> {
        let known = entry_of(&self.connection, visit);
        known.map_err(|error| trouble(&self.path, &error))
    }
}

/// A row of `history`.
fn read_written(row: &Row<'_>) -> rusqlite::Result<Written> {
    let outcome: Option<String> = row.get(8)?;
    Ok(Written {
        visit: Visit {
            conversation: row.get(0)?,
            leg: row.get(1)?,
        },
        queue: row.get(2)?,
        write: Write {
            step: row.get(3)?,
            from: row.get(4)?,
            to: row.get(5)?,
            due: row.get::<_, Time>(6)?.0,
            covers: row.get::<_, Time>(7)?.0,
            at: row.get::<_, Time>(7)?.0,
        },
        outcome: Outcome::of(outcome.as_deref()),
        settled: row.get::<_, Option<Time>>(9)?.map(|time| time.0),
        replica: None,
    })
}
