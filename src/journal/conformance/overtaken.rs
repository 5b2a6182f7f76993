//! What becomes of a write whose outcome is not known when a newer one is made.

use super::{Bench, at, commit, entry, granted, seen, step, write};
use crate::{
    conversation::Priority,
    journal::{Commit, Entry, Overtaken, Write},
};

pub(in crate::journal) async fn the_value_of_an_overtaken_write_is_known_as_ours(
    bench: impl Bench,
) {
    let (journal, visit) = (bench.journal(), seen("v", 0).visit);
    let overtaken = |points| {
        let (visit, points) = (visit.clone(), Priority::clamped(points));
        async move {
            let writes = journal.overtaken(&visit, at(299)).await.unwrap();
            writes.contains(&Overtaken {
                to: points,
                at: at(0),
            })
        }
    };
    granted(&bench, write(1, 0, 1)).await;
    let given_back = granted(&bench, write(2, 0, 2)).await;
    journal.release(&visit, given_back, at(0)).await.unwrap();
    let newer = granted(&bench, write(3, 0, 3)).await;
    assert!(!overtaken(1).await, "it may be the newest still");
    assert_eq!(commit(&bench, newer, 3).await, Commit::Done);
    for (points, expected) in [(0, false), (1, true), (2, false), (3, false)] {
        assert_eq!(overtaken(points).await, expected, "{points}");
    }
    let later = journal.overtaken(&visit, at(300)).await;
    assert_eq!(later.unwrap(), [], "it comes no more");
}

pub(in crate::journal) async fn what_arrived_while_a_newer_write_was_under_way_may_have_overtaken_it(
    bench: impl Bench,
) {
    let (journal, visit) = (bench.journal(), seen("v", 0).visit);
    let overtaken = async || {
        let writes = journal.overtaken(&visit, at(9)).await.unwrap();
        let values = writes.iter().map(|write| write.to.points());
        values.collect::<Vec<i64>>()
    };
    let later = |step| Write { at: at(5), ..step };
    let arrived = async |open, settled| {
        let known = entry(&bench).await.fence;
        journal
            .arrived(&visit, known, open, at(settled))
            .await
            .unwrap()
    };
    let alone = granted(&bench, step(1)).await;
    assert_eq!(arrived(alone, 1).await, Commit::Done);
    assert!(overtaken().await.is_empty(), "nothing was there before it");
    let older = granted(&bench, later(step(2))).await;
    let newer = granted(&bench, later(step(3))).await;
    assert_eq!(arrived(older, 6).await, Commit::Done);
    assert_eq!(commit(&bench, newer, 3).await, Commit::Done);
    assert_eq!(overtaken().await, [2]);
}

pub(in crate::journal) async fn a_write_is_open_again_when_what_has_overtaken_it_is_not_made(
    bench: impl Bench,
) {
    let (journal, visit) = (bench.journal(), seen("v", 0).visit);
    let release = |claim| {
        let visit = visit.clone();
        async move { journal.release(&visit, claim, at(1)).await.unwrap() }
    };
    let open = |entry: Entry| {
        let fences = entry.open.iter().map(|open| open.fence);
        fences.collect::<Vec<_>>()
    };
    let lost = granted(&bench, step(1)).await;
    let again = granted(&bench, step(1)).await;
    let higher = granted(&bench, step(2)).await;
    assert_eq!(open(entry(&bench).await), [again, higher]);
    release(again).await;
    assert_eq!(open(entry(&bench).await), [lost, higher], "in their order");
    // News of one that is overtaken: it will not come.
    let third = granted(&bench, step(1)).await;
    release(lost).await;
    release(third).await;
    assert_eq!(open(entry(&bench).await), [higher]);
    let same = granted(&bench, step(2)).await;
    assert_eq!(commit(&bench, same, 2).await, Commit::Done);
    let (newest, refused) = (
        granted(&bench, step(3)).await,
        granted(&bench, write(4, 2, 2)).await,
    );
    release(refused).await;
    assert_eq!(
        open(entry(&bench).await),
        [newest],
        "what is written comes no more"
    );
}
