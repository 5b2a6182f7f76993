//! Many owners at one visit, all at once.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::{
    sync::Barrier,
    task::{JoinSet, yield_now},
};

use super::{Bench, at, commit, entry, granted, seen, step};
use crate::{
    conversation::Priority,
    journal::{Claim, Commit, Fence},
};

/// How many at once.
const CLAIMERS: usize = 16;
/// Steps that they write together.
const STEPS: u32 = 200;

/// What all of them have done.
#[derive(Default)]
struct Done {
    /// Writes that were committed: the step, the number of its claim, and whose it was.
    commits: Vec<(u32, Fence, usize)>,
    /// Claims that were refused.
    refused: usize,
}

pub(in crate::journal) async fn sixteen_claimers_write_each_step_once_with_growing_numbers(
    bench: impl Bench,
) {
    let done = Arc::new(Mutex::new(Done::default()));
    let together = Arc::new(Barrier::new(CLAIMERS));
    let mut claimers = JoinSet::new();
    for number in 0..CLAIMERS {
        let (one, done) = (bench.beside(), Arc::clone(&done));
        let together = Arc::clone(&together);
        claimers.spawn(async move {
            together.wait().await;
            while write_next(&one, number, &done).await {}
        });
    }
    claimers.join_all().await;

    let mut done = std::mem::take(&mut *done.lock().unwrap_or_else(PoisonError::into_inner));
    // A step can be claimed only after the one before was committed, so this is the order of the commits.
    done.commits.sort_unstable();
    let steps: Vec<u32> = done.commits.iter().map(|(step, ..)| *step).collect();
    assert_eq!(steps, (1..=STEPS).collect::<Vec<_>>(), "each of them once");
    for pair in done.commits.windows(2) {
        assert!(pair[0].1 < pair[1].1, "{pair:?}");
    }
    // None of it means anything where they came one after the other.
    let first = done.commits[0].2;
    assert!(done.commits.iter().any(|(.., whose)| *whose != first));
    assert!(done.refused >= CLAIMERS, "{}", done.refused);
    let last = entry(&bench).await;
    assert_eq!((last.committed_step(), last.open), (STEPS, vec![]));
}

/// Tries to write the step after the newest; whether there are more.
async fn write_next(one: &impl Bench, number: usize, done: &Mutex<Done>) -> bool {
    let known = entry(one).await;
    let next = known.committed_step() + 1;
    if next > STEPS {
        return false;
    }
    let visit = seen("v", 0).visit;
    let claim = one.journal().claim(&visit, known.fence, step(next)).await;
    // Others run now, also where nothing here ever waits.
    yield_now().await;
    if let Claim::Granted(fence) = claim.unwrap() {
        let confirmed = Priority::clamped(next.into());
        let commit = one.journal().commit(&visit, fence, confirmed, at(1)).await;
        assert_eq!(commit.unwrap(), Commit::Done, "step {next}");
        {
            let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
            done.commits.push((next, fence, number));
        }
        yield_now().await;
    } else {
        let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
        done.refused += 1;
    }
    true
}

pub(in crate::journal) async fn a_claim_is_confirmed_and_given_back_by_its_owner_alone(
    bench: impl Bench,
) {
    let other = bench.beside();
    let claimed = granted(&bench, step(1)).await;
    // After a failover the other may hold the same number, of a claim that is lost.
    assert_eq!(commit(&other, claimed, 1).await, Commit::Lost);
    let visit = seen("v", 0).visit;
    let released = other.journal().release(&visit, claimed, at(1)).await;
    released.unwrap();
    assert_eq!(entry(&bench).await.open.len(), 1);
    assert_eq!(commit(&bench, claimed, 1).await, Commit::Done);
}
