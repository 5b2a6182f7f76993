//! How long agents need.

use std::time::Duration;

use super::millis;
use crate::sandbox::Dice;

/// How long an agent needs for a conversation, from alert to the end of the work after it.
#[derive(Clone, Debug, PartialEq)]
pub enum Handling {
    /// Exponentially distributed about a mean, as most formulas have it.
    Exponential(Duration),
    /// Log-normally distributed, as most contact centres have it: many short and a few very long.
    LogNormal {
        /// Mean.
        mean: Duration,
        /// Standard deviation.
        deviation: Duration,
    },
    /// Each of these as likely. Never empty.
    Listed(Vec<Duration>),
}

impl Handling {
    /// The mean.
    #[must_use]
    pub fn mean(&self) -> Duration {
        match self {
            Self::Exponential(mean) | Self::LogNormal { mean, .. } => *mean,
            Self::Listed(times) => {
                let sum: Duration = times.iter().sum();
                sum.div_f64(f64::from(u32::try_from(times.len()).unwrap_or(u32::MAX)).max(1.0))
            }
        }
    }

    /// The same, made ready to be drawn from often.
    pub(super) fn prepared(&self) -> Prepared {
        let float = |time: Duration| time.as_secs_f64() * 1_000.0;
        match self {
            Self::Exponential(mean) => Prepared::Exponential(float(*mean)),
            Self::LogNormal { mean, deviation } => {
                let spread = deviation.as_secs_f64() / mean.as_secs_f64();
                let variance = spread.mul_add(spread, 1.0).ln();
                Prepared::LogNormal {
                    median: float(*mean) / (variance / 2.0).exp(),
                    sigma: variance.sqrt(),
                }
            }
            Self::Listed(times) => Prepared::Listed(times.iter().copied().map(millis).collect()),
        }
    }
}

/// How long an agent needs, in numbers.
pub(super) enum Prepared {
    /// The mean, milliseconds.
    Exponential(f64),
    /// A log-normal distribution.
    LogNormal {
        /// Its median, milliseconds.
        median: f64,
        /// Standard deviation of the logarithm.
        sigma: f64,
    },
    /// Times, milliseconds.
    Listed(Vec<i64>),
}

impl Prepared {
    /// A time, milliseconds.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a conversion of floats saturates, and the longest run is far shorter"
    )]
    pub(super) fn draw(&self, dice: &mut Dice) -> i64 {
        match self {
            Self::Exponential(mean) => (mean * dice.unit_exponential()) as i64,
            Self::LogNormal { median, sigma } => {
                (median * (sigma * dice.unit_normal()).exp()) as i64
            }
            Self::Listed(times) => dice.one_of(times).copied().unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_the_mean_and_the_spread_that_were_asked_for() {
        let minute = Duration::from_mins(1);
        for (handling, deviation) in [
            (Handling::Exponential(4 * minute), 240.0),
            (
                Handling::LogNormal {
                    mean: 4 * minute,
                    deviation: 2 * minute,
                },
                120.0,
            ),
            (Handling::Listed(vec![2 * minute, 6 * minute]), 120.0),
        ] {
            assert_eq!(handling.mean(), 4 * minute, "{handling:?}");
            let (prepared, mut dice) = (handling.prepared(), Dice::seeded(3));
            let mut drawn = || Duration::from_millis(prepared.draw(&mut dice).unsigned_abs());
            let times: Vec<f64> = (0..40_000).map(|_| drawn().as_secs_f64()).collect();
            let mean = times.iter().sum::<f64>() / 40_000.0;
            let square = times.iter().map(|time| (time - mean).powi(2)).sum::<f64>();
            let measured = (square / 40_000.0).sqrt();
            assert!((mean - 240.0).abs() < 4.0, "{handling:?} {mean}");
            assert!(
                (measured - deviation).abs() < 8.0,
                "{handling:?} {measured}"
            );
        }
    }
}
