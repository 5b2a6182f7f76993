//! What a tracker begins with: what announced the callback, and what that shows of its wait.

use super::Tracker;
use crate::conversation::{Priority, Waiting};

/// What a callback was announced by.
#[derive(Clone, Debug)]
pub(crate) enum Announced {
    /// Word that it may wait.
    Word,
    /// An event that shows the wait.
    Event(Box<Waiting>),
    /// A sweep's row with this priority, which does not name the leg. The view knows what it calls the visit.
    Row(Option<Priority>),
}

impl Tracker {
    /// The wait that an announcement shows, where it shows enough of it.
    pub(super) async fn shown_by(&self, announced: Announced) -> Option<Waiting> {
        match announced {
            Announced::Word => None,
            Announced::Event(waiting) => Some(*waiting),
            Announced::Row(priority) => self.recall(priority).await,
        }
    }

    /// The wait that a sweep's row shows, where the journal knows it from before a restart: only a look could tell the leg
    /// of a new one.
    async fn recall(&self, priority: Option<Priority>) -> Option<Waiting> {
        if self.settled.is_some() || self.context.orders.now().rules.ask_for_the_whole() {
            // Looked at in silence: most often it still needs no raise. Or for what only a look shows.
            return None;
        }
        let key = self.view.key()?;
        let (entered, now) = (key.entered()?, self.context.now());
        let (queue, priority) = (key.queue?, priority?);
        let journal = &self.context.journal;
        let recalled = journal.recall(&self.id, &queue, entered, now).await;
        let stay = recalled.unwrap_or_else(|error| {
            self.journal_failed(&error);
            None
        })?;
        Some(Waiting {
            visit: stay.visit,
            queue: Some(queue),
            since: stay.entered,
            origin: stay.entered,
            priority,
            kind: stay.kind,
            background: None,
        })
    }
}
