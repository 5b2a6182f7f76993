//! From a path to a connection that may be trusted: ours, whole, and as durable as it can be set.

use std::{
    fs::{self, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use jiff::Timestamp;
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior, config::DbConfig};

use super::{
    JournalError, Owner, runs,
    schema::{self, Known},
};

/// How long another program, such as an administrator's shell, may lock the file before an operation fails.
const PATIENCE: Duration = Duration::from_secs(2);
/// Pages in the write-ahead log after which they are moved to the file: one megabyte. Four times that is usual, which on
/// a disk that is nearly full is better left to others.
const LOG_PAGES: i64 = 250;
/// Size to which the log is cut back after a burst, bytes.
const LOG_SIZE: i64 = 2 * 1024 * 1024;

/// Why a journal cannot be opened, however long one waits.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Two daemons on one journal.
    #[error(
        "the journal {} is in use by another callback-prioritizer: stop that one, or set journal.path to a file of its own",
        path.display()
    )]
    InUse {
        /// The journal.
        path: PathBuf,
    },
    /// It has seen migrations that we do not know.
    #[error(
        "the journal {} was written by a newer callback-prioritizer (its format is {found}, the newest known here is {known}): run that version, or set journal.path to another file",
        path.display()
    )]
    Newer {
        /// The journal.
        path: PathBuf,
        /// Its format.
        found: i64,
        /// Ours.
        known: usize,
    },
    /// Not ours to write to.
    #[error(
        "{} is a database of another program: set journal.path to another file",
        path.display()
    )]
    Foreign {
        /// The database.
        path: PathBuf,
    },
    /// Only the file is made by us.
    #[error(
        "the journal {} cannot be made, because its folder does not exist: make the folder, or set journal.path",
        path.display()
    )]
    NoFolder {
        /// The journal.
        path: PathBuf,
    },
    /// A folder, or worse.
    #[error("{} is no file: set journal.path to a file", path.display())]
    NoFile {
        /// What is no file.
        path: PathBuf,
    },
}

/// Why there is no connection.
#[derive(Debug)]
pub(super) enum Refusal {
    /// No waiting mends it.
    Final(OpenError),
    /// The file is damaged, as these words say.
    Damaged(String),
    /// It may pass.
    Passing(JournalError),
}

/// How closely a file is looked at before it is trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scrutiny {
    /// Every page and row, but not whether indexes agree with them: quick enough for every start.
    Usual,
    /// That too, because an operation has called the file damaged.
    Thorough,
}

/// Opens the journal, making it where there is none, and takes over what claims it holds.
pub(super) fn open(path: &Path, owner: &Owner, look: Scrutiny) -> Result<Connection, Refusal> {
    make(path).map_err(|error| refusal(path, &error))?;
    let trouble = |error: rusqlite::Error| {
        if is_damage(&error) {
            Refusal::Damaged(error.to_string())
        } else {
            Refusal::Passing(trouble(path, &error))
        }
    };
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(trouble)?;
    connection.busy_timeout(PATIENCE).map_err(trouble)?;
    let done = match schema::known(&connection).map_err(trouble)? {
        Known::Empty => 0,
        Known::Ours(done) => done,
        Known::Newer { found, known } => {
            let path = path.to_owned();
            return Err(Refusal::Final(OpenError::Newer { path, found, known }));
        }
        Known::Foreign => {
            let path = path.to_owned();
            return Err(Refusal::Final(OpenError::Foreign { path }));
        }
    };
    if let Some(damage) = damage(&connection, look).map_err(trouble)? {
        return Err(Refusal::Damaged(damage));
    }
    prepare(&mut connection, owner, done).map_err(trouble)?;
    Ok(connection)
}

/// Makes the file, for nobody else to read. SQLite gives its companions the same mode.
fn make(path: &Path) -> io::Result<()> {
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .mode(0o600)
        .open(path)?;
    if file.metadata()?.is_file() {
        Ok(())
    } else {
        Err(io::ErrorKind::IsADirectory.into())
    }
}

/// Gives the room that the write-ahead log takes back to the disk, as far as that goes now.
pub(super) fn cut_log(connection: &Connection) {
    // A reader may hold it, or the disk have no room for what is to be moved: then it is cut another time.
    let _tried = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
}

/// What it means that a file cannot be made or opened.
pub(super) fn refusal(path: &Path, error: &io::Error) -> Refusal {
    let path = path.to_owned();
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            Refusal::Final(OpenError::NoFolder { path })
        }
        io::ErrorKind::IsADirectory => Refusal::Final(OpenError::NoFile { path }),
        _ => Refusal::Passing(JournalError {
            what: format!(
                "{} cannot be opened for writing: {error}; give it to this user, on a disk with room",
                path.display()
            ),
        }),
    }
}

/// The first thing that is wrong with the file, where there is one.
fn damage(connection: &Connection, look: Scrutiny) -> rusqlite::Result<Option<String>> {
    let check = match look {
        Scrutiny::Usual => "quick_check",
        Scrutiny::Thorough => "integrity_check",
    };
    let found: String = connection.pragma_query_value(None, check, |row| row.get(0))?;
    Ok((found != "ok").then_some(found))
}

/// Makes every commit durable, brings the tables up to date, and ends the claims of owners that are no more: the lock
/// is ours, so nobody else lives.
fn prepare(connection: &mut Connection, owner: &Owner, done: usize) -> rusqlite::Result<()> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "wal_autocheckpoint", LOG_PAGES)?;
    connection.pragma_update(None, "journal_size_limit", LOG_SIZE)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    // Without it a statement that was prepared is prepared again whenever other values are bound to it, in case another plan
    // were better for them; here none ever is, and it was a sixth of what a raise costs.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    schema::migrate(&transaction, done)?;
    runs::end_claims_of_others(&transaction, owner)?;
    transaction.commit()
}

/// Renames a damaged file and its companions, so that a new one can take its place and nothing is lost for whoever
/// wants to look. Returns the new name.
pub(super) fn put_aside(path: &Path, now: Timestamp) -> io::Result<PathBuf> {
    let stamp = now.strftime("%Y%m%d-%H%M%S");
    let named = |file: &Path, ending: &str| {
        let mut name = file.as_os_str().to_owned();
        name.push(ending);
        PathBuf::from(name)
    };
    let first = named(path, &format!(".corrupt-{stamp}"));
    let (mut aside, mut count) = (first.clone(), 1);
    while aside.exists() {
        count += 1;
        aside = named(&first, &format!("-{count}"));
    }
    // The log goes first: left behind, it would be taken for the new file's. Beside the old one it may help to mend it.
    for companion in ["-wal", "-shm"] {
        match fs::rename(named(path, companion), named(&aside, companion)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    fs::rename(path, &aside)?;
    Ok(aside)
}

/// Whether an error means that the file itself is damaged.
pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
    )
}

/// An error in words, with what to do about it.
pub(in crate::journal) fn trouble(path: &Path, error: &rusqlite::Error) -> JournalError {
    let remedy = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => "make room on its disk",
        Some(ErrorCode::ReadOnly) => "make the file and its folder writable for this user",
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            "give the file and its folder to this user"
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            "another program has locked it: let it finish"
        }
        Some(ErrorCode::SystemIoFailure) => "its disk fails: see the system's log",
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            "it is damaged: the daemon puts it aside and begins a new one"
        }
        _ => "unexpected: please report it",
    };
    JournalError {
        what: format!("{}: {error}; {remedy}", path.display()),
    }
}
