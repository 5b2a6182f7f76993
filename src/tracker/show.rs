//! What a tracker shows of its callback, beside what it says in the log.

use std::collections::VecDeque;

use jiff::Timestamp;

use super::Tracker;
use crate::{
    conversation::{Priority, Waiting},
    journal::{Entry, Write},
    policy::{Base, Limit, Policy, Raise, Step, rules::Choice},
    status::{Callback, Change, Event, Last, Outcome, Outlook},
};

impl Tracker {
    /// Shows the callback as it was decided about: what is next, or where there is no policy, that it is left alone. The
    /// journal's entry tells of its past, where it was asked.
    pub(super) fn show(
        &self,
        waiting: &Waiting,
        base: Base,
        step: Option<&Step>,
        entry: Option<&Entry>,
    ) {
        let status = &self.context.status;
        status.show(&self.id, waiting.since, || {
            let last = entry.and_then(|entry| entry.last.as_ref());
            let queue = waiting.queue.as_ref();
            Callback {
                conversation: self.id.clone(),
                queue_id: waiting.queue.clone(),
                queue: queue.and_then(|id| self.context.names.queue(id)),
                rule: self.rule_name(),
                since: waiting.since,
                base: base.priority,
                priority: waiting.priority,
                next: self.outlook(waiting, base, step),
                last: last.map(|write| Last {
                    at: write.at,
                    outcome: Outcome::Raised,
                }),
                changes: last.map(change).into_iter().collect::<VecDeque<_>>(),
            }
        });
    }

    /// The rule that is for it, in the words of whoever wrote it.
    fn rule_name(&self) -> String {
        let choice = self.choice.unwrap_or(Choice::Otherwise);
        self.context.orders.now().rules.name(choice).to_owned()
    }

    /// What comes next.
    fn outlook(&self, waiting: &Waiting, base: Base, step: Option<&Step>) -> Outlook {
        let outlook = match step {
            Some(Step::Raise(raise)) => self.after_refusal(waiting, base, raise),
            Some(Step::Done(limit)) => Outlook::Never {
                reason: (*limit).into(),
            },
            Some(Step::Wait { until }) => Outlook::Raise {
                at: *until,
                to: self.by_policy(|policy| {
                    policy.target(base, waiting, policy.step_at(waiting, *until))
                }),
                closed: self.is_closed(*until),
            },
            None => Outlook::Never {
                reason: Limit::LeftAlone.into(),
            },
        };
        self.or_paused(waiting, outlook)
    }

    /// The same, where no pause outlasts the time to the next raise.
    fn or_paused(&self, waiting: &Waiting, outlook: Outlook) -> Outlook {
        let due = match outlook {
            Outlook::Raise { at, .. } => at,
            Outlook::Due { .. } => self.context.now(),
            Outlook::Paused { .. } | Outlook::Never { .. } => return outlook,
        };
        match self.paused_until(waiting) {
            Some(until) if until > due => Outlook::Paused {
                until: Some(until).filter(|until| *until < Timestamp::MAX),
            },
            _ => outlook,
        }
    }

    /// What comes next where something is due: that, or the step after it where it was refused or told before.
    fn after_refusal(&self, waiting: &Waiting, base: Base, raise: &Raise) -> Outlook {
        if raise.step >= self.first_step {
            return Outlook::Due { since: raise.due };
        }
        let next = self.by_policy(|policy| match policy.due_after(waiting, raise.step) {
            Ok(at) => Outlook::Raise {
                at,
                to: Some(policy.target(base, waiting, raise.step + 1)),
                closed: false,
            },
            Err(limit) => Outlook::Never {
                reason: limit.into(),
            },
        });
        next.unwrap_or(Outlook::Due { since: raise.due })
    }

    /// Whether nothing is raised before then because business hours begin then.
    fn is_closed(&self, until: Timestamp) -> bool {
        let now = self.context.now();
        let opens = |policy: &Policy| {
            let hours = policy.hours.as_ref();
            hours.is_some_and(|hours| hours.opening(now) == until)
        };
        self.by_policy(opens).unwrap_or_default()
    }

    /// Shows that our write is there.
    pub(super) fn show_raised(&self, write: &Write, to: Priority) {
        let done = Change {
            to,
            ..change(write)
        };
        let status = &self.context.status;
        status.changed(&self.id, done, Outcome::Raised);
        self.happened(false, format!("raised from {} to {to}", write.from));
    }

    /// Shows that another replica has raised the callback, where the journal says so and it was not shown before.
    pub(super) fn show_elsewhere(&self, waiting: &Waiting, entry: &Entry) {
        if !self.context.genesys.has_replicas() {
            return;
        }
        let open = entry.open.iter().rev().map(|open| &open.write);
        let at_it = open.into_iter().find(|write| write.to == waiting.priority);
        let Some(write) = at_it.or(entry.last.as_ref()) else {
            return;
        };
        if self
            .context
            .status
            .raised_elsewhere(&self.id, change(write))
        {
            let words = format!(
                "raised from {} to {} by another replica",
                write.from, write.to
            );
            self.happened(false, words);
        }
    }

    /// Shows that somebody else has changed the priority.
    pub(super) fn show_foreign(&self, from: Priority, to: Priority) {
        let at = self.context.now();
        let change = Change { at, from, to };
        let status = &self.context.status;
        status.changed(&self.id, change, Outcome::Foreign);
        self.happened(
            false,
            format!("somebody else changed it from {from} to {to}"),
        );
    }

    /// Shows that something was tried or told.
    pub(super) fn show_tried(&self, outcome: Outcome, words: String) {
        let at = self.context.now();
        self.context.status.noted(&self.id, at, outcome);
        let bad = matches!(outcome, Outcome::Refused | Outcome::Unanswered);
        self.happened(bad, words);
    }

    /// Shows that something has happened to the callback.
    pub(super) fn happened(&self, bad: bool, words: impl Into<String>) {
        self.context.status.happened(Event {
            at: self.context.now(),
            bad,
            conversation: Some(self.id.clone()),
            words: words.into(),
        });
    }
}

/// A write as a change of the priority.
fn change(write: &Write) -> Change {
    Change {
        at: write.at,
        from: write.from,
        to: write.to,
    }
}
