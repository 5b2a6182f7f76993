//! Writes of ours after which a newer one was made before their own outcome was known: they may arrive late.

use rusqlite::{Transaction, params};

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
