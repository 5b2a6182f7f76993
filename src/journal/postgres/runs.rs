//! Which daemons ran and when, and what is forgotten after a while.

use tokio_postgres::{Row, types::Type};

use super::{
    JournalError,
    store::{Durable::Soon, Store},
};

/// Rows forgotten in one transaction.
const PORTION: i64 = 1_000;

/// Notes that this owner lives; the first time, that it has started.
pub(super) async fn alive(store: &Store) -> Result<(), JournalError> {
    store.act(
        "INSERT INTO callback_prioritizer.runs AS runs (owner, replica, version, started_at, alive_at)
         SELECT $1, $2, $3, now.at, now.at FROM (SELECT callback_prioritizer.millis() AS at) now
         ON CONFLICT (owner) DO UPDATE SET alive_at = greatest(runs.alive_at, excluded.alive_at)",
        &[
            (&store.owner.0, Type::TEXT),
            (&store.replica, Type::TEXT),
            (&env!("CARGO_PKG_VERSION"), Type::TEXT),
        ],
    )
    .await
}

/// Notes that this owner stopped in good order.
pub(super) async fn stopped(store: &Store) -> Result<(), JournalError> {
    store.act(
        "UPDATE callback_prioritizer.runs SET stopped_at = now.at, alive_at = greatest(alive_at, now.at)
         FROM (SELECT callback_prioritizer.millis() AS at) now WHERE owner = $1",
        &[(&store.owner.0, Type::TEXT)],
    )
    .await
}

/// Forgets what is older than this, milliseconds, and visits that nobody has seen for as long.
pub(super) async fn prune(store: &Store, age: i64) -> Result<(), JournalError> {
    let gone = |row: &Row| Ok(row.try_get::<_, i64>(0)?);
    // In portions, so that no claim waits behind months of history. Writes go before visits: a claim counts as a sight of its
    // visit, so what is still open of a visit that goes is gone by then.
    for statement in [
        "WITH gone AS (DELETE FROM callback_prioritizer.history WHERE id IN (
             SELECT id FROM callback_prioritizer.history
             WHERE at < (SELECT callback_prioritizer.millis() - $1) LIMIT $2 FOR UPDATE SKIP LOCKED
         ) RETURNING 1) SELECT count(*) FROM gone",
        "WITH gone AS (DELETE FROM callback_prioritizer.visits WHERE (conversation, leg) IN (
             SELECT conversation, leg FROM callback_prioritizer.visits
             WHERE seen_at < (SELECT callback_prioritizer.millis() - $1) LIMIT $2 FOR UPDATE SKIP LOCKED
         ) RETURNING 1) SELECT count(*) FROM gone",
        "WITH gone AS (DELETE FROM callback_prioritizer.runs WHERE id IN (
             SELECT id FROM callback_prioritizer.runs
             WHERE alive_at < (SELECT callback_prioritizer.millis() - $1) LIMIT $2 FOR UPDATE SKIP LOCKED
         ) RETURNING 1) SELECT count(*) FROM gone",
    ] {
        let values = [(&age as _, Type::INT8), (&PORTION as _, Type::INT8)];
        while store.query_one(Soon, statement, &values, gone).await? == PORTION {}
    }
    Ok(())
}
