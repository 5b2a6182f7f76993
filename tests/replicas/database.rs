//! A database for one test, and what is asked of it past the daemons.

use std::{collections::HashMap, env, process};

use callback_prioritizer::conversation::ConversationId;
use tokio::task::JoinSet;
use tokio_postgres::{Client, NoTls, Row};

/// Steps that were noted as done more than once.
const TWICE: &str = "
    SELECT count(*) FROM (
        SELECT FROM callback_prioritizer.history WHERE outcome IN ('raised', 'arrived')
        GROUP BY conversation, leg, step HAVING count(*) > 1
    ) twice";
/// Changes that were taken for somebody else's.
const FOREIGN: &str = "SELECT count(*) FROM callback_prioritizer.history WHERE outcome = 'foreign'";
/// The highest value that was noted as done, of each callback.
const COMMITTED: &str = "
    SELECT conversation, max(to_priority) FROM callback_prioritizer.history
    WHERE outcome IN ('raised', 'arrived') GROUP BY conversation";
/// Who raised how many.
const BY_WHOM: &str = "
    SELECT replica, count(*) FROM callback_prioritizer.history
    WHERE outcome IN ('raised', 'arrived') GROUP BY replica ORDER BY replica";
/// What became of all claims.
const OUTCOMES: &str = "
    SELECT coalesce(outcome, 'open'), count(*) FROM callback_prioritizer.history GROUP BY 1 ORDER BY 1";
/// Who raised each callback last.
const RAISED_LAST_BY: &str = "
    SELECT DISTINCT ON (conversation) conversation, replica FROM callback_prioritizer.history
    WHERE outcome IN ('raised', 'arrived') ORDER BY conversation, id DESC";

/// What a variable says; nothing where it is not set, which is said, and a failure where it must be.
#[expect(clippy::print_stderr, reason = "who runs the tests should know")]
pub(crate) fn told(variable: &str) -> Option<String> {
    let told = env::var(variable).ok();
    if told.is_none() {
        let why = format!("{variable} is not set: run it by tests/postgres.sh");
        assert!(env::var("POSTGRES").as_deref() != Ok("must"), "{why}");
        eprintln!("left out: no PostgreSQL for replicas, because {why}");
    }
    told
}

/// A database of one test. It stays until its cluster goes.
pub(crate) struct Database {
    /// Its URL.
    pub(crate) url: String,
    /// A connection past the daemons.
    client: Client,
    /// What moves its bytes.
    _task: JoinSet<()>,
}

/// A connection to the database with this URL.
async fn connect(url: &str) -> (Client, JoinSet<()>) {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    let mut task = JoinSet::new();
    task.spawn(async move {
        let _ended = connection.await;
    });
    (client, task)
}

/// Does something in this database.
pub(crate) async fn act(database: &str, statement: &str) {
    let (admin, _task) = connect(database).await;
    admin.batch_execute(statement).await.unwrap();
}

/// The URL of a database, without TLS.
fn url(cluster: &str, database: &str) -> String {
    format!("{cluster}/{database}?sslmode=disable")
}

impl Database {
    /// A new one for the test of this name; nothing where there is no cluster, which has been said then.
    pub(crate) async fn begin(test: &str) -> Option<Self> {
        let cluster = told("TEST_POSTGRES")?;
        let name = format!("replicas_{}_{test}", process::id());
        let admin = url(&cluster, "postgres");
        act(&admin, &format!("DROP DATABASE IF EXISTS {name}")).await;
        act(&admin, &format!("CREATE DATABASE {name}")).await;
        let url = url(&cluster, &name);
        let (client, task) = connect(&url).await;
        Some(Self {
            url,
            client,
            _task: task,
        })
    }

    /// The answer to a question.
    async fn ask(&self, question: &str) -> Vec<Row> {
        self.client.query(question, &[]).await.unwrap()
    }

    /// Pairs of a word and a number.
    async fn counts(&self, question: &str) -> Vec<(String, i64)> {
        let rows = self.ask(question).await;
        rows.iter().map(|row| (row.get(0), row.get(1))).collect()
    }

    /// How many steps were noted as done more than once.
    pub(crate) async fn twice(&self) -> i64 {
        self.ask(TWICE).await[0].get(0)
    }

    /// How many changes were taken for somebody else's.
    pub(crate) async fn foreign(&self) -> i64 {
        self.ask(FOREIGN).await[0].get(0)
    }

    /// The highest value that was noted as done, of each callback.
    pub(crate) async fn committed(&self) -> HashMap<ConversationId, i64> {
        let all = self.counts(COMMITTED).await.into_iter();
        all.map(|(id, value)| (id.parse().unwrap(), value))
            .collect()
    }

    /// Who raised how many.
    pub(crate) async fn by_whom(&self) -> Vec<(String, i64)> {
        self.counts(BY_WHOM).await
    }

    /// What became of all claims.
    pub(crate) async fn outcomes(&self) -> Vec<(String, i64)> {
        self.counts(OUTCOMES).await
    }

    /// Who raised each callback last.
    pub(crate) async fn raised_last_by(&self) -> HashMap<ConversationId, String> {
        let rows = self.ask(RAISED_LAST_BY).await;
        let id = |row: &Row| row.get::<_, String>(0).parse().unwrap();
        rows.iter().map(|row| (id(row), row.get(1))).collect()
    }

    /// The callbacks that this one has claimed and not raised yet.
    pub(crate) async fn claimed_by(&self, replica: &str) -> Vec<ConversationId> {
        let claimed = format!(
            "SELECT conversation FROM callback_prioritizer.history WHERE outcome IS NULL AND replica = '{replica}'"
        );
        let rows = self.ask(&claimed).await;
        let id = |row: &Row| row.get::<_, String>(0).parse().unwrap();
        rows.iter().map(id).collect()
    }
}
