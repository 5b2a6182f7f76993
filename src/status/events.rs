//! What happened last, in words: the newest of what became of callbacks, and the newest of what became of the daemon.
//!
//! Apart from each other, because a rush of raises must not push out that a connection was lost.

use std::collections::VecDeque;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::conversation::ConversationId;

/// Events that are kept of each kind.
const KEPT: usize = 12;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// Whether somebody may want to do something about it.
    pub bad: bool,
    /// The conversation that it is about; none where it is about the daemon.
    pub conversation: Option<ConversationId>,
    /// What.
    pub words: String,
}

/// The last of them.
#[derive(Debug, Default)]
pub(super) struct Events {
    /// About callbacks.
    callbacks: VecDeque<Event>,
    /// About the daemon.
    daemon: VecDeque<Event>,
}

impl Events {
    /// Something has happened.
    pub(super) fn happened(&mut self, event: Event) {
        let of_its_kind = match event.conversation {
            Some(_) => &mut self.callbacks,
            None => &mut self.daemon,
        };
        if of_its_kind.len() == KEPT {
            of_its_kind.pop_front();
        }
        of_its_kind.push_back(event);
    }

    /// All that are kept, newest first: those about the daemon, then those about callbacks.
    pub(super) fn newest_first(&self) -> Vec<Event> {
        let (daemon, callbacks) = (self.daemon.iter().rev(), self.callbacks.iter().rev());
        daemon.chain(callbacks).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rush_of_raises_does_not_push_out_what_became_of_the_daemon() {
        let mut events = Events::default();
        let event = |second: i64, conversation| Event {
            at: Timestamp::from_second(second).unwrap(),
            bad: false,
            conversation,
            words: second.to_string(),
        };
        events.happened(event(0, None));
        let id = ConversationId::from_random([1; 16]);
        (1..=100).for_each(|second| events.happened(event(second, Some(id.clone()))));
        let kept: Vec<_> = events
            .newest_first()
            .into_iter()
            .map(|event| event.words)
            .collect();
        assert_eq!(kept.len(), 1 + KEPT);
        assert_eq!((kept[0].as_str(), kept[1].as_str()), ("0", "100"));
    }
}
