//! By how much callers who wait are overtaken: of the calls that were offered to agents while somebody waited, the one whose
//! caller came last.
//!
//! Nobody is walked through for it. An offer that is followed by one of a later caller will never be asked for again, so those
//! that are kept stand in falling order of when their callers came, and there are hardly ever more than a few.

use std::collections::VecDeque;

/// Calls that were offered to agents.
#[derive(Debug, Default)]
pub(super) struct Offers {
    /// How many there were.
    number: u64,
    /// Those that matter: their numbers and when their callers came, earliest offer first.
    kept: VecDeque<(u64, i64)>,
}

impl Offers {
    /// How many there were so far.
    pub(super) fn so_far(&self) -> u64 {
        self.number
    }

    /// A call is offered whose caller came then.
    pub(super) fn note(&mut self, came: i64) {
        while self.kept.back().is_some_and(|(_, other)| *other <= came) {
            self.kept.pop_back();
        }
        self.kept.push_back((self.number, came));
        self.number += 1;
    }

    /// When the last caller came of all that were offered after the first so many; nothing where there were none.
    pub(super) fn last_since(&self, number: u64) -> Option<i64> {
        let first = self.kept.partition_point(|(offer, _)| *offer < number);
        self.kept.get(first).map(|(_, came)| *came)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// What is kept is enough to tell of any stay.
        #[test]
        fn the_last_to_come_is_known(came in prop::collection::vec(0..50_i64, 1..60)) {
            let mut offers = Offers::default();
            for came in &came {
                offers.note(*came);
            }
            for (since, all) in (0..).zip((0..=came.len()).map(|since| &came[since..])) {
                prop_assert_eq!(offers.last_since(since), all.iter().copied().max());
            }
        }
    }
}
