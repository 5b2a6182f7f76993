//! Pauses: in which queues nothing is raised, and until when. Pure.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use crate::conversation::QueueId;

/// An order to raise nothing for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pause {
    /// In which queue; absent: in all of them.
    #[serde(rename = "queue_id")]
    pub queue: Option<QueueId>,
    /// Since when.
    pub since: Timestamp,
    /// Until when; absent: until it is ended.
    pub until: Option<Timestamp>,
}

impl Pause {
    /// When it ends; never, unless it is ended before.
    fn end(&self) -> Timestamp {
        self.until.unwrap_or(Timestamp::MAX)
    }
}

/// The pauses in force: at most one for each queue, and one for all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pauses(BTreeMap<Option<QueueId>, Pause>);

impl Pauses {
    /// Until when a callback in this queue is not raised; nothing where it may be. One in a queue that is not known may be
    /// in any of them.
    pub(crate) fn end_for(&self, queue: Option<&QueueId>, now: Timestamp) -> Option<Timestamp> {
        let meant = self.0.values().filter(|pause| {
            queue.is_none() || pause.queue.is_none() || pause.queue.as_ref() == queue
        });
        meant.map(Pause::end).filter(|end| *end > now).max()
    }
}
