//! What the parts of the daemon tell the status.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::{
    Callback, Change, Event, Last, Outcome, Status, board::Board, due::Due, figures, lock,
};
use crate::{conversation::ConversationId, genesys::FailureKind};

impl Status {
    /// Its daemon has ended, for this reason, and another will be started.
    pub(crate) fn goes_down(&self, at: Timestamp, why: &str) {
        self.forget();
        self.tell(at, true, why);
        self.update(|now| now.down = Some(why.to_owned()));
    }

    /// Another daemon is to be started: what the one before knew is not known any more. What was counted stays.
    pub(crate) fn forget(&self) {
        *lock(&self.0.board) = Board::default();
        *lock(&self.0.due) = Due::default();
        *lock(&self.0.pulse) = None;
        *lock(&self.0.held_until) = None;
        self.update(|now| {
            (now.signed_in, now.swept, now.sighted) = (false, false, false);
            (now.tracked, now.sockets, now.replicas) = (0, 0, Vec::new());
            (now.capacity, now.expected_lag) = (None, Duration::ZERO);
            (now.journal_trouble, now.paused) = (None, Vec::new());
            (now.event_queue.read, now.event_queue.held) = (false, 0);
        });
    }

    /// Its daemon works.
    pub(crate) fn is_up(&self) {
        self.update(|now| now.down = None);
    }

    /// The fleet's loop turns.
    pub(crate) fn pulse(&self) {
        *lock(&self.0.pulse) = Some(Instant::now());
    }

    /// Something has happened.
    pub(crate) fn happened(&self, event: Event) {
        lock(&self.0.events).happened(event);
    }

    /// Something has happened to the daemon.
    pub(crate) fn tell(&self, at: Timestamp, bad: bool, words: impl Into<String>) {
        self.happened(Event {
            at,
            bad,
            conversation: None,
            words: words.into(),
        });
    }

    /// Shows a callback that waits since then as it was decided about, if it is among those that are shown.
    pub(crate) fn show(
        &self,
        id: &ConversationId,
        since: Timestamp,
        seen: impl FnOnce() -> Callback,
    ) {
        let mut board = lock(&self.0.board);
        if board.admits(id, since) {
            board.show(seen());
        }
    }

    /// The priority of a callback has changed.
    pub(crate) fn changed(&self, id: &ConversationId, change: Change, outcome: Outcome) {
        lock(&self.0.board).changed(id, change, outcome);
    }

    /// Another replica has raised a callback; whether that was not known before.
    pub(crate) fn raised_elsewhere(&self, id: &ConversationId, change: Change) -> bool {
        lock(&self.0.board).raised_elsewhere(id, change)
    }

    /// Something was done about a callback that changed no priority.
    pub(crate) fn noted(&self, id: &ConversationId, at: Timestamp, outcome: Outcome) {
        lock(&self.0.board).noted(id, Last { at, outcome });
    }

    /// A raise of this callback is due since then, and will be tried until it [`rests`](Self::rests).
    pub(crate) fn due(&self, id: &ConversationId, due: Timestamp) {
        lock(&self.0.due).begins(id, due);
        lock(&self.0.board).due(id, due);
    }

    /// What was due of this callback is done; nothing more is before then.
    pub(crate) fn rests(&self, id: &ConversationId, until: Timestamp) {
        lock(&self.0.due).done(id);
        lock(&self.0.board).rests(id, until);
    }

    /// This callback is tracked no more. It may wait on, and be shown.
    pub(crate) fn untracked(&self, id: &ConversationId) {
        lock(&self.0.due).forget(id);
    }

    /// This callback waits no more.
    pub(crate) fn waits_no_more(&self, id: &ConversationId) {
        lock(&self.0.board).forget(id);
    }

    /// Counts a request, and what came of it.
    pub(crate) fn count_request(
        &self,
        call: &'static str,
        failure: Option<FailureKind>,
        took: Duration,
    ) {
        lock(&self.0.last_minute).note();
        self.update(|now| {
            now.requests += 1;
            now.failed_requests += u64::from(failure.is_some());
            now.calls.entry(call).or_default().note(failure, took);
        });
    }

    /// Counts a raise that was so late.
    pub(crate) fn count_late(&self, late: Duration) {
        self.update(|now| now.late.note(&figures::LATENESS, late));
    }

    /// Counts a write to the journal that took so long.
    pub(crate) fn count_journal_write(&self, took: Duration) {
        self.update(|now| now.journal_writes.note(&figures::JOURNAL, took));
    }

    /// Counts a hold that the platform asked for.
    pub(crate) fn count_throttle(&self, now: Timestamp, hold: Duration) {
        let words = format!("the platform asked to hold for {}s", hold.as_secs());
        self.tell(now, true, words);
        *lock(&self.0.held_until) = Some(Instant::now() + hold);
        self.update(|now| now.throttled += hold);
    }

    /// Counts a frame that was passed over.
    pub(crate) fn count_strange_frame(&self) {
        self.update(|now| now.strange_frames += 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        replicas::{Deeds, Replica},
        status::EventQueue,
    };

    #[test]
    fn one_that_goes_down_reports_nothing_of_what_was_around_it() {
        let status = Status::default();
        status.update(|now| {
            now.replicas.push(Replica {
                place: 1,
                name: "north".to_owned(),
                since: Timestamp::UNIX_EPOCH,
                lives: true,
                me: true,
                deeds: Deeds::default(),
            });
            (now.capacity, now.expected_lag) = (Some(10), Duration::from_mins(1));
            (now.event_queue.read, now.event_queue.held) = (true, 3);
            (now.event_queue.received, now.raises) = (5, 7);
        });
        status.goes_down(Timestamp::UNIX_EPOCH, "the platform refuses this client");
        let now = status.snapshot();
        assert_eq!(now.replicas, []);
        assert_eq!((now.capacity, now.expected_lag), (None, Duration::ZERO));
        let counted = EventQueue {
            received: 5,
            ..EventQueue::default()
        };
        assert_eq!(
            (now.event_queue, now.raises),
            (counted, 7),
            "what was counted stays"
        );
    }
}
