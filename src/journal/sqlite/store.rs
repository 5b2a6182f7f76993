//! The one connection that writes: held, dropped when it fails, and opened anew by whoever comes next.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior};
use tracing::error;

use super::{
    JournalError, OpenError, Owner,
    lock::{Lock, NotLocked},
    open::{Refusal, Scrutiny, cut_log, is_damage, open, put_aside, refusal, trouble},
};

/// Room that must be on the disk before it counts as mended, bytes. A claim takes a few pages; less would let a small
/// note succeed where the next claim fails.
const ROOM: i64 = 64 * 1024;

/// The file, and what is needed to open it again.
#[derive(Debug)]
pub(super) struct Store {
    /// Where it is.
    path: PathBuf,
    /// Whose claims survive an opening.
    owner: Owner,
    /// The right to write. Absent until the folder lets us have it.
    lock: Option<Lock>,
    /// Absent after a failure.
    connection: Option<Connection>,
    /// How closely the next opening looks.
    look: Scrutiny,
    /// Whether an operation has failed since the disk was last proved to have room.
    doubtful: bool,
}

impl Store {
    /// Opens the file for this owner. What may pass is met again by the first operation.
    pub(super) fn open(path: &Path, owner: Owner, now: Timestamp) -> Result<Self, OpenError> {
        let mut store = Self {
            path: path.to_owned(),
            owner,
            lock: None,
            connection: None,
            look: Scrutiny::Usual,
            doubtful: false,
        };
        match store.connect(now) {
            Err(Refusal::Final(error)) => Err(error),
            Err(Refusal::Passing(_) | Refusal::Damaged(_)) => {
                store.doubtful = true;
                Ok(store)
            }
            Ok(connection) => {
                store.connection = Some(connection);
                Ok(store)
            }
        }
    }

    /// Does something in one transaction: all of it, durably, or none.
    pub(super) fn transact<T>(
        &mut self,
        now: Timestamp,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, JournalError> {
        let mut connection = self.connection(now)?;
        let done = in_transaction(&mut connection, work);
        if let Err(error) = &done {
            self.doubtful = true;
            if is_damage(error) {
                self.look = Scrutiny::Thorough;
            }
            // A full disk and a lock are nobody's fault in here; after anything else only a new connection is trusted.
            if !is_passing(error) {
                drop(connection);
                return done.map_err(|error| trouble(&self.path, &error));
            }
        }
        self.connection = Some(connection);
        done.map_err(|error| trouble(&self.path, &error))
    }

    /// The same, but it may be lost with the machine's power until the next one is durable. A kill loses nothing.
    pub(super) fn transact_soon<T>(
        &mut self,
        now: Timestamp,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, JournalError> {
        self.sync(now, "NORMAL")?;
        let done = self.transact(now, work);
        // A connection that was given up, or is now, has a successor, which begins with the usual.
        if self.connection.is_some() && self.sync(now, "FULL").is_err() {
            self.connection = None;
        }
        done
    }

    /// Says when a transaction waits for the disk.
    fn sync(&mut self, now: Timestamp, how: &str) -> Result<(), JournalError> {
        let connection = self.connection(now)?;
        let said = connection
            .prepare_cached(&format!("PRAGMA synchronous = {how}"))
            .and_then(|mut statement| statement.execute([]));
        let said = said
            .map(|_rows| ())
            .map_err(|error| trouble(&self.path, &error));
        self.connection = Some(connection);
        said
    }

    /// After a failure: proves that the disk has room for more than the smallest note.
    pub(super) fn prove_room(&mut self, now: Timestamp) -> Result<(), JournalError> {
        if self.doubtful {
            if let Some(connection) = &self.connection {
                cut_log(connection);
            }
            let fill = |transaction: &Transaction<'_>| {
                transaction.execute("INSERT INTO room VALUES (zeroblob(?1))", [ROOM])
            };
            self.transact(now, fill)?;
            self.transact(now, |transaction| {
                transaction.execute("DELETE FROM room", [])
            })?;
            self.doubtful = false;
        }
        Ok(())
    }

    /// The connection as it is.
    #[cfg(test)]
    pub(super) fn raw(&self) -> Option<&Connection> {
        self.connection.as_ref()
    }

    /// Where the file is.
    #[cfg(test)]
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The connection, taken out; a new one where the last has failed.
    fn connection(&mut self, now: Timestamp) -> Result<Connection, JournalError> {
        if let Some(connection) = self.connection.take() {
            return Ok(connection);
        }
        self.connect(now).map_err(|refusal| match refusal {
            Refusal::Passing(error) => error,
            Refusal::Final(error) => JournalError {
                what: error.to_string(),
            },
            Refusal::Damaged(what) => JournalError {
                what: format!("{}: damaged again and again: {what}", self.path.display()),
            },
        })
    }

    /// A new connection. A damaged file is put aside, and what stands in its place is empty.
    fn connect(&mut self, now: Timestamp) -> Result<Connection, Refusal> {
        if self.lock.is_none() {
            let path = &self.path;
            let lock = Lock::take(path).map_err(|error| match error {
                NotLocked::Held => Refusal::Final(OpenError::InUse { path: path.clone() }),
                NotLocked::Refused(error) => refusal(path, &error),
            })?;
            self.lock = Some(lock);
        }
        let connection = match open(&self.path, &self.owner, self.look) {
            Err(Refusal::Damaged(what)) => {
                let aside =
                    put_aside(&self.path, now).map_err(|error| refusal(&self.path, &error))?;
                error!(
                    journal = %self.path.display(),
                    put_aside = %aside.display(),
                    damage = what,
                    "the journal was damaged: it is put aside and a new one begun; callbacks that were raised before count from the priority they have now"
                );
                open(&self.path, &self.owner, Scrutiny::Usual)
            }
            opened => opened,
        }?;
        self.look = Scrutiny::Usual;
        Ok(connection)
    }
}

/// Does something in a transaction that nobody else writes in.
fn in_transaction<T>(
    connection: &mut Connection,
    work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let done = work(&transaction)?;
    transaction.commit()?;
    Ok(done)
}

/// Whether the connection is as good as before.
fn is_passing(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DiskFull | ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
    )
}
