//! The same callers under four policies: nothing, the blueprint's loop, the user's settings, and the place kept exactly.

use std::time::Duration;

use serde::{Serialize, Serializer};

use super::{Arrivals, ByMinute, Measured, Model, measure::float, trace::Trace};
use crate::{
    policy::{
        Climber, Credit, Policy,
        rules::{CountFrom, Treatment},
    },
    settings::Budget,
    status::short,
};

/// Requests that the blueprint's workflow makes for a raise: state, priority, update.
const BLUEPRINTS_REQUESTS: f64 = 3.0;
/// Times between raises that the grid tries.
const WAITS: [Duration; 5] = [
    Duration::from_secs(30),
    Duration::from_mins(1),
    Duration::from_mins(2),
    Duration::from_mins(5),
    Duration::from_mins(10),
];
/// Points of a raise that the grid tries.
const INCREMENTS: [u32; 4] = [1, 2, 5, 10];
/// Callers of a day whose places are noted, if they take a callback.
const FOLLOWED: f64 = 2_000.0;
/// One in so many days is enough for a cell of the grid.
const DAYS_OF_A_CELL: u32 = 5;
/// As few days as there are parts that tell how sure a mean is.
const FEWEST_DAYS: u32 = 40;

/// What is compared.
pub struct Question {
    /// The queue. Its own policy does not matter.
    pub model: Model,
    /// What the user's settings say of its callbacks; absent: they are left alone.
    pub treatment: Option<Treatment>,
    /// What the requests may cost.
    pub budget: Requesting,
    /// Which traffic.
    pub seed: u64,
    /// Whether raises by other waits and increments are tried as well, and places are noted.
    pub at_length: bool,
    /// What is asked, line by line.
    pub about: Vec<String>,
}

/// What the daemon asks the platform beside its raises, and what it may ask.
#[derive(Clone, Copy, Debug)]
pub struct Requesting {
    /// How fast it may ask.
    pub budget: Budget,
    /// Time from one sweep to the next.
    pub sweep: Duration,
    /// Whether the user's rules ask for a look at each callback when it arrives.
    pub looks: bool,
}

/// What came of it.
#[derive(Debug, Serialize)]
pub struct Comparison {
    /// What was compared, line by line.
    pub about: Vec<String>,
    /// The service level, seconds.
    #[serde(rename = "within_s", serialize_with = "seconds")]
    pub within: Duration,
    /// Each policy.
    pub rows: Vec<Row>,
    /// Requests that the daemon may make in any minute, with its burst.
    pub most_requests_a_minute: u32,
    /// Raises by other waits and increments.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub grid: Vec<Cell>,
}

/// What came of a policy.
#[derive(Debug, Serialize)]
pub struct Row {
    /// Which it is.
    pub way: Way,
    /// The policy in words.
    pub policy: String,
    /// What customers went through.
    #[serde(flatten)]
    pub measured: Measured,
    /// What it asks the platform.
    pub requests: Requests,
    /// Places in line on the first day, where they were noted.
    #[serde(skip)]
    pub(super) trace: Option<Trace>,
}

/// The policies that are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Callbacks are not raised.
    Nothing,
    /// The published workflow: one point after five minutes, five times.
    Blueprint,
    /// By the settings.
    Yours,
    /// Calls' own ladder by the caller's whole wait, and credit for the time before the callback's own.
    Exactly,
}

/// Requests a minute.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Requests {
    /// On average, from the first caller to the last answer.
    pub mean: f64,
    /// In the busiest minute of all.
    pub most: f64,
}

/// What came of raises by one wait and increment.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Cell {
    /// Time from one raise to the next.
    #[serde(serialize_with = "seconds")]
    pub wait: Duration,
    /// Points of each.
    pub increment: u32,
    /// Share of callbacks that a call overtook which came a minute or more later.
    pub overtaken: f64,
    /// Callbacks' mean wait, seconds.
    pub callbacks: f64,
    /// Calls' mean wait, seconds.
    pub calls: f64,
}

impl Way {
    /// All of them, in the order in which they are told.
    pub const ALL: [Self; 4] = [Self::Nothing, Self::Blueprint, Self::Yours, Self::Exactly];

    /// What it is called.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Nothing => "without anything",
            Self::Blueprint => "the blueprint's loop",
            Self::Yours => "your settings",
            Self::Exactly => "the place kept exactly",
        }
    }
}

impl Serialize for Way {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match self {
            Self::Nothing => "nothing",
            Self::Blueprint => "blueprint",
            Self::Yours => "yours",
            Self::Exactly => "exactly",
        })
    }
}

impl Question {
    /// How many stretches of time will be run.
    #[must_use]
    pub fn stretches(&self) -> u64 {
        let stretches = |model: &Model| match model.arrivals {
            Arrivals::Days { days, .. } => u64::from(days),
            Arrivals::Steady { .. } | Arrivals::Listed(_) => 1,
        };
        let cells = (WAITS.len() * INCREMENTS.len()) as u64;
        let ways = Way::ALL.len() as u64;
        let beside = if self.at_length {
            ways + cells * stretches(&self.for_a_cell())
        } else {
            0
        };
        ways * stretches(&self.model) + beside
    }

    /// Runs it; `done` is told of each stretch of time that is over.
    #[must_use]
    pub fn answer(&self, mut done: impl FnMut()) -> Comparison {
        let rows = Way::ALL.map(|way| self.row(way, &mut done));
        let mut grid = Vec::new();
        if self.at_length {
            let model = self.for_a_cell();
            for (wait, increment) in each_cell() {
                grid.push(self.cell(&model, wait, increment, &mut done));
            }
        }
        Comparison {
            about: self.about.clone(),
            within: self.model.within,
            rows: rows.into(),
            most_requests_a_minute: self.budget.budget.most_in_a_minute()
                * self.budget.budget.tokens,
            grid,
        }
    }

    /// What comes of one policy.
    fn row(&self, way: Way, mut done: impl FnMut()) -> Row {
        let model = self.with(way);
        let measured = model.run(self.seed, &mut done);
        let trace = self.at_length.then(|| {
            let trace = model.trace(self.seed, self.followed());
            done();
            trace
        });
        Row {
            way,
            policy: match way {
                Way::Nothing => "they are not raised".to_owned(),
                Way::Yours if self.treatment.is_none() => "they are left alone".to_owned(),
                _ => model.policy.to_string(),
            },
            requests: self.requests(way, &measured),
            trace,
            measured,
        }
    }

    /// The queue under one policy.
    fn with(&self, way: Way) -> Model {
        let model = self.model.clone();
        let (policy, forgets_the_caller) = match (way, &self.treatment) {
            (Way::Nothing, _) | (Way::Yours, None) => (Policy::default(), false),
            (Way::Blueprint, _) => (blueprint(), false),
            (Way::Yours, Some(treatment)) => {
                let forgets = treatment.count_from == CountFrom::Callback;
                (treatment.policy.clone(), forgets)
            }
            (Way::Exactly, _) => (exactly(&model), false),
        };
        Model {
            policy,
            forgets_the_caller,
            ..model
        }
    }

    /// The queue for a cell of the grid.
    fn for_a_cell(&self) -> Model {
        let mut model = self.model.clone();
        if let Arrivals::Days { days, .. } = &mut model.arrivals {
            *days = (*days / DAYS_OF_A_CELL).max(FEWEST_DAYS.min(*days));
        }
        model
    }

    /// What comes of raises by one wait and increment.
    fn cell(&self, model: &Model, wait: Duration, increment: u32, done: impl FnMut()) -> Cell {
        let model = Model {
            policy: Policy::linear(wait, increment),
            forgets_the_caller: false,
            ..model.clone()
        };
        let measured = model.run(self.seed, done);
        Cell {
            wait,
            increment,
            overtaken: measured.overtaken.mean,
            callbacks: measured.callbacks.mean.mean,
            calls: measured.calls.mean.mean,
        }
    }

    /// The callers with every so manyth number are followed, so that some hundreds of callbacks are.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "not negative, and a conversion of floats saturates"
    )]
    fn followed(&self) -> u64 {
        let callers = match &self.model.arrivals {
            Arrivals::Days { an_hour, .. } => {
                let a_day = an_hour.hours().map(|(hours, callers)| hours * callers);
                a_day.sum::<f64>()
            }
            Arrivals::Steady { callers, .. } => float(*callers),
            Arrivals::Listed(callers) => float(callers.len() as u64),
        };
        (callers / FOLLOWED).ceil() as u64
    }

    /// What a policy asks the platform.
    fn requests(&self, way: Way, measured: &Measured) -> Requests {
        let ByMinute {
            raises,
            most_raises,
            callbacks,
            most_of_both,
        } = measured.by_minute;
        let looks = match way {
            Way::Nothing => {
                return Requests {
                    mean: 0.0,
                    most: 0.0,
                };
            }
            Way::Blueprint => {
                return Requests {
                    mean: raises * BLUEPRINTS_REQUESTS,
                    most: f64::from(most_raises) * BLUEPRINTS_REQUESTS,
                };
            }
            Way::Yours => self.budget.looks,
            Way::Exactly => true,
        };
        let sweeps = 60.0 / self.budget.sweep.as_secs_f64();
        let (mean, most) = if looks {
            (raises + callbacks, most_of_both)
        } else {
            (raises, most_raises)
        };
        Requests {
            mean: mean + sweeps,
            most: f64::from(most) + sweeps,
        }
    }
}

/// The waits and increments of the grid.
fn each_cell() -> impl Iterator<Item = (Duration, u32)> {
    WAITS
        .into_iter()
        .flat_map(|wait| INCREMENTS.map(|increment| (wait, increment)))
}

/// The published workflow's policy.
fn blueprint() -> Policy {
    Policy {
        max_raises: Some(5),
        ..Policy::linear(Duration::from_mins(5), 1)
    }
}

/// What keeps the place exactly in this queue.
fn exactly(model: &Model) -> Policy {
    Policy {
        ladder: model.calls.ladder.clone(),
        climber: Climber::Caller,
        // Where the platform counts from the caller's own entry, the time before is in the score already.
        credit: if model.entry_reset {
            Credit::Waited
        } else {
            Credit::None
        },
        ..Policy::default()
    }
}

/// A time as seconds.
fn seconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(time.as_secs_f64())
}

/// A number of seconds, which may be no whole one, as people read it.
pub(super) fn minutes(seconds: f64) -> String {
    short(Duration::try_from_secs_f64(seconds.round()).unwrap_or_default())
}
