//! Means of a run with their confidence, by the means of parts of it.

use serde::Serialize;

use super::{BATCHES, float, ratio};

/// As many parts must have callers, or nothing is told.
const FEWEST: usize = 5;

/// A mean, and how sure it is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Estimate {
    /// The mean.
    pub mean: f64,
    /// Half the width of its 95 % confidence interval, by means of parts of the run; infinite, and `null` in JSON, where there
    /// are too few parts to tell.
    pub half_width: f64,
}

/// Sums and numbers, part by part.
#[derive(Clone, Debug)]
pub(in super::super) struct Batches(pub(super) Vec<(f64, u64)>);

impl Batches {
    /// None yet.
    pub(super) fn new() -> Self {
        Self(vec![(0.0, 0); BATCHES.into()])
    }

    /// One more.
    pub(super) fn note(&mut self, batch: u8, value: f64) {
        let (sum, number) = &mut self.0[usize::from(batch)];
        *sum += value;
        *number += 1;
    }

    /// These and others.
    pub(super) fn and(&self, other: &Self) -> Self {
        let both = self.0.iter().zip(&other.0);
        Self(
            both.map(|(one, two)| (one.0 + two.0, one.1 + two.1))
                .collect(),
        )
    }

    /// How many there are.
    pub(super) fn number(&self) -> u64 {
        self.0.iter().map(|(_, number)| number).sum()
    }

    /// All of it.
    pub(super) fn sum(&self) -> f64 {
        self.0.iter().map(|(sum, _)| sum).sum()
    }

    /// The mean, and how sure it is.
    pub(super) fn mean(&self) -> Estimate {
        let mean = ratio(self.sum(), float(self.number()));
        let used: Vec<f64> = self
            .0
            .iter()
            .filter(|(_, number)| *number > 0)
            .map(|(sum, number)| sum / float(*number))
            .collect();
        Estimate {
            mean,
            half_width: half_width(&used),
        }
    }
}

/// Half the width of the 95 % confidence interval of the mean of some, by their spread.
pub(super) fn half_width(means: &[f64]) -> f64 {
    if means.len() < FEWEST {
        return f64::INFINITY;
    }
    let number = float(means.len() as u64);
    let mean = means.iter().sum::<f64>() / number;
    let squares: f64 = means.iter().map(|one| (one - mean).powi(2)).sum();
    students_t(number - 1.0) * (squares / (number - 1.0) / number).sqrt()
}

/// The two-sided 95 % quantile of Student's distribution: the first terms of its expansion about the normal one's (Abramowitz
/// and Stegun 26.7.5). Within two in a hundred from four degrees of freedom on.
fn students_t(freedom: f64) -> f64 {
    const NORMAL: f64 = 1.959_964;
    let z = NORMAL;
    let first = (z.powi(3) + z) / 4.0;
    let second = (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / 96.0;
    let third = (3.0 * z.powi(7) + 19.0 * z.powi(5) + 17.0 * z.powi(3) - 15.0 * z) / 384.0;
    z + first / freedom + second / freedom.powi(2) + third / freedom.powi(3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_of_few_parts_is_wider() {
        for (freedom, quantile) in [(4.0, 2.776), (9.0, 2.262), (39.0, 2.023), (1e9, 1.960)] {
            let told = students_t(freedom);
            assert!(
                (told - quantile).abs() < 0.02 * quantile,
                "{freedom} {told}"
            );
        }
    }

    #[test]
    fn a_mean_of_parts_knows_how_sure_it_is() {
        let mut batches = Batches::new();
        for batch in 0..5 {
            assert!(batches.mean().half_width.is_infinite(), "too few parts");
            batches.note(batch, f64::from(batch));
            batches.note(batch, f64::from(batch));
        }
        let Estimate { mean, half_width } = batches.mean();
        assert!((mean - 2.0).abs() < 1e-9);
        // The deviation of 0 to 4 is 1.581, that of their mean a root of five less, times 2.776.
        assert!((half_width - 1.963).abs() < 0.04, "{half_width}");
    }
}
