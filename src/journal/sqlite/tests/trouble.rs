//! Operations that fail: nothing is granted, nothing that was is lost, and the next one that can work does.

use std::fs;

use super::{super::*, Folder, at, base, file, folder, open, raise};

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
