//! What is kept of one visit, and how that changes.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;

use super::{Entry, Fence, Open, Owner, Write};
use crate::conversation::{Kind, Priority, QueueId};

/// An entry, and what only the journal needs to know of it.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    /// What is told.
    pub(super) entry: Entry,
    /// Which queue it entered.
    pub(super) queue: Option<QueueId>,
    /// When.
    pub(super) entered: Timestamp,
    /// Of which kind it is.
    pub(super) kind: Kind,
    /// Who has made which claim, and when that ends: of claims that are open, or overtaken.
    pub(super) holders: HashMap<Fence, (Owner, Timestamp)>,
    /// Writes that were overtaken.
    pub(super) overtaken: Vec<Open>,
    /// When it was last seen, within `SEEN_WITHIN`.
    pub(super) seen: Timestamp,
}

impl Kept {
    /// When the newest claim ends, where it keeps this owner from the step now.
    pub(super) fn held_from(&self, owner: &Owner, now: Timestamp) -> Option<Timestamp> {
        let newest = self.entry.fence;
        self.entry.open.iter().find(|open| open.fence == newest)?;
        let (holder, until) = self.holders.get(&newest)?;
        (holder != owner && *until > now).then_some(*until)
    }

    /// Whether this owner has made this claim.
    pub(super) fn is_of(&self, claim: Fence, owner: &Owner) -> bool {
        let holder = self.holders.get(&claim);
        holder.is_some_and(|(holder, _)| holder == owner)
    }

    /// The entry as this owner is told it.
    pub(super) fn told(&self, owner: &Owner, now: Timestamp) -> Entry {
        let mut entry = self.entry.clone();
        if self.held_from(owner, now).is_some()
            && let Some(newest) = entry.open.last_mut()
        {
            newest.elsewhere = true;
        }
        entry
    }

    /// Lets go of those open writes: what became of them is not known.
    pub(super) fn overtake(&mut self, which: impl Fn(&Open) -> bool) {
        let gone = self.entry.open.extract_if(.., |open| which(open));
        self.overtaken.extend(gone);
    }

    /// Forgets who made claims of which the outcome is known.
    pub(super) fn forget_holders(&mut self) {
        let unknown = self.entry.open.iter().chain(&self.overtaken);
        let unknown: HashSet<Fence> = unknown.map(|open| open.fence).collect();
        self.holders.retain(|claim, _| unknown.contains(claim));
    }

    /// Opens the newest overtaken write of this value again, unless it was written meanwhile: what has overtaken it is not there.
    pub(super) fn reopen(&mut self, value: Priority) {
        let committed = self.entry.committed_step();
        let may_come = |open: &Open| open.write.to == value && open.write.step > committed;
        let newest = (0..self.overtaken.len())
            .filter(|index| may_come(&self.overtaken[*index]))
            .max_by_key(|index| self.overtaken[*index].fence);
        if let Some(newest) = newest {
            self.entry.open.push(self.overtaken.swap_remove(newest));
            self.entry.open.sort_by_key(|open| open.fence);
        }
    }

    /// Makes an open write the last one: it and all that were claimed before it are open no more.
    pub(super) fn settle(
        &mut self,
        claim: Fence,
        confirmed: Option<Priority>,
        at: Timestamp,
    ) -> Option<()> {
        let entry = &mut self.entry;
        let open = entry.open.iter().find(|open| open.fence == claim)?;
        if open.write.step <= entry.committed_step() {
            return None;
        }
        entry.last = Some(Write {
            to: confirmed.unwrap_or(open.write.to),
            at,
            ..open.write
        });
        let settled = *open;
        entry.open.retain(|open| open.fence != claim);
        if confirmed.is_none() && entry.open.iter().any(|open| open.fence > claim) {
            self.overtaken.push(settled);
        }
        self.overtake(|open| open.fence < claim);
        self.forget_holders();
        Some(())
    }
}
