//! What is there when a daemon was killed and started again.

use super::{Bench, at, claim, commit, entry, granted, step, write};
use crate::{
    conversation::Priority,
    journal::{Claim, Commit, Meaning, Write},
};

pub(in crate::journal) async fn a_claim_outlives_its_owner_and_blocks_nobody_after_it(
    bench: impl Bench,
) {
    granted(&bench, write(2, 0, 2)).await;
    let bench = bench.killed_and_restarted();
    let known = entry(&bench).await;
    let Meaning::Arrived(open) = known.meaning(Priority::clamped(2), at(9)) else {
        panic!("our own write taken for somebody else's: {known:?}");
    };
    assert_eq!(open.write, write(2, 0, 2));
    let early = Write {
        at: at(1),
        ..step(2)
    };
    granted(&bench, early).await;
}

pub(in crate::journal) async fn a_commit_is_not_forgotten_with_its_owner(bench: impl Bench) {
    let claimed = granted(&bench, step(1)).await;
    assert_eq!(commit(&bench, claimed, 1).await, Commit::Done);
    let before = entry(&bench).await;
    let bench = bench.killed_and_restarted();
    assert_eq!(entry(&bench).await, before);
    assert_eq!(claim(&bench, step(1)).await, Claim::Done);
}
