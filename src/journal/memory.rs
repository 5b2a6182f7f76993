//! The journal in memory: gone with the process. The model that the durable one is held against.

mod kept;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use jiff::Timestamp;

use super::{
    ARRIVES_WITHIN, Claim, Commit, Entry, Fence, Journal, JournalError, Open, Owner, SAME_ENTRY,
    SEEN_WITHIN, Stay, Write, lease_end,
};
use crate::{
    clock::elapsed,
    conversation::{ConversationId, Organization, Priority, QueueId, Visit, Waiting},
    orders::Pause,
    policy::Base,
    replicas::{MemoryReplicas, Replicas},
};

use kept::Kept;

/// What one owner sees of the entries.
#[derive(Debug)]
pub struct MemoryJournal {
    /// Shared by all owners.
    visits: Arc<Mutex<HashMap<Visit, Kept>>>,
    /// What is paused, by organisation; shared likewise.
    pauses: Arc<Mutex<BTreeMap<Organization, Vec<Pause>>>>,
    /// Who claims through this value.
    owner: Owner,
    /// What replicas share besides.
    common: Arc<MemoryReplicas>,
    /// Whether this is one of several replicas.
    is_replica: bool,
}

impl Default for MemoryJournal {
    fn default() -> Self {
        Self {
            visits: Arc::default(),
            pauses: Arc::default(),
            owner: Owner::random(),
            common: Arc::default(),
            is_replica: false,
        }
    }
}

impl MemoryJournal {
    /// The same entries for a start of the replica with this name, at the same time as others.
    #[must_use]
    pub fn replica(&self, name: &str) -> Self {
        Self {
            common: Arc::new(self.common.start(name)),
            is_replica: true,
            ..self.beside()
        }
    }

    /// The same entries for another owner, beside this one.
    pub(super) fn beside(&self) -> Self {
        Self {
            visits: Arc::clone(&self.visits),
            pauses: Arc::clone(&self.pauses),
            owner: Owner::random(),
            common: Arc::clone(&self.common),
            is_replica: self.is_replica,
        }
    }

    /// The same entries for the owner that comes after this one is dead.
    #[cfg(test)]
    pub(super) fn after(&self) -> Self {
        for kept in self.visits().values_mut() {
            kept.holders.clear();
        }
        self.beside()
    }

    /// What is paused, by organisation.
    fn paused(&self) -> MutexGuard<'_, BTreeMap<Organization, Vec<Pause>>> {
        self.pauses.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The entries.
    fn visits(&self) -> MutexGuard<'_, HashMap<Visit, Kept>> {
        self.visits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes an entry, where there is one and the change can be made.
    fn change(&self, visit: &Visit, change: impl FnOnce(&mut Kept) -> Option<()>) -> Commit {
        let mut visits = self.visits();
        match visits.get_mut(visit).and_then(change) {
            Some(()) => Commit::Done,
            None => Commit::Lost,
        }
    }
}

#[async_trait]
impl Journal for MemoryJournal {
    async fn entry(&self, seen: &Waiting, now: Timestamp) -> Result<Entry, JournalError> {
        let mut visits = self.visits();
        let kept = visits.entry(seen.visit.clone()).or_insert_with(|| Kept {
            entry: Entry::new(seen.priority),
            queue: seen.queue.clone(),
            entered: seen.since,
            kind: seen.kind,
            holders: HashMap::new(),
            overtaken: Vec::new(),
            seen: now,
        });
        if elapsed(kept.seen, now) >= SEEN_WITHIN {
            kept.seen = now;
        }
        Ok(kept.told(&self.owner, now))
    }

    async fn recall(
        &self,
        conversation: &ConversationId,
        queue: &QueueId,
        entered: Timestamp,
        _now: Timestamp,
    ) -> Result<Option<Stay>, JournalError> {
        let apart = |kept: &Kept| kept.entered.duration_since(entered).unsigned_abs();
        let visits = self.visits();
        let known = visits.iter().filter(|(visit, kept)| {
            visit.conversation == *conversation
                && kept.queue.as_ref() == Some(queue)
                && apart(kept) <= SAME_ENTRY
        });
        let nearest = known.min_by_key(|(_, kept)| apart(kept));
        Ok(nearest.map(|(visit, kept)| Stay {
            visit: visit.clone(),
            entered: kept.entered,
            kind: kept.kind,
        }))
    }

    async fn claim(
        &self,
        visit: &Visit,
        known: Fence,
        write: Write,
    ) -> Result<Claim, JournalError> {
        let mut visits = self.visits();
        let Some(kept) = visits.get_mut(visit) else {
            return Ok(Claim::Stale);
        };
        if write.step <= kept.entry.committed_step() {
            return Ok(Claim::Done);
        }
        if let Some(until) = kept.held_from(&self.owner, write.at) {
            return Ok(Claim::Held { until });
        }
        if kept.entry.fence != known {
            return Ok(Claim::Stale);
        }
        let fence = known.next();
        kept.entry.fence = fence;
        kept.overtake(|open| open.write.to == write.to);
        kept.entry.open.push(Open {
            fence,
            write,
            elsewhere: false,
        });
        let holder = (self.owner.clone(), lease_end(write.at));
        kept.holders.insert(fence, holder);
        kept.seen = kept.seen.max(write.at);
        Ok(Claim::Granted(fence))
    }

    async fn commit(
        &self,
        visit: &Visit,
        claim: Fence,
        confirmed: Priority,
        at: Timestamp,
    ) -> Result<Commit, JournalError> {
        Ok(self.change(visit, |kept| {
            (kept.entry.fence == claim && kept.is_of(claim, &self.owner)).then_some(())?;
            kept.settle(claim, Some(confirmed), at)
        }))
    }

    async fn arrived(
        &self,
        visit: &Visit,
        known: Fence,
        open: Fence,
        at: Timestamp,
    ) -> Result<Commit, JournalError> {
        Ok(self.change(visit, |kept| {
            (kept.entry.fence == known).then_some(())?;
            kept.settle(open, None, at)
        }))
    }

    async fn overtaken(
        &self,
        visit: &Visit,
        since: Timestamp,
        _now: Timestamp,
    ) -> Result<Vec<Priority>, JournalError> {
        let visits = self.visits();
        let overtaken = visits.get(visit).map_or(&[][..], |kept| &kept.overtaken);
        let arrives = |open: &&Open| elapsed(open.write.at, since) < ARRIVES_WITHIN;
        let values = overtaken.iter().filter(arrives).map(|open| open.write.to);
        Ok(values.collect())
    }

    async fn release(
        &self,
        visit: &Visit,
        claim: Fence,
        _at: Timestamp,
    ) -> Result<(), JournalError> {
        let mut visits = self.visits();
        let kept = visits.get_mut(visit);
        if let Some(kept) = kept.filter(|kept| kept.is_of(claim, &self.owner)) {
            kept.overtaken.retain(|open| open.fence != claim);
            let of_claim = |open: &Open| open.fence == claim;
            if let Some(open) = kept.entry.open.iter().position(of_claim) {
                let released = kept.entry.open.remove(open);
                kept.reopen(released.write.to);
            }
            kept.forget_holders();
        }
        Ok(())
    }

    async fn rebase(
        &self,
        visit: &Visit,
        known: Fence,
        base: Base,
        _at: Timestamp,
    ) -> Result<Commit, JournalError> {
        Ok(self.change(visit, |kept| {
            (kept.entry.fence == known).then_some(())?;
            let newest = kept.entry.newest_step();
            kept.overtake(|_| true);
            kept.entry = Entry {
                base,
                base_step: newest,
                fence: known.next(),
                ..Entry::new(base.priority)
            };
            Some(())
        }))
    }

    async fn close(&self, visit: &Visit, at: Timestamp) -> Result<(), JournalError> {
        if let Some(kept) = self.visits().get_mut(visit) {
            kept.seen = kept.seen.max(at);
        }
        Ok(())
    }

    async fn pauses(
        &self,
        organization: &Organization,
        now: Timestamp,
    ) -> Result<Vec<Pause>, JournalError> {
        let paused = self.paused();
        let noted = paused.get(organization).into_iter().flatten();
        let in_force = noted.filter(|pause| !pause.is_over(now));
        Ok(in_force.cloned().collect())
    }

    async fn note_pause(
        &self,
        organization: &Organization,
        queue: Option<&QueueId>,
        pause: Option<&Pause>,
        _now: Timestamp,
    ) -> Result<(), JournalError> {
        let mut paused = self.paused();
        let noted = paused.entry(organization.clone()).or_default();
        noted.retain(|before| before.queue.as_ref() != queue);
        noted.extend(pause.cloned());
        noted.sort_by(|one, other| one.queue.cmp(&other.queue));
        Ok(())
    }

    async fn alive(&self, _at: Timestamp) -> Result<(), JournalError> {
        Ok(())
    }

    async fn answers(&self, _now: Timestamp) -> Result<(), JournalError> {
        Ok(())
    }

    async fn stopped(&self, _at: Timestamp) -> Result<(), JournalError> {
        Ok(())
    }

    async fn prune(&self, before: Timestamp, _now: Timestamp) -> Result<(), JournalError> {
        let mut visits = self.visits();
        visits.retain(|_, kept| kept.seen >= before);
        for kept in visits.values_mut() {
            kept.entry.open.retain(|open| open.write.at >= before);
            kept.overtaken.retain(|open| open.write.at >= before);
            kept.forget_holders();
            kept.holders.retain(|_, (_, until)| *until >= before);
        }
        drop(visits);
        for noted in self.paused().values_mut() {
            noted.retain(|pause| pause.until.is_none_or(|until| until >= before));
        }
        Ok(())
    }

    fn replicas(&self, _client: &str) -> Option<Arc<dyn Replicas>> {
        let common = Arc::<MemoryReplicas>::clone(&self.common);
        self.is_replica.then_some(common as Arc<dyn Replicas>)
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::conformance::{Bench, conformance},
        *,
    };

    impl Bench for MemoryJournal {
        fn begin() -> Option<Self> {
            Some(Self::default())
        }

        fn journal(&self) -> &dyn Journal {
            self
        }

        fn beside(&self) -> Self {
            Self::beside(self)
        }

        fn killed_and_restarted(self) -> Self {
            self.after()
        }
    }

    conformance!(MemoryJournal);
}
