//! How a visit ends for us: the wait is over, or nothing more will be due in it.

use super::{Next, Outcome, Tracker};
use crate::{
    conversation::{Ending, Waiting},
    policy::Limit,
};

impl Tracker {
    /// Says how the visit ended, if there was one, and forgets it.
    pub(super) async fn leave_visit(&mut self, outcome: &str) {
        let Some(left) = self.raised_visit().cloned() else {
            return;
        };
        self.raises_no_more();
        self.say_finished(&left, outcome);
        let now = self.context.now();
        if let Err(error) = self.context.journal.close(&left.visit, now).await {
            self.journal_failed(&error);
        }
    }

    /// The wait is over.
    pub(super) async fn over(&mut self, ending: Ending) -> Next {
        if self.raising_since.is_some() {
            self.context.status.update(|now| match ending {
                Ending::Answered => now.answered += 1,
                Ending::Ended | Ending::LeftQueue | Ending::NotACallback => now.left += 1,
            });
        }
        self.leave_visit(match ending {
            Ending::Answered => "answered",
            Ending::Ended => "ended",
            Ending::LeftQueue | Ending::NotACallback => "left_queue",
        })
        .await;
        Next::End(Outcome::Over(ending))
    }

    /// No raise will be due any more in this visit.
    pub(super) fn limited(&mut self, limit: Limit, waiting: &Waiting) -> Next {
        // The entry stays: should the callback come up again, its base must still be known.
        if self.raising_since.is_some() {
            self.raises_no_more();
            self.context.status.update(|now| now.limited += 1);
            let outcome = match limit {
                Limit::MaxRaises => "max_raises",
                Limit::MaxPriority => "max_priority",
                Limit::LastStep => "last_step",
                Limit::LeftAlone => "left_alone",
            };
            self.say_finished(waiting, outcome);
        }
        let leg = waiting.visit.leg.clone();
        Next::End(Outcome::Limited(limit, leg, waiting.priority))
    }
}
