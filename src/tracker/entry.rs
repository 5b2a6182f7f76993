//! What the journal knows of the visit, understood in the light of what is seen; and what to do while it knows nothing.

use std::time::Duration;

use jiff::Timestamp;
use tracing::debug;

use super::{Next, Outcome, Tracker};
use crate::{
    clock::elapsed,
    conversation::Waiting,
    journal::{Commit, Entry, JournalError, Meaning, READ_LAG},
    policy::Base,
};

/// Time between looks at a callback that needs no raise, while a write that would lower it may arrive.
const UNSETTLED: Duration = Duration::from_mins(1);

impl Tracker {
    /// The visit's entry, after what is seen now has been understood; nothing where only a look can say what holds now:
    /// another owner of the journal was faster, or an event, which may be late, contradicts the journal.
    pub(super) async fn entry(&mut self, waiting: &Waiting) -> Result<Option<Entry>, JournalError> {
        let now = self.context.now();
        let entry = self.context.journal.entry(waiting, now).await?;
        self.entry.learn(entry.fence);
        let (journal, visit) = (&self.context.journal, &waiting.visit);
        let noted = match entry.meaning(waiting.priority, now) {
            Meaning::Expected => {
                self.show_elsewhere(waiting, &entry);
                return Ok(Some(entry));
            }
            Meaning::Arrived(open) => {
                let noted = journal.arrived(visit, entry.fence, open.fence, now).await?;
                if noted == Commit::Done {
                    self.raised(waiting, &open.write, waiting.priority);
                }
                noted
            }
            Meaning::Foreign if self.is_hearsay(&entry, now) => return Ok(None),
            Meaning::Foreign if self.is_overtaken(waiting, &entry).await? => {
                self.say_overtaken(waiting, &entry);
                return Ok(Some(entry));
            }
            Meaning::Foreign => {
                let base = Base {
                    priority: waiting.priority,
                    until: Some(self.time_of_change(waiting, &entry)),
                };
                let noted = journal.rebase(visit, entry.fence, base, now).await?;
                if noted == Commit::Done {
                    self.say_foreign(waiting, &entry);
                }
                noted
            }
        };
        match noted {
            Commit::Done => journal.entry(waiting, now).await.map(Some),
            Commit::Lost => Ok(None),
        }
    }

    /// Whether what is seen is not from a look, or from one that was asked for before the newest write that the journal knows
    /// of, or the newest change: another replica's, of which no event has come. The journal was asked at this time.
    ///
    /// An answer may be old when it is read: the platform took its time, or this process was stopped meanwhile. So the moment
    /// that counts is the first at which a look can have been made, and the last at which a write can have been.
    fn is_hearsay(&self, entry: &Entry, asked: Timestamp) -> bool {
        let Some(looked_at) = self.looked_at.map(|at| self.context.then(at)) else {
            return true;
        };
        if !self.entry.is_looked_on() {
            return true;
        }
        let took = Duration::from_millis(self.look_took.into());
        let uncertain = took + elapsed(asked, self.context.now());
        let written_at = entry.last.map(|write| write.at);
        written_at.is_some_and(|at| elapsed(at, looked_at) <= uncertain)
    }

    /// Whether what is seen is an older write of ours that arrived after a newer one, or after that was last seen. Nothing but
    /// us lowers a priority to exactly that, or as good as nothing.
    async fn is_overtaken(&self, waiting: &Waiting, entry: &Entry) -> Result<bool, JournalError> {
        if waiting.priority >= entry.expected() {
            return Ok(false);
        }
        let written = entry.last.map(|write| write.at).max(entry.base.until);
        let since = self.settled_until().max(written).unwrap_or(waiting.since);
        let (journal, now) = (&self.context.journal, self.context.now());
        let overtaken = journal.overtaken(&waiting.visit, since, now).await?;
        Ok(overtaken.contains(&waiting.priority))
    }

    /// When to look again at a callback that needs no raise by what is known; nothing where no older write of ours may still
    /// arrive and lower it. Sooner where what was taken for an answer from before the last write may be such a one.
    pub(super) async fn look_again(
        &self,
        waiting: &Waiting,
        entry: &Entry,
        was_behind: bool,
    ) -> Result<Option<Duration>, JournalError> {
        let now = self.context.now();
        let journal = &self.context.journal;
        let overtaken = journal.overtaken(&waiting.visit, now, now).await?;
        let lowers = overtaken.iter().any(|value| *value < entry.expected());
        let delay = if was_behind { READ_LAG } else { UNSETTLED };
        Ok(lowers.then_some(delay))
    }

    /// The moment that somebody else's change comes after: of the newest write, so that what is overdue is made good on top
    /// of the change. At the highest priority steps fall due that are never written; those that did while it was seen there
    /// are not made good.
    fn time_of_change(&self, waiting: &Waiting, entry: &Entry) -> Timestamp {
        // Before the first write nothing but the head start can be in it.
        let written = entry.written_until().unwrap_or(waiting.since);
        self.settled_until()
            .map_or(written, |seen| written.max(seen))
    }

    /// When it was last seen as it should be, while it needed no raise.
    fn settled_until(&self) -> Option<Timestamp> {
        self.settled.as_deref().map(|(_, seen)| *seen)
    }

    /// The journal does not work, so nothing may be written. Said once for all trackers, by the journal's watch.
    pub(super) fn journal_failed(&self, error: &JournalError) {
        debug!(conversation_id = %self.id, %error, "the journal failed");
    }

    /// What is next, or to wait for the journal where it does not work.
    pub(super) fn or_await_journal(&self, next: Result<Next, JournalError>) -> Next {
        next.unwrap_or_else(|error| {
            self.journal_failed(&error);
            Next::AwaitJournal
        })
    }

    /// Waits until the journal works. Looking meanwhile would spend requests on what may not be raised.
    pub(super) async fn await_journal(&self) -> Next {
        let works = self.context.status.until_journal_works(true);
        match self.context.stop.run_until_cancelled(works).await {
            Some(()) => Next::Look,
            None => Next::End(Outcome::Stopped),
        }
    }
}
