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

mod entry;

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
    conversation::{ConversationId, Kind, Organization, Priority, QueueId, Visit, Waiting},
    orders::Pause,
    policy::Base,
    replicas::Replicas,
};

pub(crate) use database::look_at_database;
pub use database::{Look, Unusable, in_database, open_database};
pub use entry::{Entry, Meaning, Open};
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
/// or was sent by a machine that stood still meanwhile, seldom outlives its connection. A priority that comes later and
/// happens to be its value is somebody's will.
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

    /// Values of writes that a newer one has overtaken, of those that may arrive since then: five minutes after their claim at
    /// most. Their outcome was never known, or they were seen to arrive while a newer one was under way, which may have been
    /// there before.
    async fn overtaken(
        &self,
        visit: &Visit,
        since: Timestamp,
        now: Timestamp,
    ) -> Result<Vec<Priority>, JournalError>;

    /// Gives a claim of this owner's back: the write is not there, because the platform refused it or it was not sent. An
    /// earlier write of the same value, which this one has overtaken and of which nothing is known, is open again.
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

/// When a claim made at this time ends.
fn lease_end(at: Timestamp) -> Timestamp {
    at.saturating_add(LEASE).unwrap_or(Timestamp::MAX)
}
