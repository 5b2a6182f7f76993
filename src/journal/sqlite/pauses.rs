//! In which queues of which organisation nothing is raised, and until when. One row a pause; no queue: in all of them.

use jiff::Timestamp;
use rusqlite::{Transaction, params};

use super::column::Time;
use crate::{
    conversation::{Organization, QueueId},
    orders::Pause,
};

/// How an organisation stands there; the only one as an empty text.
fn column(organization: &Organization) -> &str {
    organization.name().unwrap_or_default()
}

/// The pauses of an organisation that are in force.
pub(super) fn read(
    transaction: &Transaction<'_>,
    organization: &Organization,
    now: Timestamp,
) -> rusqlite::Result<Vec<Pause>> {
    let mut statement = transaction.prepare(
        "SELECT queue, since_at, until_at FROM pauses
         WHERE organization = ?1 AND (until_at IS NULL OR until_at > ?2) ORDER BY queue",
    )?;
    let rows = statement.query_map(params![column(organization), Time(now)], |row| {
        Ok(Pause {
            queue: row.get(0)?,
            since: row.get::<_, Time>(1)?.0,
            until: row.get::<_, Option<Time>>(2)?.map(|time| time.0),
        })
    })?;
    rows.collect()
}

/// Notes the pause of this queue as it is, in the place of what was noted of it before.
pub(super) fn note(
    transaction: &Transaction<'_>,
    organization: &Organization,
    queue: Option<&QueueId>,
    pause: Option<&Pause>,
) -> rusqlite::Result<()> {
    let of = column(organization);
    transaction.execute(
        "DELETE FROM pauses WHERE organization = ?1 AND queue IS ?2",
        params![of, queue],
    )?;
    if let Some(pause) = pause {
        transaction.execute(
            "INSERT INTO pauses (organization, queue, since_at, until_at) VALUES (?1, ?2, ?3, ?4)",
            params![of, pause.queue, Time(pause.since), pause.until.map(Time)],
        )?;
    }
    Ok(())
}
