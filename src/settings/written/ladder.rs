//! Schedules as they are written: steps, what repeats, and the ladder of calls.

use serde::Deserialize;

use super::{Interval, Points, Wait, Whole, either::OneOrMany};
use crate::{
    conversation::Priority,
    policy::ladder::{Every, Gain, Rung},
};

/// Points that a callback may begin with.
pub(in crate::settings) type Offset = Whole<0, { Points::MOST }>;

/// The time of a step: up to a month after entry.
type After = Interval<0, { 31 * 24 * 60 * 60 * 1000 }>;

/// Most steps in a list. More would be a formula.
const MOST_STEPS: usize = 1_000;

/// Steps in the order of their times, at least one.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Vec<WrittenStep>")]
pub(in crate::settings) struct Steps(pub(in crate::settings) Vec<Rung>);

impl TryFrom<Vec<WrittenStep>> for Steps {
    type Error = String;

    fn try_from(steps: Vec<WrittenStep>) -> Result<Self, String> {
        if steps.is_empty() || steps.len() > MOST_STEPS {
            return Err(format!(
                "expected 1 to {MOST_STEPS} steps, found {}",
                steps.len()
            ));
        }
        let rungs: Vec<Rung> = steps.into_iter().map(|step| step.0).collect();
        let early = rungs
            .windows(2)
            .position(|pair| pair[1].after <= pair[0].after);
        match early {
            Some(at) => Err(format!(
                "step {} is not later than step {}: write them in the order of their times",
                at + 2,
                at + 1
            )),
            None => Ok(Self(rungs)),
        }
    }
}

/// A step: `{ after = "2m", add = 5 }` or `{ after = "10m", to = 50 }`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "RawStep")]
pub(in crate::settings) struct WrittenStep(Rung);

/// A step before it is known to be one.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawStep {
    /// When.
    after: After,
    /// Points more.
    add: Option<Points>,
    /// Priority.
    to: Option<Priority>,
}

impl TryFrom<RawStep> for WrittenStep {
    type Error = String;

    fn try_from(raw: RawStep) -> Result<Self, String> {
        let gain =
            match (raw.add, raw.to) {
                (Some(points), None) => Gain::Add(points.0.get()),
                (None, Some(priority)) => Gain::To(priority),
                _ => return Err(
                    "a step either adds points or goes to a priority: write one of `add` and `to`"
                        .to_owned(),
                ),
            };
        Ok(Self(Rung {
            after: raw.after.0,
            gain,
        }))
    }
}

/// A step that repeats: `{ every = "1m", add = 1 }`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::settings) struct Repeated {
    /// Time from one to the next.
    every: Wait,
    /// Points of each.
    #[serde(default)]
    add: Points,
}

impl From<Repeated> for Every {
    fn from(written: Repeated) -> Self {
        Self {
            every: written.every.0,
            add: written.add.0.get(),
        }
    }
}

/// The ladder of calls: a step that repeats up to a priority, or a list of steps.
pub(in crate::settings) type Mirror = OneOrMany<RepeatedTo, Steps>;

/// A step that repeats, up to a priority: `{ every = "1m", add = 1, max = 30 }`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::settings) struct RepeatedTo {
    /// Time from one to the next.
    pub(in crate::settings) every: Wait,
    /// Points of each.
    #[serde(default)]
    pub(in crate::settings) add: Points,
    /// Up to which priority; absent: no end.
    pub(in crate::settings) max: Option<Priority>,
}
