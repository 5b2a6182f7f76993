//! What time it is at the platform.
//!
//! Queue entry is a time of the platform's; how long a callback has waited is the difference to another time of the
//! platform's. This machine's clock may be wrong, may be set while the daemon runs, and stands still while the machine
//! sleeps, and each would raise callbacks early or late. So the machine's clock is read once; from then on time runs with
//! the monotonic clock, and every answer's `Date` pulls it into line: an answer that was asked for at `a`, came at `b` and
//! says second `s` proves that the platform's clock was between `s` and `s + 1` at some moment between `a` and `b`. Small
//! differences are believed at once, large ones when two answers in a row agree.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp, fmt::rfc2822};
use tokio::time::Instant;
use tracing::warn;

use crate::clock::{Clock, millis};

/// Difference that a single answer is believed.
const SMALL: SignedDuration = SignedDuration::from_secs(5);

/// The platform's time, as far as it is known.
#[derive(Debug)]
pub(super) struct PlatformTime {
    /// This machine's clock.
    clock: Clock,
    /// What it said at the start.
    start: Timestamp,
    /// When that was.
    since: Instant,
    /// What is known of the difference.
    known: Mutex<Known>,
}

/// What is known of the difference between the platform's time and ours.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    /// What to add to ours.
    offset: SignedDuration,
    /// A large difference that one answer showed.
    suspected: Option<SignedDuration>,
}

impl PlatformTime {
    /// Begins with what this machine's clock says.
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            clock,
            start: clock.now(),
            since: Instant::now(),
            known: Mutex::default(),
        }
    }

    /// The time at the platform now.
    pub(super) fn now(&self) -> Timestamp {
        self.ours(Instant::now())
            .saturating_add(self.known().offset)
            .unwrap_or(Timestamp::MAX)
    }

    /// What has passed on this machine since some moment before, its sleep included.
    pub(super) fn uptime(&self) -> Duration {
        self.clock.uptime()
    }

    /// Learns from the `Date` of an answer; passes over what is no date.
    pub(super) fn learn(&self, date: &str, asked: Instant, answered: Instant) {
        let Ok(date) = rfc2822::DateTimeParser::new().parse_timestamp(date) else {
            return;
        };
        let second = SignedDuration::from_secs(1);
        let least = date.duration_since(self.ours(answered));
        let most = date.duration_since(self.ours(asked)).saturating_add(second);
        let mut known = self.known();
        // Where ours is wrong, the earliest time that the date allows: late by a second at most, but never early.
        let offset = if (least..=most).contains(&known.offset) {
            known.offset
        } else {
            least
        };
        let correction = (offset - known.offset).abs();
        if correction <= SMALL {
            *known = Known {
                offset,
                suspected: None,
            };
            return;
        }
        let agreed = known
            .suspected
            .is_some_and(|suspected| (suspected - offset).abs() <= SMALL);
        known.suspected = Some(offset);
        if agreed {
            *known = Known {
                offset,
                suspected: None,
            };
            drop(known);
            warn!(
                off_ms = millis(correction.unsigned_abs()),
                "this machine's clock and the platform's differ: due times follow the platform's"
            );
        }
    }

    /// Our own time at that instant.
    fn ours(&self, at: Instant) -> Timestamp {
        let elapsed: Duration = at.saturating_duration_since(self.since);
        self.start.saturating_add(elapsed).unwrap_or(Timestamp::MAX)
    }

    /// What is known.
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: &str = "2026-01-05T09:00:00Z";

    /// Our clock at its start, an hour off from a platform that says these dates.
    fn time() -> PlatformTime {
        PlatformTime::new(Clock::anchored(START.parse().unwrap()))
    }

    fn learn(time: &PlatformTime, date: &str) {
        time.learn(date, Instant::now(), Instant::now());
    }

    fn seconds_off(time: &PlatformTime) -> i64 {
        let start: Timestamp = START.parse().unwrap();
        time.now().duration_since(start).as_secs()
    }

    #[tokio::test(start_paused = true)]
    async fn within_the_second_that_a_date_means_nothing_changes() {
        let time = time();
        learn(&time, "Mon, 05 Jan 2026 09:00:00 GMT");
        assert_eq!(time.now(), START.parse().unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn small_differences_are_believed_at_once() {
        let time = time();
        learn(&time, "Mon, 05 Jan 2026 09:00:03 GMT");
        assert_eq!(seconds_off(&time), 3);
        learn(&time, "Mon, 05 Jan 2026 09:00:00 GMT");
        assert_eq!(seconds_off(&time), 0, "rather late than early");
    }

    #[tokio::test(start_paused = true)]
    async fn an_hour_is_believed_when_two_answers_agree() {
        let time = time();
        learn(&time, "Mon, 05 Jan 2026 10:00:00 GMT");
        assert_eq!(seconds_off(&time), 0, "one answer may be anything");
        learn(&time, "Thu, 01 Jan 1970 00:00:00 GMT");
        learn(&time, "Mon, 05 Jan 2026 10:00:00 GMT");
        assert_eq!(seconds_off(&time), 0, "they must agree");
        learn(&time, "Mon, 05 Jan 2026 10:00:00 GMT");
        assert_eq!(seconds_off(&time), 3_600);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_answer_proves_less() {
        let time = time();
        let asked = Instant::now();
        tokio::time::advance(Duration::from_secs(4)).await;
        time.learn("Mon, 05 Jan 2026 09:00:00 GMT", asked, Instant::now());
        assert_eq!(
            seconds_off(&time),
            4,
            "it may have been written when it was asked for"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_no_date_is_passed_over() {
        let time = time();
        for text in ["", "now", "Mon, 99 Jan 2026 09:00:00 GMT"] {
            learn(&time, text);
        }
        assert_eq!(seconds_off(&time), 0);
    }
}
