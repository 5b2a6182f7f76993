//! What is known of a visit, and what a priority that is seen means to somebody who knows it.

use jiff::Timestamp;

use super::{Fence, READ_LAG, Write};
use crate::{clock::elapsed, conversation::Priority, policy::Base};

/// A write that was claimed, and of whose outcome nothing is known yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Open {
    /// Number of its claim.
    pub fence: Fence,
    /// What was to be written.
    pub write: Write,
    /// Whether another owner is at it, which will note what comes of it. Not where its claim has ended.
    pub elsewhere: bool,
}

/// What is known of a visit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What points are added to.
    pub base: Base,
    /// The newest step that may be in the base: 0 before anything was written.
    pub base_step: u32,
    /// The last write that the platform confirmed.
    pub last: Option<Write>,
    /// Writes since then whose outcome is not known, oldest first: under way, or the answer was lost.
    pub open: Vec<Open>,
    /// What a claim or a change of base must name, to be made on this entry and no later one.
    pub fence: Fence,
}

/// What a priority that was seen means to somebody who knows the entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// Nothing happened since our last write, as far as can be seen.
    Expected,
    /// A write of ours whose answer was lost did arrive.
    Arrived(Open),
    /// Somebody else changed it.
    Foreign,
}

impl Entry {
    /// An entry for a visit seen for the first time.
    #[must_use]
    pub fn new(seen: Priority) -> Self {
        Self {
            base: Base {
                priority: seen,
                until: None,
            },
            base_step: 0,
            last: None,
            open: Vec::new(),
            fence: Fence::default(),
        }
    }

    /// The priority that the platform should show.
    #[must_use]
    pub fn expected(&self) -> Priority {
        self.last.map_or(self.base.priority, |write| write.to)
    }

    /// The newest step that is known to be in the priority.
    #[must_use]
    pub fn committed_step(&self) -> u32 {
        self.last
            .map_or(self.base_step, |write| write.step.max(self.base_step))
    }

    /// The newest step that was written or may have been.
    #[must_use]
    pub fn newest_step(&self) -> u32 {
        let open = self.open.iter().map(|open| open.write.step);
        open.fold(self.committed_step(), u32::max)
    }

    /// Whether this priority may be by a write that the journal knows of.
    #[must_use]
    pub fn may_have_written(&self, seen: Priority) -> bool {
        let open = self.open.iter().map(|open| open.write);
        open.chain(self.last).any(|write| write.to == seen)
    }

    /// The newest step that is known to be in the priority, or that may be with another value than this.
    #[must_use]
    pub fn step_below(&self, to: Priority) -> u32 {
        let others = self.open.iter().filter(|open| open.write.to != to);
        let steps = others.map(|open| open.write.step);
        steps.fold(self.committed_step(), u32::max)
    }

    /// The moment up to which all steps due were written or may have been; nothing before the first.
    #[must_use]
    pub fn written_until(&self) -> Option<Timestamp> {
        let open = self.open.iter().map(|open| open.write.covers);
        let last = self.last.map(|write| write.covers);
        open.chain(last).chain(self.base.until).max()
    }

    /// Whether this priority is what was there before our last write, and may be told for a moment after it.
    #[must_use]
    pub fn is_behind(&self, seen: Priority, now: Timestamp) -> bool {
        let lags = |write: Write| write.from == seen && elapsed(write.at, now) < READ_LAG;
        seen != self.expected() && self.last.is_some_and(lags)
    }

    /// What it means to see this priority now. What was there before our last write counts as expected for a moment,
    /// because a read may be answered from before the write. So does a write that another owner is at.
    #[must_use]
    pub fn meaning(&self, seen: Priority, now: Timestamp) -> Meaning {
        if seen == self.expected() {
            return Meaning::Expected;
        }
        if let Some(open) = self.open.iter().rev().find(|open| open.write.to == seen) {
            return if open.elsewhere {
                Meaning::Expected
            } else {
                Meaning::Arrived(*open)
            };
        }
        if self.is_behind(seen, now) {
            return Meaning::Expected;
        }
        Meaning::Foreign
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::conformance::{at, write},
        *,
    };

    #[test]
    fn what_a_seen_priority_means() {
        let open = |number, step, to| Open {
            fence: Fence(number),
            write: write(step, 3, to),
            elsewhere: false,
        };
        let entry = Entry {
            last: Some(write(3, 2, 3)),
            open: vec![open(7, 4, 4), open(8, 6, 6), open(9, 7, 6)],
            ..Entry::new(Priority::clamped(0))
        };
        let (soon, later) = (5, READ_LAG.as_secs().cast_signed());
        for (seen, now, expected) in [
            (3, later, Meaning::Expected),
            (4, later, Meaning::Arrived(open(7, 4, 4))),
            (6, later, Meaning::Arrived(open(9, 7, 6))),
            (5, later, Meaning::Foreign),
            (2, soon, Meaning::Expected),
            (2, later, Meaning::Foreign),
            (40, soon, Meaning::Foreign),
        ] {
            let meaning = entry.meaning(Priority::clamped(seen), at(now));
            assert_eq!(meaning, expected, "{seen} after {now} s");
        }
        assert_eq!((entry.committed_step(), entry.newest_step()), (3, 7));
        let below = [4, 6, 9].map(|to| entry.step_below(Priority::clamped(to)));
        assert_eq!(below, [7, 4, 7], "one step leads to one value");
        assert_eq!(entry.written_until(), Some(at(0)));
        assert_eq!(Entry::new(Priority::clamped(7)).expected().points(), 7);
    }
}
