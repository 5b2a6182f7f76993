//! What is decided for a visit when it arrives: which rule is for it, and since when its caller waits.

use tracing::debug;

use super::{Next, Outcome, Tracker};
use crate::{
    conversation::{Priority, Waiting},
    policy::{Base, Limit, Policy, rules::Choice},
};

impl Tracker {
    /// The policy of the visit; nothing before that was decided, and where it is left alone.
    pub(super) fn policy(&self) -> Option<&Policy> {
        let treatment = self.context.rules.treatment(self.choice?);
        treatment.map(|treatment| &treatment.policy)
    }

    /// Decides what holds for a visit that arrived with this priority, and completes what is known of its wait; nothing where
    /// a look must show more of it first.
    pub(super) fn plan(&mut self, waiting: &mut Waiting, arrived: Priority) -> Option<Choice> {
        if self.choice.is_some() {
            return self.choice;
        }
        let rules = &self.context.rules;
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
        self.choice = Some(choice);
        self.seen = Some(waiting.clone());
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
        debug!(
            conversation_id = %self.id,
            visit = %waiting.visit.leg,
            queue_id = waiting.queue.as_ref().map(display),
            reason = self.context.rules.name(choice),
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
