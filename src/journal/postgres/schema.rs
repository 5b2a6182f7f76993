//! What the database looks like, and how it came to look so: numbered migrations, each done once and whole.
//!
//! Everything is in a schema of our own. One daemon migrates, in one transaction, while others that start wait for the row of
//! `format`; where there is nothing yet two may begin at once, and the database refuses the second, which then looks again.
//!
//! **The rule for versions**: the newest daemon brings the database up to date at its start, and from that moment on an older
//! one writes nothing more, because each of its transactions begins with its format (`begin_work`). It says so, and is not
//! ready; the callbacks are raised by those that are newer. So a rolling upgrade is one replica after the other with the new
//! version, and a return to the old version is a return to a backup.

use std::time::Duration;

use tokio::time::sleep;
use tokio_postgres::{Client, error::SqlState};

use super::{Look, trouble::Trouble};

/// Every step from an empty database to the one we know. Never changed once released; only added to.
const MIGRATIONS: [&str; FORMAT as usize] = [
    include_str!("1-journal.sql"),
    include_str!("2-replicas.sql"),
    include_str!("3-corrections.sql"),
];

/// The format that this program knows.
pub(super) const FORMAT: i32 = 3;

/// How often a start that met another one looks again.
const TRIES: u32 = 5;

/// Time between.
const PAUSE: Duration = Duration::from_millis(50);

/// Finds out the format; nothing where there is no journal yet. Changes nothing.
pub(super) async fn found(client: &Client) -> Result<Option<i32>, tokio_postgres::Error> {
    let there = client
        .query_typed_one(
            "SELECT to_regclass('callback_prioritizer.format') IS NOT NULL",
            &[],
        )
        .await?;
    if !there.try_get::<_, bool>(0)? {
        return Ok(None);
    }
    let format = client
        .query_typed_opt("SELECT done FROM callback_prioritizer.format", &[])
        .await?;
    format.map(|format| format.try_get(0)).transpose()
}

/// Finds out the format, and whether the role may do with it what a daemon does. Changes nothing.
pub(super) async fn look(client: &Client) -> Result<Look, tokio_postgres::Error> {
    let format = found(client).await?;
    let may = match format {
        Some(_) => {
            "SELECT has_table_privilege('callback_prioritizer.visits', 'INSERT')
                 AND has_table_privilege('callback_prioritizer.history', 'UPDATE')"
        }
        None => {
            "SELECT CASE WHEN to_regnamespace('callback_prioritizer') IS NULL
                 THEN has_database_privilege(current_database(), 'CREATE')
                 ELSE has_schema_privilege('callback_prioritizer', 'CREATE') END"
        }
    };
    let may = client.query_typed_one(may, &[]).await?;
    let standby = client.query_typed_one("SELECT pg_is_in_recovery()", &[]);
    Ok(Look {
        format,
        known: FORMAT,
        writable: may.try_get(0)?,
        standby: standby.await?.try_get(0)?,
    })
}

/// Makes the schema, or brings it up to date.
pub(super) async fn prepare(client: &mut Client) -> Result<(), Trouble> {
    let mut tries = 0;
    loop {
        tries += 1;
        match migrate(client, FORMAT).await {
            Err(trouble) if tries < TRIES && met_another(&trouble) => sleep(PAUSE).await,
            done => return done,
        }
    }
}

/// Whether another start was making the same things.
fn met_another(trouble: &Trouble) -> bool {
    let codes = [
        SqlState::UNIQUE_VIOLATION,
        SqlState::DUPLICATE_SCHEMA,
        SqlState::DUPLICATE_TABLE,
        SqlState::DUPLICATE_FUNCTION,
    ];
    trouble.code().is_some_and(|code| codes.contains(code))
}

/// Does the migrations that are not done yet, until `to` are, all or none.
pub(super) async fn migrate(client: &mut Client, to: i32) -> Result<(), Trouble> {
    let found = found(client).await?;
    if let Some(found) = found.filter(|found| *found >= to) {
        return match found {
            found if found > to => Err(Trouble::Format { found, known: to }),
            _ => Ok(()),
        };
    }
    let transaction = client.transaction().await?;
    let done: i32 = if found.is_some() {
        // Whoever comes second waits here, and finds everything done.
        let row = transaction
            .query_typed_one(
                "SELECT done FROM callback_prioritizer.format FOR UPDATE",
                &[],
            )
            .await?;
        row.try_get(0)?
    } else {
        let absent = "SELECT to_regnamespace('callback_prioritizer') IS NULL";
        if transaction.query_typed_one(absent, &[]).await?.try_get(0)? {
            transaction
                .batch_execute("CREATE SCHEMA callback_prioritizer")
                .await?;
        }
        0
    };
    let done_before = usize::try_from(done).unwrap_or_default();
    let steps = MIGRATIONS.iter().zip(1..=to).skip(done_before);
    for (migration, number) in steps {
        transaction.batch_execute(migration).await?;
        transaction
            .batch_execute(&format!(
                "UPDATE callback_prioritizer.format SET done = {number}"
            ))
            .await?;
    }
    Ok(transaction.commit().await?)
}
