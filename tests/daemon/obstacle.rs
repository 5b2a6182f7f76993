//! A journal that something is the matter with: what, is told in one function, and the rest is the journal in memory.

use async_trait::async_trait;
use callback_prioritizer::{
    conversation::{ConversationId, Organization, Priority, QueueId, Visit, Waiting},
    journal::{Claim, Commit, Entry, Fence, Journal, JournalError, MemoryJournal, Stay, Write},
    orders::Pause,
    policy::Base,
};
use jiff::Timestamp;

/// What is asked of a journal.
pub(crate) enum Asked<'a> {
    /// The entry of this wait.
    Entry(&'a Waiting),
    /// Which visit a stay is.
    Recall,
    /// What is paused.
    Pauses,
    /// A note of what is paused in an organisation.
    NotePauses(&'a Organization, &'a [Pause]),
    /// A claim.
    Claim,
    /// Any other change.
    Change,
}

/// What stands in the way of what is asked.
#[async_trait]
pub(crate) trait Obstacle: Send + Sync {
    /// Lets it pass, or not.
    async fn meet(&self, asked: Asked<'_>) -> Result<(), JournalError>;
}

/// A journal behind an obstacle.
#[derive(Default)]
pub(crate) struct Obstructed<O> {
    /// The obstacle.
    pub(crate) obstacle: O,
    /// The journal.
    memory: MemoryJournal,
}

impl<O> From<O> for Obstructed<O> {
    fn from(obstacle: O) -> Self {
        Self {
            obstacle,
            memory: MemoryJournal::default(),
        }
    }
}

#[async_trait]
impl<O: Obstacle> Journal for Obstructed<O> {
    async fn entry(&self, seen: &Waiting, now: Timestamp) -> Result<Entry, JournalError> {
        self.obstacle.meet(Asked::Entry(seen)).await?;
        self.memory.entry(seen, now).await
    }

    async fn recall(
        &self,
        conversation: &ConversationId,
        queue: &QueueId,
        entered: Timestamp,
        now: Timestamp,
    ) -> Result<Option<Stay>, JournalError> {
        self.obstacle.meet(Asked::Recall).await?;
        self.memory.recall(conversation, queue, entered, now).await
    }

    async fn claim(&self, v: &Visit, known: Fence, write: Write) -> Result<Claim, JournalError> {
        self.obstacle.meet(Asked::Claim).await?;
        self.memory.claim(v, known, write).await
    }

    async fn commit(
        &self,
        visit: &Visit,
        claim: Fence,
        confirmed: Priority,
        at: Timestamp,
    ) -> Result<Commit, JournalError> {
        self.obstacle.meet(Asked::Change).await?;
        self.memory.commit(visit, claim, confirmed, at).await
    }

    async fn arrived(
        &self,
        visit: &Visit,
        known: Fence,
        open: Fence,
        at: Timestamp,
    ) -> Result<Commit, JournalError> {
        self.obstacle.meet(Asked::Change).await?;
        self.memory.arrived(visit, known, open, at).await
    }

    async fn release(&self, v: &Visit, claim: Fence, at: Timestamp) -> Result<(), JournalError> {
        self.obstacle.meet(Asked::Change).await?;
        self.memory.release(v, claim, at).await
    }

    async fn rebase(
        &self,
        visit: &Visit,
        known: Fence,
        base: Base,
        at: Timestamp,
    ) -> Result<Commit, JournalError> {
        self.obstacle.meet(Asked::Change).await?;
        self.memory.rebase(visit, known, base, at).await
    }

    async fn close(&self, visit: &Visit, at: Timestamp) -> Result<(), JournalError> {
        self.obstacle.meet(Asked::Change).await?;
        self.memory.close(visit, at).await
    }

    async fn pauses(&self, of: &Organization, now: Timestamp) -> Result<Vec<Pause>, JournalError> {
        self.obstacle.meet(Asked::Pauses).await?;
        self.memory.pauses(of, now).await
    }

    async fn note_pauses(
        &self,
        of: &Organization,
        pauses: &[Pause],
        now: Timestamp,
    ) -> Result<(), JournalError> {
        self.obstacle.meet(Asked::NotePauses(of, pauses)).await?;
        self.memory.note_pauses(of, pauses, now).await
    }

    async fn alive(&self, at: Timestamp) -> Result<(), JournalError> {
        self.obstacle.meet(Asked::Change).await?;
        self.memory.alive(at).await
    }

    async fn answers(&self, now: Timestamp) -> Result<(), JournalError> {
        self.obstacle.meet(Asked::Change).await?;
        self.memory.answers(now).await
    }

    async fn stopped(&self, at: Timestamp) -> Result<(), JournalError> {
        self.obstacle.meet(Asked::Change).await?;
        self.memory.stopped(at).await
    }

    async fn prune(&self, before: Timestamp, now: Timestamp) -> Result<(), JournalError> {
        self.obstacle.meet(Asked::Change).await?;
        self.memory.prune(before, now).await
    }
}
