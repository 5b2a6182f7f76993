//! What a raise was decided on, what of it is kept until the next one, and which entry what was seen can be held against.

use std::num::NonZeroI64;

use crate::{conversation::Priority, journal::Fence, policy::Base};

/// What it was decided on that something is due.
pub(super) struct Grounds {
    /// What points were counted from.
    pub(super) base: Base,
    /// To what it was to be raised.
    pub(super) to: Priority,
    /// The newest step that was in the priority, or may have been with another value than that.
    pub(super) newest: u32,
    /// The newest step that was, or may have been with any value.
    pub(super) newest_open: u32,
    /// The entry of the journal that says so.
    pub(super) fence: Fence,
}

impl Grounds {
    /// The newest step before one that leads to this priority. Two values must never go by one step: of their writes the one
    /// that is noted first would keep the other from being noted for ever.
    pub(super) fn step_below(&self, to: Priority) -> u32 {
        if to == self.to {
            self.newest
        } else {
            self.newest_open
        }
    }
}

/// The same in few bytes, for what a raise usually leaves behind: nobody else has ever set the priority.
#[derive(Clone, Copy)]
pub(super) struct Kept {
    /// The entry of the journal; never 0 after a claim.
    fence: NonZeroI64,
    /// The base's priority.
    base: Priority,
    /// The newest step.
    newest: u32,
}

impl Kept {
    /// What these grounds are in few bytes, where they are as usual.
    pub(super) fn of(grounds: &Grounds) -> Option<Self> {
        let fence = grounds.fence.number()?;
        let kept = Self {
            fence,
            base: grounds.base.priority,
            newest: grounds.newest,
        };
        grounds.base.until.is_none().then_some(kept)
    }

    /// The grounds.
    pub(super) fn grounds(self) -> Grounds {
        Grounds {
            base: Base {
                priority: self.base,
                until: None,
            },
            to: self.base,
            newest: self.newest,
            newest_open: self.newest,
            fence: Fence::from(self.fence),
        }
    }
}

/// The number of a visit's entry, which grows with every change of it. What was read before one says nothing against it: another
/// replica has made it on what it saw, perhaps a moment ago. In few bytes: twice the end of the number, and one more where it
/// became known after the conversation was last read.
#[derive(Clone, Copy, Debug)]
pub(super) struct KnownEntry(u32);

impl Default for KnownEntry {
    /// None is known, not even one that nothing was ever written to: another replica may have made that, too.
    fn default() -> Self {
        Self(u32::MAX)
    }
}

impl KnownEntry {
    /// The entry has this number.
    pub(super) fn learn(&mut self, fence: Fence) {
        let end = fence.number().map_or(0, NonZeroI64::get) & i64::from(u32::MAX >> 1);
        let number = u32::try_from(end).unwrap_or_default() << 1;
        if self.0 & !1 != number {
            self.0 = number | 1;
        }
    }

    /// The conversation has just been read.
    pub(super) fn looks(&mut self) {
        self.0 &= !1;
    }

    /// Whether the conversation was read when the entry was as it is known to be.
    pub(super) fn is_looked_on(self) -> bool {
        self.0 & 1 == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_news_until_the_conversation_is_read_after_it() {
        let numbers = [0, 7].map(|number| NonZeroI64::new(number).map(Fence::from));
        for fence in numbers.map(Option::unwrap_or_default) {
            let mut entry = KnownEntry::default();
            entry.looks();
            entry.learn(fence);
            assert!(
                !entry.is_looked_on(),
                "{fence:?}: another may have made it since"
            );
            entry.looks();
            entry.learn(fence);
            assert!(entry.is_looked_on(), "{fence:?}");
        }
    }
}
