//! A journal that something is the matter with: what, is told in one function, and the rest is the journal in memory.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use callback_prioritizer::{
    conversation::{ConversationId, Organization, Priority, QueueId, Visit, Waiting},
    journal::{Claim, Commit, Entry, Fence, Journal, JournalError, MemoryJournal, Stay, Write},
    orders::Pause,
    policy::Base,
    replicas::{Deeds, Grant, Rate, Replicas, Standing, SweepTurn},
};
use jiff::Timestamp;

/// What is asked of a journal.
pub(crate) enum Asked<'a> {
    /// The entry of this wait.
    Entry(&'a Waiting),
    /// What is known of a visit, but for its entry.
    Recall,
    /// What is paused.
    Pauses,
    /// A note of a pause in an organisation, or of its end.
    NotePause(&'a Organization),
    /// A claim.
    Claim,
    /// Any other change.
    Change,
    /// What replicas share besides.
    Common,
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
    pub(crate) obstacle: Arc<O>,
    /// The journal.
    memory: MemoryJournal,
}

impl<O> From<O> for Obstructed<O> {
    fn from(obstacle: O) -> Self {
        Self {
            obstacle: Arc::new(obstacle),
            memory: MemoryJournal::default(),
        }
    }
}

/// This journal behind an obstacle that others are behind as well.
impl<O> From<(Arc<O>, MemoryJournal)> for Obstructed<O> {
    fn from((obstacle, memory): (Arc<O>, MemoryJournal)) -> Self {
        Self { obstacle, memory }
    }
}

#[async_trait]
impl<O: Obstacle + 'static> Journal for Obstructed<O> {
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

    async fn overtaken(
        &self,
        visit: &Visit,
        since: Timestamp,
        now: Timestamp,
    ) -> Result<Vec<Priority>, JournalError> {
        self.obstacle.meet(Asked::Recall).await?;
        self.memory.overtaken(visit, since, now).await
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

    async fn note_pause(
        &self,
        of: &Organization,
        queue: Option<&QueueId>,
        pause: Option<&Pause>,
        now: Timestamp,
    ) -> Result<(), JournalError> {
        self.obstacle.meet(Asked::NotePause(of)).await?;
        self.memory.note_pause(of, queue, pause, now).await
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

    fn replicas(&self, client: &str) -> Option<Arc<dyn Replicas>> {
        let common = ObstructedReplicas {
            obstacle: Arc::clone(&self.obstacle),
            inner: self.memory.replicas(client)?,
        };
        Some(Arc::new(common))
    }
}

/// What replicas share, behind the same obstacle.
struct ObstructedReplicas<O> {
    /// The obstacle.
    obstacle: Arc<O>,
    /// Behind it.
    inner: Arc<dyn Replicas>,
}

#[async_trait]
impl<O: Obstacle> Replicas for ObstructedReplicas<O> {
    async fn sign(&self, deeds: Deeds, now: Timestamp) -> Result<Standing, JournalError> {
        self.obstacle.meet(Asked::Common).await?;
        self.inner.sign(deeds, now).await
    }

    async fn leave(&self) -> Result<(), JournalError> {
        self.obstacle.meet(Asked::Common).await?;
        self.inner.leave().await
    }

    async fn permit(
        &self,
        token: usize,
        rate: Rate,
        was_alone: bool,
    ) -> Result<Grant, JournalError> {
        self.obstacle.meet(Asked::Common).await?;
        self.inner.permit(token, rate, was_alone).await
    }

    async fn hold(&self, time: Duration) -> Result<(), JournalError> {
        self.obstacle.meet(Asked::Common).await?;
        self.inner.hold(time).await
    }

    async fn sweep(&self, at_most: Duration) -> Result<SweepTurn, JournalError> {
        self.obstacle.meet(Asked::Common).await?;
        self.inner.sweep(at_most).await
    }

    async fn swept(&self, found: Option<String>) -> Result<(), JournalError> {
        self.obstacle.meet(Asked::Common).await?;
        self.inner.swept(found).await
    }

    async fn kept_channel(&self, line: usize) -> Result<Option<String>, JournalError> {
        self.obstacle.meet(Asked::Common).await?;
        self.inner.kept_channel(line).await
    }

    async fn keep_channel(&self, line: usize, sealed: String) -> Result<(), JournalError> {
        self.obstacle.meet(Asked::Common).await?;
        self.inner.keep_channel(line, sealed).await
    }
}
