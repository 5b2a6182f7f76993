//! Whether raises keep their schedule, and the sentences that say so when they do not.
//!
//! When more is due than the request budget carries, steps get longer: each write covers all steps due by then. That can be
//! told beforehand from how many wait, and then it is said what would fit; and it is measured, because there are other
//! reasons to be late. Both are said once when they begin and once when they are over; a measured lag also once a minute
//! while it lasts, with the figure of that minute.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use tokio::time::Instant;
use tracing::{info, warn};

use super::Tracker;
use crate::{
    clock::millis,
    policy::Policy,
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
    budget: Mutex<Budget>,
    /// How many are raised again and again, and how often.
    demand: Mutex<Demand>,
    /// Whether more wait than the budget carries, as it was said last.
    overloaded: Mutex<bool>,
    /// What was seen lately.
    seen: Mutex<Seen>,
}

/// How many callbacks are raised again and again.
#[derive(Debug, Default)]
struct Demand {
    /// How many.
    callbacks: u32,
    /// Raises of all of them together, in a [`UNIT`].
    raises: u64,
}

impl Demand {
    /// Adds a callback that is raised at these intervals.
    fn add(&mut self, wait: Duration) {
        self.callbacks += 1;
        self.raises = self.raises.saturating_add(raises(wait));
    }

    /// Takes it out again.
    fn remove(&mut self, wait: Duration) {
        self.callbacks = self.callbacks.saturating_sub(1);
        self.raises = self.raises.saturating_sub(raises(wait));
    }

    /// Mean time from one raise of a callback to the next; nothing while there are none.
    fn wait(&self) -> Option<Duration> {
        let raises = self.raises.checked_div(self.callbacks.into())?;
        let micros = UNIT.as_micros().checked_div(raises.into())?;
        // What was lost by counting whole raises is less than half a millisecond.
        let millis = u64::try_from((micros + 500) / 1_000).ok()?;
        Some(Duration::from_millis(millis.max(1)))
    }
}

/// The time that raises are counted in: so long that a whole number of them tells the time between two, if it is no more
/// than half an hour, to the millisecond.
const UNIT: Duration = Duration::from_hours(2_400_000);

/// How many raises at these intervals are in a [`UNIT`].
fn raises(wait: Duration) -> u64 {
    let raises = UNIT.as_nanos() / wait.as_nanos().max(1);
    u64::try_from(raises).unwrap_or(u64::MAX)
}

impl Tracker {
    /// Counts this callback among those that are raised, from now on.
    pub(super) fn raises_since(&mut self, now: Timestamp) {
        self.raises_no_more();
        let interval = self.by_policy(Policy::interval);
        self.context.pace.counts(interval.flatten());
        self.raising_since = Some(now);
    }

    /// Counts it no longer.
    pub(super) fn raises_no_more(&mut self) {
        if self.raising_since.take().is_none() {
            return;
        }
        if let Some(wait) = self.by_policy(Policy::interval).flatten() {
            self.context.pace.demand().remove(wait);
        }
    }
}

impl Drop for Tracker {
    fn drop(&mut self) {
        self.is_seen();
        self.raises_no_more();
    }
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
    /// Watches raises under this budget.
    pub(crate) fn new(budget: Budget) -> Self {
        Self {
            budget: Mutex::new(budget),
            demand: Mutex::default(),
            overloaded: Mutex::new(false),
            seen: Mutex::new(Seen {
                since: Instant::now(),
                raises: 0,
                worst: Duration::ZERO,
                lagging: false,
            }),
        }
    }

    /// Weighs how many are raised again and again, at this many requests a raise, against the budget.
    pub(crate) fn weigh(&self, requests_a_raise: u32, status: &Status) {
        let (wait, tracked) = {
            let demand = self.demand();
            (
                demand.wait(),
                usize::try_from(demand.callbacks).unwrap_or(usize::MAX),
            )
        };
        let budget = self.budget();
        let step = budget.time_for(tracked, requests_a_raise);
        let lag = wait.map_or(Duration::ZERO, |wait| step.saturating_sub(wait));
        let capacity = |wait| budget.raises_in(wait) / u64::from(requests_a_raise);
        let capacity = wait.map(capacity);
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
        if let Some(wait) = wait.filter(|_| overloaded) {
            let fits = Duration::from_secs(step.as_secs() + 1);
            warn!(
                tracked,
                capacity,
                lag_s = lag.as_secs(),
                wait = %Spelled(wait),
                wait_that_fits = %Spelled(fits),
                requests_per_minute = budget.requests_per_minute,
                requests_per_minute_that_fit = budget.rate_for(tracked, requests_a_raise, wait),
                tokens = budget.tokens,
                "more callbacks wait than the request budget carries: steps get longer for all of them alike"
            );
        } else {
            info!(
                tracked,
                capacity, "the request budget carries all callbacks that wait again"
            );
        }
    }

    /// Takes another budget.
    pub(crate) fn set_budget(&self, budget: Budget) {
        *self.budget.lock().unwrap_or_else(PoisonError::into_inner) = budget;
    }

    /// How many requests may be sent.
    fn budget(&self) -> Budget {
        *self.budget.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts one that is raised at these intervals, if it is again and again.
    pub(super) fn counts(&self, interval: Option<Duration>) {
        if let Some(wait) = interval {
            self.demand().add(wait);
        }
    }

    /// Counts anew, because the rules have changed: every tracker adds its callback when it heeds them.
    pub(crate) fn count_anew(&self) {
        *self.demand() = Demand::default();
    }

    /// How many are raised again and again.
    fn demand(&self) -> MutexGuard<'_, Demand> {
        self.demand.lock().unwrap_or_else(PoisonError::into_inner)
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
        let tracked = status.read(|now| now.tracked);
        if lagging {
            warn!(
                lag_ms = millis(worst),
                tracked,
                raises,
                requests_per_minute = self.budget().requests_per_minute,
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
        (Pace::new(Budget::new(270, None, 1)), Status::default())
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
        let weighed = |raised: &[(u32, u64)], requests_a_raise| {
            let (pace, status) = pace();
            for (callbacks, minutes) in raised {
                for _ in 0..*callbacks {
                    pace.demand().add(Duration::from_mins(*minutes));
                }
            }
            pace.weigh(requests_a_raise, &status);
            let now = status.snapshot();
            let overloaded = *pace.overloaded.lock().unwrap();
            (now.capacity, now.expected_lag.as_secs(), overloaded)
        };
        assert_eq!(weighed(&[(1_282, 5)], 1), (Some(1_282), 0, false));
        assert_eq!(weighed(&[(4_000, 5)], 1), (Some(1_282), 635, true));
        assert_eq!(weighed(&[(1_282, 5)], 2), (Some(641), 299, true));
        assert_eq!(weighed(&[(600, 5)], 2), (Some(641), 0, false));
        // A raise a minute for some and one in nine minutes for as many: five in nine on average.
        assert_eq!(weighed(&[(300, 1), (300, 9)], 1), (Some(461), 32, true));
        assert_eq!(weighed(&[], 1), (None, 0, false));
    }

    #[test]
    fn the_mean_time_between_raises_is_exact() {
        let mut demand = Demand::default();
        assert_eq!(demand.wait(), None);
        for millis in [1, 7, 420_000, 1_799_999] {
            let wait = Duration::from_millis(millis);
            demand.add(wait);
            assert_eq!(demand.wait(), Some(wait));
            demand.remove(wait);
        }
    }
}
