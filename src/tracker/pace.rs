//! Whether raises keep their schedule, and the sentences that say so when they do not.
//!
//! When more is due than the request budget carries, steps get longer: each write covers all steps due by then. That can be
//! told beforehand from how many wait, and then it is said what would fit; and it is measured, because there are other
//! reasons to be late. Both are said once when they begin and once when they are over; a measured lag also once a minute
//! while it lasts, with the figure of that minute.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;
use tracing::{info, warn};

use crate::{
    clock::millis,
    settings::{Budget, Spelled},
    status::Status,
};

/// Lateness below which raises are on schedule; a few requests queued behind a sweep take as long.
const ON_SCHEDULE: Duration = Duration::from_secs(2);
/// Time that one report covers.
const WINDOW: Duration = Duration::from_mins(1);

/// Watches the lateness of raises.
#[derive(Debug)]
pub(crate) struct Pace {
    /// How many requests may be sent.
    budget: Budget,
    /// Time from one raise of a callback to the next.
    wait: Duration,
    /// Whether more wait than the budget carries, as it was said last.
    overloaded: Mutex<bool>,
    /// What was seen lately.
    seen: Mutex<Seen>,
}

/// Lateness seen in the running window.
#[derive(Debug)]
struct Seen {
    /// Start of the window.
    since: Instant,
    /// Raises in it.
    raises: u64,
    /// Largest lateness in it.
    worst: Duration,
    /// Whether a lag was said.
    lagging: bool,
}

impl Pace {
    /// Watches raises at these intervals under this budget.
    pub(crate) fn new(budget: Budget, wait: Duration) -> Self {
        Self {
            budget,
            wait,
            overloaded: Mutex::new(false),
            seen: Mutex::new(Seen {
                since: Instant::now(),
                raises: 0,
                worst: Duration::ZERO,
                lagging: false,
            }),
        }
    }

    /// Weighs how many are to be raised, at this many requests a raise, against the budget.
    pub(crate) fn weigh(&self, tracked: usize, requests_a_raise: u32, status: &Status) {
        let step = self.budget.time_for(tracked, requests_a_raise);
        let lag = step.saturating_sub(self.wait);
        let capacity = self.budget.raises_in(self.wait) / u64::from(requests_a_raise);
        status.update(|now| (now.capacity, now.expected_lag) = (capacity, lag));
        let overloaded = !lag.is_zero();
        let mut said = self
            .overloaded
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if overloaded == *said {
            return;
        }
        *said = overloaded;
        if overloaded {
            let fits = Duration::from_secs(step.as_secs() + 1);
            warn!(
                tracked,
                capacity,
                lag_s = lag.as_secs(),
                wait = %Spelled(self.wait),
                wait_that_fits = %Spelled(fits),
                requests_per_minute = self.budget.requests_per_minute,
                requests_per_minute_that_fit = self.budget.rate_for(tracked, requests_a_raise, self.wait),
                tokens = self.budget.tokens,
                "more callbacks wait than the request budget carries: steps get longer for all of them alike"
            );
        } else {
            info!(
                tracked,
                capacity, "the request budget carries all callbacks that wait again"
            );
        }
    }

    /// Notes how late a raise was.
    pub(crate) fn note(&self, late: Duration, status: &Status) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.raises += 1;
        seen.worst = seen.worst.max(late);
        let begins = late > ON_SCHEDULE && !seen.lagging;
        if !begins && seen.since.elapsed() < WINDOW {
            return;
        }
        let (worst, raises) = (seen.worst, seen.raises);
        let lagging = worst > ON_SCHEDULE;
        let tracked = status.snapshot().tracked;
        if lagging {
            warn!(
                lag_ms = millis(worst),
                tracked,
                raises,
                requests_per_minute = self.budget.requests_per_minute,
                "raises lag behind their schedule: each write covers all steps due by then"
            );
        } else if seen.lagging {
            info!(tracked, "raises are on schedule again");
        }
        status.update(|now| now.lateness = worst);
        *seen = Seen {
            since: Instant::now(),
            raises: 0,
            worst: Duration::ZERO,
            lagging,
        };
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    fn seconds(number: u64) -> Duration {
        Duration::from_secs(number)
    }

    fn pace() -> (Pace, Status) {
        let budget = Budget::new(270, None, 1);
        (Pace::new(budget, Duration::from_mins(5)), Status::default())
    }

    /// What is said of the window that runs: raises, the worst lateness, and whether a lag was said.
    fn seen(pace: &Pace) -> (u64, Duration, bool) {
        let seen = pace.seen.lock().unwrap();
        (seen.raises, seen.worst, seen.lagging)
    }

    #[tokio::test(start_paused = true)]
    async fn a_lag_shows_at_once_and_what_is_no_lag_once_a_minute() {
        let (pace, status) = pace();
        for late in [0, 2, 1] {
            pace.note(seconds(late), &status);
        }
        assert_eq!(status.snapshot().lateness, Duration::ZERO);
        assert_eq!(seen(&pace), (3, seconds(2), false), "still on schedule");
        advance(seconds(59)).await;
        pace.note(seconds(0), &status);
        assert_eq!(seen(&pace).0, 4);
        advance(seconds(1)).await;
        pace.note(seconds(0), &status);
        assert_eq!(status.snapshot().lateness, seconds(2), "of that minute");
        assert_eq!(seen(&pace), (0, Duration::ZERO, false));

        pace.note(seconds(3), &status);
        assert_eq!(status.snapshot().lateness, seconds(3));
        assert_eq!(seen(&pace), (0, Duration::ZERO, true));
        pace.note(seconds(9), &status);
        assert_eq!(status.snapshot().lateness, seconds(3), "not at each raise");
        advance(WINDOW).await;
        pace.note(seconds(4), &status);
        assert_eq!(status.snapshot().lateness, seconds(9));
        advance(WINDOW).await;
        pace.note(seconds(2), &status);
        assert_eq!(status.snapshot().lateness, seconds(2));
        assert_eq!(seen(&pace), (0, Duration::ZERO, false), "over");
    }

    #[test]
    fn what_the_budget_does_not_carry_is_weighed_beforehand() {
        let (pace, status) = pace();
        let weighed = |tracked, requests_a_raise| {
            pace.weigh(tracked, requests_a_raise, &status);
            let now = status.snapshot();
            (
                now.capacity,
                now.expected_lag.as_secs(),
                *pace.overloaded.lock().unwrap(),
            )
        };
        assert_eq!(weighed(1_282, 1), (1_282, 0, false));
        assert_eq!(weighed(4_000, 1), (1_282, 635, true));
        assert_eq!(weighed(1_282, 2), (641, 299, true));
        assert_eq!(weighed(600, 2), (641, 0, false));
    }
}
