//! When to raise, by how much, when to stop. Pure: no clock, no client, no async.
//!
//! The rule is *raise to, never by*. The target is a function of the time waited:
//!
//! ```text
//! target = base, climbed up the ladder as far as the wait goes, + offset + credit;   within floor and cap
//! ```
//!
//! A repeated, late or doubled decision therefore comes to the same number, an outage is caught up by one write, and nothing
//! drifts: due times count from the moment the callback entered its queue, or from the one its caller entered the first.
//! What this module does not do: it never lowers, and it knows nothing of how a priority is read or written.

mod facts;

pub mod hours;

pub mod ladder;

mod origin;

pub mod rules;

mod words;

use std::time::Duration;

use jiff::Timestamp;

use crate::{
    clock::elapsed,
    conversation::{Priority, Waiting},
};

pub use origin::NoTime;

use self::{
    hours::{Hours, later},
    ladder::{Every, Ladder},
};

/// How waiting callbacks gain priority.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Points by time.
    pub ladder: Ladder,
    /// Whose wait climbs it.
    pub climber: Climber,
    /// Points that a callback gets as soon as it has entered its queue; one point is worth one minute of queue time.
    pub offset: u32,
    /// Whether the caller's wait before that is worth points as well.
    pub credit: Credit,
    /// Priority that a callback has at least; absent: whatever it arrives with.
    pub min_priority: Option<Priority>,
    /// Priority above which nothing is raised; absent: the platform's own maximum.
    pub max_priority: Option<Priority>,
    /// Rungs after which nothing more is raised; absent: until answered or ended.
    pub max_raises: Option<u32>,
    /// When raises are made; absent: always.
    pub hours: Option<Hours>,
}

/// Whose wait climbs the ladder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Climber {
    /// The callback's own, since it entered its queue.
    #[default]
    Callback,
    /// The caller's, since they first entered one: the ladder is the one that calls climb.
    Caller,
}

/// Whether the wait before the callback's own is worth points, one a whole minute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Credit {
    /// It is not.
    #[default]
    None,
    /// It is. Whole minutes only, so that a callback is put behind nobody who came later by a minute or more, and before
    /// nobody who came earlier.
    Waited,
}

/// What the points of a visit are added to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Base {
    /// The priority before our first raise, or the one that somebody else set since.
    pub priority: Priority,
    /// The moment up to which what was due is in it: only what falls due later is added. Absent: nothing is.
    pub until: Option<Timestamp>,
}

/// What is next for one waiting callback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Write this priority now.
    Raise(Raise),
    /// Nothing is due before `until`.
    Wait {
        /// When the next step is due.
        until: Timestamp,
    },
    /// No raise will ever be due again in this visit.
    Done(Limit),
}

/// A raise that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Raise {
    /// The priority to write: absolute, with all steps due by now in it.
    pub to: Priority,
    /// How many rungs of the ladder are in it; with none of them it is a head start.
    pub step: u32,
    /// When the first of the steps in it became due: lateness counts from here.
    pub due: Timestamp,
}

/// Which of the policy's ends was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Limit {
    /// All raises that `max_raises` allows were made.
    MaxRaises,
    /// The priority is at `max_priority`, or at the platform's own maximum.
    MaxPriority,
    /// The ladder goes no higher.
    LastStep,
    /// The rules leave it alone.
    LeftAlone,
}

impl Policy {
    /// A point or more after each `wait`, for ever: the form that the settings begin with. `wait` is never zero, and
    /// `increment` at least 1.
    #[must_use]
    pub fn linear(wait: Duration, increment: u32) -> Self {
        Self {
            ladder: Ladder {
                then: Some(Every {
                    every: wait,
                    add: increment,
                }),
                ..Ladder::default()
            },
            ..Self::default()
        }
    }

    /// What is next for a callback seen `waiting` at `now`, whose points count from `base`.
    #[must_use]
    pub fn next(&self, base: Base, waiting: &Waiting, now: Timestamp) -> Step {
        if waiting.priority >= self.ceiling() {
            return Step::Done(Limit::MaxPriority);
        }
        let due = match self.due_above(base, waiting) {
            Ok(due) => due,
            Err(limit) => return Step::Done(limit),
        };
        let until = due.max(self.opening(now));
        if until > now {
            return Step::Wait { until };
        }
        let step = self.step_at(waiting, now);
        let to = self.target(base, waiting, step);
        Step::Raise(Raise { to, step, due })
    }

    /// The priority that a callback has once this many rungs are behind it.
    #[must_use]
    pub fn target(&self, base: Base, waiting: &Waiting, step: u32) -> Priority {
        let mut priority = self.climbed(base, waiting, step);
        priority = priority.plus(self.brought(base, waiting));
        if base.until.is_none() {
            priority = priority.max(self.min_priority.unwrap_or(priority));
        }
        priority.min(self.ceiling().max(base.priority))
    }

    /// How many rungs a callback has behind it.
    #[must_use]
    pub fn step_at(&self, waiting: &Waiting, now: Timestamp) -> u32 {
        let start = self.start(waiting);
        let waited = match &self.hours {
            Some(hours) => hours.waited(start, now),
            None => elapsed(start, now),
        };
        let most = self.max_raises.unwrap_or(u32::MAX);
        self.ladder.rungs_after(waited).min(most)
    }

    /// When the rung after this many is climbed, or why there is none. What the caller climbed before is due at the
    /// callback's own entry.
    ///
    /// # Errors
    /// Where nothing more will ever be due.
    pub fn due_after(&self, waiting: &Waiting, step: u32) -> Result<Timestamp, Limit> {
        if self.max_raises.is_some_and(|most| step >= most) {
            return Err(Limit::MaxRaises);
        }
        let next = step
            .checked_add(1)
            .and_then(|next| self.ladder.time_of(next));
        let waited = next.ok_or(Limit::LastStep)?;
        let start = self.start(waiting);
        let due = match &self.hours {
            Some(hours) => hours.after(start, waited),
            None => later(start, waited),
        };
        Ok(due.max(self.opening(waiting.since)))
    }

    /// Points for the wait before the callback's own.
    #[must_use]
    pub fn credit_of(&self, waiting: &Waiting) -> i64 {
        if self.credit == Credit::None {
            return 0;
        }
        let before = elapsed(waiting.origin, waiting.since);
        i64::try_from(before.as_nanos() / Priority::WORTH.as_nanos()).unwrap_or(i64::MAX)
    }

    /// Whether it matters how long the caller has waited before.
    #[must_use]
    pub fn counts_the_callers_wait(&self) -> bool {
        self.climber == Climber::Caller || self.credit == Credit::Waited
    }

    /// Mean time between raises in the long run; nothing where there are none beyond a head start.
    #[must_use]
    pub fn interval(&self) -> Option<Duration> {
        self.ladder.interval()
    }

    /// What the ladder alone makes of the base.
    fn climbed(&self, base: Base, waiting: &Waiting, step: u32) -> Priority {
        self.ladder
            .climb(base.priority, self.steps_in(base, waiting), step)
    }

    /// When the first step is due whose target is above the priority that is seen, or why there is none.
    fn due_above(&self, base: Base, waiting: &Waiting) -> Result<Timestamp, Limit> {
        let before = self.steps_in(base, waiting);
        if self.target(base, waiting, before) > waiting.priority {
            return Ok(self.opening(waiting.since));
        }
        let missing = waiting.priority.plus(-self.brought(base, waiting));
        let first = self.ladder.first_above(missing, base.priority, before);
        match first {
            Some(first) => self.due_after(waiting, first - 1),
            None => Err(Limit::LastStep),
        }
    }

    /// How many rungs are in the base.
    fn steps_in(&self, base: Base, waiting: &Waiting) -> u32 {
        base.until.map_or(0, |until| self.step_at(waiting, until))
    }

    /// Points beside the ladder's: the head start, which is in what somebody else has set.
    fn brought(&self, base: Base, waiting: &Waiting) -> i64 {
        match base.until {
            Some(_) => 0,
            None => i64::from(self.offset).saturating_add(self.credit_of(waiting)),
        }
    }

    /// The moment from which the ladder is climbed.
    fn start(&self, waiting: &Waiting) -> Timestamp {
        match self.climber {
            Climber::Callback => waiting.since,
            Climber::Caller => waiting.origin.min(waiting.since),
        }
    }

    /// The first moment from this one on at which raises are made.
    fn opening(&self, from: Timestamp) -> Timestamp {
        self.hours
            .as_ref()
            .map_or(from, |hours| hours.opening(from))
    }

    /// The priority above which nothing is raised.
    fn ceiling(&self) -> Priority {
        self.max_priority.unwrap_or(Priority::MAX)
    }
}

#[cfg(test)]
mod tests;
