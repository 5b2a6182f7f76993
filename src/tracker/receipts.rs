//! Who waits to hear that a callback is in the journal: what told of it may be forgotten then, and not before.
//!
//! A receipt is given after a decision on what was seen since it was owed, because the decision begins with the journal's
//! entry; or where there is nothing to note. It is dropped where nothing can be noted: whoever told of it tells it again.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::Tracker;
use crate::{conversation::ConversationId, source::Receipt};

/// Receipts that are owed, by conversation.
#[derive(Debug, Default)]
pub(crate) struct Receipts(Mutex<HashMap<ConversationId, Vec<Receipt>>>);

impl Receipts {
    /// Notes that a receipt is owed.
    #[cfg(feature = "aws")]
    pub(crate) fn owe(&self, id: ConversationId, receipt: Receipt) {
        self.owed().entry(id).or_default().push(receipt);
    }

    /// Gives what is owed for a conversation: it is noted, or needs no noting.
    pub(crate) fn give(&self, id: &ConversationId) {
        for receipt in self.owed().remove(id).unwrap_or_default() {
            // Whoever waited may have been stopped.
            let _gone = receipt.send(());
        }
    }

    /// Drops what is owed for a conversation: it cannot be noted.
    pub(crate) fn drop_for(&self, id: &ConversationId) {
        self.owed().remove(id);
    }

    /// Drops what is owed for a conversation unless it may still be noted.
    pub(super) fn drop_unless(&self, may_be_noted: bool, id: &ConversationId) {
        if !may_be_noted {
            self.drop_for(id);
        }
    }

    /// What is owed.
    fn owed(&self) -> MutexGuard<'_, HashMap<ConversationId, Vec<Receipt>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tracker {
    /// The journal knows of what was seen. News since then is noted after the next look.
    pub(super) fn noted(&self) {
        if !self.view.is_ringing() {
            self.context.receipts.give(&self.id);
        }
    }
}
