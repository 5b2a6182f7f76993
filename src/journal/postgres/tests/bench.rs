//! Databases to try the journal on: one for each test, whose clock is set by whoever acts.

mod clocked;

use std::{
    env,
    marker::PhantomData,
    process,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

use jiff::Timestamp;
use tokio::{
    runtime::Handle,
    task::{JoinSet, block_in_place},
};
use tokio_postgres::{Client, NoTls};

use super::super::{super::conformance, Journal, PostgresJournal, PostgresReplicas};
use crate::{replicas, settings::SharedJournal};

/// The variable with the beginning of the cluster's URLs, up to the name of a database.
const CLUSTER: &str = "TEST_POSTGRES";

/// Which way the journal takes to the cluster.
pub(super) trait Way: Send + Sync + 'static {
    /// The variable with the beginning of its URLs.
    const VARIABLE: &'static str;
}

/// Straight.
pub(super) struct ByItself;

/// With PgBouncer in between.
pub(super) struct WithPgBouncer;

impl Way for ByItself {
    const VARIABLE: &'static str = CLUSTER;
}

impl Way for WithPgBouncer {
    const VARIABLE: &'static str = "TEST_PGBOUNCER";
}

/// A bench with the way that PgBouncer has no part in.
pub(super) type Straight = Bench<ByItself>;

/// A bench with the other.
pub(super) type Through = Bench<WithPgBouncer>;

/// Waits for something, on a thread of the runtime's.
pub(super) fn wait_for<T>(work: impl Future<Output = T>) -> T {
    block_in_place(|| Handle::current().block_on(work))
}

/// What a variable says; nothing where it is not set, which is said, and a failure where it must be.
pub(super) fn told(variable: &str) -> Option<String> {
    let told = env::var(variable).ok();
    if told.is_none() {
        let why = format!("{variable} is not set: run it by tests/postgres.sh");
        assert!(env::var("POSTGRES").as_deref() != Ok("must"), "{why}");
        eprintln!("left out: no PostgreSQL to try it on, because {why}");
    }
    told
}

/// A database of one test.
pub(super) struct Database {
    /// What it is called.
    name: String,
    /// Beginning of the URLs of its cluster.
    cluster: String,
    /// A connection past the journal.
    client: Client,
    /// What moves its bytes.
    _task: JoinSet<()>,
}

/// A connection to this database.
async fn connect(url: &str) -> (Client, JoinSet<()>) {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    let mut task = JoinSet::new();
    task.spawn(async move {
        let _ended = connection.await;
    });
    (client, task)
}

impl Database {
    /// A new one, with nothing in it.
    pub(super) async fn begin(cluster: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("journal_{}_{count}", process::id());
        let (admin, _task) = connect(&url(cluster, "postgres")).await;
        for statement in ["DROP DATABASE IF EXISTS", "CREATE DATABASE"] {
            let made = admin.batch_execute(&format!("{statement} {name}")).await;
            made.unwrap();
        }
        let (client, task) = connect(&url(cluster, &name)).await;
        Self {
            name,
            cluster: cluster.to_owned(),
            client,
            _task: task,
        }
    }

    /// Does something past the journal.
    pub(super) async fn act(&self, statements: &str) {
        self.client.batch_execute(statements).await.unwrap();
    }

    /// One value of what is in it.
    pub(super) async fn ask<T: for<'a> tokio_postgres::types::FromSql<'a>>(
        &self,
        statement: &str,
    ) -> T {
        let row = self.client.query_one(statement, &[]).await.unwrap();
        row.get(0)
    }

    /// Its journal for a daemon of this name, with this beginning of its URL.
    pub(super) fn journal(&self, cluster: &str, replica: &str) -> PostgresJournal {
        PostgresJournal::new(&shared(&url(cluster, &self.name), replica)).unwrap()
    }

    /// One more connection to it, past the journal.
    pub(super) async fn connect(&self) -> (Client, JoinSet<()>) {
        connect(&url(&self.cluster, &self.name)).await
    }

    /// Leaves it to whoever removes the cluster.
    pub(super) fn forget(mut self) {
        self.name.clear();
    }

    /// Settings that name it, for a daemon of this name.
    pub(super) fn settings(&self, replica: &str) -> SharedJournal {
        shared(&url(&self.cluster, &self.name), replica)
    }

    /// Sets its clock, from now on.
    pub(super) async fn set_clock(&self, now: Timestamp) {
        let micros = now.as_microsecond();
        let statement = format!(
            "UPDATE callback_prioritizer.test_clock SET at = {micros} WHERE at <> {micros}"
        );
        self.act(&statement).await;
    }

    /// Gives it a clock that is set.
    pub(super) async fn stop_clock(&self) {
        self.act(
            "CREATE TABLE callback_prioritizer.test_clock (at bigint);
             INSERT INTO callback_prioritizer.test_clock VALUES (0);
             CREATE OR REPLACE FUNCTION callback_prioritizer.micros() RETURNS bigint LANGUAGE sql VOLATILE AS
                 'SELECT at FROM callback_prioritizer.test_clock'",
        )
        .await;
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if self.name.is_empty() {
            return;
        }
        wait_for(async {
            let (admin, _task) = connect(&url(&self.cluster, "postgres")).await;
            let drop = format!("DROP DATABASE {} WITH (FORCE)", self.name);
            let _gone = admin.batch_execute(&drop).await;
        });
    }
}

/// The URL of a database, without TLS.
fn url(cluster: &str, database: &str) -> String {
    format!("{cluster}/{database}?sslmode=disable")
}

/// Settings that name a database.
pub(super) fn shared(url: &str, replica: &str) -> SharedJournal {
    SharedJournal {
        url: url.to_owned().try_into().unwrap(),
        password: None,
        exposed: None,
        replica: replica.to_owned(),
    }
}

/// One owner's view of a database whose clock is set to the moment that each operation names.
pub(super) struct Bench<W> {
    /// The database.
    database: Arc<Database>,
    /// The daemons that were ever started on it.
    names: Arc<Mutex<Vec<String>>>,
    /// Beginning of the URLs that its journals take.
    cluster: String,
    /// The one of this owner.
    journal: PostgresJournal,
    /// Which way.
    way: PhantomData<W>,
}

impl<W> Bench<W> {
    /// Another daemon on the same database.
    fn another(&self) -> Self {
        let name = {
            let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
            let name = format!("r{}", names.len());
            names.push(name.clone());
            name
        };
        self.start(&name)
    }

    /// The daemon of this name, started.
    fn start(&self, name: &str) -> Self {
        Self {
            database: Arc::clone(&self.database),
            names: Arc::clone(&self.names),
            cluster: self.cluster.clone(),
            journal: self.database.journal(&self.cluster, name),
            way: PhantomData,
        }
    }
}

impl<W: Way> conformance::Bench for Bench<W> {
    fn begin() -> Option<Self> {
        let (cluster, way) = (told(CLUSTER)?, told(W::VARIABLE)?);
        let database = wait_for(Database::begin(&cluster));
        let journal = database.journal(&way, "r0");
        wait_for(journal.open()).unwrap();
        wait_for(database.stop_clock());
        Some(Self {
            database: Arc::new(database),
            names: Arc::new(Mutex::new(vec!["r0".to_owned()])),
            cluster: way,
            journal,
            way: PhantomData,
        })
    }

    fn journal(&self) -> &dyn Journal {
        self
    }

    fn beside(&self) -> Self {
        self.another()
    }

    /// All of them are dead, and each is started again under its name.
    fn killed_and_restarted(self) -> Self {
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        for name in names.iter() {
            wait_for(self.start(name).journal.open()).unwrap();
        }
        drop(names);
        let again = self.start("r0");
        wait_for(again.journal.open()).unwrap();
        again
    }
}

/// What replicas share in a database with a clock that goes.
pub(super) struct Places<B> {
    /// The database.
    database: Database,
    /// Beginning of the URLs that replicas take.
    cluster: String,
    /// Which way.
    way: PhantomData<B>,
}

impl<W: Way> replicas::conformance::Bench for Places<Bench<W>> {
    type Tested = PostgresReplicas;

    fn begin() -> Option<Self> {
        let (cluster, way) = (told(CLUSTER)?, told(W::VARIABLE)?);
        Some(Self {
            database: wait_for(Database::begin(&cluster)),
            cluster: way,
            way: PhantomData,
        })
    }

    fn start(&self, name: &str) -> PostgresReplicas {
        let journal = self.database.journal(&self.cluster, name);
        PostgresReplicas::new(journal.store, "client")
    }
}
