//! How long to wait before trying again: full jitter under a doubling, capped bound.
//!
//! Full jitter, because every tracker and every replica meets the same outage at the same moment and must not come back
//! together. One value belongs to one thing that is retried; it is reset by whoever knows that the thing was healthy, on
//! success alone never, or a peer that accepts and closes at once would be hammered.

use std::time::Duration;

use rand::{Rng, RngExt};

/// Bound of the first delay.
const FIRST: Duration = Duration::from_secs(1);
/// Bound that no delay exceeds.
const LONGEST: Duration = Duration::from_mins(1);
/// Least delay as a share of the bound: some wait always, so that a failure at once is no busy loop.
const LEAST: f64 = 0.1;

/// How often something has failed in a row.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Backoff {
    /// Failures since the last reset. In few bytes: a waiting callback has two of these.
    failures: u16,
}

impl Backoff {
    /// The delay before the next attempt; longer in tendency with each call.
    pub(crate) fn next(&mut self) -> Duration {
        self.draw(&mut rand::rng())
    }

    /// The same, from this source of chance.
    fn draw(&mut self, random: &mut impl Rng) -> Duration {
        let bound = bound(self.failures);
        self.failures = self.failures.saturating_add(1);
        bound.mul_f64(random.random_range(LEAST..=1.0))
    }

    /// Forgets the failures: the thing has been healthy.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }
}

/// The longest delay after this many failures.
fn bound(failures: u16) -> Duration {
    FIRST
        .saturating_mul(2_u32.saturating_pow(failures.into()))
        .min(LONGEST)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    proptest! {
        #[test]
        fn delays_stay_between_their_bounds(seed: u64, failures in 0..200_u16) {
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            let mut backoff = Backoff { failures };
            let delay = backoff.draw(&mut random);
            prop_assert!(delay >= FIRST.mul_f64(LEAST));
            prop_assert!(delay <= LONGEST);
            prop_assert!(delay <= bound(failures));
            prop_assert_eq!(backoff.failures, failures + 1);
        }
    }

    #[test]
    fn bounds_double_up_to_the_longest() {
        let seconds: Vec<u64> = (0..9).map(|failures| bound(failures).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
    }
}
