//! The past as it stands in the database: read in portions, in one transaction that changes nothing.

use jiff::Timestamp;
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::{Row, types::Type};

use super::{
    Time, Trouble, Unusable, read,
    store::{Connection, Store, Value},
};
use crate::{
    conversation::Visit,
    journal::{
        Change, Entry, HistoryError, JournalError, Outcome, Wanted, Write, Written,
        history::{Lived, Past},
    },
};

/// Writes read at once.
const PORTION: i64 = 1_000;

/// Time without a sign of life, which come once a minute, after which a daemon was killed: milliseconds.
const SILENT: i64 = 3 * 60 * 1_000;

/// What begins it: one state of everything from here on.
const BEGIN: &str =
    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = '30s'";

/// A database that is only read.
pub(in crate::journal) struct DatabasePast {
    /// Where.
    store: Store,
    /// The connection with the transaction.
    connection: Connection,
    /// What waits for it. After the connection, whose end needs it.
    runtime: Runtime,
}

impl DatabasePast {
    /// Connects; nothing where there is no journal yet.
    pub(super) fn open(store: Store) -> Result<Option<Self>, HistoryError> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Unusable::new(error.to_string()))?;
        let look = runtime.block_on(store.look())?;
        match look.format {
            None => return Ok(None),
            Some(found) if found > look.known => {
                let known = look.known;
                let trouble = store.trouble(&Trouble::Format { found, known });
                return Err(Unusable::from(trouble).into());
            }
            Some(_) => {}
        }
        let connection = runtime.block_on(store.begin(BEGIN))?;
        Ok(Some(Self {
            store,
            connection,
            runtime,
        }))
    }

    /// Asks, and reads the answer.
    fn ask<T>(
        &self,
        statement: &str,
        values: &[Value<'_>],
        read: impl Fn(&Row) -> Result<T, Trouble>,
    ) -> Result<Vec<T>, JournalError> {
        let rows = self.store.ask(&self.connection, statement, values);
        let rows = self.runtime.block_on(rows)?;
        self.store.read(&rows, read)
    }
}

impl Past for DatabasePast {
    fn daemons(&self) -> Result<Vec<Lived>, JournalError> {
        // The last write after the last sign of life is a later one.
        let runs = self.ask(
            "SELECT started_at, greatest(alive_at, (
                 SELECT max(CASE outcome WHEN 'raised' THEN settled_at ELSE at END)
                 FROM callback_prioritizer.history WHERE at >= alive_at AND history.owner = runs.owner
             )), stopped_at, alive_at > callback_prioritizer.millis() - $1, replica
             FROM callback_prioritizer.runs",
            &[(&SILENT, Type::INT8)],
            |row| {
                let time = |column| Ok::<_, Trouble>(row.try_get::<_, Option<Time>>(column)?);
                let (started, alive, stopped) = (time(0)?, time(1)?, time(2)?);
                let replica: String = row.try_get(4)?;
                let lived = |at: Time, what| Lived {
                    at: at.0,
                    what,
                    replica: Some(replica.clone()),
                };
                let start = started.map(|at| lived(at, Change::Started));
                let end = match stopped {
                    Some(at) => Some(lived(at, Change::Stopped)),
                    None if row.try_get(3)? => None,
                    None => alive.map(|at| lived(at, Change::Killed)),
                };
                Ok([start, end])
            },
        )?;
        Ok(runs.into_iter().flatten().flatten().collect())
    }

    fn writes(
        &self,
        wanted: &Wanted,
        listener: &mut dyn FnMut(Written) -> bool,
    ) -> Result<(), JournalError> {
        let since = wanted.since.map_or(i64::MIN, Timestamp::as_millisecond);
        let mut after = (since, i64::MIN);
        loop {
            let portion = self.ask(
                "SELECT conversation, leg, queue, step, from_priority, to_priority, due_at, covers, at, outcome, settled_at, replica, id
                 FROM callback_prioritizer.history
                 WHERE (at, id) > ($1, $2) AND ($3::text IS NULL OR conversation = $3) ORDER BY at, id LIMIT $4",
                &[
                    (&after.0, Type::INT8),
                    (&after.1, Type::INT8),
                    (&wanted.conversation, Type::TEXT),
                    (&PORTION, Type::INT8),
                ],
                |row| Ok((read_written(row)?, row.try_get::<_, i64>(12)?)),
            )?;
            let Some((last, id)) = portion.last() else {
                return Ok(());
            };
            after = (last.write.at.as_millisecond(), *id);
            if !portion.into_iter().all(|(written, _)| listener(written)) {
                return Ok(());
            }
        }
    }

    fn entry(&self, visit: &Visit) -> Result<Option<Entry>, JournalError> {
        let read = self.ask(
            "SELECT v.seen_at, v.base, v.base_step, v.base_until, v.fence,
                 v.last_step, v.last_from, v.last_to, v.last_due_at, v.last_covers, v.last_at,
                 h.fence, h.step, h.from_priority, h.to_priority, h.due_at, h.covers, h.at, false
             FROM callback_prioritizer.visits v
             LEFT JOIN callback_prioritizer.history h
                 ON h.conversation = v.conversation AND h.leg = v.leg AND h.outcome IS NULL
             WHERE v.conversation = $1 AND v.leg = $2 ORDER BY h.fence",
            &[(&visit.conversation, Type::TEXT), (&visit.leg, Type::TEXT)],
            // As they stand: by the database's clock, for whoever only reads.
            |row| read::entry(row, row.try_get::<_, Time>(0)?.0),
        )?;
        let mut entries = read.into_iter();
        let first = entries.next();
        Ok(first.map(|mut entry| {
            entry.open.extend(entries.flat_map(|entry| entry.open));
            entry
        }))
    }
}

/// A row of `history`.
fn read_written(row: &Row) -> Result<Written, Trouble> {
    let outcome: Option<&str> = row.try_get(9)?;
    Ok(Written {
        visit: Visit {
            conversation: row.try_get(0)?,
            leg: row.try_get(1)?,
        },
        queue: row.try_get(2)?,
        write: Write {
            step: read::step(row.try_get(3)?)?,
            from: row.try_get(4)?,
            to: row.try_get(5)?,
            due: row.try_get::<_, Time>(6)?.0,
            covers: row.try_get::<_, Time>(7)?.0,
            at: row.try_get::<_, Time>(8)?.0,
        },
        outcome: Outcome::of(outcome),
        settled: row.try_get::<_, Option<Time>>(10)?.map(|time| time.0),
        replica: Some(row.try_get(11)?),
    })
}
