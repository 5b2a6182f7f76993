//! What the file looks like, and how it came to look so: numbered migrations, each done once and whole.
//!
//! `application_id` says that a file is ours, `user_version` how many migrations it has seen. A file from the future is
//! refused rather than guessed at, and so is another program's.

use rusqlite::{Connection, Transaction};

/// Marks a database as a journal of this program: the letters `CbPr`.
const APPLICATION: i32 = 0x4362_5072;

/// Every step from an empty file to the one we know. Never changed once released; only added to.
const MIGRATIONS: [&str; 4] = ["
    CREATE TABLE visits (
        id            INTEGER PRIMARY KEY,
        conversation  TEXT    NOT NULL,
        leg           TEXT    NOT NULL,
        queue         TEXT,
        entered_at    INTEGER NOT NULL,
        base          INTEGER NOT NULL,
        base_step     INTEGER NOT NULL,
        fence         INTEGER NOT NULL,
        last_step     INTEGER,
        last_from     INTEGER,
        last_to       INTEGER,
        last_due_at   INTEGER,
        last_at       INTEGER,
        seen_at       INTEGER NOT NULL,
        over_at       INTEGER,
        UNIQUE (conversation, leg)
    ) STRICT;

    -- One row a write, never changed after its outcome is known. No outcome: under way, or the answer was lost.
    CREATE TABLE history (
        id            INTEGER PRIMARY KEY,
        conversation  TEXT    NOT NULL,
        leg           TEXT    NOT NULL,
        queue         TEXT,
        step          INTEGER NOT NULL,
        from_priority INTEGER NOT NULL,
        to_priority   INTEGER NOT NULL,
        due_at        INTEGER NOT NULL,
        at            INTEGER NOT NULL,
        fence         INTEGER NOT NULL,
        owner         TEXT    NOT NULL,
        held_until    INTEGER NOT NULL,
        outcome       TEXT CHECK (outcome IN ('raised', 'arrived', 'not_made', 'unconfirmed', 'foreign')),
        settled_at    INTEGER
    ) STRICT;
    CREATE UNIQUE INDEX history_open ON history (conversation, leg, fence) WHERE outcome IS NULL;
    CREATE INDEX history_at ON history (at);
    CREATE INDEX history_conversation ON history (conversation, at);

    -- One row a start of the daemon. No stop and another start later: it was killed.
    CREATE TABLE runs (
        id            INTEGER PRIMARY KEY,
        owner         TEXT    NOT NULL UNIQUE,
        version       TEXT    NOT NULL,
        started_at    INTEGER NOT NULL,
        alive_at      INTEGER NOT NULL,
        stopped_at    INTEGER
    ) STRICT;

    -- Holds something for a moment to prove that the disk has room.
    CREATE TABLE room (bytes BLOB NOT NULL) STRICT;
", "
    -- A base counts until a moment instead of a step: which step is due when, is not the same under other rules. Of what
    -- was set before, it is known when that was noted.
    ALTER TABLE visits ADD COLUMN base_until INTEGER;
    ALTER TABLE visits ADD COLUMN last_covers INTEGER;
    -- Bits: scheduled, agent-owned, voicemail.
    ALTER TABLE visits ADD COLUMN kind INTEGER;
    UPDATE visits SET last_covers = last_at;
    UPDATE visits SET base_until = (
        SELECT max(at) FROM history
        WHERE history.conversation = visits.conversation AND history.leg = visits.leg AND outcome = 'foreign');
", "
    -- In which queues nothing is raised, and until when. No queue: in all of them. No end: until it is ended.
    CREATE TABLE pauses (
        queue         TEXT UNIQUE,
        since_at      INTEGER NOT NULL,
        until_at      INTEGER
    ) STRICT;
", "
    -- Of which organisation; empty where there is but one.
    CREATE TABLE pauses_by_organization (
        organization  TEXT    NOT NULL,
        queue         TEXT,
        since_at      INTEGER NOT NULL,
        until_at      INTEGER,
        UNIQUE (organization, queue)
    ) STRICT;
    INSERT INTO pauses_by_organization SELECT '', queue, since_at, until_at FROM pauses;
    DROP TABLE pauses;
    ALTER TABLE pauses_by_organization RENAME TO pauses;
"];

/// What a file is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::journal) enum Known {
    /// Nothing was ever written to it.
    Empty,
    /// A journal with this many migrations done, all of which we know.
    Ours(usize),
    /// A journal of a later version of this program.
    Newer {
        /// Its format.
        found: i64,
        /// Ours.
        known: usize,
    },
    /// A database of another program.
    Foreign,
}

/// Finds out what a file is to us. Changes nothing in it.
pub(in crate::journal) fn known(connection: &Connection) -> rusqlite::Result<Known> {
    let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let (application, version) = (number("application_id")?, number("user_version")?);
    let things: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    Ok(match usize::try_from(version) {
        Ok(0) if application == 0 && things == 0 => Known::Empty,
        _ if application != i64::from(APPLICATION) => Known::Foreign,
        Ok(done) if done <= MIGRATIONS.len() => Known::Ours(done),
        _ => Known::Newer {
            found: version,
            known: MIGRATIONS.len(),
        },
    })
}

/// Does the migrations that are not done yet, all or none.
pub(super) fn migrate(transaction: &Transaction<'_>, done: usize) -> rusqlite::Result<()> {
    if done < MIGRATIONS.len() {
        migrate_to(transaction, done, MIGRATIONS.len())?;
    }
    Ok(())
}

/// Does the migrations after the first `done`, until `to` are.
pub(super) fn migrate_to(connection: &Connection, done: usize, to: usize) -> rusqlite::Result<()> {
    for migration in MIGRATIONS.iter().take(to).skip(done) {
        connection.execute_batch(migration)?;
    }
    connection.pragma_update(None, "application_id", APPLICATION)?;
    connection.pragma_update(None, "user_version", to)
}
