//! The one observable snapshot of the daemon.
//!
//! Every part writes its own numbers; whoever looks (the log's last line, a test that waits for a condition) borrows
//! the whole. Published through a `watch` channel: an observer never holds up a writer, and can await a change.

mod board;

mod due;

mod events;

mod figures;

mod health;

pub(crate) mod http;

mod metrics;

mod overview;

mod page;

mod queue;

mod report;

mod spelled;

mod told;

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use serde::Serialize;
use tokio::{sync::watch, time::Instant};

use self::{
    board::Board, due::Due, events::Events, figures::LastMinute, health::Signs, report::Parts,
};

pub(crate) use self::spelled::short;
pub use self::{
    board::{Callback, Change, Last, Outcome, Outlook, Reason},
    due::Overdue,
    events::Event,
    figures::{Answers, Timings},
    health::Health,
    overview::{Brief, Overview},
    report::{Report, Row},
};

use crate::{orders::Pause, replicas::Replica};

pub use queue::EventQueue;

/// What is known of the daemon right now. Counts are since its start.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own that observers ask for by its name"
)]
pub struct Snapshot {
    /// Whether every callback that waited at the start is known, and no trouble with the journal keeps it from being
    /// raised. Whether that gets done is a matter of time as well: see [`Health`].
    pub ready: bool,
    /// Why its daemon does not run now, in words: where there are several organisations, one that cannot start is tried again
    /// while the others go on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub down: Option<String>,
    /// Whether the platform has let us sign in.
    pub signed_in: bool,
    /// Whether the first sweep is done: every callback that waited at the start is known.
    pub swept: bool,
    /// The replicas that share the journal, with this one; none where it is for one daemon alone.
    pub replicas: Vec<Replica>,
    /// What keeps the journal from working, in words. Nothing is raised meanwhile.
    pub journal_trouble: Option<String>,
    /// Whether this is a dry run: raises are told and not made.
    pub dry_run: bool,
    /// In which queues nothing is raised because an operator wants it so, and until when.
    pub paused: Vec<Pause>,
    /// Requests a minute that may be sent in the long run.
    pub budget: u32,
    /// Where all this is shown, once it is.
    pub page: Option<SocketAddr>,
    /// Sockets that are up.
    pub sockets: usize,
    /// Whether what is known of callbacks is believed, so that a raise costs one request: all sockets are up and a recent
    /// sweep is in. Otherwise every raise is preceded by a look.
    pub sighted: bool,
    /// Times a socket came up.
    pub connects: u64,
    /// Times a socket was lost or replaced, by reason.
    pub reconnects: BTreeMap<&'static str, u64>,
    /// Conversations with a tracker.
    pub tracked: usize,
    /// Sweeps that were answered.
    pub sweeps: u64,
    /// Sweeps of other replicas that were taken over.
    pub sweeps_taken_over: u64,
    /// Sweeps that failed.
    pub failed_sweeps: u64,
    /// Callbacks that a sweep found although notifications should have brought them.
    pub sweep_corrections: u64,
    /// Priorities written.
    pub raises: u64,
    /// Raises that a dry run has told.
    pub would_be_raised: u64,
    /// Writes that the platform refused.
    pub refused_raises: u64,
    /// Writes to which no answer came; what became of them is seen later.
    pub unanswered_raises: u64,
    /// How late raises were that were kept on a schedule.
    pub late: Timings,
    /// Writes that were answered after another replica had taken their claim over.
    pub claims_lost: u64,
    /// Priorities that an overtaken write had lowered, and that were raised again.
    pub repairs: u64,
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
    /// What came of them, by call, and how long they took.
    pub calls: BTreeMap<&'static str, Answers>,
    /// How long writes to the journal took.
    pub journal_writes: Timings,
    /// Time for which the platform asked to hold.
    #[serde(serialize_with = "figures::seconds", rename = "throttled_seconds")]
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
    #[serde(serialize_with = "figures::seconds", rename = "lateness_seconds")]
    pub lateness: Duration,
    /// Attributes that should have told since when a caller waits, and did not.
    pub timeless: u64,
    /// Callbacks that the request budget carries, at the mean time between the raises of those that wait and what a raise
    /// costs now; nothing while none is raised again and again.
    pub capacity: Option<u64>,
    /// By how much steps are longer than they should be because more than those wait.
    #[serde(serialize_with = "figures::seconds", rename = "expected_lag_seconds")]
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
    /// The callbacks that wait.
    board: Mutex<Board>,
    /// What is due and not done yet.
    due: Mutex<Due>,
    /// What happened last.
    events: Mutex<Events>,
    /// Requests of the last minute.
    last_minute: Mutex<LastMinute>,
    /// Last sign of the fleet.
    pulse: Mutex<Option<Instant>>,
    /// Until when the platform wants no requests.
    held_until: Mutex<Option<Instant>>,
}

impl Default for Status {
    fn default() -> Self {
        Self(Arc::new(Shared {
            now: watch::Sender::default(),
            journal_works: watch::Sender::new(true),
            board: Mutex::default(),
            due: Mutex::default(),
            events: Mutex::default(),
            last_minute: Mutex::default(),
            pulse: Mutex::default(),
            held_until: Mutex::default(),
        }))
    }
}

impl Status {
    /// The numbers as they are now.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.0.now.borrow().clone()
    }

    /// Reads something of the snapshot, without a copy of the whole.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&Snapshot) -> T) -> T {
        read(&self.0.now.borrow())
    }

    /// All that there is to know; `now` is the time at the platform.
    #[must_use]
    pub fn report(&self, now: Timestamp) -> Report {
        let callbacks = lock(&self.0.board).oldest_first().cloned().collect();
        self.report_with(now, callbacks)
    }

    /// The same without the callbacks themselves.
    fn figures(&self, now: Timestamp) -> Report {
        self.report_with(now, Vec::new())
    }

    /// The same with these callbacks.
    fn report_with(&self, now: Timestamp, callbacks: Vec<Callback>) -> Report {
        let parts = Parts {
            now,
            health: self.health(now),
            overdue: self.overdue(now),
            requests_last_minute: self.requests_last_minute(),
            numbers: self.snapshot(),
            events: lock(&self.0.events).newest_first(),
            callbacks,
        };
        parts.into()
    }

    /// Requests in the last minute.
    #[must_use]
    pub fn requests_last_minute(&self) -> u32 {
        lock(&self.0.last_minute).count()
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

    /// How the daemon is; `now` is the time at the platform.
    #[must_use]
    pub fn health(&self, now: Timestamp) -> Health {
        let overdue = self.overdue(now);
        let silence = lock(&self.0.pulse).map(|at| at.elapsed());
        let held = lock(&self.0.held_until).map_or(Duration::ZERO, |until| {
            until.saturating_duration_since(Instant::now())
        });
        let signs = Signs {
            now: &self.0.now.borrow(),
            overdue,
            silence,
            held,
        };
        signs.health()
    }

    /// What is overdue; `now` is the time at the platform.
    #[must_use]
    pub fn overdue(&self, now: Timestamp) -> Overdue {
        lock(&self.0.due).overdue(now)
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
}

/// What a lock guards. What is in there is sound after any single change, so a panic elsewhere is no reason to stop.
fn lock<T>(guarded: &Mutex<T>) -> MutexGuard<'_, T> {
    guarded.lock().unwrap_or_else(PoisonError::into_inner)
}
