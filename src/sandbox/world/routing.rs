//! Who is offered next.
//!
//! The platform's rule, as its own staff describe it: on entering a queue a conversation gets a score, its entry time in
//! milliseconds less 60,000 for each point of priority; the lowest score, the oldest seeming conversation, is offered
//! first. A change of priority moves it at once; a transfer gives it a new entry time. Calls and callbacks stand in one
//! line.
//!
//! See <https://community.genesys.com/discussion/conversation-priority-and-score> (G. Ganahl, Genesys).

use std::time::Duration;

use jiff::Timestamp;

use super::{Dice, User};
use crate::conversation::{ConversationId, Priority, QueueId};

/// Milliseconds of waiting that one point of priority is worth: "one minute of time in queue".
const POINT_MS: i64 = 60_000;

/// The score of a conversation in a queue; the lowest is offered first.
#[must_use]
pub fn score(entered: Timestamp, priority: Priority) -> i64 {
    entered
        .as_millisecond()
        .saturating_sub(priority.points().saturating_mul(POINT_MS))
}

/// How long agents need with a customer.
#[derive(Clone, Copy, Debug)]
pub enum Handling {
    /// Always the same.
    Fixed(Duration),
    /// Exponentially distributed about a mean.
    Exponential(Duration),
    /// Log-normally distributed: a median, and the standard deviation of the logarithm.
    LogNormal(Duration, f64),
}

impl Handling {
    /// One handling time.
    pub(crate) fn draw(self, dice: &mut Dice) -> Duration {
        match self {
            Self::Fixed(time) => time,
            Self::Exponential(mean) => dice.exponential(mean),
            Self::LogNormal(median, sigma) => dice.log_normal(median, sigma),
        }
    }
}

/// What an agent of the sandbox is at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Activity {
    /// Free for the next conversation, since a time.
    Idle(Timestamp),
    /// Alerted for, or talking in, a conversation.
    Busy(ConversationId),
    /// Missed an alert, and gets none for a while.
    NotResponding,
}

/// An agent of the sandbox: takes what routing gives.
#[derive(Debug)]
pub(super) struct Agent {
    /// Who it is.
    pub(super) user: User,
    /// Queue it works for.
    pub(super) queue: QueueId,
    /// How long it needs, for conversations whose time is not fixed.
    pub(super) handling: Handling,
    /// What it is at.
    pub(super) activity: Activity,
}

impl Agent {
    /// Since when it has been idle, if it is.
    pub(super) fn idle_since(&self) -> Option<Timestamp> {
        match self.activity {
            Activity::Idle(since) => Some(since),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_worth_a_minute() {
        let early: Timestamp = "2026-01-05T09:00:00Z".parse().unwrap();
        let late: Timestamp = "2026-01-05T09:05:00Z".parse().unwrap();
        let points = |points| Priority::new(points).unwrap();
        assert!(score(early, points(0)) < score(late, points(0)));
        assert!(score(early, points(0)) < score(late, points(4)));
        assert_eq!(score(early, points(0)), score(late, points(5)));
        assert!(score(early, points(0)) > score(late, points(6)));
        assert!(score(early, points(-6)) > score(late, points(0)));
    }
}
