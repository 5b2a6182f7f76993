//! A journal that notes what it was asked and what it answered, and outlives the daemons that use it.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use callback_prioritizer::{
    conversation::{ConversationId, Organization, Priority, QueueId, Visit, Waiting},
    journal::{Claim, Commit, Entry, Fence, Journal, JournalError, Stay, Write},
    orders::Pause,
    policy::Base,
};
use jiff::Timestamp;

/// A claim that was granted.
#[derive(Clone, Debug)]
pub(crate) struct Granted {
    /// For which visit.
    visit: Visit,
    /// Its number.
    fence: Fence,
    /// What was to be written.
    write: Write,
}

/// What was noted, in order.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    /// Visits that were ever asked for, each with the time of its entry into the queue.
    pub(crate) seen: Vec<(Visit, Timestamp)>,
    /// Claims that were granted.
    claims: Vec<Granted>,
    /// Steps that were committed, or noted as arrived.
    pub(crate) commits: Vec<(Visit, u32)>,
    /// Bases that replaced others.
    pub(crate) rebases: Vec<(Visit, Base, Timestamp)>,
}

impl Notes {
    /// Whether the stay that began then was seen.
    pub(crate) fn knows(&self, id: &ConversationId, since: Timestamp) -> bool {
        let mut seen = self.seen.iter();
        seen.any(|(visit, entered)| visit.conversation == *id && *entered == since)
    }

    /// The newest claim of a conversation that was to write this, by then.
    pub(crate) fn claim(&self, id: &ConversationId, to: Priority, by: Timestamp) -> Option<Write> {
        let claims = self.claims.iter().rev();
        claims
            .filter(|claim| claim.visit.conversation == *id)
            .map(|claim| claim.write)
            .find(|write| write.to == to && write.at <= by)
    }

    /// The newest step committed for the stay that began then, 0 if none was; nothing where it was not seen. What is claimed
    /// beyond that may arrive yet, or turn out not to be there.
    pub(crate) fn newest_step(&self, id: &ConversationId, since: Timestamp) -> Option<u32> {
        let mut seen = self.seen.iter();
        let (visit, _) =
            seen.find(|(visit, entered)| visit.conversation == *id && *entered == since)?;
        let commits = self.commits.iter();
        let steps = commits.filter(|(of, _)| of == visit).map(|(_, step)| *step);
        Some(steps.max().unwrap_or_default())
    }

    /// The step of this claim is committed.
    fn committed(&mut self, visit: &Visit, fence: Fence) {
        let step = self.granted(visit, fence).map(|claim| claim.write.step);
        self.commits.extend(step.map(|step| (visit.clone(), step)));
    }

    /// The claim with this number.
    fn granted(&mut self, visit: &Visit, fence: Fence) -> Option<&mut Granted> {
        let mut claims = self.claims.iter_mut().rev();
        claims.find(|claim| claim.visit == *visit && claim.fence == fence)
    }
}

/// The journal.
#[derive(Default)]
pub(crate) struct Witness {
    /// What does the work; absent while no daemon runs.
    inner: Mutex<Option<Arc<dyn Journal>>>,
    /// What was noted.
    notes: Mutex<Notes>,
    /// Whether nothing can be written.
    full: AtomicBool,
}

impl Witness {
    /// Puts another journal to work, or none.
    pub(crate) fn replace(&self, inner: Option<Arc<dyn Journal>>) {
        *self.inner.lock().unwrap_or_else(PoisonError::into_inner) = inner;
    }

    /// Lets the disk be full, or not.
    pub(crate) fn fill(&self, full: bool) {
        self.full.store(full, Ordering::Relaxed);
    }

    /// What was noted.
    pub(crate) fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The journal at work, for reading.
    fn inner(&self) -> Result<Arc<dyn Journal>, JournalError> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.clone().ok_or_else(|| JournalError::new("closed"))
    }

    /// The journal at work, for writing.
    fn writable(&self) -> Result<Arc<dyn Journal>, JournalError> {
        if self.full.load(Ordering::Relaxed) {
            return Err(JournalError::new("disk full"));
        }
        self.inner()
    }
}

#[async_trait]
impl Journal for Witness {
    async fn entry(&self, seen: &Waiting, now: Timestamp) -> Result<Entry, JournalError> {
        let entry = self.inner()?.entry(seen, now).await?;
        let mut notes = self.notes();
        if !notes.knows(&seen.visit.conversation, seen.since) {
            notes.seen.push((seen.visit.clone(), seen.since));
        }
        Ok(entry)
    }

    async fn recall(
        &self,
        conversation: &ConversationId,
        queue: &QueueId,
        entered: Timestamp,
        now: Timestamp,
    ) -> Result<Option<Stay>, JournalError> {
        let recalled = self.inner()?;
        recalled.recall(conversation, queue, entered, now).await
    }

    async fn claim(
        &self,
        visit: &Visit,
        known: Fence,
        write: Write,
    ) -> Result<Claim, JournalError> {
        let claim = self.writable()?.claim(visit, known, write).await?;
        if let Claim::Granted(fence) = claim {
            self.notes().claims.push(Granted {
                visit: visit.clone(),
                fence,
                write,
            });
        }
        Ok(claim)
    }

    async fn commit(
        &self,
        visit: &Visit,
        claim: Fence,
        confirmed: Priority,
        at: Timestamp,
    ) -> Result<Commit, JournalError> {
        let done = self.writable()?.commit(visit, claim, confirmed, at).await?;
        if done == Commit::Done {
            self.notes().committed(visit, claim);
        }
        Ok(done)
    }

    async fn arrived(
        &self,
        visit: &Visit,
        known: Fence,
        open: Fence,
        at: Timestamp,
    ) -> Result<Commit, JournalError> {
        let done = self.writable()?.arrived(visit, known, open, at).await?;
        if done == Commit::Done {
            self.notes().committed(visit, open);
        }
        Ok(done)
    }

    async fn release(
        &self,
        visit: &Visit,
        claim: Fence,
        at: Timestamp,
    ) -> Result<(), JournalError> {
        self.writable()?.release(visit, claim, at).await
    }

    async fn rebase(
        &self,
        visit: &Visit,
        known: Fence,
        base: Base,
        at: Timestamp,
    ) -> Result<Commit, JournalError> {
        let done = self.writable()?.rebase(visit, known, base, at).await?;
        if done == Commit::Done {
            self.notes().rebases.push((visit.clone(), base, at));
        }
        Ok(done)
    }

    async fn close(&self, visit: &Visit, at: Timestamp) -> Result<(), JournalError> {
        self.writable()?.close(visit, at).await
    }

    async fn pauses(&self, of: &Organization, now: Timestamp) -> Result<Vec<Pause>, JournalError> {
        self.inner()?.pauses(of, now).await
    }

    async fn note_pauses(
        &self,
        of: &Organization,
        pauses: &[Pause],
        now: Timestamp,
    ) -> Result<(), JournalError> {
        self.writable()?.note_pauses(of, pauses, now).await
    }

    async fn alive(&self, at: Timestamp) -> Result<(), JournalError> {
        self.writable()?.alive(at).await
    }

    async fn answers(&self, now: Timestamp) -> Result<(), JournalError> {
        self.inner()?.answers(now).await
    }

    async fn stopped(&self, at: Timestamp) -> Result<(), JournalError> {
        self.writable()?.stopped(at).await
    }

    async fn prune(&self, before: Timestamp, now: Timestamp) -> Result<(), JournalError> {
        self.writable()?.prune(before, now).await
    }
}
