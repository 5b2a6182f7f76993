//! What will happen by itself, and when.
//!
//! One list in order of time, run by one task. Entries are never taken back: each says what it was made for, and does
//! nothing when that is no longer so (an alert that was answered does not time out). An entry happens at the time it was
//! made for, not at the moment the timer woke, so that times in the world are exact at any speed.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;

use super::Arrival;
use crate::conversation::{ConversationId, ParticipantId, QueueId};

/// Something that is going to happen.
#[derive(Debug)]
pub(super) enum Due {
    /// A scheduled callback enters its queue.
    Enters(ConversationId),
    /// An alert is given up if this leg still rings.
    AlertEnds(ConversationId, ParticipantId),
    /// An agent answers if this leg still rings.
    PicksUp(ConversationId, ParticipantId),
    /// An agent has finished with the customer, if this leg still talks.
    HandlingEnds(ConversationId, ParticipantId),
    /// An agent who missed an alert is back.
    Responds(usize),
    /// A caller of a scenario arrives at a queue.
    Arrives(QueueId, Box<Arrival>),
}

/// All that is going to happen, soonest first; in order of entry where times are equal.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    /// Entries by time, then by `entered`.
    entries: BTreeMap<(Timestamp, u64), Due>,
    /// How many were ever made.
    made: u64,
}

impl Agenda {
    /// Notes that something happens at a time.
    pub(super) fn add(&mut self, at: Timestamp, due: Due) {
        self.made += 1;
        self.entries.insert((at, self.made), due);
    }

    /// When the next thing happens.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.entries.first_key_value().map(|((at, _), _)| *at)
    }

    /// Takes the next thing that is due by `now`.
    pub(super) fn take(&mut self, now: Timestamp) -> Option<(Timestamp, Due)> {
        let entry = self.entries.first_entry()?;
        if entry.key().0 > now {
            return None;
        }
        let ((at, _), due) = entry.remove_entry();
        Some((at, due))
    }
}

/// A time and a while later.
pub(crate) fn plus(at: Timestamp, by: Duration) -> Timestamp {
    at.saturating_add(by).unwrap_or(Timestamp::MAX)
}

/// A time and a while earlier.
pub(crate) fn minus(at: Timestamp, by: Duration) -> Timestamp {
    at.saturating_sub(by).unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_happen_in_order_and_not_before_their_time() {
        let start: Timestamp = "2026-01-05T09:00:00Z".parse().unwrap();
        let later = plus(start, Duration::from_secs(1));
        let mut agenda = Agenda::default();
        agenda.add(later, Due::Responds(1));
        agenda.add(start, Due::Responds(2));
        agenda.add(start, Due::Responds(3));
        assert_eq!(agenda.next(), Some(start));
        assert!(matches!(agenda.take(start), Some((_, Due::Responds(2)))));
        assert!(matches!(agenda.take(start), Some((_, Due::Responds(3)))));
        assert!(agenda.take(start).is_none());
        assert!(matches!(agenda.take(later), Some((at, Due::Responds(1))) if at == later));
    }
}
