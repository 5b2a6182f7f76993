//! The journal in PostgreSQL, which several daemons share: any of them may die, and the others go on.
//!
//! Everything is decided in the database, by functions of our schema that lock the row of a visit first, so it makes no
//! difference how many daemons ask, how late their answers come, or what their clocks say: what is kept for a while is kept by
//! the database's clock. What is claimed is on its disk before the answer; that it was confirmed, with the next claim.
//!
//! The session is used for nothing: no advisory lock, no notification, no prepared statement, no setting that outlives its
//! transaction. A database that is down makes operations fail, and works again by itself once it is back.

mod column;

mod hosts;

mod past;

mod pauses;

mod read;

mod replicas;

mod runs;

mod schema;

mod store;

mod tls;

mod trouble;

#[cfg(test)]
mod tests;

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use jiff::Timestamp;
use tokio_postgres::{Row, types::Type};

use super::{
    ARRIVES_WITHIN, Claim, Commit, Entry, Fence, HistoryError, Journal, JournalError, LEASE, Look,
    Owner, SAME_ENTRY, SEEN_WITHIN, Stay, Unusable, Write, sqlite::Time,
};
use crate::{
    clock::elapsed,
    conversation::{ConversationId, Organization, Priority, QueueId, Visit, Waiting},
    orders::Pause,
    policy::Base,
    replicas::Replicas,
    settings::SharedJournal,
};

pub(super) use past::DatabasePast;

use replicas::PostgresReplicas;
use store::{
    Durable::{Now, Soon},
    Store,
};
use trouble::Trouble;

/// What one owner sees of the database.
pub struct PostgresJournal {
    /// The connections to it.
    store: Arc<Store>,
}

impl fmt::Debug for PostgresJournal {
    /// Says nothing of how to sign in.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresJournal")
            .field("replica", &self.store.replica)
            .finish_non_exhaustive()
    }
}

impl PostgresJournal {
    /// The journal in this database, for one start of one daemon. It is connected to by the first operation.
    pub fn new(shared: &SharedJournal) -> Result<Self, Unusable> {
        let store = Store::new(shared, Owner::random())?;
        Ok(Self {
            store: Arc::new(store),
        })
    }

    /// Connects, and brings the database up to date. What may pass, such as a database that is down, is no error here: every
    /// operation fails until it has passed.
    ///
    /// # Errors
    /// Where no waiting mends it: a newer daemon has brought it up to date, or it may not be written.
    pub async fn open(&self) -> Result<(), Unusable> {
        self.store.open().await
    }

    /// What is there. Changes nothing.
    pub(super) async fn look(&self) -> Result<Look, JournalError> {
        self.store.look().await
    }

    /// What is there of the past; nothing where there is no journal yet.
    pub(super) fn past(shared: &SharedJournal) -> Result<Option<DatabasePast>, HistoryError> {
        DatabasePast::open(Store::new(shared, Owner::random())?)
    }

    /// Changes an entry by a function that says whether it did.
    async fn change(
        &self,
        durable: store::Durable,
        statement: &str,
        values: &[store::Value<'_>],
    ) -> Result<Commit, JournalError> {
        let made = |row: &Row| Ok(row.try_get::<_, bool>(0)?);
        let made = self.store.query_one(durable, statement, values, made);
        Ok(if made.await? {
            Commit::Done
        } else {
            Commit::Lost
        })
    }

    /// Does something that answers nothing.
    async fn act(&self, statement: &str, values: &[store::Value<'_>]) -> Result<(), JournalError> {
        self.store.act(statement, values).await
    }
}

#[async_trait]
impl Journal for PostgresJournal {
    async fn entry(&self, seen: &Waiting, now: Timestamp) -> Result<Entry, JournalError> {
        let within = millis(SEEN_WITHIN);
        let rows = self
            .store
            .query(
                Now,
                "SELECT * FROM callback_prioritizer.entry($1, $2, $3, $4, $5, $6, $7, $8)",
                &[
                    (&seen.visit.conversation, Type::TEXT),
                    (&seen.visit.leg, Type::TEXT),
                    (&seen.queue, Type::TEXT),
                    (&Time(seen.since), Type::INT8),
                    (&seen.kind, Type::INT4),
                    (&seen.priority, Type::INT8),
                    (&self.store.owner.0, Type::TEXT),
                    (&within, Type::INT8),
                ],
            )
            .await?;
        let read = self.store.read(&rows, |row| read::entry(row, now))?;
        let mut entries = read.into_iter();
        // Forgotten between two statements of the function: as new as one that was never there.
        let mut entry = entries.next().unwrap_or_else(|| Entry::new(seen.priority));
        entry.open.extend(entries.flat_map(|entry| entry.open));
        Ok(entry)
    }

    async fn recall(
        &self,
        conversation: &ConversationId,
        queue: &QueueId,
        entered: Timestamp,
        _now: Timestamp,
    ) -> Result<Option<Stay>, JournalError> {
        let apart = millis(SAME_ENTRY);
        let rows = self
            .store
            .query(
                Now,
                "SELECT leg, entered_at, kind FROM callback_prioritizer.visits
                 WHERE conversation = $1 AND queue = $2 AND abs(entered_at - $3) <= $4
                 ORDER BY abs(entered_at - $3) LIMIT 1",
                &[
                    (conversation, Type::TEXT),
                    (queue, Type::TEXT),
                    (&Time(entered), Type::INT8),
                    (&apart, Type::INT8),
                ],
            )
            .await?;
        let stays = self.store.read(&rows, |row| {
            Ok(Stay {
                visit: Visit {
                    conversation: conversation.clone(),
                    leg: row.try_get(0)?,
                },
                entered: row.try_get::<_, Time>(1)?.0,
                kind: row.try_get(2)?,
            })
        })?;
        Ok(stays.into_iter().next())
    }

    async fn claim(
        &self,
        visit: &Visit,
        known: Fence,
        write: Write,
    ) -> Result<Claim, JournalError> {
        let read = |row: &Row| read::claim(row, write.at);
        self.store
            .query_one(
                Now,
                "SELECT answer, number FROM callback_prioritizer.claim($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
                &[
                    (&visit.conversation, Type::TEXT),
                    (&visit.leg, Type::TEXT),
                    (&known, Type::INT8),
                    (&i64::from(write.step), Type::INT8),
                    (&write.from, Type::INT8),
                    (&write.to, Type::INT8),
                    (&Time(write.due), Type::INT8),
                    (&Time(write.covers), Type::INT8),
                    (&self.store.owner.0, Type::TEXT),
                    (&self.store.replica, Type::TEXT),
                    (&millis(LEASE), Type::INT8),
                ],
                read,
            )
            .await
    }

    async fn commit(
        &self,
        visit: &Visit,
        claim: Fence,
        confirmed: Priority,
        _at: Timestamp,
    ) -> Result<Commit, JournalError> {
        // Durable with whatever is claimed next. Should the database crash before, the claim is open still, and what is seen
        // then says that it was ours.
        self.change(
            Soon,
            "SELECT callback_prioritizer.settle($1, $2, $3, $3, $4, $5, 'raised')",
            &[
                (&visit.conversation, Type::TEXT),
                (&visit.leg, Type::TEXT),
                (&claim, Type::INT8),
                (&self.store.owner.0, Type::TEXT),
                (&confirmed, Type::INT8),
            ],
        )
        .await
    }

    async fn arrived(
        &self,
        visit: &Visit,
        known: Fence,
        open: Fence,
        _at: Timestamp,
    ) -> Result<Commit, JournalError> {
        self.change(
            Now,
            "SELECT callback_prioritizer.settle($1, $2, $3, $4, NULL, NULL, 'arrived')",
            &[
                (&visit.conversation, Type::TEXT),
                (&visit.leg, Type::TEXT),
                (&known, Type::INT8),
                (&open, Type::INT8),
            ],
        )
        .await
    }

    async fn overtaken(
        &self,
        visit: &Visit,
        since: Timestamp,
        now: Timestamp,
    ) -> Result<Vec<Priority>, JournalError> {
        let rows = self
            .store
            .query(
                Now,
                "SELECT to_priority FROM callback_prioritizer.history AS older
                 WHERE conversation = $1 AND leg = $2 AND at > callback_prioritizer.millis() - $3
                    AND at <= callback_prioritizer.millis()
                    AND (outcome = 'unconfirmed' OR outcome = 'arrived' AND EXISTS (
                        SELECT FROM callback_prioritizer.history AS newer
                        WHERE newer.conversation = $1 AND newer.leg = $2 AND newer.fence > older.fence
                            AND newer.at <= older.settled_at))",
                &[
                    (&visit.conversation, Type::TEXT),
                    (&visit.leg, Type::TEXT),
                    (&millis(elapsed(since, now) + ARRIVES_WITHIN), Type::INT8),
                ],
            )
            .await?;
        self.store.read(&rows, |row| Ok(row.try_get(0)?))
    }

    async fn release(
        &self,
        visit: &Visit,
        claim: Fence,
        _at: Timestamp,
    ) -> Result<(), JournalError> {
        self.act(
            "SELECT callback_prioritizer.release($1, $2, $3, $4)",
            &[
                (&visit.conversation, Type::TEXT),
                (&visit.leg, Type::TEXT),
                (&claim, Type::INT8),
                (&self.store.owner.0, Type::TEXT),
            ],
        )
        .await
    }

    async fn rebase(
        &self,
        visit: &Visit,
        known: Fence,
        base: Base,
        at: Timestamp,
    ) -> Result<Commit, JournalError> {
        self.change(
            Now,
            "SELECT callback_prioritizer.rebase($1, $2, $3, $4, $5, $6, $7, $8)",
            &[
                (&visit.conversation, Type::TEXT),
                (&visit.leg, Type::TEXT),
                (&known, Type::INT8),
                (&base.priority, Type::INT8),
                (&base.until.map(Time), Type::INT8),
                (&Time(at), Type::INT8),
                (&self.store.owner.0, Type::TEXT),
                (&self.store.replica, Type::TEXT),
            ],
        )
        .await
    }

    async fn close(&self, visit: &Visit, _at: Timestamp) -> Result<(), JournalError> {
        self.act(
            "UPDATE callback_prioritizer.visits v SET over_at = now.at, seen_at = greatest(seen_at, now.at)
             FROM (SELECT callback_prioritizer.millis() AS at) now WHERE conversation = $1 AND leg = $2",
            &[
                (&visit.conversation, Type::TEXT),
                (&visit.leg, Type::TEXT),
            ],
        )
        .await
    }

    async fn pauses(
        &self,
        organization: &Organization,
        now: Timestamp,
    ) -> Result<Vec<Pause>, JournalError> {
        pauses::read(&self.store, organization, now).await
    }

    async fn note_pause(
        &self,
        organization: &Organization,
        queue: Option<&QueueId>,
        pause: Option<&Pause>,
        _now: Timestamp,
    ) -> Result<(), JournalError> {
        pauses::note(&self.store, organization, queue, pause).await
    }

    async fn alive(&self, _at: Timestamp) -> Result<(), JournalError> {
        runs::alive(&self.store).await
    }

    async fn answers(&self, _now: Timestamp) -> Result<(), JournalError> {
        self.act("SELECT 1", &[]).await
    }

    async fn stopped(&self, _at: Timestamp) -> Result<(), JournalError> {
        runs::stopped(&self.store).await
    }

    async fn prune(&self, before: Timestamp, now: Timestamp) -> Result<(), JournalError> {
        runs::prune(&self.store, millis(elapsed(before, now))).await?;
        pauses::prune(&self.store, before).await
    }

    fn replicas(&self, client: &str) -> Option<Arc<dyn Replicas>> {
        let store = Arc::clone(&self.store);
        Some(Arc::new(PostgresReplicas::new(store, client)))
    }
}

/// Whole milliseconds.
fn millis(time: std::time::Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}
