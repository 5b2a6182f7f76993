//! The database is down, for all replicas or for one of them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use callback_prioritizer::{conversation::ConversationId, journal::JournalError};

use super::{SWEEP, callbacks};
use crate::{
    harness::{Centre, Running, minutes, pass},
    obstacle::{Asked, Obstacle, Obstructed},
};

/// The way to a database.
#[derive(Default)]
struct Database(AtomicBool);

impl Database {
    /// Takes it down, or brings it back.
    fn is_down(&self, down: bool) {
        self.0.store(down, Ordering::Relaxed);
    }
}

#[async_trait]
impl Obstacle for Database {
    async fn meet(&self, _asked: Asked<'_>) -> Result<(), JournalError> {
        if self.0.load(Ordering::Relaxed) {
            return Err(JournalError::new("the database is down"));
        }
        Ok(())
    }
}

/// A replica behind a way to the database.
fn replica(centre: &Centre, name: &str, way: &Arc<Database>) -> Running {
    let journal = Obstructed::<Database>::from((Arc::clone(way), centre.shared.replica(name)));
    centre.start_with(Arc::new(journal))
}

/// Two replicas that have raised each of twenty callbacks once, seven minutes after they came.
async fn raised_once(
    centre: &Centre,
    ways: [&Arc<Database>; 2],
) -> ([Running; 2], Vec<ConversationId>) {
    let replicas = [("one", ways[0]), ("two", ways[1])];
    let replicas = replicas.map(|(name, way)| replica(centre, name, way));
    for replica in &replicas {
        replica.until(|now| now.ready && now.sockets > 0).await;
    }
    let ids = callbacks(centre, &[&replicas[0], &replicas[1]], 20).await;
    pass(minutes(7)).await;
    assert!(ids.iter().all(|id| centre.writes(id) == [1]));
    (replicas, ids)
}

#[tokio::test(start_paused = true)]
async fn while_it_is_down_nothing_is_written_and_then_each_is_caught_up_once() {
    let (centre, way) = (Centre::open().await, Arc::<Database>::default());
    let (replicas, ids) = raised_once(&centre, [&way, &way]).await;
    way.is_down(true);
    for replica in &replicas {
        replica.until(|now| !now.ready).await;
    }
    let before = centre.sandbox.requests().len();
    pass(minutes(12)).await;
    for replica in &replicas {
        let now = replica.now();
        assert!(!now.ready && now.sockets > 0, "{now:?}");
        let words = now.journal_trouble.unwrap();
        assert_eq!(words, "the journal cannot be used: the database is down");
    }
    let requests = centre.sandbox.requests().len() - before;
    assert!(requests < 12 * 2 * 270 / 5, "each has a fifth: {requests}");
    assert!(
        ids.iter().all(|id| centre.writes(id) == [1]),
        "no claim, no write"
    );
    way.is_down(false);
    pass(Duration::from_secs(20)).await;
    assert!(ids.iter().all(|id| centre.writes(id) == [1, 3]));
    pass(minutes(11)).await;
    assert!(ids.iter().all(|id| centre.writes(id) == [1, 3, 4, 5, 6]));
    for replica in replicas {
        assert!(replica.now().ready);
        replica.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_cannot_reach_it_is_stood_in_for_by_the_other() {
    let centre = Centre::open().await;
    let (ways, reachable) = (Arc::<Database>::default(), Arc::<Database>::default());
    let ([cut, other], ids) = raised_once(&centre, [&ways, &reachable]).await;
    ways.is_down(true);
    cut.until(|now| !now.ready).await;
    let raised = cut.now().raises;
    pass(minutes(24)).await;
    assert!(ids.iter().all(|id| centre.writes(id) == [1, 2, 3, 4, 5, 6]));
    assert_eq!(cut.now().raises, raised);
    ways.is_down(false);
    cut.until(|now| now.ready).await;
    let sweeps = centre.requests("POST", SWEEP);
    pass(minutes(30)).await;
    assert!(
        centre.requests("POST", SWEEP) - sweeps <= 32,
        "one a round again"
    );
    assert!(cut.now().raises > raised, "it has its part again");
    assert!(
        ids.iter()
            .all(|id| centre.writes(id) == (1..=12).collect::<Vec<i64>>())
    );
    for replica in [cut, other] {
        replica.stop().await;
    }
}
