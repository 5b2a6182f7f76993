//! What a clock of the database that is set back by an hour must not do: let wait for that hour, or keep alive what is over.

use std::time::Duration;

use super::{
    super::{Commit, Journal, PostgresReplicas},
    bench::{Database, told},
};
use crate::{
    conversation::Priority,
    journal::{
        Claim,
        conformance::{at, seen, write},
    },
    replicas::{Deeds, Grant, MAX_REPLICAS, Rate, Replicas, Standing, SweepTurn},
};

/// By how much the clock is set back, seconds.
const BACK: i64 = 3_600;

/// A database whose clock is set.
struct Clocked {
    /// The database.
    database: Database,
    /// Beginning of the URLs of its cluster.
    cluster: String,
}

impl Clocked {
    /// A new one, at the start; nothing where there is no PostgreSQL.
    async fn begin() -> Option<Self> {
        let cluster = told("TEST_POSTGRES")?;
        let database = Database::begin(&cluster).await;
        let journal = database.journal(&cluster, "first");
        journal.open().await.unwrap();
        database.stop_clock().await;
        let clocked = Self { database, cluster };
        clocked.set(0).await;
        Some(clocked)
    }

    /// Sets its clock to so many seconds after the start.
    async fn set(&self, seconds: i64) {
        self.database.set_clock(at(seconds)).await;
    }

    /// What a replica of this name shares with others.
    fn replica(&self, name: &str) -> PostgresReplicas {
        let journal = self.database.journal(&self.cluster, name);
        PostgresReplicas::new(journal.store, "client")
    }
}

/// One request a second, and two at once.
const RATE: Rate = Rate {
    interval: Duration::from_secs(1),
    burst: 2,
};

#[tokio::test(flavor = "multi_thread")]
async fn the_rate_goes_on_as_it_was() {
    let Some(clocked) = Clocked::begin().await else {
        return;
    };
    let (one, two) = (clocked.replica("one"), clocked.replica("two"));
    let early = Grant::In(RATE.interval);
    for (replica, expected) in [(&one, Grant::Now), (&two, Grant::Now), (&one, early)] {
        assert_eq!(replica.permit(0, RATE, false).await.unwrap(), expected);
    }
    for second in 0..10 {
        clocked.set(second - BACK).await;
        let expected = if second == 0 { early } else { Grant::Now };
        assert_eq!(
            one.permit(0, RATE, false).await.unwrap(),
            expected,
            "{second}"
        );
        assert_eq!(two.permit(0, RATE, false).await.unwrap(), early, "{second}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_that_is_over_does_not_come_back() {
    let Some(clocked) = Clocked::begin().await else {
        return;
    };
    let (one, two) = (clocked.replica("one"), clocked.replica("two"));
    one.hold(Duration::from_mins(1)).await.unwrap();
    clocked.set(-BACK).await;
    assert_eq!(two.permit(0, RATE, false).await.unwrap(), Grant::Now);
    let short = Duration::from_secs(9);
    one.hold(short).await.unwrap();
    assert_eq!(two.permit(0, RATE, false).await.unwrap(), Grant::In(short));
    clocked.set(9 - BACK).await;
    assert_eq!(two.permit(0, RATE, false).await.unwrap(), Grant::Now);
}

#[tokio::test(flavor = "multi_thread")]
async fn sweeps_go_on() {
    let Some(clocked) = Clocked::begin().await else {
        return;
    };
    let (one, two) = (clocked.replica("one"), clocked.replica("two"));
    let at_most = Duration::from_secs(30);
    assert_eq!(one.sweep(at_most).await.unwrap(), SweepTurn::Ours);
    one.swept(Some("all".to_owned())).await.unwrap();
    clocked.set(-BACK).await;
    let turn = two.sweep(at_most).await.unwrap();
    assert_eq!(turn, SweepTurn::Ours, "what was found is not of now");
    // It is killed before it has found anything.
    clocked.set(-2 * BACK).await;
    assert_eq!(one.sweep(at_most).await.unwrap(), SweepTurn::Ours);
}

/// Those who live, in the eyes of this replica.
async fn living(replica: &PostgresReplicas) -> Vec<String> {
    let standing = replica.sign(Deeds::default(), at(0)).await.unwrap();
    let Standing::Member(roll) = standing else {
        panic!("{standing:?}");
    };
    let living = roll.into_iter().filter(|one| one.lives);
    living.map(|one| one.name).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_dead_do_not_live_and_their_places_are_free() {
    let Some(clocked) = Clocked::begin().await else {
        return;
    };
    let mut all = Vec::new();
    for number in 0..MAX_REPLICAS {
        let replica = clocked.replica(&format!("r{number}"));
        living(&replica).await;
        all.push(replica);
    }
    clocked.set(-5).await;
    let everybody = living(&all[0]).await.len();
    assert_eq!(everybody, MAX_REPLICAS, "a little makes no difference");
    clocked.set(-BACK).await;
    assert_eq!(living(&all[0]).await, ["r0"]);
    let sixth = clocked.replica("sixth");
    assert_eq!(living(&sixth).await, ["r0", "sixth"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_from_before_keeps_nobody_away() {
    let Some(clocked) = Clocked::begin().await else {
        return;
    };
    let [one, two] = ["one", "two"].map(|name| clocked.database.journal(&clocked.cluster, name));
    let (waiting, write) = (seen("v", 0), write(1, 0, 1));
    let fence = one.entry(&waiting, at(0)).await.unwrap().fence;
    let claim = one.claim(&waiting.visit, fence, write).await.unwrap();
    assert!(matches!(claim, Claim::Granted(_)), "{claim:?}");
    for (back, elsewhere) in [(0, true), (BACK, false)] {
        clocked.set(-back).await;
        let entry = two.entry(&waiting, at(0)).await.unwrap();
        assert_eq!(entry.open[0].elsewhere, elsewhere, "{back} s back");
        let claim = two.claim(&waiting.visit, entry.fence, write).await.unwrap();
        let granted = matches!(claim, Claim::Granted(_));
        assert_eq!(granted, !elsewhere, "{claim:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_from_before_gets_older() {
    let Some(clocked) = Clocked::begin().await else {
        return;
    };
    let journal = clocked.database.journal(&clocked.cluster, "one");
    let waiting = seen("v", 0);
    let fence = journal.entry(&waiting, at(0)).await.unwrap().fence;
    let claim = journal.claim(&waiting.visit, fence, write(1, 0, 1)).await;
    let Claim::Granted(fence) = claim.unwrap() else {
        panic!("nobody else is there");
    };
    let one = Priority::clamped(1);
    let commit = journal.commit(&waiting.visit, fence, one, at(0)).await;
    assert_eq!(commit.unwrap(), Commit::Done);
    for seconds in [0, 60] {
        clocked.set(seconds - BACK).await;
        let entry = journal.entry(&waiting, at(seconds)).await.unwrap();
        assert_eq!(entry.last.unwrap().at, at(0), "after {seconds} s");
    }
}
