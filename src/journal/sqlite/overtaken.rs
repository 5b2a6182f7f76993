//! Writes of ours after which a newer one was made before their own outcome was known: they may arrive late.

use jiff::Timestamp;
use rusqlite::{Transaction, params};

use super::{Fence, Owner, claims::entry_of, column::Time};
use crate::conversation::{Priority, Visit};

/// Whether an overtaken write has this value.
pub(super) fn is_overtaken(
    transaction: &Transaction<'_>,
    visit: &Visit,
    seen: Priority,
) -> rusqlite::Result<bool> {
    transaction
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM history
             WHERE conversation = ?1 AND leg = ?2 AND outcome = 'unconfirmed' AND to_priority = ?3)",
        )?
        .query_row(params![visit.conversation, visit.leg, seen], |row| row.get(0))
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
