//! Which daemons ran and when, and what is forgotten after a while.

use jiff::Timestamp;
use rusqlite::{Transaction, params};

use super::{Owner, column::Time};

/// Rows forgotten in one transaction.
const PORTION: usize = 1_000;

/// Notes that an owner lives; the first time, that it has started.
pub(super) fn alive(
    transaction: &Transaction<'_>,
    owner: &Owner,
    at: Timestamp,
) -> rusqlite::Result<()> {
    transaction.execute(
        "INSERT INTO runs (owner, version, started_at, alive_at) VALUES (?1, ?2, ?3, ?3)
         ON CONFLICT (owner) DO UPDATE SET alive_at = max(alive_at, excluded.alive_at)",
        params![owner.0, env!("CARGO_PKG_VERSION"), Time(at)],
    )?;
    Ok(())
}

/// Notes that an owner stopped in good order.
pub(super) fn stopped(
    transaction: &Transaction<'_>,
    owner: &Owner,
    at: Timestamp,
) -> rusqlite::Result<()> {
    transaction.execute(
        "UPDATE runs SET stopped_at = ?2, alive_at = max(alive_at, ?2) WHERE owner = ?1",
        params![owner.0, Time(at)],
    )?;
    Ok(())
}

/// Ends the claims of all other owners. Their writes stay open: they may have arrived.
pub(super) fn end_claims_of_others(
    transaction: &Transaction<'_>,
    owner: &Owner,
) -> rusqlite::Result<()> {
    transaction.execute(
        "UPDATE history SET held_until = at WHERE outcome IS NULL AND owner <> ?1",
        [&owner.0],
    )?;
    Ok(())
}

/// Forgets a portion of what happened before then; whether there may be more.
///
/// Writes go before visits: a claim counts as a sight of its visit, so what is still open of a visit that goes is
/// gone by then.
pub(super) fn prune(
    transaction: &Transaction<'_>,
    owner: &Owner,
    before: Timestamp,
) -> rusqlite::Result<bool> {
    let gone = transaction.execute(
        "DELETE FROM history WHERE id IN (SELECT id FROM history WHERE at < ?1 LIMIT ?2)",
        params![Time(before), PORTION],
    )?;
    if gone == PORTION {
        return Ok(true);
    }
    let gone = transaction.execute(
        "DELETE FROM visits WHERE id IN (SELECT id FROM visits WHERE seen_at < ?1 LIMIT ?2)",
        params![Time(before), PORTION],
    )?;
    transaction.execute(
        "DELETE FROM runs WHERE alive_at < ?1 AND owner <> ?2",
        params![Time(before), owner.0],
    )?;
    transaction.execute("DELETE FROM pauses WHERE until_at < ?1", [Time(before)])?;
    Ok(gone == PORTION)
}
