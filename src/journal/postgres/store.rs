//! The connections, and how anything is done over one: in one transaction, one statement, one round trip.
//!
//! The words that begin a transaction, the statement and the commit are sent at once, so that a claim waits for the network once.
//! Nothing outlives the transaction: no prepared statement, no setting, no lock. So PgBouncer may give each one another
//! connection to the server.
//!
//! A connection that has failed at anything is given up, and the next operation makes another. What may hang is bounded twice:
//! by the database for locks and statements, and here for everything.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use secrecy::ExposeSecret;
use tokio::{
    join,
    sync::{Semaphore, SemaphorePermit},
    task::JoinSet,
    time::{Instant, timeout},
};
use tokio_postgres::{
    Client, Config, Row,
    config::SslMode,
    error::SqlState,
    types::{ToSql, Type},
};

use super::{
    JournalError, Look, Owner, Unusable,
    hosts::Hosts,
    schema::{self, FORMAT},
    tls::Tls,
    trouble::{Place, Trouble},
};
use crate::settings::{Protection, SharedJournal};

/// Longest that an operation takes, connecting included.
pub(super) const LIMIT: Duration = Duration::from_secs(5);
/// Connections at most. A claim takes a millisecond or a few, and a daemon makes five a second.
const CONNECTIONS: usize = 4;
/// Time after which a connection that nobody used is given up: firewalls forget those that are silent.
const IDLE: Duration = Duration::from_mins(1);

/// What begins each transaction. The isolation is said because our functions rely on it, and databases may have another default.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED;
    SET LOCAL statement_timeout = '4s'; SET LOCAL lock_timeout = '3s';
    SET LOCAL idle_in_transaction_session_timeout = '10s';";

/// A value of a statement, with its type.
pub(super) type Value<'a> = (&'a (dyn ToSql + Sync), Type);

/// When what was changed is on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Durable {
    /// Before the answer.
    Now,
    /// With the next one that is, or within a second: a crash of the database may lose it.
    Soon,
}

/// The database, and what is open to it.
pub(super) struct Store {
    /// Where it is.
    hosts: Hosts,
    /// How that is protected.
    protection: Protection,
    /// How it is named in words.
    place: Place,
    /// Who writes.
    pub(super) owner: Owner,
    /// What this daemon is called among those that do.
    pub(super) replica: String,
    /// One for each connection that there may be.
    permits: Semaphore,
    /// Connections that nobody uses, the one used last at the end.
    idle: Mutex<Vec<(Connection, Instant)>>,
    /// Whether the schema is known to be ours and of our format.
    prepared: AtomicBool,
    /// Whether claims of this replica's earlier starts are ended.
    begun: AtomicBool,
}

/// An open connection.
pub(super) struct Connection {
    /// What is asked over it.
    client: Client,
    /// What moves the bytes; gone with the connection.
    _task: JoinSet<()>,
}

impl Store {
    /// The database of these settings. Nothing is asked of it yet.
    pub(super) fn new(shared: &SharedJournal, owner: Owner) -> Result<Self, Unusable> {
        let place = Place::new(shared);
        let mut config: Config = shared
            .url
            .whole()
            .expose_secret()
            .parse()
            .map_err(|_| Unusable::new(format!("{place}: journal.url is not understood")))?;
        if let Some(password) = &shared.password {
            config.password(password.expose_secret());
        }
        config
            .application_name("callback-prioritizer")
            .ssl_mode(match shared.url.protection() {
                Protection::Tls { .. } => SslMode::Require,
                Protection::Local => SslMode::Disable,
            });
        Ok(Self {
            hosts: Hosts::new(&config),
            protection: shared.url.protection().clone(),
            place,
            owner,
            replica: shared.replica.clone(),
            permits: Semaphore::new(CONNECTIONS),
            idle: Mutex::default(),
            prepared: AtomicBool::new(false),
            begun: AtomicBool::new(false),
        })
    }

    /// Connects, and brings the schema up to date. What may pass is met again by the first operation.
    pub(super) async fn open(&self) -> Result<(), Unusable> {
        match self.within(self.begin_with()).await {
            Err(trouble) if trouble.is_final() => Err(Unusable::new(trouble.sentence(&self.place))),
            _ => Ok(()),
        }
    }

    /// What is there, for whoever only asks. Changes nothing.
    pub(super) async fn look(&self) -> Result<Look, JournalError> {
        let looked = async {
            let connection = self.connect().await?;
            Ok(schema::look(&connection.client).await?)
        };
        let looked = self.within(looked).await;
        looked.map_err(|trouble| self.trouble(&trouble))
    }

    /// A connection of somebody's own, with these words said.
    pub(super) async fn begin(&self, words: &str) -> Result<Connection, JournalError> {
        let begun = async {
            let connection = self.connect().await?;
            connection.client.batch_execute(words).await?;
            Ok(connection)
        };
        let begun = self.within(begun).await;
        begun.map_err(|trouble| self.trouble(&trouble))
    }

    /// Asks over somebody's own connection.
    pub(super) async fn ask(
        &self,
        connection: &Connection,
        statement: &str,
        values: &[Value<'_>],
    ) -> Result<Vec<Row>, JournalError> {
        let rows = connection.client.query_typed(statement, values).await;
        rows.map_err(|error| self.trouble(&error.into()))
    }

    /// What is wrong, for whoever asked.
    pub(super) fn trouble(&self, trouble: &Trouble) -> JournalError {
        trouble.of(&self.place)
    }

    /// Does one statement in one transaction.
    pub(super) async fn query(
        &self,
        durable: Durable,
        statement: &str,
        values: &[Value<'_>],
    ) -> Result<Vec<Row>, JournalError> {
        let done = self.within(self.transact(durable, statement, values)).await;
        done.map_err(|trouble| self.trouble(&trouble))
    }

    /// The same where nothing is answered, durable before it is over.
    pub(super) async fn act(
        &self,
        statement: &str,
        values: &[Value<'_>],
    ) -> Result<(), JournalError> {
        self.query(Durable::Now, statement, values)
            .await
            .map(|_| ())
    }

    /// The same, with the one row that it answers with, read.
    pub(super) async fn query_one<T>(
        &self,
        durable: Durable,
        statement: &str,
        values: &[Value<'_>],
        read: impl FnOnce(&Row) -> Result<T, Trouble>,
    ) -> Result<T, JournalError> {
        let rows = self.query(durable, statement, values).await?;
        let read = match &*rows {
            [row] => read(row),
            rows => Err(Trouble::Answer(format!("{} rows", rows.len()))),
        };
        read.map_err(|trouble| self.trouble(&trouble))
    }

    /// Rows, read.
    pub(super) fn read<T>(
        &self,
        rows: &[Row],
        read: impl Fn(&Row) -> Result<T, Trouble>,
    ) -> Result<Vec<T>, JournalError> {
        let read = rows.iter().map(read).collect::<Result<_, _>>();
        read.map_err(|trouble| self.trouble(&trouble))
    }

    /// The same work, or that it took too long.
    async fn within<T>(
        &self,
        work: impl Future<Output = Result<T, Trouble>>,
    ) -> Result<T, Trouble> {
        timeout(LIMIT, work).await.unwrap_or(Err(Trouble::Late))
    }

    /// Connects, and makes ready what operations need.
    async fn begin_with(&self) -> Result<(), Trouble> {
        let (_permit, connection) = self.take().await?;
        self.put_back(connection);
        Ok(())
    }

    /// Does one statement in one transaction. Where this is given up half-way the connection is, too.
    async fn transact(
        &self,
        durable: Durable,
        statement: &str,
        values: &[Value<'_>],
    ) -> Result<Vec<Row>, Trouble> {
        let (_permit, connection) = self.take().await?;
        match transact(&connection.client, durable, statement, values).await {
            Ok(rows) => {
                self.put_back(connection);
                Ok(rows)
            }
            Err(trouble) => {
                // Another format, or nothing where it was: restored from a backup, or made anew.
                let gone = [SqlState::INVALID_SCHEMA_NAME, SqlState::UNDEFINED_FUNCTION];
                if matches!(trouble, Trouble::Format { .. })
                    || trouble.code().is_some_and(|code| gone.contains(code))
                {
                    self.prepared.store(false, Ordering::Relaxed);
                }
                Err(trouble)
            }
        }
    }

    /// A connection that nobody else uses, to a database that is ready.
    async fn take(&self) -> Result<(SemaphorePermit<'_>, Connection), Trouble> {
        let permit = self.permits.acquire().await;
        let permit = permit.map_err(|_| Trouble::Late)?;
        let mut connection = match self.idle_one() {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        if !self.prepared.load(Ordering::Relaxed) {
            schema::prepare(&mut connection.client).await?;
            self.prepared.store(true, Ordering::Relaxed);
        }
        if !self.begun.load(Ordering::Relaxed) {
            self.end_claims_of_earlier_starts(&connection.client)
                .await?;
            self.begun.store(true, Ordering::Relaxed);
        }
        Ok((permit, connection))
    }

    /// A restart has the name of a daemon that is dead, or that is refused from now on: what that has claimed is free. Its
    /// writes stay open: they may have arrived.
    async fn end_claims_of_earlier_starts(&self, client: &Client) -> Result<(), Trouble> {
        transact(
            client,
            Durable::Now,
            "UPDATE callback_prioritizer.history SET held_until = at
             WHERE outcome IS NULL AND replica = $1 AND owner <> $2",
            &[(&self.replica, Type::TEXT), (&self.owner.0, Type::TEXT)],
        )
        .await
        .map(|_none| ())
    }

    /// A connection that is open and nobody uses.
    fn idle_one(&self) -> Option<Connection> {
        let mut idle = self.idle();
        idle.retain(|(connection, since)| since.elapsed() < IDLE && !connection.client.is_closed());
        idle.pop().map(|(connection, _)| connection)
    }

    /// Lets others use a connection.
    fn put_back(&self, connection: Connection) {
        self.idle().push((connection, Instant::now()));
    }

    /// Those that nobody uses.
    fn idle(&self) -> MutexGuard<'_, Vec<(Connection, Instant)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a connection.
    async fn connect(&self) -> Result<Connection, Trouble> {
        let tls = Tls::new(&self.protection)?;
        let (client, connection) = self.hosts.connect(tls).await?;
        let mut task = JoinSet::new();
        // How it ended is told to whoever asks over it.
        task.spawn(async move {
            let _ended = connection.await;
        });
        Ok(Connection {
            client,
            _task: task,
        })
    }
}

/// Does one statement in one transaction, sent at once.
async fn transact(
    client: &Client,
    durable: Durable,
    statement: &str,
    values: &[Value<'_>],
) -> Result<Vec<Row>, Trouble> {
    let soon = match durable {
        Durable::Now => "",
        Durable::Soon => "SET LOCAL synchronous_commit = off;",
    };
    let opening = format!("{BEGIN} SELECT callback_prioritizer.begin_work({FORMAT}); {soon}");
    // In this order: each is sent when it is first asked for its answer.
    let (begun, rows, ended) = join!(
        biased;
        client.batch_execute(&opening),
        client.query_typed(statement, values),
        client.batch_execute("COMMIT"),
    );
    begun.map_err(|error| Trouble::from(error).other_format(FORMAT))?;
    let rows = rows?;
    ended?;
    Ok(rows)
}
