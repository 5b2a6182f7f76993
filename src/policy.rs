//! When to raise, by how much, when to stop. Pure: no clock, no client, no async.
//!
//! The rule is *raise to, never by*. The target is a function of the time waited:
//!
//! ```text
//! target = base + increment * (steps due - the step the base counts from),   steps due = waited / wait
//! ```
//!
//! capped by `max_raises` steps and by `max_priority`. A repeated, late or doubled decision therefore comes to the same
//! number, an outage is caught up by one write, and nothing drifts: due times count from the moment the callback
//! entered its queue. What this module does not do: it never lowers, and it knows nothing of how a priority is read
//! or written.

use std::time::Duration;

use jiff::Timestamp;

use crate::{
    clock::elapsed,
    conversation::{Priority, Waiting},
};

/// How waiting callbacks gain priority: `increment` points after each `wait`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Time from one raise to the next; the first is due one `wait` after queue entry. Never zero.
    pub wait: Duration,
    /// Points gained at each step; one point is worth one minute of queue time. At least 1.
    pub increment: u32,
    /// Steps after which nothing more is raised; absent: until answered or ended.
    pub max_raises: Option<u32>,
    /// Priority above which nothing is raised; absent: the platform's own maximum.
    pub max_priority: Option<Priority>,
}

/// What the points of a visit are added to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Base {
    /// The priority before our first raise, or the one that somebody else set since.
    pub priority: Priority,
    /// The step from which points are added: 0 at queue entry, the last step written where somebody else
    /// changed the priority later.
    pub step: u32,
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
    /// The newest step due, counted from queue entry.
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
}

impl From<&crate::settings::Policy> for Policy {
    fn from(written: &crate::settings::Policy) -> Self {
        let crate::settings::Policy {
            wait,
            increment,
            max_raises,
            max_priority,
        } = *written;
        Self {
            wait,
            increment: increment.get(),
            max_raises,
            max_priority,
        }
    }
}

impl Policy {
    /// What is next for a callback seen `waiting` at `now`, whose points count from `base`.
    #[must_use]
    pub fn next(&self, base: Base, waiting: &Waiting, now: Timestamp) -> Step {
        if self.is_at_the_top(waiting.priority) {
            return Step::Done(Limit::MaxPriority);
        }
        let due = self.steps_due(elapsed(waiting.since, now));
        let step = due.min(self.max_raises.unwrap_or(u32::MAX));
        let to = self.target(base, step);
        if to > waiting.priority {
            return Step::Raise(Raise {
                to,
                step,
                due: self.due_at(waiting.since, self.first_missing(base, waiting.priority)),
            });
        }
        if Some(step) == self.max_raises {
            return Step::Done(Limit::MaxRaises);
        }
        Step::Wait {
            until: self.due_at(waiting.since, due.saturating_add(1)),
        }
    }

    /// The priority a callback has once `step` is due.
    #[must_use]
    pub fn target(&self, base: Base, step: u32) -> Priority {
        let steps = step.saturating_sub(base.step);
        let points = i64::from(self.increment).saturating_mul(steps.into());
        base.priority
            .plus(points)
            .min(self.ceiling().max(base.priority))
    }

    /// The first step whose target is above this priority.
    fn first_missing(&self, base: Base, priority: Priority) -> u32 {
        let gained = priority.points() - base.priority.points();
        let steps = gained.max(0) / i64::from(self.increment);
        let steps = u32::try_from(steps).unwrap_or(u32::MAX);
        base.step.saturating_add(steps).saturating_add(1)
    }

    /// How many steps are due after this time in queue.
    #[must_use]
    pub fn steps_due(&self, waited: Duration) -> u32 {
        let steps = waited.as_nanos() / self.wait.as_nanos().max(1);
        u32::try_from(steps).unwrap_or(u32::MAX)
    }

    /// When `step` is due for a callback that entered its queue at `since`.
    #[must_use]
    pub fn due_at(&self, since: Timestamp, step: u32) -> Timestamp {
        since
            .saturating_add(self.wait.saturating_mul(step))
            .unwrap_or(Timestamp::MAX)
    }

    /// Whether nothing is raised above this priority.
    #[must_use]
    pub fn is_at_the_top(&self, priority: Priority) -> bool {
        priority >= self.ceiling()
    }

    /// The priority above which nothing is raised.
    fn ceiling(&self) -> Priority {
        self.max_priority.unwrap_or(Priority::MAX)
    }
}

#[cfg(test)]
mod tests;
