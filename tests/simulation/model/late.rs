//! Writes that arrive after a newer one of another replica: nobody can keep them from it, and all must end as if they had not
//! come.
//!
//! One that lowers is repaired, so what points count from stays as it is. Only where somebody else has changed the priority
//! meanwhile can nobody tell: then it may count for that change taken back, or for another change.

use std::time::Duration;

use callback_prioritizer::sandbox::Write;
use jiff::Timestamp;

use super::{Base, Model, Rule, Stay, Verdict};

/// What became of writes that came late, and lowered.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Late {
    /// So many.
    pub(crate) came: usize,
    /// Those after which it was raised again.
    pub(crate) repaired: usize,
}

impl Stay {
    /// Takes a write that came late, of this step by the schedule.
    pub(super) fn late(
        &mut self,
        rule: Rule,
        (step, write): (u32, &Write),
        (unknown_for, newest): (Duration, Option<u32>),
        crossed: Option<Vec<Base>>,
    ) -> Verdict {
        let to = write.to.points();
        let fits = |base: &Base| rule.target(*base, step) == to;
        let before = self.changes.iter().flat_map(|change| &change.before);
        if !self.bases.iter().chain(before).any(fits) {
            return Err(format!(
                "late and off target: {write:?} of {step}, {self:?}"
            ));
        }
        if write.to < write.from {
            self.lowered.push((write.at, write.from.points(), false));
        }
        let Some(crossed) = crossed else {
            return Ok(());
        };
        let bases = self.bases.clone();
        self.changed(rule, to, (write.at, unknown_for), newest);
        self.add(bases);
        self.add(crossed.into_iter().filter(fits).collect());
        Ok(())
    }

    /// It has this priority from then on.
    pub(super) fn raised(&mut self, to: i64, at: Timestamp) {
        for (lowered, from, repaired) in &mut self.lowered {
            *repaired |= *lowered <= at && to >= *from;
        }
    }
}

impl Model {
    /// What became of writes that came late, and lowered.
    pub(crate) fn late(&self) -> Late {
        let lowered = self.stays.values().flatten().flat_map(|stay| &stay.lowered);
        lowered.fold(Late::default(), |so_far, (.., repaired)| Late {
            came: so_far.came + 1,
            repaired: so_far.repaired + usize::from(*repaired),
        })
    }
}
