//! What is forgotten, and what counts as having been seen.

use super::{Bench, at, seen, step};
use crate::journal::{Claim, Fence, Write};

pub(in crate::journal) async fn a_visit_that_nobody_saw_for_long_is_forgotten(bench: impl Bench) {
    const DAY: i64 = 24 * 60 * 60;
    let journal = bench.journal();
    for name in ["seen", "raised", "lost"] {
        journal.entry(&seen(name, 1), at(0)).await.unwrap();
    }
    journal.entry(&seen("seen", 9), at(2 * DAY)).await.unwrap();
    let late = Write {
        at: at(2 * DAY),
        ..step(3)
    };
    let visit = seen("raised", 0).visit;
    let claim = journal.claim(&visit, Fence::default(), late).await;
    assert!(matches!(claim.unwrap(), Claim::Granted(_)));
    journal.prune(at(DAY), at(3 * DAY)).await.unwrap();
    for (name, base) in [("seen", 1), ("raised", 1), ("lost", 9)] {
        let entry = journal.entry(&seen(name, 9), at(3 * DAY)).await.unwrap();
        assert_eq!(entry.base.priority.points(), base, "{name}");
    }
}

pub(in crate::journal) async fn the_end_of_a_visit_counts_as_having_been_seen(bench: impl Bench) {
    const DAY: i64 = 24 * 60 * 60;
    let (journal, visit) = (bench.journal(), seen("v", 0).visit);
    journal.entry(&seen("v", 1), at(0)).await.unwrap();
    journal.close(&visit, at(2 * DAY)).await.unwrap();
    journal.prune(at(DAY), at(3 * DAY)).await.unwrap();
    let entry = journal.entry(&seen("v", 9), at(3 * DAY)).await.unwrap();
    assert_eq!(entry.base.priority.points(), 1);
}
