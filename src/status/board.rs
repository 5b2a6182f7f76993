//! The callbacks that wait, as people want to see them: what was decided for each, what it has had, and what comes next.
//!
//! Trackers write here what they decide and do; whoever looks takes a copy. Not more than the oldest [`SHOWN`] are kept:
//! nobody reads a longer page, and a hundred thousand callbacks should not cost more memory because somebody might look.
//! When one leaves, the next that does anything takes its place if it is old enough.

use std::collections::{BTreeSet, HashMap, VecDeque};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    conversation::{ConversationId, Priority, QueueId},
    policy::Limit,
};

/// Callbacks that are kept, the oldest; more than one token carries at the usual wait.
pub(super) const SHOWN: usize = 2_000;
/// Changes of a priority that are kept of each callback, the newest: as many as a small line can show.
const CHANGES: usize = 12;

/// A callback that waits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Callback {
    /// Its conversation.
    pub conversation: ConversationId,
    /// The queue it waits in, where the platform says so.
    pub queue_id: Option<QueueId>,
    /// What that queue is called, where that is known.
    pub queue: Option<String>,
    /// The rule that is for it.
    pub rule: String,
    /// Since when it waits.
    pub since: Timestamp,
    /// What points are added to.
    pub base: Priority,
    /// Its priority now.
    pub priority: Priority,
    /// What comes next.
    pub next: Outlook,
    /// What came of what was done last.
    pub last: Option<Last>,
    /// How its priority has changed, oldest first; what was before the first of them is not known.
    pub changes: VecDeque<Change>,
}

/// What comes next for a callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Outlook {
    /// It is raised.
    Raise {
        /// When.
        at: Timestamp,
        /// To what, where that is decided already.
        to: Option<Priority>,
        /// Whether it would be sooner but for business hours.
        closed: bool,
    },
    /// It is to be raised now: whatever that takes is under way.
    Due {
        /// Since when.
        since: Timestamp,
    },
    /// It is not raised because an operator wants it so.
    Paused {
        /// Until when; absent: until it is resumed.
        until: Option<Timestamp>,
    },
    /// It is raised no more in this visit.
    Never {
        /// Why.
        reason: Reason,
    },
}

/// Why a callback is raised no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// It has had all raises that it may have.
    MaxRaises,
    /// It has the highest priority that it may have.
    MaxPriority,
    /// Its policy goes no further.
    LastStep,
    /// A rule leaves it alone.
    LeftAlone,
}

impl From<Limit> for Reason {
    fn from(limit: Limit) -> Self {
        match limit {
            Limit::MaxRaises => Self::MaxRaises,
            Limit::MaxPriority => Self::MaxPriority,
            Limit::LastStep => Self::LastStep,
            Limit::LeftAlone => Self::LeftAlone,
        }
    }
}

/// What came of what was done last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Last {
    /// When.
    pub at: Timestamp,
    /// What.
    pub outcome: Outcome,
}

/// What can come of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The platform has confirmed a raise.
    Raised,
    /// A dry run has told what it would raise.
    Told,
    /// The platform has refused a raise.
    Refused,
    /// No answer to a raise has come.
    Unanswered,
    /// Another replica has made a raise.
    Elsewhere,
    /// Somebody else has changed the priority.
    Foreign,
}

/// A change of a priority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Change {
    /// When.
    pub at: Timestamp,
    /// From what.
    pub from: Priority,
    /// To what.
    pub to: Priority,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Board {
    /// By conversation.
    rows: HashMap<ConversationId, Callback>,
    /// The same, oldest first.
    order: BTreeSet<(Timestamp, ConversationId)>,
}

impl Board {
    /// Whether there is room for a callback that waits since then: it is there already, the board is not full, or it is
    /// older than the youngest.
    pub(super) fn admits(&self, id: &ConversationId, since: Timestamp) -> bool {
        let older = |youngest: &(Timestamp, ConversationId)| since < youngest.0;
        self.order.len() < SHOWN
            || self.order.last().is_some_and(older)
            || self.rows.contains_key(id)
    }

    /// Puts a callback there as it was decided about now. What is known of its past stays as long as the visit does.
    pub(super) fn show(&mut self, mut seen: Callback) {
        if let Some(known) = self.rows.remove(&seen.conversation) {
            self.order.remove(&(known.since, known.conversation));
            if (known.since, &known.queue_id) == (seen.since, &seen.queue_id) {
                (seen.last, seen.changes) = (known.last, known.changes);
            }
        }
        if self.order.len() >= SHOWN
            && let Some((_, youngest)) = self.order.pop_last()
        {
            self.rows.remove(&youngest);
        }
        self.order.insert((seen.since, seen.conversation.clone()));
        self.rows.insert(seen.conversation.clone(), seen);
    }

    /// A priority has changed, by us or by somebody else.
    pub(super) fn changed(&mut self, id: &ConversationId, change: Change, outcome: Outcome) {
        let Some(row) = self.rows.get_mut(id) else {
            return;
        };
        if row.changes.len() == CHANGES {
            row.changes.pop_front();
        }
        row.changes.push_back(change);
        row.priority = change.to;
        let at = change.at;
        row.last = Some(Last { at, outcome });
    }

    /// Another replica has raised it; whether that was not known before.
    pub(super) fn raised_elsewhere(&mut self, id: &ConversationId, change: Change) -> bool {
        let news = self
            .rows
            .get(id)
            .is_some_and(|row| row.priority != change.to);
        if news {
            self.changed(id, change, Outcome::Elsewhere);
        }
        news
    }

    /// Something was done that changed no priority.
    pub(super) fn noted(&mut self, id: &ConversationId, last: Last) {
        if let Some(row) = self.rows.get_mut(id) {
            row.last = Some(last);
        }
    }

    /// A raise is due.
    pub(super) fn due(&mut self, id: &ConversationId, since: Timestamp) {
        if let Some(row) = self.rows.get_mut(id) {
            row.next = Outlook::Due { since };
        }
    }

    /// Nothing is done before then, whatever was thought to come next.
    pub(super) fn rests(&mut self, id: &ConversationId, until: Timestamp) {
        let Some(row) = self.rows.get_mut(id) else {
            return;
        };
        row.next = match row.next {
            Outlook::Raise { to, closed, .. } => Outlook::Raise {
                at: until,
                to,
                closed,
            },
            Outlook::Due { .. } => Outlook::Raise {
                at: until,
                to: None,
                closed: false,
            },
            other @ (Outlook::Paused { .. } | Outlook::Never { .. }) => other,
        };
    }

    /// A callback waits no more.
    pub(super) fn forget(&mut self, id: &ConversationId) {
        if let Some(row) = self.rows.remove(id) {
            self.order.remove(&(row.since, row.conversation));
        }
    }

    /// All of them, oldest first.
    pub(super) fn oldest_first(&self) -> impl Iterator<Item = &Callback> {
        self.order.iter().filter_map(|(_, id)| self.rows.get(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u16) -> ConversationId {
        let [high, low] = number.to_be_bytes();
        let mut bytes = [0; 16];
        (bytes[0], bytes[1]) = (high, low);
        ConversationId::from_random(bytes)
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn points(points: i64) -> Priority {
        Priority::clamped(points)
    }

    fn callback(number: u16, since: i64) -> Callback {
        Callback {
            conversation: id(number),
            queue_id: None,
            queue: None,
            rule: "policy".to_owned(),
            since: at(since),
            base: points(0),
            priority: points(0),
            next: Outlook::Due { since: at(since) },
            last: None,
            changes: VecDeque::new(),
        }
    }

    fn change(second: i64, to: i64) -> Change {
        Change {
            at: at(second),
            from: points(to - 1),
            to: points(to),
        }
    }

    #[test]
    fn the_oldest_are_kept_and_no_more_of_them_than_are_shown() {
        let mut board = Board::default();
        let shown = u16::try_from(SHOWN).unwrap();
        for number in 0..shown + 10 {
            let since = 10_000 - i64::from(number);
            assert!(
                board.admits(&id(number), at(since)),
                "older than all before"
            );
            board.show(callback(number, since));
        }
        let kept: Vec<_> = board.oldest_first().map(|row| row.since).collect();
        assert_eq!(kept.len(), SHOWN);
        assert!(kept.is_sorted());
        assert_eq!(kept[0], at(10_000 - i64::from(shown + 9)));
        assert!(!board.admits(&id(9_999), at(10_000)), "younger than all");
        assert!(board.admits(&id(shown), at(10_000)), "there already");
        board.forget(&id(shown));
        assert!(board.admits(&id(9_999), at(10_000)), "there is room again");
        assert_eq!(board.oldest_first().count(), SHOWN - 1);
    }

    #[test]
    fn the_past_of_a_visit_stays_and_that_of_the_one_before_goes() {
        let mut board = Board::default();
        board.show(callback(1, 0));
        for number in 1..=20 {
            board.changed(&id(1), change(number, number), Outcome::Raised);
        }
        board.show(callback(1, 0));
        let row = board.oldest_first().next().unwrap().clone();
        assert_eq!(row.changes.len(), CHANGES);
        assert_eq!(row.changes.back(), Some(&change(20, 20)));
        board.show(callback(1, 100));
        let rows: Vec<_> = board.oldest_first().collect();
        assert_eq!(rows.len(), 1);
        assert!(rows[0].changes.is_empty() && rows[0].last.is_none());
    }

    #[test]
    fn what_is_not_there_is_passed_over() {
        let mut board = Board::default();
        board.changed(&id(1), change(1, 1), Outcome::Raised);
        board.due(&id(1), at(1));
        board.rests(&id(1), at(1));
        board.forget(&id(1));
        assert_eq!(board.oldest_first().count(), 0);
    }
}
