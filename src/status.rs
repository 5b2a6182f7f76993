//! The one observable snapshot of the daemon.
//!
//! Every part writes its own numbers; whoever looks (the log's last line, a test that waits for a condition) borrows
//! the whole. Published through a `watch` channel: an observer never holds up a writer, and can await a change.

pub(crate) mod http;

mod queue;

use std::{sync::Arc, time::Duration};

use serde::Serialize;
use tokio::sync::watch;

pub use queue::EventQueue;

/// What is known of the daemon right now. Counts are since its start.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Snapshot {
    /// Whether every callback that waits is looked after: `swept`, and no trouble with the journal.
    pub ready: bool,
    /// Whether the first sweep is done: every callback that waited at the start is known.
    pub swept: bool,
    /// What keeps the journal from working, in words. Nothing is raised meanwhile.
    pub journal_trouble: Option<String>,
    /// Sockets that are up.
    pub sockets: usize,
    /// Whether what is known of callbacks is believed, so that a raise costs one request: all sockets are up and a recent
    /// sweep is in. Otherwise every raise is preceded by a look.
    pub sighted: bool,
    /// Times a socket came up.
    pub connects: u64,
    /// Conversations with a tracker.
    pub tracked: usize,
    /// Sweeps that were answered.
    pub sweeps: u64,
    /// Callbacks that a sweep found although notifications should have brought them.
    pub sweep_corrections: u64,
    /// Priorities written.
    pub raises: u64,
    /// Writes that the platform refused.
    pub refused_raises: u64,
    /// Priorities that somebody else changed.
    pub foreign_changes: u64,
    /// Callbacks that an agent took.
    pub answered: u64,
    /// Callbacks that are over without an answer, or in no queue any more.
    pub left: u64,
    /// Callbacks at `max_raises` or `max_priority`.
    pub limited: u64,
    /// Looks at a conversation.
    pub looks: u64,
    /// REST requests that were sent.
    pub requests: u64,
    /// Those of them that failed, by their answer or without one.
    pub failed_requests: u64,
    /// Time for which the platform asked to pause.
    pub throttled: Duration,
    /// Frames passed over: too large, binary, malformed or of no concern.
    pub strange_frames: u64,
    /// What comes by the SQS queue; nothing where none is read.
    pub event_queue: EventQueue,
    /// Topics that the platform refused.
    pub refused_topics: u64,
    /// Trackers that panicked.
    pub panics: u64,
    /// Largest lateness of a write in the last minute of writing.
    pub lateness: Duration,
    /// Attributes that should have told since when a caller waits, and did not.
    pub timeless: u64,
    /// Callbacks that the request budget carries, at the mean time between the raises of those that wait and what a raise
    /// costs now; nothing while none is raised again and again.
    pub capacity: Option<u64>,
    /// By how much steps are longer than they should be because more than those wait.
    pub expected_lag: Duration,
}

/// A handle on the snapshot, for writers and observers alike.
#[derive(Clone, Debug)]
pub struct Status(Arc<Shared>);

/// What all handles share.
#[derive(Debug)]
struct Shared {
    /// The snapshot.
    now: watch::Sender<Snapshot>,
    /// Whether the journal works. By itself, because many wait for that, and the snapshot changes with every request.
    journal_works: watch::Sender<bool>,
}

impl Default for Status {
    fn default() -> Self {
        Self(Arc::new(Shared {
            now: watch::Sender::default(),
            journal_works: watch::Sender::new(true),
        }))
    }
}

impl Status {
    /// The numbers as they are now.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.0.now.borrow().clone()
    }

    /// Waits until the snapshot is as wanted.
    pub async fn until(&self, wanted: impl FnMut(&Snapshot) -> bool) -> Snapshot {
        let mut changes = self.0.now.subscribe();
        match changes.wait_for(wanted).await {
            Ok(snapshot) => snapshot.clone(),
            // The sender is held by `self`, so the channel cannot be closed meanwhile.
            Err(_closed) => self.snapshot(),
        }
    }

    /// Waits until the journal works, or until it does not.
    pub(crate) async fn until_journal_works(&self, works: bool) {
        let mut changes = self.0.journal_works.subscribe();
        // The sender is held by `self`.
        let _held = changes.wait_for(|now| *now == works).await;
    }

    /// Changes the snapshot.
    pub(crate) fn update(&self, change: impl FnOnce(&mut Snapshot)) {
        let mut works = true;
        self.0.now.send_modify(|now| {
            change(now);
            works = now.journal_trouble.is_none();
            now.ready = now.swept && works;
        });
        let told = &self.0.journal_works;
        told.send_if_modified(|told| std::mem::replace(told, works) != works);
    }

    /// Counts a request.
    pub(crate) fn count_request(&self, good: bool) {
        self.update(|now| {
            now.requests += 1;
            now.failed_requests += u64::from(!good);
        });
    }

    /// Counts a pause that the platform asked for.
    pub(crate) fn count_throttle(&self, pause: Duration) {
        self.update(|now| now.throttled += pause);
    }

    /// Counts a frame that was passed over.
    pub(crate) fn count_strange_frame(&self) {
        self.update(|now| now.strange_frames += 1);
    }
}
