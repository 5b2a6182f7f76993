//! What a tracker says: its log lines, and the counts that go with them.
//!
//! The messages are constants that operators search for; what differs is in the fields.

use std::sync::PoisonError;

use tracing::{debug, field::display, info, warn};

use super::Tracker;
use crate::{
    clock::{elapsed, millis},
    conversation::{Priority, Waiting},
    genesys::{Failure, FailureKind},
    journal::{Entry, Write},
    policy::{NoTime, Raise, rules::Choice},
    source::notifications::Follow,
    status::Outcome,
};

impl Tracker {
    /// Says that a write is there: the platform has confirmed it, or it was seen.
    pub(super) fn raised(&self, waiting: &Waiting, write: &Write, to: Priority) {
        let late = elapsed(write.due, write.at);
        info!(
            conversation_id = %self.id,
            visit = %waiting.visit.leg,
            queue_id = waiting.queue.as_ref().map(display),
            from = write.from.points(),
            to = to.points(),
            step = write.step,
            waited_s = elapsed(waiting.since, write.at).as_secs(),
            late_ms = millis(late),
            "priority raised"
        );
        self.context.status.update(|now| now.raises += 1);
        self.show_raised(write, to);
        // What was due before this tracker knew of the visit says nothing about keeping a schedule.
        if self.raising_since.is_some_and(|since| since <= write.due) {
            self.context.status.count_late(late);
            self.context.pace.note(late, &self.context.status);
        }
    }

    /// Says what a dry run would have raised.
    pub(super) fn tell(&mut self, waiting: &Waiting, raise: Raise) {
        self.first_step = raise.step.saturating_add(1);
        self.context.status.update(|now| now.would_be_raised += 1);
        info!(
            conversation_id = %self.id,
            visit = %waiting.visit.leg,
            queue_id = waiting.queue.as_ref().map(display),
            from = waiting.priority.points(),
            to = raise.to.points(),
            step = raise.step,
            dry_run = true,
            "priority would be raised"
        );
        let words = format!("would be raised from {} to {}", waiting.priority, raise.to);
        self.show_tried(Outcome::Told, words);
    }

    /// Notes that a claim had ended before its write was noted, and another replica has claimed since. What holds now shows
    /// when the callback is looked at.
    pub(super) fn claim_lost(&self, write: &Write) {
        self.context.status.update(|now| now.claims_lost += 1);
        warn!(
            conversation_id = %self.id,
            to = write.to.points(),
            step = write.step,
            "claim lost: this raise took longer than its claim lasted, and another replica took over; looking again"
        );
    }

    /// Says that an older write of ours has lowered the priority.
    pub(super) fn say_overtaken(&self, waiting: &Waiting, entry: &Entry) {
        info!(
            conversation_id = %self.id,
            visit = %waiting.visit.leg,
            from = entry.expected().points(),
            to = waiting.priority.points(),
            "an overtaken write has arrived after a newer one: raising again"
        );
        self.context.status.update(|now| now.repairs += 1);
    }

    /// Notes that no answer to a raise has come. Whether it arrived shows when the callback is looked at.
    pub(super) fn unanswered(&self, write: &Write) {
        self.context.status.update(|now| now.unanswered_raises += 1);
        let words = format!("no answer came to a raise to {}", write.to);
        self.show_tried(Outcome::Unanswered, words);
    }

    /// Notes that the platform refused a raise. A look will show whether the callback waits at all; if it does, the
    /// step is passed over and the next one is tried.
    pub(super) fn refused(&mut self, waiting: &Waiting, step: u32, failure: &Failure) {
        self.first_step = step.saturating_add(1);
        self.context.status.update(|now| now.refused_raises += 1);
        self.show_tried(Outcome::Refused, "the platform refused a raise".to_owned());
        let queue = waiting.queue.as_ref().map(display);
        let denied = failure.kind == FailureKind::Denied;
        if denied && !self.denied_first(waiting) {
            debug!(
                conversation_id = %self.id,
                queue_id = queue,
                error = %failure,
                "raise not allowed, as before"
            );
        } else if denied {
            warn!(
                queue_id = queue,
                error = %failure,
                correlation_id = failure.correlation_id(),
                "not allowed to raise in this queue: give the OAuth client's role routing:conversation:edit in the queue's division"
            );
        } else {
            info!(
                conversation_id = %self.id,
                queue_id = queue,
                error = %failure,
                correlation_id = failure.correlation_id(),
                "raise refused"
            );
        }
    }

    /// Says that raises in the queue are allowed, where they were not before.
    pub(super) fn say_allowed(&self, waiting: &Waiting) {
        let mut denied = self
            .context
            .denied
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if denied.remove(&waiting.queue) {
            let queue = waiting.queue.as_ref().map(display);
            info!(queue_id = queue, "raises in this queue are allowed again");
        }
    }

    /// Whether this is the first refusal in the queue since raises were allowed.
    pub(super) fn denied_first(&self, waiting: &Waiting) -> bool {
        let mut denied = self
            .context
            .denied
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        denied.insert(waiting.queue.clone())
    }

    /// Takes up a visit.
    pub(super) fn enter_visit(&mut self, waiting: &Waiting) {
        let now = self.context.now();
        self.first_step = 0;
        self.raises_since(now);
        let choice = self.choice.unwrap_or(Choice::Otherwise);
        // The receiver ends only with the daemon.
        let _ended = self.context.follows.send(Follow::Start(self.id.clone()));
        info!(
            conversation_id = %self.id,
            visit = %waiting.visit.leg,
            queue_id = waiting.queue.as_ref().map(display),
            priority = waiting.priority.points(),
            waited_s = elapsed(waiting.since, now).as_secs(),
            rule = self.context.orders.now().rules.name(choice),
            "callback tracked"
        );
        self.happened(false, "tracked");
    }

    /// Says that the caller's wait is not told by the attribute that should.
    pub(super) fn say_timeless(&self, waiting: &Waiting, no_time: NoTime) {
        self.context.status.update(|now| now.timeless += 1);
        let mut said = self
            .context
            .timeless
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if said.insert(waiting.queue.clone()) {
            warn!(
                conversation_id = %self.id,
                queue_id = waiting.queue.as_ref().map(display),
                error = %no_time,
                "the caller's wait is counted from the callback's own entry: mend the flow that sets the attribute; said once for each queue"
            );
        }
    }

    /// Says that somebody else changed the priority since the entry was written.
    pub(super) fn say_foreign(&self, waiting: &Waiting, entry: &Entry) {
        info!(
            conversation_id = %self.id,
            visit = %waiting.visit.leg,
            from = entry.expected().points(),
            to = waiting.priority.points(),
            "priority changed by someone else: it is the new base"
        );
        self.context.status.update(|now| now.foreign_changes += 1);
        self.show_foreign(entry.expected(), waiting.priority);
    }

    /// Says how a visit ended.
    pub(super) fn say_finished(&self, left: &Waiting, outcome: &str) {
        info!(
            conversation_id = %self.id,
            visit = %left.visit.leg,
            queue_id = left.queue.as_ref().map(display),
            outcome,
            "callback finished"
        );
        self.happened(false, format!("finished: {}", outcome.replace('_', " ")));
    }
}
