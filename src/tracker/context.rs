//! What trackers share with each other, and what each shares with its owner.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use jiff::Timestamp;
use tokio::sync::{Notify, mpsc};

use super::Pace;
use crate::{
    conversation::{ParticipantId, Priority, QueueId, Waiting},
    genesys::Genesys,
    journal::Journal,
    policy::Policy,
    source::{notifications::Follow, queues::Queues},
    status::Status,
};

/// What all trackers share.
pub(crate) struct Context {
    /// The platform.
    pub(crate) genesys: Arc<Genesys>,
    /// Bases and claims.
    pub(crate) journal: Arc<dyn Journal>,
    /// When and how much.
    pub(crate) policy: Policy,
    /// Which queues are ours.
    pub(crate) queues: Arc<Queues>,
    /// Where raises are counted.
    pub(crate) status: Status,
    /// Whether raises are kept on schedule.
    pub(crate) pace: Pace,
    /// Which conversations to follow by topics of their own.
    pub(crate) follows: mpsc::UnboundedSender<Follow>,
    /// Whether raises are only told, not made.
    pub(crate) dry_run: bool,
    /// Queues whose writes were refused for lack of a permission, each named once.
    pub(crate) denied: Mutex<HashSet<Option<QueueId>>>,
}

impl Context {
    /// The time now. Queue entry is a time of the platform's, so what is due is told by the platform's time too.
    pub(super) fn now(&self) -> Timestamp {
        self.genesys.now()
    }
}

/// What the owner of a tracker and the tracker both see.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    /// Rings: look now. Coalesces.
    wake: Notify,
    /// Whether it rang since the last look began.
    ringing: AtomicBool,
    /// Whether a look was begun at all.
    looked: AtomicBool,
    /// Whether word came, since the last look began, that the callback may wait.
    news: AtomicBool,
    /// The wait as the tracker knows it; nothing while the callback does not wait.
    known: Mutex<Option<Known>>,
}

/// A wait as its tracker knows it.
#[derive(Debug)]
struct Known {
    /// The visit.
    leg: ParticipantId,
    /// Its priority.
    priority: Priority,
    /// The priority that is being written: an event may tell of it before the answer does.
    writing: Option<Priority>,
}

impl Bell {
    /// Asks for a look, because the callback may have begun to wait: worth another look even if the last one, which was on
    /// its way, shows the end.
    pub(crate) fn ring_for_wait(&self) {
        self.news.store(true, Ordering::Relaxed);
        self.ring();
    }

    /// Whether such word came after the last look began.
    pub(crate) fn has_news(&self) -> bool {
        self.news.load(Ordering::Relaxed)
    }

    /// Whether there is news since the last look began.
    pub(super) fn is_ringing(&self) -> bool {
        self.ringing.load(Ordering::Relaxed)
    }

    /// Notes that a look begins.
    pub(super) fn looks(&self) {
        self.ringing.store(false, Ordering::Relaxed);
        self.news.store(false, Ordering::Relaxed);
        self.looked.store(true, Ordering::Relaxed);
    }

    /// Whether a look showed that the callback does not wait.
    pub(crate) fn is_idle(&self) -> bool {
        self.looked.load(Ordering::Relaxed) && !self.is_waiting()
    }

    /// Asks for a look.
    pub(crate) fn ring(&self) {
        self.ringing.store(true, Ordering::Relaxed);
        self.wake.notify_one();
    }

    /// Waits for the next ring.
    pub(super) async fn rung(&self) {
        self.wake.notified().await;
    }

    /// Notes the wait as it is now known.
    pub(super) fn note(&self, waiting: &Waiting, underway: Option<Priority>) {
        *self.known() = Some(Known {
            leg: waiting.visit.leg.clone(),
            priority: waiting.priority,
            writing: underway,
        });
    }

    /// Notes that the callback does not wait.
    pub(super) fn note_not_waiting(&self) {
        *self.known() = None;
    }

    /// Whether the callback was waiting when it was last looked at.
    pub(crate) fn is_waiting(&self) -> bool {
        self.known().is_some()
    }

    /// Whether what an event shows is no news: our own write, most often.
    pub(crate) fn knows(&self, seen: &Waiting) -> bool {
        self.known().as_ref().is_some_and(|known| {
            known.leg == seen.visit.leg
                && (known.priority == seen.priority || known.writing == Some(seen.priority))
        })
    }

    /// What is known.
    fn known(&self) -> MutexGuard<'_, Option<Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
