//! In which queues nothing is raised, and until when. One row a pause; no queue: in all of them.

use jiff::Timestamp;
use rusqlite::{Transaction, params};

use super::column::Time;
use crate::orders::Pause;

/// The pauses that are in force.
pub(super) fn read(transaction: &Transaction<'_>, now: Timestamp) -> rusqlite::Result<Vec<Pause>> {
    let mut statement = transaction.prepare(
        "SELECT queue, since_at, until_at FROM pauses WHERE until_at IS NULL OR until_at > ?1 ORDER BY queue",
    )?;
    let rows = statement.query_map([Time(now)], |row| {
        Ok(Pause {
            queue: row.get(0)?,
            since: row.get::<_, Time>(1)?.0,
            until: row.get::<_, Option<Time>>(2)?.map(|time| time.0),
        })
    })?;
    rows.collect()
}

/// Notes these in the place of all others.
pub(super) fn replace(transaction: &Transaction<'_>, pauses: &[Pause]) -> rusqlite::Result<()> {
    transaction.execute("DELETE FROM pauses", [])?;
    for pause in pauses {
        transaction.execute(
            "INSERT INTO pauses (queue, since_at, until_at) VALUES (?1, ?2, ?3)",
            params![pause.queue, Time(pause.since), pause.until.map(Time)],
        )?;
    }
    Ok(())
}
