//! What replicas of one OAuth client share, kept in the journal's database and by its clock.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use jiff::Timestamp;
use tokio_postgres::{Row, types::Type};

use super::{
    JournalError, Time, Trouble,
    store::{
        Durable::{Now, Soon},
        Store,
    },
};
use crate::replicas::{
    DEAD_AFTER, Deeds, Grant, MAX_REPLICAS, Rate, Replica, Replicas, SWEEP_PATIENCE, Standing,
    SweepTurn, full, namesake,
};

/// How long to wait before asking again for the sweep that another replica makes.
const ASK_AGAIN: Duration = Duration::from_millis(500);

/// What one replica shares with the others of one OAuth client.
pub(super) struct PostgresReplicas {
    /// Where.
    store: Arc<Store>,
    /// Which client.
    client: String,
    /// Whether it has had a place.
    joined: AtomicBool,
}

impl PostgresReplicas {
    /// That of this client, of whom the store's owner is a replica.
    pub(super) fn new(store: Arc<Store>, client: &str) -> Self {
        Self {
            store,
            client: client.to_owned(),
            joined: AtomicBool::new(false),
        }
    }
}

#[async_trait]
impl Replicas for PostgresReplicas {
    async fn sign(&self, deeds: Deeds, now: Timestamp) -> Result<Standing, JournalError> {
        let (store, joined) = (&self.store, self.joined.load(Ordering::Relaxed));
        let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let rows = store
            .query(
                Soon,
                "SELECT * FROM callback_prioritizer.sign($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
                &[
                    (&self.client, Type::TEXT),
                    (&store.owner.0, Type::TEXT),
                    (&store.replica, Type::TEXT),
                    (&Time(now), Type::INT8),
                    (&joined, Type::BOOL),
                    (&number(deeds.tracked), Type::INT8),
                    (&number(deeds.raises), Type::INT8),
                    (&number(deeds.claims_lost), Type::INT8),
                    (&number(deeds.repairs), Type::INT8),
                    (&i32::try_from(MAX_REPLICAS).unwrap_or(i32::MAX), Type::INT4),
                    (&micros(DEAD_AFTER), Type::INT8),
                ],
            )
            .await?;
        let refusal = |row: &Row| row.try_get::<_, Option<String>>(0).ok().flatten();
        match rows.first().and_then(refusal).as_deref() {
            Some("full") => return Ok(Standing::Refused(full())),
            Some(_) => return Ok(Standing::Refused(namesake(&store.replica))),
            None => {}
        }
        self.joined.store(true, Ordering::Relaxed);
        store.read(&rows, read_replica).map(Standing::Member)
    }

    async fn leave(&self) -> Result<(), JournalError> {
        self.act("SELECT callback_prioritizer.leave($1, $2)", &[])
            .await
    }

    async fn permit(
        &self,
        token: usize,
        rate: Rate,
        was_alone: bool,
    ) -> Result<Grant, JournalError> {
        // Rounded up: a rate is never exceeded.
        let interval = micros(rate.interval + Duration::from_nanos(999));
        let wait = self
            .store
            .query_one(
                Soon,
                "SELECT callback_prioritizer.permit($1, $2, $3, $4, $5)",
                &[
                    (&self.client, Type::TEXT),
                    (&small(token), Type::INT4),
                    (&interval, Type::INT8),
                    (&i64::from(rate.burst), Type::INT8),
                    (&was_alone, Type::BOOL),
                ],
                |row| Ok(row.try_get::<_, i64>(0)?),
            )
            .await?;
        Ok(match u64::try_from(wait) {
            Ok(0) | Err(_) => Grant::Now,
            Ok(wait) => Grant::In(Duration::from_micros(wait)),
        })
    }

    async fn hold(&self, time: Duration) -> Result<(), JournalError> {
        let values = [
            (&self.client as _, Type::TEXT),
            (&micros(time) as _, Type::INT8),
        ];
        let held = "SELECT callback_prioritizer.hold($1, $2)";
        self.store.query(Now, held, &values).await.map(|_| ())
    }

    async fn sweep(&self, at_most: Duration) -> Result<SweepTurn, JournalError> {
        self.store
            .query_one(
                Soon,
                "SELECT answer, told, age FROM callback_prioritizer.sweep($1, $2, $3, $4)",
                &[
                    (&self.client, Type::TEXT),
                    (&self.store.owner.0, Type::TEXT),
                    (&micros(at_most), Type::INT8),
                    (&micros(SWEEP_PATIENCE), Type::INT8),
                ],
                read_turn,
            )
            .await
    }

    async fn swept(&self, found: Option<String>) -> Result<(), JournalError> {
        self.act(
            "UPDATE callback_prioritizer.clients SET found_begun = CASE WHEN $3 IS NULL THEN found_begun ELSE sweep_begun END,
                 found = coalesce($3, found), sweeper = NULL, sweep_begun = NULL
             WHERE client = $1 AND sweeper = $2",
            &[(&found, Type::TEXT)],
        )
        .await
    }

    async fn kept_channel(&self, line: usize) -> Result<Option<String>, JournalError> {
        let rows = self
            .change(
                "SELECT c.sealed FROM callback_prioritizer.channels c JOIN callback_prioritizer.places p USING (client, place)
                 WHERE client = $1 AND p.owner = $2 AND c.line = $3",
                &[(&small(line), Type::INT4)],
            )
            .await?;
        let kept = self.store.read(&rows, |row| Ok(row.try_get(0)?))?;
        Ok(kept.into_iter().next())
    }

    async fn keep_channel(&self, line: usize, sealed: String) -> Result<(), JournalError> {
        self.act(
            "INSERT INTO callback_prioritizer.channels (client, place, line, sealed)
             SELECT client, place, $3, $4 FROM callback_prioritizer.places WHERE client = $1 AND owner = $2
             ON CONFLICT (client, place, line) DO UPDATE SET sealed = excluded.sealed",
            &[(&small(line), Type::INT4), (&sealed, Type::TEXT)],
        )
        .await
    }
}

impl PostgresReplicas {
    /// Does something of this owner's ($2) with this client ($1).
    async fn change(
        &self,
        statement: &str,
        values: &[super::store::Value<'_>],
    ) -> Result<Vec<Row>, JournalError> {
        let ours = [
            (&self.client as _, Type::TEXT),
            (&self.store.owner.0 as _, Type::TEXT),
        ];
        let all: Vec<_> = ours.into_iter().chain(values.iter().cloned()).collect();
        self.store.query(Now, statement, &all).await
    }

    /// The same, where it answers nothing.
    async fn act(
        &self,
        statement: &str,
        values: &[super::store::Value<'_>],
    ) -> Result<(), JournalError> {
        self.change(statement, values).await.map(|_| ())
    }
}

/// Whole microseconds.
fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

/// The number of a line or a token in a column.
fn small(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// One that has a place.
fn read_replica(row: &Row) -> Result<Replica, Trouble> {
    let place: i32 = row.try_get(1)?;
    let count = |column| {
        let count: i64 = row.try_get(column)?;
        u64::try_from(count).map_err(|_| Trouble::Answer(format!("{count} deeds")))
    };
    Ok(Replica {
        place: usize::try_from(place).map_err(|_| Trouble::Answer(format!("place {place}")))?,
        name: row.try_get(2)?,
        since: row.try_get::<_, Time>(3)?.0,
        lives: row.try_get(4)?,
        me: row.try_get(5)?,
        deeds: Deeds {
            tracked: count(6)?,
            raises: count(7)?,
            claims_lost: count(8)?,
            repairs: count(9)?,
        },
    })
}

/// Whose turn it is to sweep.
fn read_turn(row: &Row) -> Result<SweepTurn, Trouble> {
    let (answer, found, age): (&str, Option<String>, Option<i64>) =
        (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
    match (answer, found, age.map(u64::try_from)) {
        ("ours", ..) => Ok(SweepTurn::Ours),
        ("soon", ..) => Ok(SweepTurn::Soon(ASK_AGAIN)),
        ("theirs", Some(found), Some(Ok(age))) => Ok(SweepTurn::Theirs {
            found,
            age: Duration::from_micros(age.saturating_add(1)),
        }),
        (other, ..) => Err(Trouble::Answer(format!("a sweep that is {other}"))),
    }
}
