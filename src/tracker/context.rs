//! What trackers share with each other, and what each shares with its owner.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::sync::{Notify, mpsc};

use super::Pace;
use crate::{
    clock::Clock,
    conversation::QueueId,
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
    /// Wall time.
    pub(crate) clock: Clock,
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

/// What the owner of a tracker and the tracker both see.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    /// Rings: look now. Coalesces.
    wake: Notify,
    /// Whether the callback was waiting when it was last looked at.
    waiting: AtomicBool,
}

impl Bell {
    /// Asks for a look.
    pub(crate) fn ring(&self) {
        self.wake.notify_one();
    }

    /// Waits for the next ring.
    pub(super) async fn rung(&self) {
        self.wake.notified().await;
    }

    /// Notes whether the callback waits, as a look has just shown.
    pub(super) fn note_waiting(&self, waiting: bool) {
        self.waiting.store(waiting, Ordering::Relaxed);
    }

    /// Whether the callback was waiting when it was last looked at.
    pub(crate) fn is_waiting(&self) -> bool {
        self.waiting.load(Ordering::Relaxed)
    }
}
