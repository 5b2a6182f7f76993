//! What if a tracker panics?

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use callback_prioritizer::{
    conversation::{ConversationId, Priority, QueueId, Visit, Waiting},
    journal::{Claim, Commit, Entry, Fence, Journal, JournalError, MemoryJournal, Write},
    policy::Base,
};
use jiff::Timestamp;

use crate::harness::{Centre, minutes, pass};

/// A journal that panics when it is asked for one conversation, so many times.
struct Panicking {
    /// The journal it is otherwise.
    inner: MemoryJournal,
    /// The conversation.
    id: ConversationId,
    /// Panics that are left.
    left: AtomicU32,
}

#[async_trait]
impl Journal for Panicking {
    async fn entry(&self, seen: &Waiting, now: Timestamp) -> Result<Entry, JournalError> {
        let panics = seen.visit.conversation == self.id
            && self
                .left
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                    left.checked_sub(1)
                })
                .is_ok();
        assert!(!panics, "a mistake");
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

/// A centre with two callbacks; the tracker of the first panics so many times.
async fn panicking(times: u32) -> (Centre, ConversationId, ConversationId) {
    let mut centre = Centre::open().await;
    let (first, second) = (centre.callback(), centre.callback());
    centre.journal = Arc::new(Panicking {
        inner: MemoryJournal::default(),
        id: first.clone(),
        left: AtomicU32::new(times),
    });
    (centre, first, second)
}

#[tokio::test(start_paused = true)]
async fn a_fresh_tracker_follows_at_the_next_sweep_and_nobody_else_notices() {
    let (centre, first, second) = panicking(2).await;
    let daemon = centre.start_ready().await;
    pass(minutes(5) + Duration::from_secs(1)).await;
    assert_eq!(daemon.now().panics, 2);
    assert_eq!(centre.writes(&first), [1]);
    assert_eq!(centre.writes(&second), [1]);
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_tracker_that_always_panics_is_given_up_after_three_more() {
    let (centre, first, second) = panicking(1_000).await;
    let daemon = centre.start_ready().await;
    pass(minutes(30)).await;
    assert_eq!(daemon.now().panics, 4);
    assert_eq!(centre.writes(&first), [0; 0]);
    assert_eq!(
        centre.priority(&second),
        5,
        "at twenty-five minutes and more"
    );
    assert_eq!(daemon.now().tracked, 1);
    daemon.stop().await;
}
