//! What customers went through: means with their confidence, quantiles, counts. Memory does not grow with their number.

mod batches;

use serde::Serialize;

use super::{
    lengths::Lengths,
    line::{Item, Minute},
    run::a_point,
};

pub use batches::Estimate;
use batches::{Batches, half_width};

/// Parts that a run is cut into, to tell how sure a mean is.
const BATCHES: u8 = 40;
/// A day, milliseconds.
const DAY: i64 = 24 * 3_600_000;

/// What was measured in a run.
#[derive(Clone, Debug, Serialize)]
pub struct Measured {
    /// Callers who stayed on the line.
    pub calls: Class,
    /// Callers who took a callback.
    pub callbacks: Class,
    /// All callers.
    pub all: Class,
    /// Share of callbacks that a call overtook whose caller came a minute or more later: it was offered to an agent while the
    /// callback waited.
    pub overtaken: Estimate,
    /// By how much later the latest of those calls came, of the callbacks that were overtaken.
    pub behind: Behind,
    /// Share of callers who hung up.
    pub hung_up: Estimate,
    /// Raises of a callback, on average.
    pub raises_a_callback: f64,
    /// What happened in a minute, from the first caller to the last answer.
    pub by_minute: ByMinute,
    /// The agents' time that callers take, as a share of the time that agents are there while callers come.
    pub load: f64,
    /// The same in the hour of the day in which it is largest.
    pub load_of_the_busiest_hour: f64,
}

/// What customers of one kind went through. Waits count from the call, in seconds.
#[derive(Clone, Debug, Serialize)]
pub struct Class {
    /// How many were served.
    pub served: u64,
    /// Mean wait.
    pub mean: Estimate,
    /// Median wait.
    pub p50: f64,
    /// Wait that 95 in 100 do not exceed.
    pub p95: f64,
    /// Share that was answered within the service level, of those who did not hang up.
    pub within: Estimate,
    /// Callers who came later and were served first, of an average one.
    pub later_first: f64,
    /// Callers who came earlier and were served later, of an average one.
    pub earlier_after: f64,
    /// All waits.
    #[serde(skip)]
    pub waits: Lengths,
    /// Their sums, part by part.
    #[serde(skip)]
    pub(super) parts: Batches,
}

/// By how much callbacks are overtaken, seconds.
#[derive(Clone, Debug, Serialize)]
pub struct Behind {
    /// On average.
    pub mean: f64,
    /// 95 in 100 do not exceed.
    pub p95: f64,
    /// All of it: nothing for those who were not overtaken.
    #[serde(skip)]
    pub lengths: Lengths,
}

/// What happened in a minute. All of it is nothing where that was not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct ByMinute {
    /// Raises, on average.
    pub raises: f64,
    /// Raises in the busiest minute.
    pub most_raises: u32,
    /// Callbacks that came, on average.
    pub callbacks: f64,
    /// Raises and callbacks that came, in the busiest minute.
    pub most_of_both: u32,
}

/// How callers are told off into parts.
#[derive(Clone, Copy, Debug)]
pub(super) enum Batching {
    /// Equal parts of so many callers. The first tenth is not counted: a line that begins empty is not the line that callers
    /// usually find.
    WarmingUp(u64),
    /// So many days from this moment on, each in the part that it belongs to.
    Days(i64, i64),
    /// All who come in this part.
    Part(u8),
}

/// What a caller will take of the agents' time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Work {
    /// The hour that they come in, from the beginning of the run.
    pub(super) hour: i64,
    /// What they will take, milliseconds.
    pub(super) needed: i64,
    /// Time of agents that passed since the caller before them, milliseconds.
    pub(super) there: i64,
}

/// What is measured while a run lasts.
pub(super) struct Measuring {
    /// How callers are told off.
    batching: Batching,
    /// The service level, milliseconds.
    within: i64,
    /// Who stayed on the line.
    calls: Counts,
    /// Who took a callback.
    callbacks: Counts,
    /// Shares of callbacks that were overtaken.
    overtaken: Batches,
    /// By how much, milliseconds.
    behind: Lengths,
    /// Sum of it, milliseconds.
    behind_sum: f64,
    /// Raises of callbacks.
    raises: u64,
    /// Shares of callers who hung up.
    hung_up: Batches,
    /// Minutes looked at.
    minutes: u64,
    /// Sums over them, and the most in one.
    by_minute: ByMinute,
    /// Agents' time that callers take, and that agents are there while callers come, milliseconds, by the hour of the day.
    work: [(f64, f64); 24],
}

/// What is counted of one kind of customer.
struct Counts {
    /// Waits, milliseconds.
    waits: Batches,
    /// Numbers by length.
    lengths: Lengths,
    /// Those who were served within the service level.
    within: Batches,
    /// Sum over all of the later who were served first.
    later_first: u64,
    /// Sum over all of the earlier who were served later.
    earlier_after: u64,
}

impl Measuring {
    /// Nothing is measured yet.
    pub(super) fn new(batching: Batching, within: i64) -> Self {
        Self {
            batching,
            within,
            calls: Counts::new(),
            callbacks: Counts::new(),
            overtaken: Batches::new(),
            behind: Lengths::default(),
            behind_sum: 0.0,
            raises: 0,
            hung_up: Batches::new(),
            minutes: 0,
            by_minute: ByMinute::default(),
            work: [(0.0, 0.0); 24],
        }
    }

    /// From now on, callers count in the part that this one of so many stretches is in.
    pub(super) fn begin(&mut self, stretch: u32, of: u32) {
        let part = u64::from(stretch) * u64::from(BATCHES) / u64::from(of.max(1));
        self.batching = Batching::Part(u8::try_from(part).unwrap_or(BATCHES - 1));
    }

    /// The part that the caller of this number, who comes then, counts in, if at all.
    pub(super) fn batch_of(&self, number: u64, comes: i64) -> Option<u8> {
        let (counted, all) = match self.batching {
            Batching::Part(part) => return Some(part),
            Batching::Days(first, days) => {
                let day = (comes - first) / DAY;
                (day.clamp(0, days - 1).unsigned_abs(), days.unsigned_abs())
            }
            Batching::WarmingUp(callers) => {
                let warm_up = callers / 10;
                (number.checked_sub(warm_up)?, callers - warm_up)
            }
        };
        let part = counted * u64::from(BATCHES) / all.max(1);
        Some(u8::try_from(part).unwrap_or(BATCHES).min(BATCHES - 1))
    }

    /// Somebody is served, ahead of so many calls and callbacks that came earlier.
    pub(super) fn served(&mut self, item: &Item, is_callback: bool, now: i64, ahead: [usize; 2]) {
        let Some(batch) = item.batch else { return };
        let waited = now - item.caller.arrives;
        let [calls, callbacks] = ahead.map(|number| number as u64);
        self.calls.later_first += calls;
        self.callbacks.later_first += callbacks;
        let within = waited <= self.within;
        let counts = if is_callback {
            &mut self.callbacks
        } else {
            &mut self.calls
        };
        counts.note(batch, waited, within);
        counts.earlier_after += calls + callbacks;
        if is_callback {
            let overtaken = item.behind >= a_point();
            self.overtaken.note(batch, f64::from(u8::from(overtaken)));
            self.behind.note(if overtaken { item.behind } else { 0 });
            if overtaken {
                self.behind_sum += float(item.behind.unsigned_abs());
            }
            self.raises += item.raises as u64;
        }
        self.hung_up.note(batch, 0.0);
    }

    /// Somebody hangs up.
    pub(super) fn hung_up(&mut self, item: &Item) {
        if let Some(batch) = item.batch {
            self.hung_up.note(batch, 1.0);
        }
    }

    /// That happened minute by minute.
    pub(super) fn minutes(&mut self, each: &[Minute]) {
        self.minutes += each.len() as u64;
        let sums = &mut self.by_minute;
        for Minute { raises, came } in each.iter().copied() {
            sums.raises += f64::from(raises);
            sums.callbacks += f64::from(came);
            sums.most_raises = sums.most_raises.max(raises);
            sums.most_of_both = sums.most_of_both.max(raises + came);
        }
    }

    /// Somebody comes.
    pub(super) fn came(&mut self, work: Work) {
        let hour = usize::try_from(work.hour % 24).unwrap_or_default();
        let (needed, there) = &mut self.work[hour];
        *needed += float(work.needed.unsigned_abs());
        *there += float(work.there.unsigned_abs());
    }

    /// What was measured.
    pub(super) fn end(self) -> Measured {
        let all = self.calls.and(&self.callbacks);
        let minutes = float(self.minutes);
        let overtaken = self.overtaken.sum();
        let busiest = self.work.iter().copied().map(load).fold(0.0, f64::max);
        let work = self
            .work
            .iter()
            .fold((0.0, 0.0), |sum, hour| (sum.0 + hour.0, sum.1 + hour.1));
        Measured {
            behind: Behind {
                mean: ratio(self.behind_sum / 1_000.0, overtaken),
                p95: self.behind.quantile_of_the_longest(overtaken, 0.95),
                lengths: self.behind,
            },
            overtaken: self.overtaken.mean(),
            hung_up: self.hung_up.mean(),
            raises_a_callback: ratio(float(self.raises), float(self.callbacks.waits.number())),
            by_minute: ByMinute {
                raises: ratio(self.by_minute.raises, minutes),
                callbacks: ratio(self.by_minute.callbacks, minutes),
                ..self.by_minute
            },
            load: load(work),
            load_of_the_busiest_hour: busiest,
            calls: self.calls.class(),
            callbacks: self.callbacks.class(),
            all: all.class(),
        }
    }
}

impl Class {
    /// By how much the mean wait is longer than that of others, seconds, and how sure that is, where both are of the same callers.
    #[must_use]
    pub fn longer_than(&self, other: &Self) -> Estimate {
        let pairs = self.parts.0.iter().zip(&other.parts.0);
        let differences = pairs
            .filter(|(one, two)| one.1 > 0 && two.1 > 0)
            .map(|(one, two)| one.0 / float(one.1) - two.0 / float(two.1));
        Estimate {
            mean: self.mean.mean - other.mean.mean,
            half_width: half_width(&differences.collect::<Vec<_>>()) / 1_000.0,
        }
    }
}

#[cfg(test)]
impl Class {
    /// The mean wait as so many of that of others who have the same callers, and how sure that is.
    pub(super) fn times(&self, other: &Self) -> Estimate {
        let ratio = self.mean.mean / other.mean.mean;
        let pairs = self.parts.0.iter().zip(&other.parts.0);
        let differences = pairs
            .filter(|(one, two)| one.1 > 0 && two.1 > 0)
            .map(|(one, two)| one.0 / float(one.1) - ratio * two.0 / float(two.1));
        let half_width = half_width(&differences.collect::<Vec<_>>()) / 1_000.0;
        Estimate {
            mean: ratio,
            half_width: half_width / other.mean.mean,
        }
    }
}

impl Counts {
    /// None yet.
    fn new() -> Self {
        Self {
            waits: Batches::new(),
            lengths: Lengths::default(),
            within: Batches::new(),
            later_first: 0,
            earlier_after: 0,
        }
    }

    /// Somebody has waited so many milliseconds.
    fn note(&mut self, batch: u8, waited: i64, within: bool) {
        self.waits.note(batch, float(waited.unsigned_abs()));
        self.within.note(batch, f64::from(u8::from(within)));
        self.lengths.note(waited);
    }

    /// These and others.
    fn and(&self, other: &Self) -> Self {
        Self {
            waits: self.waits.and(&other.waits),
            lengths: self.lengths.and(&other.lengths),
            within: self.within.and(&other.within),
            later_first: self.later_first + other.later_first,
            earlier_after: self.earlier_after + other.earlier_after,
        }
    }

    /// What they went through.
    fn class(self) -> Class {
        let served = self.waits.number();
        let Estimate { mean, half_width } = self.waits.mean();
        Class {
            served,
            mean: Estimate {
                mean: mean / 1_000.0,
                half_width: half_width / 1_000.0,
            },
            p50: self.lengths.quantile(0.5),
            p95: self.lengths.quantile(0.95),
            within: self.within.mean(),
            later_first: ratio(float(self.later_first), float(served)),
            earlier_after: ratio(float(self.earlier_after), float(served)),
            waits: self.lengths,
            parts: self.waits,
        }
    }
}

/// The agents' time that callers take, as a share of the time that agents are there.
fn load((needed, there): (f64, f64)) -> f64 {
    if needed > 0.0 && there <= 0.0 {
        return f64::INFINITY;
    }
    ratio(needed, there)
}

/// A count as a number to calculate with.
#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
pub(super) fn float(count: u64) -> f64 {
    count as f64
}

/// One of the other; none of nothing.
fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_equal_and_the_beginning_is_left_out() {
        let warming = Measuring::new(Batching::WarmingUp(1_000), 0);
        for (number, batch) in [(0, None), (99, None), (100, Some(0)), (999, Some(39))] {
            assert_eq!(warming.batch_of(number, 0), batch, "{number}");
        }
        let mut days = Measuring::new(Batching::Days(DAY, 20), 0);
        for (day, batch) in [(1, 0), (2, 2), (20, 38), (40, 38)] {
            assert_eq!(days.batch_of(0, day * DAY), Some(batch), "{day}");
        }
        days.begin(5, 10);
        assert_eq!(days.batch_of(3, 0), Some(20));
    }

    #[test]
    fn what_happens_in_minutes_is_counted_over_all_of_them() {
        let mut measuring = Measuring::new(Batching::Part(0), 0);
        let minute = |raises, came| Minute { raises, came };
        measuring.minutes(&[minute(4, 1), minute(0, 0), minute(3, 3)]);
        measuring.minutes(&[minute(0, 0); 7]);
        let expected = ByMinute {
            raises: 0.7,
            most_raises: 4,
            callbacks: 0.4,
            most_of_both: 6,
        };
        assert_eq!(measuring.end().by_minute, expected);
    }

    #[test]
    fn callers_whom_nobody_is_there_for_are_an_endless_load() {
        for (work, expected) in [
            ((0.0, 0.0), 0.0),
            ((1.0, 2.0), 0.5),
            ((1.0, 0.0), f64::INFINITY),
        ] {
            assert!(load(work).total_cmp(&expected).is_eq(), "{work:?}");
        }
    }
}
