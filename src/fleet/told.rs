//! What is told again until it is noted: the messages of an event queue.

use std::time::Duration;

use jiff::Timestamp;

use super::Fleet;
use crate::{
    clock::elapsed,
    conversation::ConversationId,
    source::{Notice, Receipt},
};

/// How long after its arrival a callback is surely listed. How far the list lags behind is not documented; should it be
/// more, the next sweep still finds who waits.
const LISTED: Duration = Duration::from_mins(5);

impl Fleet {
    /// Heeds what is told again until it is noted. Whoever is not tracked after that needs no noting; neither does the
    /// arrival of somebody who was not among those who waited long after it.
    pub(super) fn told(
        &mut self,
        what: Notice,
        id: &ConversationId,
        happened: Option<Timestamp>,
        receipt: Receipt,
    ) {
        self.context.receipts.owe(id.clone(), receipt);
        let tracked = self.members.contains_key(id);
        let past = matches!(what, Notice::Changed { .. }) && self.is_past(happened);
        if tracked || !past {
            self.heed(what);
        }
        if !self.members.contains_key(id) {
            self.context.receipts.give(id);
        }
    }

    /// Whether a sweep would have found who arrived then and waits still.
    fn is_past(&self, happened: Option<Timestamp>) -> bool {
        let swept = self.swept.map(|asked| self.context.then(asked));
        happened
            .zip(swept)
            .is_some_and(|(happened, swept)| happened < swept && elapsed(happened, swept) > LISTED)
    }
}
