//! What is due and not done yet, and whether any of it moves.
//!
//! A callback is in here from the moment at which a raise of it falls due until its tracker rests again: because it was
//! raised, refused, or told by a dry run. Most of the time that is nobody. Who waits for the journal, for an answer or for a
//! permit stays in here, so an oldest one that grows old while none comes out means that nothing is raised any more,
//! whatever the reason; and an empty list means that nothing is to be done, however long nothing was done.

use std::{collections::HashMap, time::Duration};

use jiff::Timestamp;
use tokio::time::Instant;

use crate::{clock::elapsed, conversation::ConversationId};

/// Lateness from which on a raise counts as overdue: a few requests queued behind a sweep take as long.
const OVERDUE: Duration = Duration::from_secs(2);
/// For how long something must be overdue, and nothing have moved, before that is called stuck. Longer than a request, its
/// retry and the pause after them.
pub(super) const STUCK: Duration = Duration::from_mins(2);

/// Who is due.
#[derive(Debug, Default)]
pub(super) struct Due {
    /// Since when, by callback.
    since: HashMap<ConversationId, Timestamp>,
    /// When one of them was done, or the first of them came.
    moved: Option<Instant>,
}

/// What is overdue at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Overdue {
    /// How many callbacks.
    pub callbacks: usize,
    /// For how long the first of them is.
    pub longest: Duration,
    /// For how long nothing was done that was due.
    pub still: Duration,
}

impl Overdue {
    /// Whether work is overdue and nothing moves. Idle is not stuck.
    #[must_use]
    pub fn is_stuck(self) -> bool {
        self.longest >= STUCK && self.still >= STUCK
    }
}

impl Due {
    /// A raise of this callback is due since then.
    pub(super) fn begins(&mut self, id: &ConversationId, due: Timestamp) {
        if self.since.is_empty() {
            self.moved = Some(Instant::now());
        }
        if !self.since.contains_key(id) {
            self.since.insert(id.clone(), due);
        }
    }

    /// What was due of this callback is done.
    pub(super) fn done(&mut self, id: &ConversationId) {
        if self.since.remove(id).is_some() {
            self.moved = Some(Instant::now());
            self.give_back();
        }
    }

    /// This callback waits no more. That is no work of ours: callbacks are answered while nothing is raised.
    pub(super) fn forget(&mut self, id: &ConversationId) {
        self.since.remove(id);
        self.give_back();
    }

    /// Gives memory back after a rush in which all were due at once.
    fn give_back(&mut self) {
        if self.since.capacity() > 1_024 && self.since.len() < self.since.capacity() / 8 {
            self.since.shrink_to_fit();
        }
    }

    /// What is overdue now.
    pub(super) fn overdue(&self, now: Timestamp) -> Overdue {
        let late = self.since.values().map(|due| elapsed(*due, now));
        let late = late.filter(|late| *late > OVERDUE);
        let (callbacks, longest) = late.fold((0, Duration::ZERO), |(count, longest), late| {
            (count + 1, longest.max(late))
        });
        let still = self.moved.filter(|_| callbacks > 0);
        Overdue {
            callbacks,
            longest,
            still: still.map_or(Duration::ZERO, |at| at.elapsed()),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    fn id(number: u8) -> ConversationId {
        ConversationId::from_random([number; 16])
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_overdue_while_nothing_is_due() {
        let due = Due::default();
        advance(STUCK * 10).await;
        assert_eq!(due.overdue(at(6_000)), Overdue::default());
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_overdue_and_does_not_move_is_stuck() {
        let mut due = Due::default();
        due.begins(&id(1), at(0));
        due.begins(&id(2), at(60));
        advance(Duration::from_secs(119)).await;
        let overdue = due.overdue(at(119));
        assert_eq!((overdue.callbacks, overdue.is_stuck()), (2, false));
        advance(Duration::from_secs(1)).await;
        assert!(due.overdue(at(120)).is_stuck());
        due.done(&id(2));
        let overdue = due.overdue(at(120));
        assert_eq!(overdue.longest, STUCK);
        assert!(!overdue.is_stuck(), "the other one was done just now");
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_no_work_of_ours() {
        let mut due = Due::default();
        due.begins(&id(1), at(0));
        due.begins(&id(2), at(0));
        advance(STUCK).await;
        due.forget(&id(2));
        assert!(due.overdue(at(120)).is_stuck());
        due.forget(&id(1));
        assert!(!due.overdue(at(120)).is_stuck(), "nothing is left to do");
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_pause_without_work_is_not_held_against_the_first_that_falls_due() {
        let mut due = Due::default();
        due.begins(&id(1), at(0));
        due.done(&id(1));
        advance(STUCK * 10).await;
        // Found late, for example by the first look after a restart.
        due.begins(&id(2), at(0));
        let overdue = due.overdue(at(1_200));
        assert_eq!(overdue.longest, STUCK * 10);
        assert!(!overdue.is_stuck());
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_tried_again_counts_from_when_it_first_fell_due() {
        let mut due = Due::default();
        due.begins(&id(1), at(0));
        due.begins(&id(1), at(100));
        assert_eq!(due.overdue(at(130)).longest, Duration::from_secs(130));
        assert_eq!(
            due.overdue(at(2)).callbacks,
            0,
            "late by no more than usual"
        );
    }
}
