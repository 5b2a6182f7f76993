//! Lengths of time in buckets, as many of them as there are: quantiles to within one in a hundred, in flat memory.

use super::measure::float;

/// Buckets of each doubling, as a power of two.
const BITS: u32 = 6;
/// Buckets: up to 2^40 milliseconds, which is 34 years.
const BUCKETS: usize = (41 - BITS as usize) << BITS;

/// Numbers by length, milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lengths(Vec<u64>);

impl Default for Lengths {
    fn default() -> Self {
        Self(vec![0; BUCKETS])
    }
}

impl Lengths {
    /// The length that this share does not exceed, seconds: the middle of its bucket.
    #[must_use]
    pub fn quantile(&self, share: f64) -> f64 {
        self.after(float(self.number()) * share)
    }

    /// The share that does not exceed a length, from 0 to 1.
    #[must_use]
    pub fn share_within(&self, seconds: f64) -> f64 {
        let number = self.number();
        if number == 0 {
            return 0.0;
        }
        let within = self.0.iter().enumerate();
        let within = within.take_while(|(bucket, _)| middle(*bucket) <= seconds);
        float(within.map(|(_, number)| number).sum()) / float(number)
    }

    /// The mean of the lengths, none of them counted as more than so many seconds.
    #[must_use]
    pub fn mean_up_to(&self, most: f64) -> f64 {
        let number = float(self.number()).max(1.0);
        let each = self.0.iter().enumerate();
        each.map(|(bucket, number)| middle(bucket).min(most) * float(*number))
            .sum::<f64>()
            / number
    }

    /// One more.
    pub(super) fn note(&mut self, millis: i64) {
        self.0[bucket(millis)] += 1;
    }

    /// These and others.
    pub(super) fn and(&self, other: &Self) -> Self {
        let both = self.0.iter().zip(&other.0);
        Self(both.map(|(one, two)| one + two).collect())
    }

    /// The length that this share of the `longest` longest does not exceed, seconds.
    pub(super) fn quantile_of_the_longest(&self, longest: f64, share: f64) -> f64 {
        if longest > 0.0 {
            self.after(float(self.number()) - longest * (1.0 - share))
        } else {
            0.0
        }
    }

    /// How many there are.
    fn number(&self) -> u64 {
        self.0.iter().sum()
    }

    /// The length of the one after so many shorter ones, seconds.
    fn after(&self, shorter: f64) -> f64 {
        let mut seen = 0.0;
        for (bucket, number) in self.0.iter().enumerate() {
            seen += float(*number);
            if seen >= shorter && seen > 0.0 {
                return middle(bucket);
            }
        }
        0.0
    }
}

/// The bucket of a length: the first ones hold a millisecond each, and then so many share each doubling.
fn bucket(millis: i64) -> usize {
    let millis = millis.max(0).unsigned_abs();
    let doublings = (u64::BITS - millis.leading_zeros()).saturating_sub(BITS + 1);
    let within = millis >> doublings;
    let place = (u64::from(doublings) << BITS) + within;
    usize::try_from(place).unwrap_or(BUCKETS).min(BUCKETS - 1)
}

/// The middle of a bucket, seconds.
fn middle(bucket: usize) -> f64 {
    let bucket = bucket as u64;
    let doublings = (bucket >> BITS).saturating_sub(1);
    let lowest = (bucket - (doublings << BITS)) << doublings;
    let width = (1_u64 << doublings) - 1;
    (float(lowest) + float(width) / 2.0) / 1_000.0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// A length is told to within one in a hundred, and a longer one is in no lower bucket.
        #[test]
        fn buckets_are_narrow(millis in 0..1_i64 << 40, more in 0..1_000_i64) {
            let told = middle(bucket(millis)) * 1_000.0;
            let length = float(millis.unsigned_abs());
            prop_assert!((told - length).abs() <= 0.01 * length, "{} {}", millis, told);
            prop_assert!(bucket(millis) <= bucket(millis + more));
        }
    }

    #[test]
    fn quantiles_shares_and_means() {
        let mut lengths = Lengths::default();
        assert!(lengths.quantile(0.5) < f64::EPSILON && lengths.share_within(1.0) < f64::EPSILON);
        for seconds in 1..=100 {
            lengths.note(seconds * 1_000);
        }
        let close = |told: f64, expected: f64| (told - expected).abs() <= 0.01 * expected;
        assert!(close(lengths.quantile(0.5), 50.0));
        assert!(close(lengths.quantile(0.95), 95.0));
        assert!(close(lengths.share_within(25.3), 0.25));
        assert!(close(lengths.mean_up_to(1e9), 50.5));
        assert!(close(lengths.mean_up_to(10.0), 9.55));
        assert!(close(lengths.quantile_of_the_longest(10.0, 0.5), 95.0));
    }
}
