//! What a clock of the database that is set back by an hour must not do: let wait for that hour, or keep alive what is over.

use std::time::Duration;

use super::{
    super::PostgresReplicas,
    bench::{Database, told},
};
use crate::{
    journal::conformance::at,
    replicas::{Grant, Rate, Replicas},
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
        assert_eq!(replica.permit(0, RATE).await.unwrap(), expected);
    }
    for second in 0..10 {
        clocked.set(second - BACK).await;
        let expected = if second == 0 { early } else { Grant::Now };
        assert_eq!(one.permit(0, RATE).await.unwrap(), expected, "{second}");
        assert_eq!(two.permit(0, RATE).await.unwrap(), early, "{second}");
    }
}
