//! How many claims with their commits a database takes. Left out unless it is asked for:
//! `TEST_POSTGRES_FSYNC=on tests/postgres.sh cargo test --release --lib speed -- --ignored --nocapture`

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{task::JoinSet, time::Instant};

use super::{
    super::{Commit, Journal, PostgresJournal},
    bench::{Database, told},
};
use crate::{
    conversation::Priority,
    journal::{
        Claim, Write,
        conformance::{at, seen, write},
    },
};

/// Visits in the journal.
const VISITS: u64 = 100_000;
/// How long it is measured.
const TIME: Duration = Duration::from_secs(10);

/// Raises one visit after the other for as long as it is measured; how many.
async fn raise(journal: PostgresJournal, next: Arc<AtomicU64>) -> u64 {
    let begun = Instant::now();
    let mut raises = 0;
    while begun.elapsed() < TIME {
        let number = next.fetch_add(1, Ordering::Relaxed) * 7_919 % VISITS;
        let visit = seen(&format!("v{number}"), 0).visit;
        let write = Write {
            at: at(0),
            ..write(1, 0, 1)
        };
        let claim = journal
            .claim(&visit, crate::journal::Fence::default(), write)
            .await;
        let Claim::Granted(fence) = claim.unwrap() else {
            continue;
        };
        let commit = journal
            .commit(&visit, fence, Priority::clamped(1), at(0))
            .await;
        assert_eq!(commit.unwrap(), Commit::Done);
        raises += 1;
    }
    raises
}

#[ignore = "a measurement, which takes a while"]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn how_many_claims_and_commits_a_second() {
    let Some(cluster) = told("TEST_POSTGRES") else {
        return;
    };
    for clients in [1, 16] {
        let database = Database::begin(&cluster).await;
        let first = database.journal(&cluster, "first");
        first.open().await.unwrap();
        database
            .act(&format!(
                "INSERT INTO callback_prioritizer.visits (conversation, leg, queue, entered_at, kind, base, seen_at)
                 SELECT 'v' || n, 'v' || n || '-leg', 'queue', 0, 0, 0, 0 FROM generate_series(0, {VISITS} - 1) n;
                 ANALYZE callback_prioritizer.visits; CHECKPOINT"
            ))
            .await;
        let next = Arc::new(AtomicU64::new(0));
        let mut all = JoinSet::new();
        for number in 0..clients {
            let journal = database.journal(&cluster, &format!("r{number}"));
            all.spawn(raise(journal, Arc::clone(&next)));
        }
        let raises: u64 = all.join_all().await.into_iter().sum();
        let rate = raises / TIME.as_secs();
        println!("{clients} clients, {VISITS} visits: {rate} claims with their commits a second");
    }
}
