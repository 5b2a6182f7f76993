//! Figures that are more than one number: what came of requests, how long things took, and how many requests there were of
//! late.

use std::{collections::BTreeMap, time::Duration};

use serde::{Serialize, Serializer, ser::SerializeStruct};
use tokio::time::Instant;

use crate::genesys::FailureKind;

/// What came of requests of one kind, and how long they took.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Answers {
    /// How many, by what came of them.
    pub outcomes: BTreeMap<&'static str, u64>,
    /// How long they took.
    pub took: Timings,
}

impl Answers {
    /// One more.
    pub(super) fn note(&mut self, failure: Option<FailureKind>, took: Duration) {
        let outcome = match failure {
            None => "ok",
            Some(FailureKind::Transient) => "transient",
            Some(FailureKind::Throttled { .. }) => "throttled",
            Some(FailureKind::Gone) => "gone",
            Some(FailureKind::Denied) => "denied",
            Some(FailureKind::Unexpected) => "unexpected",
        };
        *self.outcomes.entry(outcome).or_default() += 1;
        self.took.note(&REQUEST, took);
    }
}

/// Upper bounds of a histogram's buckets, seconds; what takes longer has a bucket of its own.
pub(super) type Bounds = [f64; 10];

/// How long requests take: a near region answers within a tenth of a second, and ten are the limit.
pub(super) const REQUEST: Bounds = [0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 10.0];
/// How late raises are: milliseconds on a good day, two seconds are called late, minutes are an overload.
pub(super) const LATENESS: Bounds = [0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 30.0, 60.0, 300.0, 900.0];
/// How long writes to the journal take: a good disk is below a millisecond, a slow one holds raises up.
pub(super) const JOURNAL: Bounds = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.1, 0.5, 1.0, 5.0];

/// How long things took.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Timings {
    /// How many, by bucket; the last is without a bound.
    counts: [u64; 11],
    /// All of it together.
    total: Duration,
}

impl Timings {
    /// One more.
    pub(super) fn note(&mut self, bounds: &Bounds, took: Duration) {
        let bucket = bounds.partition_point(|bound| *bound < took.as_secs_f64());
        self.counts[bucket] += 1;
        self.total = self.total.saturating_add(took);
    }

    /// How many.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// All of it together, seconds.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.total.as_secs_f64()
    }

    /// How many took as long as this bound or less and longer than the one before, bound by bound.
    pub(super) fn buckets(&self, bounds: &Bounds) -> Vec<(f64, u64)> {
        let bounds = bounds.iter().copied().chain([f64::INFINITY]);
        bounds.zip(self.counts).collect()
    }
}

impl Serialize for Timings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Timings", 2)?;
        fields.serialize_field("count", &self.count())?;
        fields.serialize_field("seconds", &self.seconds())?;
        fields.end()
    }
}

/// A time as seconds.
pub(super) fn seconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(time.as_secs_f64())
}

/// How many requests there were in the last minute, second by second.
#[derive(Debug)]
pub(super) struct LastMinute {
    /// When counting began.
    since: Option<Instant>,
    /// The newest second with a request in it, counted from then.
    newest: u64,
    /// Requests by second, of the sixty up to that one.
    counts: [u32; 60],
}

impl Default for LastMinute {
    fn default() -> Self {
        Self {
            since: None,
            newest: 0,
            counts: [0; 60],
        }
    }
}

impl LastMinute {
    /// One more.
    pub(super) fn note(&mut self) {
        let second = self.advance();
        self.counts[second] += 1;
    }

    /// How many.
    pub(super) fn count(&mut self) -> u32 {
        self.advance();
        self.counts.iter().sum()
    }

    /// Forgets what is older than a minute; the place of the second that is now.
    fn advance(&mut self) -> usize {
        let since = *self.since.get_or_insert_with(Instant::now);
        let now = since.elapsed().as_secs();
        let place = |second: u64| usize::try_from(second % 60).unwrap_or_default();
        for second in (self.newest + 1..=now).rev().take(60) {
            self.counts[place(second)] = 0;
        }
        self.newest = now;
        place(now)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[test]
    fn a_time_is_in_the_bucket_whose_bound_it_does_not_exceed() {
        let mut timings = Timings::default();
        for millis in [1, 25, 26, 10_000, 10_001, 3_600_000] {
            timings.note(&REQUEST, Duration::from_millis(millis));
        }
        let buckets = timings.buckets(&REQUEST);
        assert_eq!(buckets[0], (0.025, 2));
        assert_eq!(buckets[1], (0.05, 1));
        assert_eq!(buckets[9], (10.0, 1));
        assert_eq!(buckets[10], (f64::INFINITY, 2));
        assert_eq!((timings.count(), timings.total.as_secs()), (6, 3_620));
    }

    #[test]
    fn bounds_grow() {
        for bounds in [REQUEST, LATENESS, JOURNAL] {
            assert!(bounds.is_sorted_by(|one, next| one < next));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_minute_later_a_request_is_forgotten() {
        let mut minute = LastMinute::default();
        minute.note();
        minute.note();
        advance(Duration::from_secs(30)).await;
        minute.note();
        assert_eq!(minute.count(), 3);
        advance(Duration::from_secs(29)).await;
        assert_eq!(minute.count(), 3);
        advance(Duration::from_secs(1)).await;
        assert_eq!(minute.count(), 1);
        advance(Duration::from_hours(9)).await;
        assert_eq!(minute.count(), 0);
        minute.note();
        assert_eq!(minute.count(), 1);
    }
}
