//! Which visit a stay in a queue is, for whoever has seen the stay but not its leg.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Transaction, params};

use super::column::Time;
use crate::{
    conversation::{ConversationId, QueueId, Visit},
    journal::{SAME_ENTRY, Stay},
};

/// What is known of this stay. One that was noted before kinds were is not known.
pub(super) fn recall(
    transaction: &Transaction<'_>,
    conversation: ConversationId,
    queue: &QueueId,
    entered: Timestamp,
) -> rusqlite::Result<Option<Stay>> {
    let (earliest, latest) = (
        entered.saturating_sub(SAME_ENTRY).unwrap_or(entered),
        entered.saturating_add(SAME_ENTRY).unwrap_or(entered),
    );
    let known = transaction
        .prepare_cached(
            "SELECT leg, entered_at, kind FROM visits
             WHERE conversation = ?1 AND queue = ?2 AND entered_at BETWEEN ?3 AND ?4 AND kind IS NOT NULL
             ORDER BY abs(entered_at - ?5) LIMIT 1",
        )?
        .query_row(
            params![
                conversation,
                queue,
                Time(earliest),
                Time(latest),
                Time(entered)
            ],
            |row| Ok((row.get(0)?, row.get::<_, Time>(1)?.0, row.get(2)?)),
        )
        .optional()?;
    Ok(known.map(|(leg, entered, kind)| Stay {
        visit: Visit { conversation, leg },
        entered,
        kind,
    }))
}
