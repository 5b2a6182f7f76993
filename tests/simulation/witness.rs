//! A journal that notes what it was asked and what it answered, and outlives the daemons that use it. Each replica has one of
//! its own, behind its gate, and all have their notes in common.

mod fences;

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use callback_prioritizer::{
    clock::Clock,
    conversation::{ConversationId, Organization, Priority, QueueId, Visit, Waiting},
    journal::{Claim, Commit, Entry, Fence, Journal, JournalError, Stay, Write},
    orders::Pause,
    policy::Base,
    replicas::Replicas,
};
use jiff::Timestamp;

use crate::{
    fellows::Fellows,
    gate::{Gate, Point},
};

/// A claim that was granted.
#[derive(Clone, Debug)]
pub(crate) struct Granted {
    /// For which visit.
    visit: Visit,
    /// Its number.
    fence: Fence,
    /// What was to be written.
    write: Write,
    /// Which replica is to write it.
    replica: usize,
    /// Whether nothing is known of its outcome.
    open: bool,
}

/// A write that was committed, or noted as arrived.
#[derive(Debug)]
pub(crate) struct Committed {
    /// Of which visit.
    pub(crate) visit: Visit,
    /// Newest step in it.
    pub(crate) step: u32,
    /// Moment up to which all steps due are in it.
    covers: Timestamp,
    /// When that was, by the platform's clock.
    at: Timestamp,
}

/// What was noted, in order.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    /// Visits that were ever asked for, each with the time of its entry into the queue.
    pub(crate) seen: Vec<(Visit, Timestamp)>,
    /// Claims that were granted.
    claims: Vec<Granted>,
    /// Writes that were committed, or noted as arrived.
    pub(crate) commits: Vec<Committed>,
    /// Bases that replaced others.
    pub(crate) rebases: Vec<(Visit, Base, Timestamp)>,
    /// Their moments, which are kept.
    based: Vec<(Visit, Timestamp)>,
    /// The newest claim that was committed, for each visit.
    settled: Vec<(Visit, Fence)>,
    /// What was answered against the terms of the journal, in words.
    pub(crate) broken: Vec<String>,
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

    /// The newest step committed before then for the stay that began at a time, 0 if none was; nothing where it was not seen.
    /// What is claimed beyond that may arrive yet, or turn out not to be there.
    pub(crate) fn newest_step(
        &self,
        id: &ConversationId,
        since: Timestamp,
        before: Timestamp,
    ) -> Option<u32> {
        let commits = self.committed_before(id, since, before)?;
        Some(commits.map(|commit| commit.step).max().unwrap_or_default())
    }

    /// The moment up to which all steps due were committed before then for the stay that began at a time; nothing where it was
    /// not seen, or none was.
    pub(crate) fn covers(
        &self,
        id: &ConversationId,
        since: Timestamp,
        before: Timestamp,
    ) -> Option<Timestamp> {
        let commits = self.committed_before(id, since, before)?;
        commits.map(|commit| commit.covers).max()
    }

    /// What was committed before then for the stay that began at a time; nothing where it was not seen.
    fn committed_before(
        &self,
        id: &ConversationId,
        since: Timestamp,
        before: Timestamp,
    ) -> Option<impl Iterator<Item = &Committed>> {
        let mut seen = self.seen.iter();
        let (visit, _) =
            seen.find(|(visit, entered)| visit.conversation == *id && *entered == since)?;
        let commits = self.commits.iter();
        Some(commits.filter(move |commit| commit.visit == *visit && commit.at < before))
    }

    /// Whether this value was claimed for a conversation.
    pub(crate) fn has_claimed(&self, id: &ConversationId, points: i64) -> bool {
        let mut claims = self.claims.iter();
        claims.any(|claim| claim.visit.conversation == *id && claim.write.to.points() == points)
    }

    /// The newest claim of this replica for a conversation that was to write this, by then.
    pub(crate) fn claim_of(
        &self,
        replica: usize,
        id: &str,
        to: i64,
        by: Timestamp,
    ) -> Option<Write> {
        let mut claims = self.claims.iter().rev();
        let claim = claims.find(|claim| {
            claim.replica == replica
                && claim.visit.conversation.to_string() == id
                && claim.write.to.points() == to
                && claim.write.at <= by
        });
        claim.map(|claim| claim.write)
    }

    /// Whether there was a newer claim of the same visit by then, of another value, or another base: this write comes late.
    pub(crate) fn is_stale(&self, id: &ConversationId, write: &Write, by: Timestamp) -> bool {
        let newer = |claim: &Granted| {
            claim.visit.conversation == *id
                && claim.write.at > write.at
                && claim.write.at <= by
                && claim.write.to != write.to
        };
        let based = |(visit, at): &(Visit, Timestamp)| {
            visit.conversation == *id && *at >= write.at && *at <= by
        };
        self.claims.iter().any(newer) || self.based.iter().any(based)
    }

    /// The step of this claim is committed.
    fn committed(&mut self, visit: &Visit, fence: Fence, at: Timestamp) {
        let Some(claim) = self.granted(visit, fence) else {
            return;
        };
        claim.open = false;
        let write = claim.write;
        self.commits.push(Committed {
            visit: visit.clone(),
            step: write.step,
            covers: write.covers,
            at,
        });
    }

    /// The claim with this number.
    fn granted(&mut self, visit: &Visit, fence: Fence) -> Option<&mut Granted> {
        let mut claims = self.claims.iter_mut().rev();
        claims.find(|claim| claim.visit == *visit && claim.fence == fence)
    }
}

/// The journal.
pub(crate) struct Witness {
    /// Which replica asks.
    replica: usize,
    /// What does the work; absent while no daemon runs.
    inner: Mutex<Option<Arc<dyn Journal>>>,
    /// What was noted.
    notes: Arc<Mutex<Notes>>,
    /// Whether nothing can be written.
    full: AtomicBool,
    /// What may keep the replica from it.
    gate: Arc<Gate>,
    /// The platform's.
    clock: Clock,
}

impl Witness {
    /// The witness of this replica, with these notes and behind this gate.
    pub(crate) fn new(
        replica: usize,
        notes: Arc<Mutex<Notes>>,
        gate: Arc<Gate>,
        clock: Clock,
    ) -> Self {
        Self {
            replica,
            inner: Mutex::default(),
            notes,
            full: AtomicBool::default(),
            gate,
            clock,
        }
    }

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

    /// Passes an answer on when the replica may hear it. That may be when the database is gone again: then nobody knows
    /// whether it has done what it was asked for.
    async fn hears<T>(&self, answer: T) -> Result<T, JournalError> {
        self.gate.database().await?;
        Ok(answer)
    }

    /// The journal at work, for reading, once the replica reaches it.
    async fn inner(&self) -> Result<Arc<dyn Journal>, JournalError> {
        self.gate.database().await?;
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.clone().ok_or_else(|| JournalError::new("closed"))
    }

    /// The journal at work, for writing, once the replica reaches it.
    async fn writable(&self) -> Result<Arc<dyn Journal>, JournalError> {
        if self.full.load(Ordering::Relaxed) {
            return Err(JournalError::new("disk full"));
        }
        self.inner().await
    }
}

#[async_trait]
impl Journal for Witness {
    async fn entry(&self, seen: &Waiting, now: Timestamp) -> Result<Entry, JournalError> {
        let entry = self.inner().await?.entry(seen, now).await?;
        {
            let mut notes = self.notes();
            if !notes.knows(&seen.visit.conversation, seen.since) {
                notes.seen.push((seen.visit.clone(), seen.since));
            }
        }
        self.hears(entry).await
    }

    async fn recall(
        &self,
        conversation: &ConversationId,
        queue: &QueueId,
        entered: Timestamp,
        now: Timestamp,
    ) -> Result<Option<Stay>, JournalError> {
        let journal = self.inner().await?;
        let recalled = journal.recall(conversation, queue, entered, now).await?;
        self.hears(recalled).await
    }

    async fn claim(
        &self,
        visit: &Visit,
        known: Fence,
        write: Write,
    ) -> Result<Claim, JournalError> {
        self.gate.at(Point::BeforeClaim);
        let claim = self.writable().await?.claim(visit, known, write).await?;
        if let Claim::Granted(fence) = claim {
            self.notes().grant(visit, fence, write, self.replica);
            self.gate.at(Point::ClaimGranted);
        }
        let claim = self.hears(claim).await?;
        if matches!(claim, Claim::Granted(_)) {
            self.gate.at(Point::BeforeWrite);
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
        self.gate.at(Point::BeforeCommit);
        let journal = self.writable().await?;
        let done = journal.commit(visit, claim, confirmed, at).await?;
        if done == Commit::Done {
            let mut notes = self.notes();
            notes.judge_commit(visit, claim);
            notes.committed(visit, claim, self.clock.now());
        }
        self.gate.at(Point::Committed);
        self.hears(done).await
    }

    async fn arrived(
        &self,
        visit: &Visit,
        known: Fence,
        open: Fence,
        at: Timestamp,
    ) -> Result<Commit, JournalError> {
        let journal = self.writable().await?;
        let done = journal.arrived(visit, known, open, at).await?;
        if done == Commit::Done {
            let mut notes = self.notes();
            notes.judge_arrived(visit, open, at, self.replica);
            notes.committed(visit, open, self.clock.now());
        }
        self.hears(done).await
    }

    async fn overtaken(
        &self,
        visit: &Visit,
        since: Timestamp,
        now: Timestamp,
    ) -> Result<Vec<Priority>, JournalError> {
        let journal = self.inner().await?;
        let overtaken = journal.overtaken(visit, since, now).await?;
        self.hears(overtaken).await
    }

    async fn release(
        &self,
        visit: &Visit,
        claim: Fence,
        at: Timestamp,
    ) -> Result<(), JournalError> {
        self.writable().await?.release(visit, claim, at).await?;
        self.notes().released(visit, claim);
        self.hears(()).await
    }

    async fn rebase(
        &self,
        visit: &Visit,
        known: Fence,
        base: Base,
        at: Timestamp,
    ) -> Result<Commit, JournalError> {
        let journal = self.writable().await?;
        let done = journal.rebase(visit, known, base, at).await?;
        if done == Commit::Done {
            let mut notes = self.notes();
            notes.rebases.push((visit.clone(), base, at));
            notes.rebased(visit, at);
        }
        self.hears(done).await
    }

    async fn close(&self, visit: &Visit, at: Timestamp) -> Result<(), JournalError> {
        self.writable().await?.close(visit, at).await?;
        self.hears(()).await
    }

    async fn pauses(&self, of: &Organization, now: Timestamp) -> Result<Vec<Pause>, JournalError> {
        let pauses = self.inner().await?.pauses(of, now).await?;
        self.hears(pauses).await
    }

    async fn note_pause(
        &self,
        of: &Organization,
        queue: Option<&QueueId>,
        pause: Option<&Pause>,
        now: Timestamp,
    ) -> Result<(), JournalError> {
        let inner = self.writable().await?;
        inner.note_pause(of, queue, pause, now).await?;
        self.hears(()).await
    }

    async fn alive(&self, at: Timestamp) -> Result<(), JournalError> {
        self.writable().await?.alive(at).await?;
        self.hears(()).await
    }

    async fn answers(&self, now: Timestamp) -> Result<(), JournalError> {
        self.inner().await?.answers(now).await?;
        self.hears(()).await
    }

    async fn stopped(&self, at: Timestamp) -> Result<(), JournalError> {
        self.writable().await?.stopped(at).await?;
        self.hears(()).await
    }

    async fn prune(&self, before: Timestamp, now: Timestamp) -> Result<(), JournalError> {
        self.writable().await?.prune(before, now).await?;
        self.hears(()).await
    }

    fn replicas(&self, client: &str) -> Option<Arc<dyn Replicas>> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let inner = inner.as_ref()?.replicas(client)?;
        let gate = Arc::clone(&self.gate);
        Some(Arc::new(Fellows { inner, gate }))
    }
}
