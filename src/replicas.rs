//! What daemons that share a journal have in common besides its entries: replicas of one another.
//!
//! All are equal and none leads. Each hears everything and tracks every callback; a due step belongs to the one that
//! claims it. What they must not do each for itself is kept where the journal is: how many requests were sent by their
//! OAuth client, who asks for all that wait in this round, which of them live, and the channels that a restarted one
//! takes up again. Time is that of the keeper, because the clocks of machines differ.
//!
//! That some live only decides who goes first (`Peers`), never who may write: that is the claim's business.

#[cfg(test)]
pub(crate) mod conformance;

mod memory;

mod peers;

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::journal::JournalError;

pub use memory::MemoryReplicas;
pub(crate) use peers::Peers;

/// Most replicas for one OAuth client. It may have 20 channels, and a 21st would silently end another: so each replica
/// may have four, of which one is kept free for a successor.
pub const MAX_REPLICAS: usize = 5;
/// Time between two signs of life.
pub(crate) const SIGN: Duration = Duration::from_secs(2);
/// Time without a sign after which a replica is taken for dead: others go first at its callbacks, and its place is free.
pub(crate) const DEAD_AFTER: Duration = Duration::from_secs(10);
/// Longest that a sweep of another replica is waited for.
pub(crate) const SWEEP_PATIENCE: Duration = Duration::from_mins(1);

/// A rate of requests: one each interval, and so many at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Time between two in the long run.
    pub interval: Duration,
    /// How many may come at once; at least 1.
    pub burst: u32,
}

/// Answer to the question for a permit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "nothing may be sent unless it is granted"]
pub enum Grant {
    /// A request may be sent.
    Now,
    /// Not before this time has passed; somebody else may be faster then.
    In(Duration),
}

/// Answer to the question who asks for all that wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SweepTurn {
    /// This replica does.
    Ours,
    /// Another one has.
    Theirs {
        /// What it found, as it was handed in.
        found: String,
        /// How long ago it began to ask, rounded up.
        age: Duration,
    },
    /// Another one is at it: ask again after this time.
    Soon(Duration),
}

/// What a replica has done since it started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deeds {
    /// Callbacks that it tracks.
    pub tracked: u64,
    /// Priorities that it wrote.
    pub raises: u64,
    /// Writes of which another replica had taken the claim over before they were noted.
    pub claims_lost: u64,
    /// Times that it wrote a value again because an overtaken write had replaced it.
    pub repairs: u64,
}

/// One of the replicas, as its keeper knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replica {
    /// Its place, from 1 to [`MAX_REPLICAS`].
    pub place: usize,
    /// What it is called in the settings.
    pub name: String,
    /// When it started.
    pub since: Timestamp,
    /// Whether it has given a sign of life lately.
    pub lives: bool,
    /// Whether it is the one that asked.
    pub me: bool,
    /// What it has done.
    pub deeds: Deeds,
}

/// Answer to a sign of life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is one of these, by place. One that has stopped in good order is not told.
    Member(Vec<Replica>),
    /// It cannot be one of them; why, and what to do, in words.
    Refused(String),
}

/// What one replica shares with the others of its OAuth client.
#[async_trait]
pub trait Replicas: Send + Sync {
    /// Gives a sign of life, and hears who else lives. The first one takes a place: that of the one with the same name,
    /// of which it takes itself for the restart, or a free one.
    async fn sign(&self, deeds: Deeds, now: Timestamp) -> Result<Standing, JournalError>;

    /// Leaves in good order: the place is free for others, and kept for the restart as long as none takes it. A sweep that was
    /// its own is another's.
    async fn leave(&self) -> Result<(), JournalError>;

    /// Asks for the right to send one request by this token. All replicas together keep to the rate and to the hold. One that
    /// `was_alone` has sent what nobody has counted here, so there is no burst left, whatever was saved up.
    async fn permit(
        &self,
        token: usize,
        rate: Rate,
        was_alone: bool,
    ) -> Result<Grant, JournalError>;

    /// Nobody sends anything for this long: the platform wants it so. A shorter hold never shortens a longer one.
    async fn hold(&self, time: Duration) -> Result<(), JournalError>;

    /// Asks who asks the platform for all that wait, for somebody whom an answer of this age at most will do.
    async fn sweep(&self, at_most: Duration) -> Result<SweepTurn, JournalError>;

    /// Hands in what the sweep found that was [`SweepTurn::Ours`]; nothing where it failed, so that another may try.
    async fn swept(&self, found: Option<String>) -> Result<(), JournalError>;

    /// The channel that was kept last at this replica's place for this line. It stays there until another is.
    async fn kept_channel(&self, line: usize) -> Result<Option<String>, JournalError>;

    /// Keeps a channel for the restart, in the place of the one before. The words are sealed: they name a secret.
    async fn keep_channel(&self, line: usize, sealed: String) -> Result<(), JournalError>;
}

/// Why there is no place.
pub(crate) fn full() -> String {
    format!(
        "{MAX_REPLICAS} replicas run already, and their OAuth client can have no more channels: stop one of them"
    )
}

/// Why a place was lost.
pub(crate) fn namesake(name: &str) -> String {
    format!(
        "another replica with the name {name} has started and taken this one's place: give each a name of its own with journal.replica"
    )
}
