//! What must not be forgotten about a visit: its base, and every write, claimed before and committed after.
//!
//! Everything else can be read from the platform again; the priority before our first raise cannot. A step is claimed
//! before its PATCH and committed after it, so that each (visit, step) is written by one owner, and a write whose answer
//! was lost is known to be ours when its value is seen later. A journal is asked for nothing but that: what to write is
//! the policy's business.

mod memory;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::{
    conversation::{Priority, Visit},
    policy::Base,
};

pub use memory::MemoryJournal;

/// What keeps the journal from working. Nothing may be written while it does not.
#[derive(Debug, thiserror::Error)]
#[error("the journal cannot be used: {what}")]
pub struct JournalError {
    /// What is wrong, and what to do about it.
    what: String,
}

/// A write: of a step, from what was seen, to the step's target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Write {
    /// Newest step in it.
    pub step: u32,
    /// Priority before.
    pub from: Priority,
    /// Priority written.
    pub to: Priority,
    /// When it was claimed, and once it is committed, when that was.
    pub at: Timestamp,
}

/// What is known of a visit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What points are added to.
    pub base: Base,
    /// The last write that the platform confirmed.
    pub last: Option<Write>,
    /// Writes since then whose outcome is not known: the answer was lost.
    pub open: Vec<Write>,
}

/// What a priority that was seen means to somebody who knows the entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// Nothing happened since our last write, as far as can be seen.
    Expected,
    /// A write of ours whose answer was lost did arrive.
    Arrived(Write),
    /// Somebody else changed it.
    Foreign,
}

/// Answer to a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The step is ours to write.
    Granted,
    /// It has been written.
    Done,
}

/// Where entries are kept.
#[async_trait]
pub trait Journal: Send + Sync {
    /// The entry of a visit; a new one, whose base is what was `seen`, where there is none.
    async fn entry(&self, visit: &Visit, seen: Priority) -> Result<Entry, JournalError>;

    /// Claims a step before it is written.
    async fn claim(&self, visit: &Visit, write: Write) -> Result<Claim, JournalError>;

    /// Notes that the platform has the priority of a claimed write.
    async fn commit(&self, visit: &Visit, write: Write) -> Result<(), JournalError>;

    /// Gives a claim back: the platform refused the write, so it is not there.
    async fn release(&self, visit: &Visit, write: Write) -> Result<(), JournalError>;

    /// Makes what somebody else set the base of what comes after.
    async fn rebase(&self, visit: &Visit, base: Base) -> Result<(), JournalError>;

    /// Forgets a visit that is over.
    async fn close(&self, visit: &Visit) -> Result<(), JournalError>;
}

impl Entry {
    /// An entry for a visit seen for the first time.
    #[must_use]
    pub fn new(seen: Priority) -> Self {
        Self {
            base: Base {
                priority: seen,
                step: 0,
            },
            last: None,
            open: Vec::new(),
        }
    }

    /// The priority that the platform should show.
    #[must_use]
    pub fn expected(&self) -> Priority {
        self.last.map_or(self.base.priority, |write| write.to)
    }

    /// The newest step that was written or may have been.
    #[must_use]
    pub fn newest_step(&self) -> u32 {
        let open = self.open.iter().map(|write| write.step);
        let last = self.last.map(|write| write.step);
        open.chain(last).fold(self.base.step, u32::max)
    }

    /// What it means to see this priority now. What was there before our last write counts as expected for a moment,
    /// because a read may be answered from before the write.
    #[must_use]
    pub fn meaning(&self, seen: Priority, now: Timestamp) -> Meaning {
        if seen == self.expected() {
            return Meaning::Expected;
        }
        if let Some(write) = self.open.iter().rev().find(|write| write.to == seen) {
            return Meaning::Arrived(*write);
        }
        let lagging = self.last.is_some_and(|write| {
            write.from == seen && crate::clock::elapsed(write.at, now) < READ_LAG
        });
        if lagging {
            return Meaning::Expected;
        }
        Meaning::Foreign
    }
}

/// How long after a write a read may still show what was before. The platform promises nothing; its reads are served
/// by several copies.
const READ_LAG: std::time::Duration = std::time::Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    fn write(step: u32, from: i64, to: i64) -> Write {
        Write {
            step,
            from: Priority::clamped(from),
            to: Priority::clamped(to),
            at: "2026-01-05T09:00:00Z".parse().unwrap(),
        }
    }

    #[test]
    fn what_a_seen_priority_means() {
        let entry = Entry {
            last: Some(write(3, 2, 3)),
            open: vec![write(4, 3, 4), write(6, 3, 6)],
            ..Entry::new(Priority::clamped(0))
        };
        let (soon, later) = ("2026-01-05T09:00:05Z", "2026-01-05T09:05:00Z");
        for (seen, now, expected) in [
            (3, later, Meaning::Expected),
            (4, later, Meaning::Arrived(write(4, 3, 4))),
            (6, later, Meaning::Arrived(write(6, 3, 6))),
            (5, later, Meaning::Foreign),
            (2, soon, Meaning::Expected),
            (2, later, Meaning::Foreign),
            (40, soon, Meaning::Foreign),
        ] {
            let meaning = entry.meaning(Priority::clamped(seen), now.parse().unwrap());
            assert_eq!(meaning, expected, "{seen} at {now}");
        }
        assert_eq!(entry.newest_step(), 6);
        assert_eq!(Entry::new(Priority::clamped(7)).expected().points(), 7);
    }
}
