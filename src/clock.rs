//! Wall time, in one place.
//!
//! Waiting is done on tokio's clock; *how long has this callback waited* is asked of this one. In production it reads
//! the system's clock. In the sandbox, the demo and the tests it is a fixed start plus what has passed on tokio's
//! clock, so that one paused clock drives timers and wall time alike. No other source of time compiles: `.clippy.toml`
//! bans them.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// A source of wall time. Copied freely; all copies of an anchored clock agree.
#[derive(Clone, Copy, Debug)]
pub enum Clock {
    /// The system's own clock.
    System,
    /// A wall time that was true at an instant of tokio's clock and ages with it.
    Anchored {
        /// What the clock said at `since`.
        start: Timestamp,
        /// The instant at which the clock was started.
        since: Instant,
    },
    /// The clock of a machine in a simulation: ages with tokio's clock as well, and can be set while programs run.
    Settable {
        /// What the clock said at `since`.
        start: Timestamp,
        /// The instant at which the clock was started.
        since: Instant,
        /// Milliseconds by which it was set since then, all together.
        set_by_ms: &'static AtomicI64,
    },
}

impl Clock {
    /// A clock that says `start` now and ages with tokio's clock from here on.
    ///
    /// Must be called inside a tokio runtime when that runtime's clock is paused.
    #[must_use]
    pub fn anchored(start: Timestamp) -> Self {
        Self::Anchored {
            start,
            since: Instant::now(),
        }
    }

    /// The time now, in UTC.
    #[must_use]
    pub fn now(self) -> Timestamp {
        match self {
            #[expect(
                clippy::disallowed_methods,
                reason = "the one caller of the system's clock"
            )]
            Self::System => Timestamp::now(),
            Self::Anchored { start, since } => start
                .saturating_add(since.elapsed())
                .unwrap_or(Timestamp::MAX),
            Self::Settable {
                start,
                since,
                set_by_ms,
            } => {
                let set_by = SignedDuration::from_millis(set_by_ms.load(Ordering::Relaxed));
                let now = start.saturating_add(since.elapsed());
                now.and_then(|now| now.saturating_add(set_by))
                    .unwrap_or(Timestamp::MAX)
            }
        }
    }

    /// A clock that agrees with this one until it is set. Costs eight bytes for ever, so that copies of it agree.
    #[must_use]
    pub fn settable(self) -> Self {
        Self::Settable {
            start: self.now(),
            since: Instant::now(),
            set_by_ms: Box::leak(Box::default()),
        }
    }

    /// Sets a settable clock and all its copies, forwards or back; does nothing to another.
    pub fn set(self, by: SignedDuration) {
        if let Self::Settable { set_by_ms, .. } = self {
            let by = i64::try_from(by.as_millis()).unwrap_or_default();
            set_by_ms.fetch_add(by, Ordering::Relaxed);
        }
    }

    /// What has passed since some moment before, the time included in which this machine was asleep. Only differences mean
    /// something, and no setting of the clock changes them.
    #[must_use]
    pub(crate) fn uptime(self) -> Duration {
        match self {
            Self::System => uptime(),
            Self::Anchored { since, .. } | Self::Settable { since, .. } => since.elapsed(),
        }
    }

    /// How long it is until `at`; zero when it has passed.
    #[must_use]
    pub fn until(self, at: Timestamp) -> Duration {
        elapsed(self.now(), at)
    }
}

/// The time from `from` to `to`; zero when `to` is not later.
#[must_use]
pub fn elapsed(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}

/// The system's clock that counts on while the machine sleeps.
fn uptime() -> Duration {
    #[cfg(target_os = "linux")]
    const COUNTS_SLEEP: rustix::time::ClockId = rustix::time::ClockId::Boottime;
    #[cfg(not(target_os = "linux"))]
    const COUNTS_SLEEP: rustix::time::ClockId = rustix::time::ClockId::Monotonic;
    Duration::try_from(rustix::time::clock_gettime(COUNTS_SLEEP)).unwrap_or_default()
}

/// Whole milliseconds, for a log line.
pub(crate) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_anchored_clock_ages_with_tokio() {
        let start: Timestamp = "2026-01-05T09:00:00Z".parse().unwrap();
        let clock = Clock::anchored(start);
        tokio::time::advance(Duration::from_mins(5)).await;
        assert_eq!(elapsed(start, clock.now()), Duration::from_mins(5));
        assert_eq!(
            clock.until("2026-01-05T09:06:00Z".parse().unwrap()),
            Duration::from_mins(1)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_settable_clock_ages_and_is_set_in_all_its_copies() {
        let start: Timestamp = "2026-01-05T09:00:00Z".parse().unwrap();
        let clock = Clock::anchored(start).settable();
        let copy = clock;
        tokio::time::advance(Duration::from_mins(5)).await;
        clock.set(SignedDuration::from_mins(-60));
        assert_eq!(copy.now(), "2026-01-05T08:05:00Z".parse().unwrap());
    }

    #[test]
    fn the_system_s_uptime_goes_on() {
        let before = Clock::System.uptime();
        assert!(before > Duration::ZERO);
        while Clock::System.uptime() == before {}
    }

    #[test]
    fn time_that_runs_backwards_counts_as_none() {
        let early: Timestamp = "2026-01-05T09:00:00Z".parse().unwrap();
        let late: Timestamp = "2026-01-05T10:00:00Z".parse().unwrap();
        assert_eq!(elapsed(late, early), Duration::ZERO);
    }
}
