//! What must not be forgotten about a visit: its base, and every write, claimed before and committed after.
//!
//! Everything else can be read from the platform again; the priority before our first raise cannot. A step is claimed
//! before its PATCH and committed after it, so that each (visit, step) is written by one owner, and a write whose answer
//! was lost is known to be ours when its value is seen later.
//!
//! Several owners may share one journal. Each claim has an owner, an end (`LEASE`), and a number that grows with
//! every claim of the visit: whatever is changed names the number that it was decided on, and an older one changes
//! nothing (compare-and-swap). So an owner that was asleep cannot undo what another did meanwhile.
//!
//! What owners that live at the same time share besides, is in `replicas`.
//!
//! Beside that it keeps what operators have paused. What to write is the policy's business, and what time it is, the
//! caller's.

#[cfg(test)]
mod conformance;

mod database;

mod history;

mod memory;

#[cfg(test)]
mod model;

#[cfg(feature = "postgres")]
mod postgres;

mod sqlite;

mod watched;

use std::{num::NonZeroI64, sync::Arc, time::Duration};

use async_trait::async_trait;
use jiff::Timestamp;

use crate::{
    clock::elapsed,
    conversation::{ConversationId, Kind, Organization, Priority, QueueId, Visit, Waiting},
    orders::Pause,
    policy::Base,
    replicas::Replicas,
};

pub(crate) use database::look_at_database;
pub use database::{Look, Unusable, in_database, open_database};
pub use history::{Change, Event, History, HistoryError, Outcome, Wanted, Written};
pub use memory::MemoryJournal;
#[cfg(feature = "postgres")]
pub use postgres::PostgresJournal;
pub use sqlite::{OpenError, SqliteJournal};
pub(crate) use watched::Watched;

/// How long a claim keeps other owners away. A write is not sent when less is left of it than a request may take
/// (`clock::Lease`); what is late all the same is an absolute value, and known as ours when it is seen
/// ([`Journal::overtaken`]).
pub(crate) const LEASE: Duration = Duration::from_secs(30);

/// How long after its claim a write may still arrive: it is sent within the claim, and what is on its way longer than that,
/// or was sent by a machine that stood still meanwhile, seldom outlives its connection. After that a priority that happens
/// to be its value is somebody's will.
pub(crate) const ARRIVES_WITHIN: Duration = Duration::from_mins(5);

/// How long after a write a read may still show what was before. The platform promises nothing; its reads are served
/// by several copies.
pub(crate) const READ_LAG: Duration = Duration::from_secs(10);

/// Difference within which two tellings of a time of entry mean the same stay.
pub(crate) const SAME_ENTRY: Duration = Duration::from_secs(1);

/// How exact the journal knows when a visit was last seen. Looks come often, and each would cost a durable write.
const SEEN_WITHIN: Duration = Duration::from_hours(1);

/// What keeps the journal from working. Nothing may be written while it does not.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the journal cannot be used: {what}")]
pub struct JournalError {
    /// What is wrong, and what to do about it.
    what: String,
}

impl JournalError {
    /// An error with these words: what is wrong, and what to do about it.
    #[must_use]
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into() }
    }
}

/// Who claims: one start of one daemon. Drawn at random, so that no two are ever the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Owner(String);

impl Owner {
    /// An owner that never was before.
    fn random() -> Self {
        let id = uuid::Builder::from_random_bytes(rand::random()).into_uuid();
        Self(id.to_string())
    }
}

/// The number of a visit's newest claim or change of base. Grows; what was decided on a smaller one is refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fence(i64);

impl From<NonZeroI64> for Fence {
    fn from(number: NonZeroI64) -> Self {
        Self(number.get())
    }
}

impl Fence {
    /// Its number; nothing before the first claim.
    pub(crate) fn number(self) -> Option<NonZeroI64> {
        NonZeroI64::new(self.0)
    }

    /// The number after this one.
    fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// A write: of a step, from what was seen, to the step's target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Write {
    /// Newest step in it.
    pub step: u32,
    /// Priority before.
    pub from: Priority,
    /// Priority written.
    pub to: Priority,
    /// When that step became due.
    pub due: Timestamp,
    /// Moment up to which all steps due are in it: when it was decided.
    pub covers: Timestamp,
    /// When it was claimed, and once it is committed, when that was.
    pub at: Timestamp,
}

/// A write that was claimed, and of whose outcome nothing is known yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Open {
    /// Number of its claim.
    pub fence: Fence,
    /// What was to be written.
    pub write: Write,
    /// Whether another owner is at it, which will note what comes of it. Not where its claim has ended.
    pub elsewhere: bool,
}

/// A write of which it is not known whether it arrives before a newer one or after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overtaken {
    /// Priority written.
    pub to: Priority,
    /// When it was claimed.
    pub at: Timestamp,
}

/// What is known of a visit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What points are added to.
    pub base: Base,
    /// The newest step that may be in the base: 0 before anything was written.
    pub base_step: u32,
    /// The last write that the platform confirmed.
    pub last: Option<Write>,
    /// Writes since then whose outcome is not known, oldest first: under way, or the answer was lost.
    pub open: Vec<Open>,
    /// What a claim or a change of base must name, to be made on this entry and no later one.
    pub fence: Fence,
}

/// A stay in a queue as it was noted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stay {
    /// Which visit it is.
    pub visit: Visit,
    /// When exactly it entered.
    pub entered: Timestamp,
    /// Of which kind it is.
    pub kind: Kind,
}

/// What a priority that was seen means to somebody who knows the entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// Nothing happened since our last write, as far as can be seen.
    Expected,
    /// A write of ours whose answer was lost did arrive.
    Arrived(Open),
    /// Somebody else changed it.
    Foreign,
}

/// Answer to a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "nothing may be written unless the claim is granted"]
pub enum Claim {
    /// The step is ours to write; the commit names this number.
    Granted(Fence),
    /// It has been written.
    Done,
    /// Another owner is at it.
    Held {
        /// When its claim ends.
        until: Timestamp,
    },
    /// The entry has changed since it was read: look again.
    Stale,
}

/// Answer to a change that was decided on an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a change that lost was not made"]
pub enum Commit {
    /// It is made. What was claimed is durable by then; that it was confirmed is, together with the next claim.
    Done,
    /// Another owner was faster and nothing was changed: look again.
    Lost,
}

/// Where entries are kept.
#[async_trait]
pub trait Journal: Send + Sync {
    /// The entry of a visit; a new one, whose base is what was seen, where there is none.
    async fn entry(&self, seen: &Waiting, now: Timestamp) -> Result<Entry, JournalError>;

    /// The stay of a conversation that entered this queue at this time or within a second of it; nothing where there is no
    /// entry of one. For whoever has seen the stay, but not its leg.
    async fn recall(
        &self,
        conversation: &ConversationId,
        queue: &QueueId,
        entered: Timestamp,
        now: Timestamp,
    ) -> Result<Option<Stay>, JournalError>;

    /// Claims a step before it is written, by what was `known` when that was decided.
    async fn claim(&self, visit: &Visit, known: Fence, write: Write)
    -> Result<Claim, JournalError>;

    /// Notes that the platform has confirmed the write of a claim, and with which priority. The claim must be this owner's, and
    /// the visit's newest still.
    async fn commit(
        &self,
        visit: &Visit,
        claim: Fence,
        confirmed: Priority,
        at: Timestamp,
    ) -> Result<Commit, JournalError>;

    /// Notes that the value of an open write was seen: it did arrive.
    async fn arrived(
        &self,
        visit: &Visit,
        known: Fence,
        open: Fence,
        at: Timestamp,
    ) -> Result<Commit, JournalError>;

    /// Writes of ours that a newer one has overtaken, and that may arrive still: their outcome was never known. So are those
    /// that did arrive while a newer one was under way, which may have been there before.
    async fn overtaken(
        &self,
        visit: &Visit,
        now: Timestamp,
    ) -> Result<Vec<Overtaken>, JournalError>;

    /// Gives a claim of this owner's back: the write is not there, because the platform refused it or it was not sent. An earlier write of the
    /// same value, which this one has overtaken and of which nothing is known, is open again.
    async fn release(&self, visit: &Visit, claim: Fence, at: Timestamp)
    -> Result<(), JournalError>;

    /// Makes what somebody else set the base of what comes after. Steps written so far count as being in it.
    async fn rebase(
        &self,
        visit: &Visit,
        known: Fence,
        base: Base,
        at: Timestamp,
    ) -> Result<Commit, JournalError>;

    /// Notes that a visit is over. Its entry is kept all the same: an answer that was wrong about the end must not make
    /// a raised priority the base of the next raises.
    async fn close(&self, visit: &Visit, at: Timestamp) -> Result<(), JournalError>;

    /// The pauses that were noted last of this organisation, without those that are over.
    async fn pauses(
        &self,
        organization: &Organization,
        now: Timestamp,
    ) -> Result<Vec<Pause>, JournalError>;

    /// Notes the pause of one queue of this organisation, or of all where none is named, as it is from now on: nothing where it
    /// is ended. Those of other queues stay as they were noted, by whomever. A pause of all queues names none, so this is the
    /// one thing that ids do not tell whose it is.
    async fn note_pause(
        &self,
        organization: &Organization,
        queue: Option<&QueueId>,
        pause: Option<&Pause>,
        now: Timestamp,
    ) -> Result<(), JournalError>;

    /// Notes that this owner lives; the first time, that it has started. Also the proof that the journal can be
    /// written, where no callback asks for one.
    async fn alive(&self, at: Timestamp) -> Result<(), JournalError>;

    /// Answers in its turn, and changes nothing: proof that the journal is not stuck, whether or not it works.
    async fn answers(&self, now: Timestamp) -> Result<(), JournalError>;

    /// Notes that this owner stops in good order.
    async fn stopped(&self, at: Timestamp) -> Result<(), JournalError>;

    /// Forgets what happened before then, visits that nobody has seen since, and pauses that were over.
    async fn prune(&self, before: Timestamp, now: Timestamp) -> Result<(), JournalError>;

    /// What is shared with the other daemons that this journal is open to, as far as they use the same OAuth client; nothing
    /// where it is for one daemon alone.
    fn replicas(&self, _client: &str) -> Option<Arc<dyn Replicas>> {
        None
    }
}

impl Overtaken {
    /// Whether it may still arrive.
    fn may_arrive(&self, now: Timestamp) -> bool {
        elapsed(self.at, now) < ARRIVES_WITHIN
    }
}

impl Entry {
    /// An entry for a visit seen for the first time.
    #[must_use]
    pub fn new(seen: Priority) -> Self {
        Self {
            base: Base {
                priority: seen,
                until: None,
            },
            base_step: 0,
            last: None,
            open: Vec::new(),
            fence: Fence::default(),
        }
    }

    /// The priority that the platform should show.
    #[must_use]
    pub fn expected(&self) -> Priority {
        self.last.map_or(self.base.priority, |write| write.to)
    }

    /// The newest step that is known to be in the priority.
    #[must_use]
    pub fn committed_step(&self) -> u32 {
        self.last
            .map_or(self.base_step, |write| write.step.max(self.base_step))
    }

    /// The newest step that was written or may have been.
    #[must_use]
    pub fn newest_step(&self) -> u32 {
        let open = self.open.iter().map(|open| open.write.step);
        open.fold(self.committed_step(), u32::max)
    }

    /// Whether this priority may be by a write that the journal knows of.
    #[must_use]
    pub fn may_have_written(&self, seen: Priority) -> bool {
        let open = self.open.iter().map(|open| open.write);
        open.chain(self.last).any(|write| write.to == seen)
    }

    /// The newest step that is known to be in the priority, or that may be with another value than this.
    #[must_use]
    pub fn step_below(&self, to: Priority) -> u32 {
        let others = self.open.iter().filter(|open| open.write.to != to);
        let steps = others.map(|open| open.write.step);
        steps.fold(self.committed_step(), u32::max)
    }

    /// The moment up to which all steps due were written or may have been; nothing before the first.
    #[must_use]
    pub fn written_until(&self) -> Option<Timestamp> {
        let open = self.open.iter().map(|open| open.write.covers);
        let last = self.last.map(|write| write.covers);
        open.chain(last).chain(self.base.until).max()
    }

    /// Whether this priority is what was there before our last write, and may be told for a moment after it.
    #[must_use]
    pub fn is_behind(&self, seen: Priority, now: Timestamp) -> bool {
        let lags = |write: Write| write.from == seen && elapsed(write.at, now) < READ_LAG;
        seen != self.expected() && self.last.is_some_and(lags)
    }

    /// What it means to see this priority now. What was there before our last write counts as expected for a moment,
    /// because a read may be answered from before the write. So does a write that another owner is at.
    #[must_use]
    pub fn meaning(&self, seen: Priority, now: Timestamp) -> Meaning {
        if seen == self.expected() {
            return Meaning::Expected;
        }
        if let Some(open) = self.open.iter().rev().find(|open| open.write.to == seen) {
            return if open.elsewhere {
                Meaning::Expected
            } else {
                Meaning::Arrived(*open)
            };
        }
        if self.is_behind(seen, now) {
            return Meaning::Expected;
        }
        Meaning::Foreign
    }
}

/// When a claim made at this time ends.
fn lease_end(at: Timestamp) -> Timestamp {
    at.saturating_add(LEASE).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::{
        conformance::{at, write},
        *,
    };

    #[test]
    fn what_a_seen_priority_means() {
        let open = |number, step, to| Open {
            fence: Fence(number),
            write: write(step, 3, to),
            elsewhere: false,
        };
        let entry = Entry {
            last: Some(write(3, 2, 3)),
            open: vec![open(7, 4, 4), open(8, 6, 6), open(9, 7, 6)],
            ..Entry::new(Priority::clamped(0))
        };
        let (soon, later) = (5, READ_LAG.as_secs().cast_signed());
        for (seen, now, expected) in [
            (3, later, Meaning::Expected),
            (4, later, Meaning::Arrived(open(7, 4, 4))),
            (6, later, Meaning::Arrived(open(9, 7, 6))),
            (5, later, Meaning::Foreign),
            (2, soon, Meaning::Expected),
            (2, later, Meaning::Foreign),
            (40, soon, Meaning::Foreign),
        ] {
            let meaning = entry.meaning(Priority::clamped(seen), at(now));
            assert_eq!(meaning, expected, "{seen} after {now} s");
        }
        assert_eq!((entry.committed_step(), entry.newest_step()), (3, 7));
        let below = [4, 6, 9].map(|to| entry.step_below(Priority::clamped(to)));
        assert_eq!(below, [7, 4, 7], "one step leads to one value");
        assert_eq!(entry.written_until(), Some(at(0)));
        assert_eq!(Entry::new(Priority::clamped(7)).expected().points(), 7);
    }
}
