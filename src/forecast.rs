//! What policies would do to a queue: a model of callers, agents and the line between them, on the code of `policy`.
//!
//! One queue, agents who take whoever is first by the platform's score, callers who stay on the line or take a callback after
//! a while. Nothing here is the platform: no requests, no lateness. Whether the model is right is not a matter of opinion:
//! `tests` holds it against queueing theory, formula by formula.

mod line;

mod measure;

mod run;

use std::time::Duration;

use crate::{policy::Policy, sandbox::Handling};

pub use measure::{Class, Estimate, Measured};

/// A queue, its callers and its agents.
#[derive(Clone, Debug)]
pub struct Model {
    /// How many agents there are. At least 1.
    pub agents: usize,
    /// Mean time from one caller to the next.
    pub gap: Duration,
    /// How long an agent needs for a conversation.
    pub handling: Handling,
    /// Share of callers, from 0 to 1, who take a callback if they still wait after `decides_after`.
    pub callbacks: f64,
    /// How long they wait on the line before.
    pub decides_after: Duration,
    /// Mean time after which a caller on the line hangs up; absent: nobody does. Who waits for a callback does not.
    pub patience: Option<Duration>,
    /// Share of offers, from 0 to 1, that an agent lets ring until they are withdrawn.
    pub missed_alerts: f64,
    /// How long such an alert lasts.
    pub alert: Duration,
    /// What the in-queue flow does for calls.
    pub calls: Policy,
    /// What is done for callbacks.
    pub policy: Policy,
    /// Whether the platform gives a callback a time of entry of its own.
    pub entry_reset: bool,
}

impl Model {
    /// Lets so many callers come and measures what becomes of them. One seed gives one run.
    ///
    /// The first tenth is not counted: a line that begins empty is not the line that callers usually find.
    #[must_use]
    pub fn run(&self, callers: u64, seed: u64) -> Measured {
        run::Run::new(self, callers, seed).finish()
    }
}

/// A time in whole milliseconds, as all of the platform's are.
fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
