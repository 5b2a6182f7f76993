//! In which queues of which organisation nothing is raised, and until when: as in SQLite, one row a pause, and no queue for all.

use jiff::Timestamp;
use tokio_postgres::types::Type;

use super::{
    JournalError, Time,
    store::{Durable::Now, Store},
};
use crate::{
    conversation::{Organization, QueueId},
    orders::Pause,
};

/// How an organisation stands there; the only one as an empty text.
fn column(organization: &Organization) -> &str {
    organization.name().unwrap_or_default()
}

/// The pauses of an organisation that are in force.
pub(super) async fn read(
    store: &Store,
    organization: &Organization,
    now: Timestamp,
) -> Result<Vec<Pause>, JournalError> {
    let rows = store
        .query(
            Now,
            "SELECT queue, since_at, until_at FROM callback_prioritizer.pauses
             WHERE organization = $1 AND (until_at IS NULL OR until_at > $2)
             ORDER BY queue COLLATE \"C\" NULLS FIRST",
            &[
                (&column(organization), Type::TEXT),
                (&Time(now), Type::INT8),
            ],
        )
        .await?;
    store.read(&rows, |row| {
        Ok(Pause {
            queue: row.try_get(0)?,
            since: row.try_get::<_, Time>(1)?.0,
            until: row.try_get::<_, Option<Time>>(2)?.map(|time| time.0),
        })
    })
}

/// Notes the pause of a queue, or of all, or that there is none; those of other queues stay as they are.
pub(super) async fn note(
    store: &Store,
    organization: &Organization,
    queue: Option<&QueueId>,
    pause: Option<&Pause>,
) -> Result<(), JournalError> {
    let until = pause.and_then(|pause| pause.until);
    store
        .act(
            "SELECT callback_prioritizer.note_pause($1, $2, $3, $4)",
            &[
                (&column(organization), Type::TEXT),
                (&queue, Type::TEXT),
                (&pause.map(|pause| Time(pause.since)), Type::INT8),
                (&until.map(Time), Type::INT8),
            ],
        )
        .await
}

/// Forgets those that were over before then.
pub(super) async fn prune(store: &Store, before: Timestamp) -> Result<(), JournalError> {
    store
        .act(
            "DELETE FROM callback_prioritizer.pauses WHERE until_at < $1",
            &[(&Time(before), Type::INT8)],
        )
        .await
}
