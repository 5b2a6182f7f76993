//! What a journal tells of the past: every write, and when a daemon started, stopped or was killed.
//!
//! Read only, past the daemon: it may run, be stopped, or have been killed with its write-ahead log left behind. A
//! kill leaves no note; it is known by a start without a stop, and dated by the last sign of life.

use std::{
    cmp::Ordering,
    path::{Path, PathBuf},
    time::Duration,
};

use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags, Row, params};

use super::{
    Entry, JournalError, OpenError, Write,
    sqlite::{Known, Time, entry_of, is_held, known, trouble},
};
use crate::conversation::{ConversationId, QueueId, Visit};

/// How long the daemon's start or stop may keep a reader out.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why there is nothing to read.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// No journal where one should be.
    #[error(
        "there is no journal at {}: no daemon has run with these settings yet; give the daemon's own with --config, or its journal's path in CALLBACK_PRIORITIZER__JOURNAL__PATH",
        path.display()
    )]
    Absent {
        /// Where it should be.
        path: PathBuf,
    },
    /// Not a journal that we can read.
    #[error(transparent)]
    Refused(OpenError),
    /// The file or the disk is in the way.
    #[error(transparent)]
    Unreadable(JournalError),
}

/// Which part of the past is wanted.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// One conversation only, with what happened to the daemon since its first write.
    pub conversation: Option<ConversationId>,
    /// Nothing before this.
    pub since: Option<Timestamp>,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A priority was written, or was to be.
    Write(Written),
    /// Something happened to the daemon.
    Daemon {
        /// When; of a kill, the last sign of life before it.
        at: Timestamp,
        /// What.
        what: Change,
    },
}

/// What can happen to a daemon. In the order in which events of one moment are told: writes come after a start and
/// before an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// It started.
    Started,
    /// It ended without noting a stop.
    Killed,
    /// It ended in good order.
    Stopped,
}

/// A line of the history of writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Whose priority.
    pub visit: Visit,
    /// The queue it waited in, where that was known.
    pub queue: Option<QueueId>,
    /// What was written.
    pub write: Write,
    /// What became of it.
    pub outcome: Outcome,
    /// When that was known; absent while it is not.
    pub settled: Option<Timestamp>,
}

/// What became of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The platform confirmed it.
    Raised,
    /// The answer was lost, and its value was seen later.
    Arrived,
    /// It is not there: the platform refused it, or news made it pointless before it was sent.
    NotMade,
    /// The answer was lost, and nothing more is known of it.
    Unconfirmed,
    /// No write of ours: somebody else changed the priority, and this is when it was seen.
    Foreign,
}

/// A journal that is only read.
#[derive(Debug)]
pub struct History {
    /// Sees one state of the journal from its first question on.
    connection: Connection,
    /// Where it is.
    path: PathBuf,
    /// Whether anything was ever written.
    empty: bool,
}

impl History {
    /// Opens the journal in this file for reading.
    ///
    /// # Errors
    /// Where there is none, or none that can be read.
    pub fn open(path: &Path) -> Result<Self, HistoryError> {
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
        let empty = match known(&connection).map_err(unreadable)? {
            Known::Empty => true,
            Known::Ours(_) => false,
            Known::Newer { found, known } => {
                return Err(HistoryError::Refused(OpenError::Newer {
                    path,
                    found,
                    known,
                }));
            }
            Known::Foreign => return Err(HistoryError::Refused(OpenError::Foreign { path })),
        };
        Ok(Self {
            connection,
            path,
            empty,
        })
    }

    /// Tells what happened, oldest first, until the listener has had enough: it says so by an error, which is returned
    /// inside.
    ///
    /// # Errors
    /// Where the journal can be read no further.
    pub fn tell<E>(
        &self,
        wanted: &Wanted,
        mut listener: impl FnMut(Event) -> Result<(), E>,
    ) -> Result<Result<(), E>, HistoryError> {
        if self.empty {
            return Ok(Ok(()));
        }
        let unreadable = |error| HistoryError::Unreadable(trouble(&self.path, &error));
        let mut daemons = self.daemons(wanted).map_err(unreadable)?.into_iter();
        let mut statement = self
            .connection
            .prepare(
                "SELECT conversation, leg, queue, step, from_priority, to_priority, due_at, at, outcome, settled_at
                 FROM history WHERE at >= ?1 AND (?2 IS NULL OR conversation = ?2) ORDER BY at, id",
            )
            .map_err(unreadable)?;
        let since = wanted.since.map_or(i64::MIN, Timestamp::as_millisecond);
        let writes = statement
            .query_map(params![since, wanted.conversation], read_written)
            .map_err(unreadable)?;
        let mut next = daemons.next();
        let mut begun = wanted.conversation.is_none();
        for written in writes {
            let written = written.map_err(unreadable)?;
            while let Some((at, what)) = next.filter(|daemon| comes_before(*daemon, &written)) {
                if begun && let Err(enough) = listener(Event::Daemon { at, what }) {
                    return Ok(Err(enough));
                }
                next = daemons.next();
            }
            begun = true;
            if let Err(enough) = listener(Event::Write(written)) {
                return Ok(Err(enough));
            }
        }
        let rest = next.into_iter().chain(daemons).filter(|_| begun);
        Ok(rest
            .map(|(at, what)| Event::Daemon { at, what })
            .try_for_each(listener))
    }

    /// What is known of a visit.
    ///
    /// # Errors
    /// Where the journal cannot be read, or is of an earlier format, which the next start of the daemon brings up to date.
    pub fn entry(&self, visit: &Visit) -> Result<Option<Entry>, HistoryError> {
        if self.empty {
            return Ok(None);
        }
        let known = entry_of(&self.connection, visit);
        known.map_err(|error| HistoryError::Unreadable(trouble(&self.path, &error)))
    }

    /// What happened to daemons, oldest first.
    fn daemons(&self, wanted: &Wanted) -> rusqlite::Result<Vec<(Timestamp, Change)>> {
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
            changes.extend(time(0)?.map(|at| (at.0, Change::Started)));
            changes.extend(match stopped {
                Some(at) => Some((at.0, Change::Stopped)),
                None if newest && runs_now => None,
                None => alive.map(|at| (at.0, Change::Killed)),
            });
        }
        changes.retain(|(at, _)| wanted.since.is_none_or(|since| *at >= since));
        changes.sort_unstable();
        Ok(changes)
    }
}

/// Whether something that happened to a daemon is told before this write.
fn comes_before((at, what): (Timestamp, Change), written: &Written) -> bool {
    match at.as_millisecond().cmp(&written.write.at.as_millisecond()) {
        Ordering::Less => true,
        Ordering::Equal => what == Change::Started,
        Ordering::Greater => false,
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
        outcome: match outcome.as_deref() {
            Some("raised") => Outcome::Raised,
            Some("arrived") => Outcome::Arrived,
            Some("not_made") => Outcome::NotMade,
            Some("foreign") => Outcome::Foreign,
            _ => Outcome::Unconfirmed,
        },
        settled: row.get::<_, Option<Time>>(9)?.map(|time| time.0),
    })
}
