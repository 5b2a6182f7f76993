//! Operations that fail: nothing is granted, nothing that was is lost, and the next one that can work does.

use std::{fs, path::Path};

use rusqlite::ffi;

use super::{
    super::{
        open::{cut_log, is_damage, put_aside, trouble},
        *,
    },
    Folder, at, base, file, folder, open, raise,
};

/// Lets the file grow by this many pages and no more.
async fn limit(folder: &Folder, more: i64) {
    let store = folder.journal.store.lock().await;
    let connection = store.raw().unwrap();
    let pages: i64 = connection
        .pragma_query_value(None, "page_count", |row| row.get(0))
        .unwrap();
    connection
        .pragma_update_and_check(None, "max_page_count", pages + more, |_| Ok(()))
        .unwrap();
}

#[tokio::test]
async fn on_a_full_disk_nothing_is_granted_and_what_was_stays() {
    let folder = Folder::default();
    let journal = &folder.journal;
    raise(journal, "before").await.unwrap();
    limit(&folder, 0).await;
    let mut refused = None;
    for number in 0..10_000 {
        if let Err(error) = raise(journal, &format!("v{number}")).await {
            refused = Some((number, error));
            break;
        }
    }
    let (number, error) = refused.unwrap();
    assert!(error.to_string().contains("make room"), "{error}");
    let alive = journal.alive(at(3)).await.unwrap_err();
    assert!(
        alive.to_string().contains("make room"),
        "a small note is no proof: {alive}"
    );

    limit(&folder, 10_000).await;
    journal.alive(at(4)).await.unwrap();
    raise(journal, &format!("w{number}")).await.unwrap();
    assert_eq!(base(journal, "before").await, 0);
}

#[tokio::test]
async fn the_log_gives_its_room_back_when_it_is_cut() {
    let folder = Folder::default();
    raise(&folder.journal, "v").await.unwrap();
    let store = folder.journal.store.lock().await;
    let log = store.path().with_extension("db-wal");
    assert_ne!(fs::metadata(&log).unwrap().len(), 0);
    cut_log(store.raw().unwrap());
    assert_eq!(fs::metadata(&log).unwrap().len(), 0);
}

#[test]
fn every_error_says_what_to_do_about_it() {
    for (code, damage, remedy) in [
        (ffi::SQLITE_FULL, false, "make room on its disk"),
        (ffi::SQLITE_READONLY, false, "make the file and its folder"),
        (ffi::SQLITE_CANTOPEN, false, "give the file and its folder"),
        (ffi::SQLITE_PERM, false, "give the file and its folder"),
        (ffi::SQLITE_BUSY, false, "let it finish"),
        (ffi::SQLITE_LOCKED, false, "let it finish"),
        (ffi::SQLITE_IOERR_READ, false, "see the system's log"),
        (ffi::SQLITE_CORRUPT, true, "puts it aside"),
        (ffi::SQLITE_NOTADB, true, "puts it aside"),
        (ffi::SQLITE_MISUSE, false, "please report it"),
    ] {
        let error = rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
        let words = trouble(Path::new("j.db"), &error).to_string();
        assert!(words.contains(remedy), "{code}: {words}");
        assert_eq!(is_damage(&error), damage, "{code}");
    }
}

#[test]
fn damage_whose_log_cannot_be_moved_with_it_is_not_taken_for_put_aside() {
    let path = folder();
    fs::write(file(&path), "damage").unwrap();
    let (log, aside) = (
        path.join("journal.db-wal"),
        path.join("journal.db.corrupt-20260105-090000-wal"),
    );
    fs::write(&log, "log").unwrap();
    // A folder in the place of the new name: no file can be moved there.
    fs::create_dir(&aside).unwrap();
    put_aside(&file(&path), at(0)).unwrap_err();
    assert!(file(&path).exists(), "nothing is apart from its log");
    fs::remove_dir(&aside).unwrap();
    put_aside(&file(&path), at(0)).unwrap();
    assert_eq!(fs::read(&aside).unwrap(), b"log");
    fs::remove_dir_all(&path).unwrap();
}

#[tokio::test]
async fn what_cannot_be_written_now_is_taken_up_when_it_can() {
    let path = folder();
    // A folder in the lock's place: refused, whoever asks, until it is gone.
    fs::create_dir(path.join("journal.db.lock")).unwrap();
    let refused = SqliteJournal::open(&file(&path), at(0)).unwrap_err();
    assert!(refused.to_string().contains("is no file"), "{refused}");
    fs::remove_dir(path.join("journal.db.lock")).unwrap();

    let journal = open(&path);
    raise(&journal, "v").await.unwrap();
    {
        let store = journal.store.lock().await;
        let connection = store.raw().unwrap();
        connection.pragma_update(None, "query_only", true).unwrap();
    }
    let error = raise(&journal, "w").await.unwrap_err();
    assert!(error.to_string().contains("writable"), "{error}");
    // The next operation has a new connection.
    raise(&journal, "w").await.unwrap();
    assert_eq!(base(&journal, "v").await, 0);
    fs::remove_dir_all(&path).unwrap();
}

#[tokio::test]
async fn nothing_of_a_transaction_stays_when_it_fails() {
    let folder = Folder::default();
    raise(&folder.journal, "v").await.unwrap();
    let failed = folder.journal.transact(at(5), |transaction, owner| {
        runs::alive(transaction, owner, at(5))?;
        transaction.execute("DELETE FROM visits", [])?;
        transaction.execute("DELETE FROM absent", [])
    });
    let error = failed.await.unwrap_err();
    assert!(error.to_string().contains("no such table"), "{error}");
    assert_eq!(base(&folder.journal, "v").await, 0);
}

#[tokio::test]
async fn a_panic_in_an_operation_is_an_error_and_no_end() {
    let folder = Folder::default();
    let panicked = folder
        .journal
        .transact(at(0), |_, _| -> rusqlite::Result<()> {
            panic!("on purpose");
        });
    assert!(panicked.await.is_err());
    raise(&folder.journal, "v").await.unwrap();
}
