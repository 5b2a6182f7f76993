//! What the journal knows of the visit, understood in the light of what is seen; and what to do while it knows nothing.

use jiff::Timestamp;
use tracing::debug;

use super::{Next, Outcome, Tracker};
use crate::{
    conversation::Waiting,
    journal::{Commit, Entry, JournalError, Meaning},
    policy::Base,
};

impl Tracker {
    /// The visit's entry, after what is seen now has been understood; nothing where only a look can say what holds now:
    /// another owner of the journal was faster, or an event, which may be late, contradicts the journal.
    pub(super) async fn entry(&self, waiting: &Waiting) -> Result<Option<Entry>, JournalError> {
        let (journal, visit) = (&self.context.journal, &waiting.visit);
        let now = self.context.now();
        let entry = journal.entry(waiting, now).await?;
        let noted = match entry.meaning(waiting.priority, now) {
            Meaning::Expected => return Ok(Some(entry)),
            Meaning::Arrived(open) => {
                let noted = journal.arrived(visit, entry.fence, open.fence, now).await?;
                if noted == Commit::Done {
                    self.raised(waiting, &open.write, waiting.priority);
                }
                noted
            }
            Meaning::Foreign if self.looked_at.is_none() => return Ok(None),
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

    /// The moment that somebody else's change comes after: of the newest write, so that what is overdue is made good on top
    /// of the change. At the highest priority steps fall due that are never written; those that did while it was seen there
    /// are not made good.
    fn time_of_change(&self, waiting: &Waiting, entry: &Entry) -> Timestamp {
        let settled = self.settled.as_deref().map(|(_, seen)| *seen);
        // Before the first write nothing but the head start can be in it.
        let written = entry.written_until().unwrap_or(waiting.since);
        settled.map_or(written, |seen| written.max(seen))
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
