//! What an operator may expect of the journal: nothing acknowledged is lost by a kill, two daemons never share it, and
//! its history can be read at any time.

#![expect(
    clippy::unwrap_used,
    reason = "what surprises a test ends it, in its helping functions too"
)]

#[path = "journal/disk.rs"]
mod disk;

#[path = "journal/history.rs"]
mod history;

#[path = "journal/kill.rs"]
mod kill;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use callback_prioritizer::{
    conversation::{Kind, Priority, QueueId, Visit, Waiting},
    journal::{Claim, Fence, Journal, SqliteJournal, Write},
};
use jiff::{SignedDuration, Timestamp};

/// A queue's id.
const QUEUE: &str = "1a2b3c4d-0e9d-43ea-a2fa-fd5e97a80f86";

/// A fresh folder for one test.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("journal")
        .join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// This many seconds after two in the afternoon.
fn at(seconds: i64) -> Timestamp {
    let start: Timestamp = "2026-01-05T14:00:00Z".parse().unwrap();
    start + SignedDuration::from_secs(seconds)
}

/// A callback in a queue.
fn waiting(conversation: &str, priority: i64) -> Waiting {
    Waiting {
        visit: Visit {
            conversation: conversation.parse().unwrap(),
            leg: "leg".parse().unwrap(),
        },
        queue: Some(QUEUE.parse::<QueueId>().unwrap()),
        since: at(-300),
        origin: at(-300),
        priority: Priority::clamped(priority),
        kind: Kind::default(),
        background: None,
    }
}

/// Opens a journal.
fn open(path: &Path) -> SqliteJournal {
    SqliteJournal::open(path, at(0)).unwrap()
}

/// Claims a step of one point, which must be granted.
async fn claim(journal: &SqliteJournal, conversation: &str, step: u32, now: i64) -> Fence {
    let waiting = waiting(conversation, 0);
    let entry = journal.entry(&waiting, at(now)).await.unwrap();
    let write = Write {
        step,
        from: Priority::clamped(i64::from(step) - 1),
        to: Priority::clamped(step.into()),
        due: at(i64::from(step - 1) * 300),
        covers: at(now),
        at: at(now),
    };
    let claim = journal.claim(&waiting.visit, entry.fence, write).await;
    match claim.unwrap() {
        Claim::Granted(fence) => fence,
        refused => panic!("{conversation}, step {step}: {refused:?}"),
    }
}

/// The program, with this journal and an account that nobody has.
fn program(journal: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_callback-prioritizer"))
        .args(arguments)
        .env_clear()
        .env("CALLBACK_PRIORITIZER__JOURNAL__PATH", journal)
        .env(
            "CALLBACK_PRIORITIZER__GENESYS__API_URL",
            "http://127.0.0.1:9/",
        )
        .env(
            "CALLBACK_PRIORITIZER__GENESYS__LOGIN_URL",
            "http://127.0.0.1:9/",
        )
        .envs(
            arguments
                .contains(&"run")
                .then_some(("GENESYSCLOUD_OAUTHCLIENT_ID", "id")),
        )
        .envs(
            arguments
                .contains(&"run")
                .then_some(("GENESYSCLOUD_OAUTHCLIENT_SECRET", "secret")),
        )
        .output()
        .unwrap()
}

/// What a process wrote.
fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn a_second_daemon_on_the_same_journal_does_not_start() {
    let path = folder("second").join("journal.db");
    let _first = open(&path);
    let second = program(&path, &["run"]);
    assert_eq!(second.status.code(), Some(78));
    let sentence = text(&second.stderr);
    assert!(
        sentence.contains("is in use by another callback-prioritizer: stop that one"),
        "{sentence}"
    );
    assert!(second.stdout.is_empty());
}
