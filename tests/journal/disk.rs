//! A disk that is really full.

use std::{env, fs, io::Write as _, path::PathBuf};

use callback_prioritizer::journal::{Claim, Journal, JournalError, SqliteJournal, Write};

use super::{at, open, waiting};

/// Names the folder of a disk of a few megabytes, on which nothing else lies.
const DISK: &str = "SMALL_DISK";

/// Claims the first step of a visit, if the journal can.
async fn try_claim(journal: &SqliteJournal, conversation: &str) -> Result<Claim, JournalError> {
    let waiting = waiting(conversation, 0);
    let entry = journal.entry(&waiting, at(0)).await?;
    let write = Write {
        step: 1,
        from: waiting.priority,
        to: waiting.priority.plus(1),
        due: at(0),
        covers: at(0),
        at: at(0),
    };
    journal.claim(&waiting.visit, entry.fence, write).await
}

#[tokio::test]
#[ignore = "needs a small disk of its own: mount one and name it in SMALL_DISK"]
async fn a_full_disk_grants_nothing_and_is_taken_up_again_when_there_is_room() {
    let disk = PathBuf::from(env::var_os(DISK).unwrap());
    let (path, ballast) = (disk.join("journal.db"), disk.join("ballast"));
    let journal = open(&path);
    journal.alive(at(0)).await.unwrap();
    let mut file = fs::File::create(&ballast).unwrap();
    while file.write_all(&[0; 512]).is_ok() {}

    let mut granted = Vec::new();
    let refused = loop {
        let name = format!("c{}", granted.len());
        match try_claim(&journal, &name).await {
            Ok(claim) => granted.push((name, claim)),
            Err(error) => break error,
        }
    };
    assert!(refused.to_string().contains("make room"), "{refused}");
    let alive = journal.alive(at(60)).await.unwrap_err();
    assert!(alive.to_string().contains("make room"), "{alive}");
    println!("{} claims fitted: {refused}", granted.len());

    drop(file);
    fs::remove_file(&ballast).unwrap();
    journal.alive(at(65)).await.unwrap();
    let after = try_claim(&journal, "after").await.unwrap();
    assert!(matches!(after, Claim::Granted(_)), "{after:?}");
    for (name, claim) in granted {
        let entry = journal.entry(&waiting(&name, 9), at(70)).await.unwrap();
        assert_eq!(entry.base.priority.points(), 0, "{name}");
        assert_eq!(Claim::Granted(entry.open[0].fence), claim, "{name}");
    }
}
