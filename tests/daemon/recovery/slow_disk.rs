//! What if the disk takes its time, and the world changes meanwhile?

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use callback_prioritizer::{
    conversation::{ConversationId, Priority, QueueId, Visit, Waiting},
    journal::{Claim, Commit, Entry, Fence, Journal, JournalError, MemoryJournal, Write},
    policy::Base,
    sandbox::Fate,
};
use jiff::Timestamp;
use tokio::time::sleep;

use crate::harness::{Centre, Running, minutes, pass};

/// Beginning of the path of the priority PATCH.
const WRITE: &str = "/api/v2/routing/conversations/";

/// A journal on a disk that takes so long for every claim.
struct Slow {
    /// The journal it is otherwise.
    inner: MemoryJournal,
    /// How long.
    takes: Duration,
}

#[async_trait]
impl Journal for Slow {
    async fn entry(&self, seen: &Waiting, now: Timestamp) -> Result<Entry, JournalError> {
        self.inner.entry(seen, now).await
    }

    async fn recall(
        &self,
        conversation: &ConversationId,
        queue: &QueueId,
        entered: Timestamp,
        now: Timestamp,
    ) -> Result<Option<(Visit, Timestamp)>, JournalError> {
        self.inner.recall(conversation, queue, entered, now).await
    }

    async fn claim(
        &self,
        visit: &Visit,
        known: Fence,
        write: Write,
    ) -> Result<Claim, JournalError> {
        sleep(self.takes).await;
        self.inner.claim(visit, known, write).await
    }

    async fn commit(
        &self,
        visit: &Visit,
        claim: Fence,
        confirmed: Priority,
        at: Timestamp,
    ) -> Result<Commit, JournalError> {
        self.inner.commit(visit, claim, confirmed, at).await
    }

    async fn arrived(
        &self,
        visit: &Visit,
        known: Fence,
        open: Fence,
        at: Timestamp,
    ) -> Result<Commit, JournalError> {
        self.inner.arrived(visit, known, open, at).await
    }

    async fn release(
        &self,
        visit: &Visit,
        claim: Fence,
        at: Timestamp,
    ) -> Result<(), JournalError> {
        self.inner.release(visit, claim, at).await
    }

    async fn rebase(
        &self,
        visit: &Visit,
        known: Fence,
        base: Base,
        at: Timestamp,
    ) -> Result<Commit, JournalError> {
        self.inner.rebase(visit, known, base, at).await
    }

    async fn close(&self, visit: &Visit, at: Timestamp) -> Result<(), JournalError> {
        self.inner.close(visit, at).await
    }

    async fn alive(&self, at: Timestamp) -> Result<(), JournalError> {
        self.inner.alive(at).await
    }

    async fn stopped(&self, at: Timestamp) -> Result<(), JournalError> {
        self.inner.stopped(at).await
    }

    async fn prune(&self, before: Timestamp, now: Timestamp) -> Result<(), JournalError> {
        self.inner.prune(before, now).await
    }
}

/// A callback whose first raise was claimed five seconds ago, on a disk that takes ten for a claim.
async fn claiming() -> (Centre, Running, ConversationId) {
    claiming_for(Duration::from_secs(10)).await
}

/// One whose first raise was claimed half of this time ago, on a disk that takes the whole of it for a claim.
async fn claiming_for(takes: Duration) -> (Centre, Running, ConversationId) {
    let mut centre = Centre::open().await;
    centre.journal = Arc::new(Slow {
        inner: MemoryJournal::default(),
        takes,
    });
    let daemon = centre.start_ready().await;
    let id = centre.callback();
    daemon.tracks(1).await;
    pass(minutes(5) + takes / 2).await;
    assert_eq!(centre.requests("PATCH", WRITE), 0);
    (centre, daemon, id)
}

#[tokio::test(start_paused = true)]
async fn an_answer_while_a_claim_takes_long_is_heard_before_the_write() {
    let (centre, daemon, id) = claiming().await;
    centre.world().answer(&id).unwrap();
    daemon.tracks(0).await;
    pass(minutes(1)).await;
    assert_eq!(centre.requests("PATCH", WRITE), 0);
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_told_while_a_claim_is_made_is_heard_before_the_write() {
    let (centre, daemon, id) = claiming_for(Duration::from_secs(1)).await;
    centre.world().answer(&id).unwrap();
    daemon.tracks(0).await;
    pass(minutes(1)).await;
    assert_eq!(centre.requests("PATCH", WRITE), 0);
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_change_that_nobody_told_of_while_a_claim_takes_long_is_not_lowered() {
    let (centre, daemon, id) = claiming().await;
    centre.sandbox.faults().events("", Fate::Lost, None);
    let looks = daemon.now().looks;
    let set = centre.world().set_priority(&id, Priority::clamped(40));
    set.unwrap();
    daemon.until(|now| now.raises > 0).await;
    assert!(centre.priority(&id) > 40, "{:?}", centre.writes(&id));
    assert!(daemon.now().looks > looks);
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_supervisors_change_while_a_claim_takes_long_is_not_lowered() {
    let (centre, daemon, id) = claiming().await;
    let set = centre.world().set_priority(&id, Priority::clamped(40));
    set.unwrap();
    daemon.until(|now| now.raises > 0).await;
    assert!(centre.priority(&id) > 40, "{:?}", centre.writes(&id));
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn claims_that_always_take_long_delay_raises_and_prevent_none() {
    let (centre, daemon, id) = claiming().await;
    pass(minutes(15)).await;
    assert_eq!(centre.writes(&id), [1, 2, 3]);
    daemon.stop().await;
}
