//! What a raise was decided on, and what of it is kept until the next one.

use std::num::NonZeroI64;

use crate::{conversation::Priority, journal::Fence, policy::Base};

/// What it was decided on that something is due.
pub(super) struct Grounds {
    /// What points were counted from.
    pub(super) base: Base,
    /// The newest step that was in the priority.
    pub(super) newest: u32,
    /// The entry of the journal that says so.
    pub(super) fence: Fence,
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
            newest: self.newest,
            fence: Fence::from(self.fence),
        }
    }
}
