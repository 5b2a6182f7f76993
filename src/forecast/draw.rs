//! What is left to chance, drawn from one seed. Times are whole milliseconds, as all of the platform's are.

use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// How long an agent needs for a conversation.
#[derive(Clone, Debug, PartialEq)]
pub enum Handling {
    /// Exponentially distributed about this mean.
    Exponential(Duration),
    /// Log-normally distributed, with this median and this deviation of the logarithm.
    LogNormal(Duration, f64),
    /// One of these, each as likely as the next. Never empty.
    OneOf(Vec<Duration>),
}

/// A seeded source of chance.
pub(super) struct Chance(ChaCha8Rng);

impl Chance {
    /// One seed gives one sequence.
    pub(super) fn seeded(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// Whether something with this chance happens. What never or always happens costs no draw.
    pub(super) fn happens(&mut self, probability: f64) -> bool {
        probability >= 1.0 || probability > 0.0 && self.0.random_bool(probability)
    }

    /// An exponentially distributed time with this mean, milliseconds.
    pub(super) fn exponential(&mut self, mean: Duration) -> i64 {
        let uniform: f64 = self.0.random();
        millis(-(1.0 - uniform).ln() * mean.as_secs_f64())
    }

    /// How long an agent will need, milliseconds.
    pub(super) fn handling(&mut self, handling: &Handling) -> i64 {
        match handling {
            Handling::Exponential(mean) => self.exponential(*mean),
            Handling::LogNormal(median, sigma) => {
                let (u, v): (f64, f64) = (self.0.random(), self.0.random());
                let normal = (-2.0 * (1.0 - u).ln()).sqrt() * (std::f64::consts::TAU * v).cos();
                millis(median.as_secs_f64() * (sigma * normal).exp())
            }
            Handling::OneOf(times) => {
                let one = self.0.random_range(0..times.len().max(1));
                times.get(one).map_or(0, |time| millis(time.as_secs_f64()))
            }
        }
    }
}

/// Seconds as whole milliseconds.
#[expect(clippy::cast_possible_truncation, reason = "rounded, and saturating")]
fn millis(seconds: f64) -> i64 {
    (seconds * 1_000.0).round() as i64
}
