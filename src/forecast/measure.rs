//! What customers went through: means with their confidence, quantiles, counts. Memory does not grow with their number.

use super::line::Item;

/// Batches that a run is cut into, to tell how sure a mean is.
const BATCHES: u64 = 40;
/// Two-sided 95 % quantile of Student's t for one less than that.
const T: f64 = 2.023;
/// Buckets of waits for each doubling: a quantile is told to within two in a hundred.
const PER_DOUBLING: u32 = 32;
/// Buckets: up to 2^40 milliseconds.
const BUCKETS: usize = 41 * PER_DOUBLING as usize;

/// What was measured in a run.
#[derive(Clone, Debug)]
pub struct Measured {
    /// Callers who stayed on the line.
    pub calls: Class,
    /// Callers who took a callback.
    pub callbacks: Class,
    /// All callers.
    pub all: Class,
    /// Share of callbacks that a call overtook whose caller came a minute or more later.
    pub overtaken: f64,
    /// Share of callers who hung up.
    pub hung_up: f64,
    /// Raises of a callback, on average.
    pub raises_a_callback: f64,
}

/// What customers of one kind went through. Waits count from the call, in seconds.
#[derive(Clone, Debug)]
pub struct Class {
    /// How many were served.
    pub served: u64,
    /// Mean wait.
    pub mean: Estimate,
    /// Median wait.
    pub p50: f64,
    /// Wait that 95 in 100 do not exceed.
    pub p95: f64,
}

/// A mean, and how sure it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The mean.
    pub mean: f64,
    /// Half the width of its 95 % confidence interval, by means of batches.
    pub half_width: f64,
}

/// What is measured while a run lasts.
pub(super) struct Measuring {
    /// Callers who are not counted, because the line was empty when the first came.
    warm_up: u64,
    /// Callers in a batch.
    batch: u64,
    /// Who stayed on the line.
    calls: Waits,
    /// Who took a callback.
    callbacks: Waits,
    /// Everybody.
    all: Waits,
    /// Callbacks that were overtaken.
    overtaken: u64,
    /// Raises of callbacks.
    raises: u64,
    /// Callers who hung up.
    hung_up: u64,
}

/// Waits of one kind.
struct Waits {
    /// Sums and numbers, batch by batch.
    batches: Vec<(f64, u64)>,
    /// Numbers by length.
    lengths: Vec<u64>,
}

impl Measuring {
    /// Nothing is measured yet, of so many callers to come.
    pub(super) fn new(callers: u64) -> Self {
        let warm_up = callers / 10;
        Self {
            warm_up,
            batch: ((callers - warm_up) / BATCHES).max(1),
            calls: Waits::new(),
            callbacks: Waits::new(),
            all: Waits::new(),
            overtaken: 0,
            raises: 0,
            hung_up: 0,
        }
    }

    /// Somebody is served.
    pub(super) fn served(&mut self, item: &Item, is_callback: bool, now: i64) {
        let Some(counted) = item.number.checked_sub(self.warm_up) else {
            return;
        };
        let batch = usize::try_from((counted / self.batch).min(BATCHES - 1)).unwrap_or_default();
        let waited = now - item.origin;
        self.all.note(batch, waited);
        if is_callback {
            self.callbacks.note(batch, waited);
            self.overtaken += u64::from(item.overtaken);
            self.raises += item.raises;
        } else {
            self.calls.note(batch, waited);
        }
    }

    /// Somebody hangs up.
    pub(super) fn hung_up(&mut self, item: &Item) {
        self.hung_up += u64::from(item.number >= self.warm_up);
    }

    /// What was measured.
    pub(super) fn end(self) -> Measured {
        let (calls, callbacks, all) =
            (self.calls.class(), self.callbacks.class(), self.all.class());
        let everybody = all.served + self.hung_up;
        Measured {
            overtaken: share(self.overtaken, callbacks.served),
            hung_up: share(self.hung_up, everybody),
            raises_a_callback: share(self.raises, callbacks.served),
            calls,
            callbacks,
            all,
        }
    }
}

impl Waits {
    /// None yet.
    fn new() -> Self {
        let batches = usize::try_from(BATCHES).unwrap_or_default();
        Self {
            batches: vec![(0.0, 0); batches],
            lengths: vec![0; BUCKETS],
        }
    }

    /// Somebody has waited so many milliseconds.
    fn note(&mut self, batch: usize, waited: i64) {
        let (sum, number) = &mut self.batches[batch];
        *sum += seconds(waited);
        *number += 1;
        self.lengths[bucket(waited)] += 1;
    }

    /// What they went through.
    fn class(&self) -> Class {
        Class {
            served: self.batches.iter().map(|(_, number)| number).sum(),
            mean: self.mean(),
            p50: self.quantile(0.5),
            p95: self.quantile(0.95),
        }
    }

    /// The mean, and how sure it is.
    fn mean(&self) -> Estimate {
        let used: Vec<(f64, f64)> = self
            .batches
            .iter()
            .filter(|(_, number)| *number > 0)
            .map(|(sum, number)| (*sum, float(*number)))
            .collect();
        let (sum, number) = used
            .iter()
            .fold((0.0, 0.0), |all, one| (all.0 + one.0, all.1 + one.1));
        let mean = if number > 0.0 { sum / number } else { 0.0 };
        let batches = float(used.len() as u64);
        let squares: f64 = used
            .iter()
            .map(|(sum, number)| (sum / number - mean).powi(2))
            .sum();
        let half_width = if batches > 1.0 {
            T * (squares / (batches - 1.0) / batches).sqrt()
        } else {
            f64::INFINITY
        };
        Estimate { mean, half_width }
    }

    /// The wait that this share does not exceed: the middle of its bucket.
    fn quantile(&self, share: f64) -> f64 {
        let all: u64 = self.lengths.iter().sum();
        let wanted = float(all) * share;
        let mut seen = 0.0;
        for (bucket, number) in self.lengths.iter().enumerate() {
            seen += float(*number);
            if seen >= wanted && *number > 0 {
                return middle(bucket);
            }
        }
        0.0
    }
}

/// The bucket of a wait: one for less than a millisecond, and then so many for each doubling.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "not negative, and far below 2^32"
)]
fn bucket(millis: i64) -> usize {
    if millis < 1 {
        return 0;
    }
    let place = 1.0 + float(millis.unsigned_abs()).log2() * f64::from(PER_DOUBLING);
    (place as usize).min(BUCKETS - 1)
}

/// The middle of a bucket, seconds.
fn middle(bucket: usize) -> f64 {
    if bucket == 0 {
        return 0.0;
    }
    let doublings = (float(bucket as u64) - 0.5) / f64::from(PER_DOUBLING);
    doublings.exp2() / 1_000.0
}

/// Milliseconds as seconds.
#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn seconds(millis: i64) -> f64 {
    millis as f64 / 1_000.0
}

/// A count as a number to calculate with.
#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn float(count: u64) -> f64 {
    count as f64
}

/// A share, from 0 to 1; none of nothing.
fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        float(part) / float(whole)
    }
}
