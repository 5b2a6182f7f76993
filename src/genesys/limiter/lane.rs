//! The rate of one token, and the permits of it that were not used.

use std::{
    num::NonZeroU32,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use governor::{
    Quota, RateLimiter,
    clock::Clock as Reading,
    middleware::NoOpMiddleware,
    nanos::Nanos,
    state::{InMemoryState, NotKeyed},
};
use tokio::time::Instant;

use crate::settings::Budget;

/// Requests by which the burst stays under what would be allowed. The platform counts when requests arrive, and a few
/// may arrive closer together than they were sent: three make up for two thirds of a second at the default rate.
pub(super) const JITTER: u32 = 3;

/// Age up to which a permit is used; of one that is older, another one is waited for.
const GOOD_FOR: Duration = Duration::from_secs(1);
/// How long a permit that was not used is good for somebody else. Longer would let requests bunch up.
pub(super) const SPARE_LIFE: Duration = Duration::from_millis(500);

/// Permits that came back, by when the rate had them.
#[derive(Debug, Default)]
pub(super) struct Spares(Mutex<Vec<Instant>>);

impl Spares {
    /// One came back.
    pub(super) fn put(&self, since: Instant) {
        self.lock().push(since);
    }

    /// One that is still good: when the rate had it.
    pub(super) fn take(&self) -> Option<Instant> {
        let mut spares = self.lock();
        spares.retain(|since| since.elapsed() < SPARE_LIFE);
        spares.pop()
    }

    /// The list.
    fn lock(&self) -> MutexGuard<'_, Vec<Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The rate of one token.
#[derive(Debug)]
pub(super) struct Lane {
    /// The rate itself.
    rate: Mutex<Rate>,
    /// Permits that were not used.
    pub(super) spares: Arc<Spares>,
}

/// A rate with its burst.
#[derive(Debug)]
pub(super) struct Rate {
    /// What counts them.
    cells: RateLimiter<NotKeyed, InMemoryState, TokioTime, NoOpMiddleware<Nanos>>,
    /// Requests that may come at once.
    burst: NonZeroU32,
    /// How long a permit may be held: not shorter than the time to the next, because some need two.
    good_for: Duration,
}

impl Rate {
    /// A rate with its burst, none of which is used yet.
    pub(super) fn new(budget: Budget) -> Self {
        let rate = positive(budget.requests_per_minute);
        let burst = positive(budget.burst.saturating_sub(JITTER));
        let quota = Quota::per_minute(rate).allow_burst(burst);
        Self {
            cells: RateLimiter::direct_with_clock(quota, TokioTime::start()),
            burst,
            good_for: GOOD_FOR.max(quota.replenish_interval().mul_f64(1.5)),
        }
    }

    /// A rate whose burst is used up.
    pub(super) fn used_up(budget: Budget) -> Self {
        let rate = Self::new(budget);
        // There is as much as that, so it is granted.
        let _used_up = rate.cells.check_n(rate.burst);
        rate
    }

    /// When it had the permit that can be had now, or how long there will be none.
    pub(super) fn take(&self) -> Result<Instant, Duration> {
        match self.cells.check() {
            Ok(()) => Ok(Instant::now()),
            Err(early) => Err(early.wait_time_from(self.cells.clock().now())),
        }
    }
}

impl Lane {
    /// A rate with its burst, none of which is used yet.
    pub(super) fn new(budget: Budget) -> Self {
        Self {
            rate: Mutex::new(Rate::new(budget)),
            spares: Arc::default(),
        }
    }

    /// Takes another rate, whose burst is used up: the one before may have used all of its own a moment ago. By how much the
    /// burst before was larger, which is as many requests too many in the minute to come.
    pub(super) fn change(&self, budget: Budget) -> u32 {
        let next = Rate::used_up(budget);
        let mut rate = self.rate();
        let larger = rate.burst.get().saturating_sub(next.burst.get());
        *rate = next;
        larger
    }

    /// When the rate had the permit that can be had now, or how long there will be none.
    pub(super) fn take(&self) -> Result<Instant, Duration> {
        if let Some(since) = self.spares.take() {
            return Ok(since);
        }
        self.rate().take()
    }

    /// How long a permit may be held.
    pub(super) fn good_for(&self) -> Duration {
        self.rate().good_for
    }

    /// The rate as it is.
    fn rate(&self) -> MutexGuard<'_, Rate> {
        self.rate.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// At least one of something.
fn positive(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN)
}

/// Tokio's clock as the rate limiter reads it, so that a paused clock stops the rate as well.
#[derive(Clone, Copy, Debug)]
struct TokioTime(Instant);

impl TokioTime {
    /// Counts from now on.
    fn start() -> Self {
        Self(Instant::now())
    }
}

impl Reading for TokioTime {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        self.0.elapsed().into()
    }
}
