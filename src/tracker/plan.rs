//! What is decided for a visit when it arrives: which rule is for it, and since when its caller waits.

use std::sync::Arc;

use jiff::Timestamp;
use tracing::debug;

use super::{Next, Outcome, Tracker};
use crate::{
    conversation::{Priority, Waiting},
    policy::{Base, Limit, Policy, rules::Choice},
};

impl Tracker {
    /// Asks the policy of the visit; nothing before it was decided, or where that was by other rules than those in force,
    /// and where it is left alone.
    pub(super) fn by_policy<T>(&self, ask: impl FnOnce(&Policy) -> T) -> Option<T> {
        let now = self.context.orders.now();
        let choice = self.choice.filter(|_| self.edition == now.edition)?;
        let treatment = now.rules.treatment(choice);
        treatment.map(|treatment| ask(&treatment.policy))
    }

    /// Whether what was decided for the visit was decided by other rules than those in force.
    pub(super) fn is_outdated(&self) -> bool {
        self.choice.is_some() && self.edition != self.context.orders.now().edition
    }

    /// Forgets what was decided by other rules than those in force. The visit and its times stay.
    pub(super) fn heed_new_rules(&mut self) {
        if !self.is_outdated() {
            return;
        }
        (self.choice, self.first_step) = (None, 0);
        if let Some(seen) = &mut self.seen {
            seen.origin = seen.since;
        }
    }

    /// Until when a callback is not raised because an operator wants it so; nothing where it may be.
    pub(super) fn paused_until(&self, waiting: &Waiting) -> Option<Timestamp> {
        let (orders, now) = (self.context.orders.now(), self.context.now());
        match &orders.pauses {
            Some(pauses) => pauses.end_for(waiting.queue.as_ref(), now),
            // They are told as soon as they are known.
            None => Some(Timestamp::MAX),
        }
    }

    /// Decides what holds for a visit that arrived with this priority, and completes what is known of its wait; nothing where
    /// a look must show more of it first.
    pub(super) fn plan(&mut self, waiting: &mut Waiting, arrived: Priority) -> Option<Choice> {
        if self.choice.is_some() {
            return self.choice;
        }
        let context = Arc::clone(&self.context);
        let orders = context.orders.now();
        let rules = &orders.rules;
        if rules.ask_for_the_whole() && waiting.background.is_none() {
            return None;
        }
        let facts = self.context.names.facts(waiting, arrived);
        let choice = rules.choose(&facts);
        if let Some(treatment) = rules.treatment(choice) {
            match treatment.origin(&facts, waiting.since) {
                Ok(origin) => waiting.origin = origin,
                Err(no_time) => self.say_timeless(waiting, no_time),
            }
        }
        waiting.background = None;
        (self.choice, self.edition) = (Some(choice), orders.edition);
        self.seen = Some(waiting.clone());
        if let (Some(_), Some(treatment)) = (self.raising_since, rules.treatment(choice)) {
            // Under the rules before it had another share of the budget, which was forgotten with them.
            self.context.pace.counts(treatment.policy.interval());
        }
        self.choice
    }

    /// Takes over what was decided for the visit from an earlier sight of it.
    pub(super) fn complete(&self, waiting: &mut Waiting) {
        if let (Some(_), Some(known)) = (self.choice, &self.seen) {
            waiting.origin = known.origin;
            waiting.background = None;
        }
    }

    /// A rule leaves the visit alone.
    pub(super) fn left_alone(&mut self, waiting: &Waiting, choice: Choice) -> Next {
        if self.raising_since.is_some() {
            // By rules that are new.
            return self.limited(Limit::LeftAlone, waiting);
        }
        debug!(
            conversation_id = %self.id,
            visit = %waiting.visit.leg,
            queue_id = waiting.queue.as_ref().map(display),
            reason = self.context.orders.now().rules.name(choice),
            "callback left alone"
        );
        let base = Base {
            priority: waiting.priority,
            until: None,
        };
        self.show(waiting, base, None, None);
        let leg = waiting.visit.leg.clone();
        Next::End(Outcome::Limited(Limit::LeftAlone, leg, waiting.priority))
    }
}
