//! The journal as whoever comes after a kill finds it: read as a copy, so that the daemon finds it as it was left.

use std::{fs, path::Path};

use rusqlite::Connection;

use crate::process::Installation;

/// Steps that were noted as done more than once, or with different values.
const TWICE: &str = "
    SELECT count(*) FROM (
        SELECT 1 FROM history WHERE outcome IN ('raised', 'arrived')
        GROUP BY conversation, leg, step
        HAVING count(*) > 1 OR count(DISTINCT to_priority) > 1
    )";

/// Opens a copy of the journal with all that belongs to it.
fn copy(installation: &Installation) -> Option<Connection> {
    let copy = installation.folder.with_extension("copy");
    let _absent = fs::remove_dir_all(&copy);
    fs::create_dir_all(&copy).unwrap();
    if !installation.journal().exists() {
        return None;
    }
    for end in ["", "-wal", "-journal"] {
        let name = format!("journal.db{end}");
        let from = installation.folder.join(&name);
        if from.exists() {
            fs::copy(from, copy.join(name)).unwrap();
        }
    }
    Some(Connection::open(copy.join("journal.db")).unwrap())
}

/// The one value that a question has.
fn answer<T: rusqlite::types::FromSql>(journal: &Connection, question: &str) -> T {
    journal.query_row(question, (), |row| row.get(0)).unwrap()
}

/// Sees that the journal is whole, if there is one yet.
pub(crate) fn is_whole(installation: &Installation) {
    if let Some(journal) = copy(installation) {
        let found: String = answer(&journal, "PRAGMA integrity_check");
        assert_eq!(found, "ok");
    }
    for entry in fs::read_dir(&installation.folder).unwrap() {
        let name = entry.unwrap().file_name();
        let name = Path::new(&name).to_str().unwrap().to_owned();
        let usual = ["", "-wal", "-shm", "-journal", ".lock", ".sock"]
            .map(|end| format!("journal.db{end}"));
        assert!(usual.contains(&name), "{name}: was one put aside?");
    }
}

/// Sees that no step was done twice; how many were done.
pub(crate) fn no_step_was_done_twice(installation: &Installation) -> i64 {
    let journal = copy(installation).expect("a journal");
    assert_eq!(answer::<i64>(&journal, TWICE), 0);
    answer(
        &journal,
        "SELECT count(*) FROM history WHERE outcome IN ('raised', 'arrived')",
    )
}
