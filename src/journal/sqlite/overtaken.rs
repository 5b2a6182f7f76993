//! Writes of ours after which a newer one was made before their own outcome was known: they may arrive late.

use jiff::Timestamp;
use rusqlite::{Transaction, params};

use super::{Fence, Owner, claims::entry_of, column::Time};
use crate::{
    conversation::{Priority, Visit},
    journal::ARRIVES_WITHIN,
};

/// The values of those that may arrive since then.
pub(super) fn overtaken(
    transaction: &Transaction<'_>,
    visit: &Visit,
    since: Timestamp,
) -> rusqlite::Result<Vec<Priority>> {
    let claimed = since
        .saturating_sub(ARRIVES_WITHIN)
        .unwrap_or(Timestamp::MIN);
    transaction
        .prepare_cached(
            "SELECT to_priority FROM history AS older
             WHERE conversation = ?1 AND leg = ?2 AND at > ?3
                 AND (outcome = 'unconfirmed' OR outcome = 'arrived' AND EXISTS (
                     SELECT 1 FROM history AS newer
                     WHERE newer.conversation = ?1 AND newer.leg = ?2 AND newer.fence > older.fence
                         AND newer.at <= older.settled_at))",
        )?
        .query_map(
            params![visit.conversation, visit.leg, Time(claimed)],
            |row| row.get(0),
        )?
        .collect()
}

/// Gives a claim of this owner's back. What only this one has overtaken is open again.
pub(super) fn release(
    transaction: &Transaction<'_>,
    owner: &Owner,
    visit: &Visit,
    claim: Fence,
    at: Timestamp,
) -> rusqlite::Result<()> {
    let Some(entry) = entry_of(transaction, visit)? else {
        return Ok(());
    };
    let given_back = transaction.execute(
        "UPDATE history SET outcome = 'not_made', settled_at = ?4
         WHERE conversation = ?1 AND leg = ?2 AND (outcome IS NULL OR outcome = 'unconfirmed') AND fence = ?3
             AND owner = ?5",
        params![visit.conversation, visit.leg, claim, Time(at), owner.0],
    )?;
    let mut open = entry.open.iter();
    if given_back > 0
        && let Some(released) = open.find(|open| open.fence == claim)
    {
        reopen(
            transaction,
            visit,
            released.write.to,
            entry.committed_step(),
        )?;
    }
    Ok(())
}

/// Opens the newest overtaken write of this value again, unless it was written meanwhile.
fn reopen(
    transaction: &Transaction<'_>,
    visit: &Visit,
    value: Priority,
    committed: u32,
) -> rusqlite::Result<()> {
    transaction.execute(
        "UPDATE history SET outcome = NULL, settled_at = NULL WHERE id = (
             SELECT id FROM history
             WHERE conversation = ?1 AND leg = ?2 AND outcome = 'unconfirmed' AND to_priority = ?3 AND step > ?4
             ORDER BY fence DESC LIMIT 1)",
        params![visit.conversation, visit.leg, value, committed],
    )?;
    Ok(())
}
