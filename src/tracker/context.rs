//! What trackers share.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
};

use jiff::Timestamp;
use tokio::{
    sync::{Semaphore, mpsc},
    time::Instant,
};

use tokio_util::sync::CancellationToken;

use super::{Pace, Receipts};
use crate::{
    conversation::QueueId,
    genesys::Genesys,
    journal::Journal,
    orders::Orders,
    replicas::Peers,
    source::{names::Names, notifications::Follow, queues::Queues, sight::Sight},
    status::Status,
    trouble::Trouble,
};

/// What all trackers share.
pub(crate) struct Context {
    /// The platform.
    pub(crate) genesys: Arc<Genesys>,
    /// Bases and claims.
    pub(crate) journal: Arc<dyn Journal>,
    /// What operators have ordered: when and how much, which are left alone, and what is paused.
    pub(crate) orders: Orders,
    /// What things are called that rules ask for.
    pub(crate) names: Arc<Names>,
    /// Who goes first where several could raise.
    pub(crate) peers: Arc<Peers>,
    /// Which queues are ours.
    pub(crate) queues: Arc<Queues>,
    /// Whether what is known without asking can be believed.
    pub(crate) sight: Arc<Sight>,
    /// Where raises are counted.
    pub(crate) status: Status,
    /// Whether raises are kept on schedule.
    pub(crate) pace: Arc<Pace>,
    /// Which conversations to follow by topics of their own.
    pub(crate) follows: mpsc::UnboundedSender<Follow>,
    /// Who waits to hear that a callback is in the journal.
    pub(crate) receipts: Receipts,
    /// Ends all waits.
    pub(crate) stop: CancellationToken,
    /// Room for those who ask the journal: it serves one at a time, and a rest is smaller than a question.
    pub(crate) at_journal: Arc<Semaphore>,
    /// Queues whose writes are refused for lack of a permission, each named once until one is not.
    pub(crate) denied: Mutex<HashSet<Option<QueueId>>>,
    /// Callbacks whose looks fail other than in passing, and what was said of that.
    pub(crate) unseen: Mutex<(u32, Trouble)>,
    /// Queues in which an attribute that should hold a time did not, each named once.
    pub(crate) timeless: Mutex<HashSet<Option<QueueId>>>,
}

impl Context {
    /// The time at an instant that is past.
    pub(crate) fn then(&self, at: Instant) -> Timestamp {
        let now = self.now();
        now.saturating_sub(at.elapsed()).unwrap_or(now)
    }

    /// The time now. Queue entry is a time of the platform's, so what is due is told by the platform's time too.
    pub(crate) fn now(&self) -> Timestamp {
        self.genesys.now()
    }
}
