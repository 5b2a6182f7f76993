//! What only a file can go through: a second opener, damage, other versions, a hundred thousand entries.

mod formats;

mod trouble;

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

use proptest::prelude::*;
use rusqlite::Connection;

use super::{
    super::{
        conformance::{Bench, at, conformance, seen, write},
        model,
    },
    *,
};

/// A journal in a folder of its own, which goes with it.
pub(super) struct Folder {
    /// The folder.
    path: PathBuf,
    /// The journal in it.
    pub(super) journal: SqliteJournal,
    /// Whether the folder is somebody else's to remove.
    shared: bool,
}

impl Default for Folder {
    fn default() -> Self {
        let path = folder();
        Self {
            journal: open(&path),
            path,
            shared: false,
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.shared {
            let _gone = fs::remove_dir_all(&self.path);
        }
    }
}

impl Bench for Folder {
    fn begin() -> Option<Self> {
        Some(Self::default())
    }

    fn journal(&self) -> &dyn Journal {
        &self.journal
    }

    fn beside(&self) -> Self {
        Self {
            path: self.path.clone(),
            journal: SqliteJournal {
                store: Arc::clone(&self.journal.store),
                owner: Owner::random(),
            },
            shared: true,
        }
    }

    /// Takes the files as they lie on the disk, as a kill would leave them, to another folder.
    fn killed_and_restarted(self) -> Self {
        let path = folder();
        for entry in fs::read_dir(&self.path).unwrap() {
            let file = entry.unwrap();
            fs::copy(file.path(), path.join(file.file_name())).unwrap();
        }
        Self {
            journal: open(&path),
            path,
            shared: false,
        }
    }
}

conformance!(Folder);

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn it_answers_as_the_one_in_memory_does(ops in model::ops()) {
        model::answers_like_memory::<Folder>(&ops)?;
    }
}

/// A fresh folder.
fn folder() -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let name = format!(
        "callback-prioritizer-{}-{}",
        std::process::id(),
        COUNT.fetch_add(1, Ordering::Relaxed)
    );
    let folder = std::env::temp_dir().join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// The journal's file in a folder.
fn file(folder: &Path) -> PathBuf {
    folder.join("journal.db")
}

/// Opens the journal in a folder.
fn open(folder: &Path) -> SqliteJournal {
    SqliteJournal::open(&file(folder), at(0)).unwrap()
}

/// A connection past the journal.
fn raw(folder: &Path) -> Connection {
    Connection::open(file(folder)).unwrap()
}

/// The names in a folder that begin like this.
fn names(folder: &Path, beginning: &str) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with(beginning))
        .collect();
    names.sort();
    names
}

/// Raises a visit of this name once.
async fn raise(journal: &dyn Journal, name: &str) -> Result<(), JournalError> {
    let waiting = seen(name, 0);
    let entry = journal.entry(&waiting, at(0)).await?;
    let claim = journal.claim(&waiting.visit, entry.fence, write(1, 0, 1));
    let Claim::Granted(claim) = claim.await? else {
        panic!("{name}: not granted");
    };
    let commit = journal.commit(&waiting.visit, claim, Priority::clamped(1), at(1));
    assert_eq!(commit.await?, Commit::Done);
    Ok(())
}

/// The base of the visit of this name, which was raised once to 1 from a base of 0.
async fn base(journal: &dyn Journal, name: &str) -> i64 {
    let entry = journal.entry(&seen(name, 1), at(2)).await.unwrap();
    entry.base.priority.points()
}

#[tokio::test(start_paused = true)]
async fn it_answers_in_its_turn_and_not_while_something_hangs() {
    let folder = Folder::default();
    folder.journal.answers(at(0)).await.unwrap();
    let hanging = Arc::clone(&folder.journal.store).lock_owned().await;
    let answer = folder.journal.answers(at(0));
    let waiting = tokio::time::timeout(std::time::Duration::from_mins(1), answer);
    assert!(waiting.await.is_err());
    drop(hanging);
    folder.journal.answers(at(0)).await.unwrap();
}

#[tokio::test]
async fn a_second_daemon_is_refused_while_the_first_runs() {
    let folder = Folder::default();
    assert_eq!(is_held(&file(&folder.path)), Some(true));
    let refused = SqliteJournal::open(&file(&folder.path), at(0)).unwrap_err();
    let sentence = refused.to_string();
    assert!(matches!(refused, OpenError::InUse { .. }), "{sentence}");
    assert!(
        sentence.contains("in use by another callback-prioritizer"),
        "{sentence}"
    );
    drop(folder.beside());
    let path = folder.path.clone();
    drop(folder);
    assert_eq!(is_held(&file(&path)), Some(false));
}

#[tokio::test]
async fn nobody_else_may_read_what_is_kept() {
    let folder = Folder::default();
    raise(&folder.journal, "v").await.unwrap();
    let files = names(&folder.path, "journal.db");
    assert_eq!(files.len(), 4, "{files:?}");
    for name in files {
        let mode = fs::metadata(folder.path.join(&name)).unwrap().permissions();
        assert_eq!(mode.mode() & 0o777, 0o600, "{name}");
    }
}

#[tokio::test]
async fn every_commit_is_as_durable_as_it_can_be_set() {
    let folder = Folder::default();
    let store = folder.journal.store.lock().await;
    for (pragma, expected) in [
        ("journal_mode", "wal"),
        ("synchronous", "2"),
        ("wal_autocheckpoint", "250"),
        ("journal_size_limit", "2097152"),
    ] {
        let value: rusqlite::types::Value = store
            .raw()
            .unwrap()
            .pragma_query_value(None, pragma, |row| row.get(0))
            .unwrap();
        let value = match value {
            rusqlite::types::Value::Text(text) => text,
            rusqlite::types::Value::Integer(number) => number.to_string(),
            other => format!("{other:?}"),
        };
        assert_eq!(value, expected, "{pragma}");
    }
}

#[tokio::test]
async fn a_damaged_file_is_put_aside_and_a_new_one_begun() {
    for damage in ["header", "pages", "last page", "text"] {
        let path = folder();
        let journal = open(&path);
        raise(&journal, "v").await.unwrap();
        drop(journal);
        let mut bytes = fs::read(file(&path)).unwrap();
        match damage {
            "header" => bytes[..100].fill(0),
            "pages" => bytes[4096..].fill(0xa5),
            "last page" => {
                let last = bytes.len() - 4096;
                bytes[last..].fill(0xa5);
            }
            _ => bytes = b"this is no database at all".to_vec(),
        }
        fs::write(file(&path), &bytes).unwrap();

        let journal = open(&path);
        let aside = names(&path, "journal.db.corrupt-");
        assert_eq!(aside, ["journal.db.corrupt-20260105-090000"], "{damage}");
        assert_eq!(fs::read(path.join(&aside[0])).unwrap(), bytes);
        assert_eq!(base(&journal, "v").await, 1, "what is seen is the base");
        fs::remove_dir_all(&path).unwrap();
    }
}

#[tokio::test]
async fn damage_that_shows_later_is_put_aside_at_the_next_operation() {
    let folder = Folder::default();
    raise(&folder.journal, "v").await.unwrap();
    let mut store = folder.journal.store.lock().await;
    let damaged = store.transact(at(0), |_| -> rusqlite::Result<()> {
        // What an operation that meets a damaged page says.
        Err(rusqlite::Error::SqliteFailure(
            rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT),
            None,
        ))
    });
    assert!(damaged.unwrap_err().to_string().contains("damaged"));
    assert!(store.raw().is_none(), "no more trust in the connection");
    let log = store.path().with_extension("db-wal");
    fs::write(store.path(), vec![0xa5; 40_000]).unwrap();
    drop(store);
    assert_eq!(base(&folder.journal, "v").await, 1);
    assert_eq!(names(&folder.path, "journal.db.corrupt-").len(), 1);
    assert!(log.exists(), "of the new file");
    raise(&folder.journal, "w").await.unwrap();
}

#[tokio::test]
async fn two_damaged_files_of_one_second_do_not_replace_each_other() {
    let path = folder();
    for count in 1..=3 {
        fs::write(file(&path), format!("damage {count}")).unwrap();
        drop(open(&path));
        let aside = names(&path, "journal.db.corrupt-");
        let all =
            ["", "-2", "-3"].map(|ending| format!("journal.db.corrupt-20260105-090000{ending}"));
        assert_eq!(aside, all[..count]);
    }
    fs::remove_dir_all(&path).unwrap();
}

#[test]
fn a_place_that_cannot_hold_a_journal_is_refused() {
    let path = folder();
    fs::create_dir(path.join("folder.db")).unwrap();
    for (place, expected) in [
        ("absent/journal.db", "its folder does not exist"),
        ("folder.db", "is no file"),
    ] {
        let refused = SqliteJournal::open(&path.join(place), at(0)).unwrap_err();
        assert!(refused.to_string().contains(expected), "{refused}");
    }
    fs::remove_dir_all(&path).unwrap();
}

#[tokio::test]
async fn a_hundred_thousand_entries_are_opened_and_pruned() {
    const ENTRIES: i64 = 100_000;
    let path = folder();
    drop(open(&path));
    raw(&path)
        .execute_batch(
            "PRAGMA synchronous = OFF;
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
             INSERT INTO visits (conversation, leg, queue, entered_at, base, base_step, fence, seen_at)
             SELECT 'c' || i, 'l' || i, 'q', 0, 3, 0, 3, i FROM n;
             INSERT INTO history (conversation, leg, queue, step, from_priority, to_priority, due_at, at, fence,
                 owner, held_until, outcome, settled_at)
             SELECT conversation, leg, queue, s.value, 2 + s.value, 3 + s.value, 0, seen_at, s.value, 'o', 0,
                 iif(s.value = 3 AND visits.id % 100 = 7, NULL, 'raised'), 0
             FROM visits, json_each('[1, 2, 3]') s",
        )
        .unwrap();
    let started = tokio::time::Instant::now();
    let journal = open(&path);
    let opened = started.elapsed();
    let size = fs::metadata(file(&path)).unwrap().len() / 1_000_000;
    println!(
        "{ENTRIES} entries, {} writes, {size} MB: opened in {opened:?}",
        3 * ENTRIES
    );

    let mut known = seen("c7", 9);
    known.visit.leg = "l7".parse().unwrap();
    let entry = journal.entry(&known, at(0)).await.unwrap();
    assert_eq!((entry.base.priority.points(), entry.open.len()), (3, 1));
    journal
        .prune(Timestamp::from_millisecond(ENTRIES).unwrap(), at(0))
        .await
        .unwrap();
    let left: i64 = raw(&path)
        .query_row("SELECT count(*) FROM visits", [], |row| row.get(0))
        .unwrap();
    assert_eq!(left, 2, "the one just seen, and the last");
    drop(journal);
    fs::remove_dir_all(&path).unwrap();
}

/// A paused clock must not run on while the disk is waited for.
#[tokio::test(start_paused = true)]
async fn no_time_passes_on_a_paused_clock() {
    let folder = Folder::default();
    let deadline = std::time::Duration::from_millis(1);
    for number in 0..50 {
        let name = format!("v{number}");
        let raised = tokio::time::timeout(deadline, raise(&folder.journal, &name));
        raised.await.unwrap().unwrap();
    }
}
