//! One daemon for one journal: an advisory lock on a file of its own beside it.
//!
//! SQLite's own exclusive mode would shut out whoever reads the history while the daemon runs. The system drops the
//! lock with the process, however that ends, so a lock is never stale and nobody has to clean up.

use std::{
    ffi::OsString,
    fs::{File, OpenOptions, TryLockError},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    thread::sleep,
    time::Duration,
};

/// How often the lock is tried: whoever asks `is_held` has it for an instant, and must not be taken for a daemon.
const ATTEMPTS: u32 = 20;
/// Time between attempts.
const BETWEEN_TRIES: Duration = Duration::from_millis(10);

/// The right to write a journal. Given up when dropped.
#[derive(Debug)]
pub(super) struct Lock(#[expect(dead_code, reason = "kept open, which is what holds it")] File);

/// Why the lock is not ours.
#[derive(Debug)]
pub(super) enum NotLocked {
    /// Another process has it.
    Held,
    /// The system refuses; this may pass.
    Refused(io::Error),
}

impl Lock {
    /// Takes the lock of this journal. Blocks for a moment where somebody has it.
    pub(super) fn take(journal: &Path) -> Result<Self, NotLocked> {
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(lock_file(journal))
            .map_err(NotLocked::Refused)?;
        for _ in 1..ATTEMPTS {
            if file.try_lock().is_ok() {
                return Ok(Self(file));
            }
            sleep(BETWEEN_TRIES);
        }
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(NotLocked::Held),
            Err(TryLockError::Error(error)) => Err(NotLocked::Refused(error)),
        }
    }
}

/// Whether a daemon has this journal now; nothing where that cannot be found out.
pub(in crate::journal) fn is_held(journal: &Path) -> Option<bool> {
    let file = match File::open(lock_file(journal)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Some(false),
        Err(_unknown) => return None,
    };
    match file.try_lock_shared() {
        Ok(()) => Some(false),
        Err(TryLockError::WouldBlock) => Some(true),
        Err(TryLockError::Error(_unknown)) => None,
    }
}

/// The file that is locked.
fn lock_file(journal: &Path) -> PathBuf {
    let mut name = OsString::from(journal);
    name.push(".lock");
    name.into()
}
