//! In which queues of which organisation nothing is raised, and until when: as in SQLite, one row a pause, and no queue for all.

use jiff::Timestamp;
use tokio_postgres::types::Type;

use super::{
    JournalError, Time,
    store::{Durable::Now, Store},
};
use crate::{conversation::Organization, orders::Pause};

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

/// Notes these in the place of all others of the same organisation.
pub(super) async fn replace(
    store: &Store,
    organization: &Organization,
    pauses: &[Pause],
) -> Result<(), JournalError> {
    let queues: Vec<_> = pauses.iter().map(|pause| &pause.queue).collect();
    let since: Vec<_> = pauses.iter().map(|pause| Time(pause.since)).collect();
    let until: Vec<_> = pauses.iter().map(|pause| pause.until.map(Time)).collect();
    store
        .act(
            "SELECT callback_prioritizer.note_pauses($1, $2, $3, $4)",
            &[
                (&column(organization), Type::TEXT),
                (&queues, Type::TEXT_ARRAY),
                (&since, Type::INT8_ARRAY),
                (&until, Type::INT8_ARRAY),
            ],
        )
        .await
}
