//! The platform's 429: what it means for all requests, and what is said of it.

use std::{
    sync::{MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;
use tracing::{debug, info, warn};

use super::Genesys;
use crate::{
    genesys::failure::{Failure, FailureKind},
    trouble::Trouble,
};

/// Time without a 429, after its hold, from which on one is news again.
const QUIET: Duration = Duration::from_mins(1);

/// What was said of throttling.
#[derive(Debug, Default)]
pub(super) struct Throttled {
    /// That the platform throttles.
    trouble: Trouble,
    /// When it is over unless there is another one.
    until: Option<Instant>,
}

impl Genesys {
    /// Holds all requests where the platform asks for a hold.
    pub(super) fn learn(&self, failure: &Failure) {
        let FailureKind::Throttled { until } = failure.kind else {
            return;
        };
        let mut throttled = self.throttled();
        throttled.until = throttled.until.max(Some(until + QUIET));
        if !self.limiter.hold(until) {
            return;
        }
        let hold = until.saturating_duration_since(Instant::now());
        self.status.count_throttle(self.now(), hold);
        let (hold_s, call) = (hold.as_secs(), failure.call());
        if throttled.trouble.met("") {
            warn!(
                hold_s,
                call,
                correlation_id = failure.correlation_id(),
                "throttled by the platform: all requests wait"
            );
        } else {
            debug!(hold_s, call, "throttled by the platform once more");
        }
    }

    /// A request was answered: says so where the platform has throttled before, and not for a while.
    pub(super) fn answered(&self) {
        let mut throttled = self.throttled();
        if throttled.until.is_none_or(|until| Instant::now() < until) {
            return;
        }
        throttled.until = None;
        if let Some(over) = throttled.trouble.over() {
            let after_s = over.after.as_secs();
            info!(
                times = over.times,
                after_s, "throttled by the platform no more"
            );
        }
    }

    /// What was said.
    fn throttled(&self) -> MutexGuard<'_, Throttled> {
        self.throttled
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
