//! Whether raises keep their schedule, and the sentence that says so when they do not.
//!
//! When more is due than the request budget carries, steps get longer: each write covers all steps due by then. That is
//! said once when it begins, once a minute while it lasts with the lag of that minute, and once when it is over.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;
use tracing::{info, warn};

use crate::{clock::millis, status::Status};

/// Lateness below which raises are on schedule; a few requests queued behind a sweep take as long.
const ON_SCHEDULE: Duration = Duration::from_secs(2);
/// Time that one report covers.
const WINDOW: Duration = Duration::from_mins(1);

/// Watches the lateness of raises.
#[derive(Debug)]
pub(crate) struct Pace {
    /// Sustained budget, requests a minute.
    requests_per_minute: u32,
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
    /// Watches raises under this budget.
    pub(crate) fn new(requests_per_minute: u32) -> Self {
        Self {
            requests_per_minute,
            seen: Mutex::new(Seen {
                since: Instant::now(),
                raises: 0,
                worst: Duration::ZERO,
                lagging: false,
            }),
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
                requests_per_minute = self.requests_per_minute,
                "raises lag behind their schedule: each write covers all steps due by then; a longer policy.wait or a larger request budget would keep it"
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
