//! What policies would do to a queue: a model of callers, agents and the line between them, on the code of `policy`.
//!
//! One queue, agents who take whoever is first by the platform's score, callers who stay on the line or take a callback after
//! a while. Nothing here is the platform: no requests, no lateness. Whether the model is right is not a matter of opinion:
//! `tests` holds it against queueing theory, formula by formula.

mod compare;

mod conversations;

mod handling;

mod lengths;

mod line;

mod measure;

mod overtakes;

mod profile;

mod report;

mod run;

mod schedule;

mod table;

mod trace;

mod traffic;

use std::{sync::Arc, time::Duration};

use jiff::{Timestamp, tz::TimeZone};

use crate::policy::Policy;

pub use compare::{Cell, Comparison, Question, Requesting, Requests, Row, Way};
pub use conversations::{Conversations, Unsaid};
pub use handling::Handling;
pub use lengths::Lengths;
pub use measure::{Behind, ByMinute, Class, Estimate, Measured};
pub use profile::{Profile, TimeOfDay};
pub use traffic::Caller;

use self::{
    measure::{Batching, Measuring, float},
    run::Run,
    trace::Trace,
    traffic::Callers,
};

/// A time that will never be.
const NEVER: i64 = i64::MAX;
/// As many times the time that agents have may callers take.
const MOST_WORK: f64 = 3.0;
/// So many days tell how sure a mean is.
const FEWEST_DAYS: i64 = 10;

/// A queue, its callers and its agents.
#[derive(Clone, Debug)]
pub struct Model {
    /// When callers come.
    pub arrivals: Arrivals,
    /// How many agents there are, by the time of day.
    pub agents: Profile<usize>,
    /// Whose clock the times of day are read from.
    pub zone: TimeZone,
    /// How long an agent needs for a conversation.
    pub handling: Handling,
    /// Share of callers, from 0 to 1, who take a callback if they still wait after a while.
    pub callbacks: f64,
    /// How long that is: as likely to be any time from the first to the second.
    pub after: (Duration, Duration),
    /// Mean time after which a caller on the line hangs up; absent: nobody does. Who waits for a callback does not.
    pub patience: Option<Duration>,
    /// Share of offers, from 0 to 1, that an agent lets ring until they are withdrawn.
    pub missed_alerts: f64,
    /// How long such an alert lasts.
    pub alert: Duration,
    /// The wait within which callers are to be answered.
    pub within: Duration,
    /// What the in-queue flow does for calls.
    pub calls: Policy,
    /// What is done for callbacks.
    pub policy: Policy,
    /// Whether the platform gives a callback a time of entry of its own.
    pub entry_reset: bool,
    /// Whether the policy knows nothing of the wait before the callback's own.
    pub forgets_the_caller: bool,
}

/// When callers come.
#[derive(Clone, Debug)]
pub enum Arrivals {
    /// So many callers, independently of each other and of the hour. The first tenth is not counted: a line that begins empty is
    /// not the line that callers usually find.
    Steady {
        /// Mean time from one to the next.
        gap: Duration,
        /// How many.
        callers: u64,
    },
    /// Working days, each of which begins with nobody in line and ends when the last caller is served.
    Days {
        /// Callers an hour; the last change ends the day.
        an_hour: Profile<f64>,
        /// How many days.
        days: u32,
    },
    /// These, in the order in which they come.
    Listed(Arc<[Caller]>),
}

impl Model {
    /// Lets the callers come and measures what becomes of them. One seed gives one traffic, whatever the policies are; `done` is
    /// told of each stretch of time that is over.
    #[must_use]
    pub fn run(&self, seed: u64, mut done: impl FnMut()) -> Measured {
        let (batching, days) = match &self.arrivals {
            Arrivals::Steady { callers, .. } => (Batching::WarmingUp(*callers), None),
            Arrivals::Days { days, .. } => (Batching::Part(0), Some(*days)),
            Arrivals::Listed(callers) => (by_day(callers), None),
        };
        let mut measuring = Measuring::new(batching, millis(self.within));
        for (number, stretch) in (0..).zip(Callers::stretches(self, seed)) {
            if let Some(days) = days {
                measuring.begin(number, days);
            }
            Run::new(self, stretch, &mut measuring, None).finish();
            done();
        }
        measuring.end()
    }

    /// Whether agents could ever do all of it: the line of a queue with many times too much to do grows without end, and so would
    /// the time that a forecast takes.
    ///
    /// # Errors
    /// A sentence for whoever wrote it.
    pub fn believable(&self) -> Result<(), String> {
        let mean = self.handling.mean().as_secs_f64() / 3_600.0;
        let in_vain =
            self.missed_alerts / (1.0 - self.missed_alerts) * self.alert.as_secs_f64() / 3_600.0;
        let hours_of_work = match &self.arrivals {
            Arrivals::Steady { .. } => return Ok(()),
            Arrivals::Days { an_hour, .. } => {
                let callers: f64 = an_hour
                    .hours()
                    .map(|(hours, callers)| hours * callers)
                    .sum();
                callers * (mean + in_vain)
            }
            Arrivals::Listed(callers) => {
                let (Some(first), Some(last)) = (callers.first(), callers.last()) else {
                    return Ok(());
                };
                let days = (last.arrives - first.arrives) / millis(Duration::from_hours(24)) + 1;
                let hour = 3_600_000.0;
                let work: f64 = callers
                    .iter()
                    .map(|caller| float(caller.handling.unsigned_abs()) / hour)
                    .sum();
                (work + float(callers.len() as u64) * in_vain) / float(days.unsigned_abs())
            }
        };
        let there = self
            .agents
            .hours()
            .map(|(hours, agents)| hours * float(agents as u64));
        let there: f64 = there.sum();
        if hours_of_work > MOST_WORK * there {
            return Err(format!(
                "callers would take {hours_of_work:.0} hours of agents a day, who have {there:.0}: write more agents, or fewer or shorter conversations"
            ));
        }
        Ok(())
    }

    /// The places of some callbacks in the first day, those of every so manyth caller.
    fn trace(&self, seed: u64, every: u64) -> Trace {
        let mut measuring = Measuring::new(Batching::Part(0), millis(self.within));
        let mut trace = Trace::of_every(every);
        if let Some(stretch) = Callers::stretches(self, seed).next() {
            Run::new(self, stretch, &mut measuring, Some(&mut trace)).finish();
        }
        trace
    }
}

/// How listed callers are told off: by days, where there are some of them. The hours of one day differ too much to tell how sure
/// a mean is.
fn by_day(callers: &[Caller]) -> Batching {
    let (Some(first), Some(last)) = (callers.first(), callers.last()) else {
        return Batching::Part(0);
    };
    let days = (last.arrives - first.arrives) / millis(Duration::from_hours(24)) + 1;
    if days >= FEWEST_DAYS {
        Batching::Days(first.arrives, days)
    } else {
        Batching::Part(0)
    }
}

/// A time in whole milliseconds, as all of the platform's are.
fn millis(time: Duration) -> i64 {
    let subsecond = i64::from(time.subsec_millis());
    i64::try_from(time.as_secs()).map_or(NEVER, |seconds| {
        seconds.saturating_mul(1_000).saturating_add(subsecond)
    })
}

/// A time of the model as one of the calendar.
fn moment(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(millis).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests;
