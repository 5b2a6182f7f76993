//! `history`: read while the daemon runs, after it stopped, and after it was killed.

use std::{fs, path::Path};

use callback_prioritizer::{
    conversation::Priority,
    journal::{Commit, Journal, SqliteJournal},
    policy::Base,
};

use super::{QUEUE, at, claim, folder, open, program, text, waiting};

/// A conversation's id, the first of two.
const FIRST: &str = "7cf1beb6-0e9d-43ea-a2fa-fd5e97a80f86";
/// The second.
const SECOND: &str = "aaaaaaaa-0e9d-43ea-a2fa-fd5e97a80f86";

/// What `history` says on stdout.
fn history(journal: &Path, arguments: &[&str]) -> String {
    let arguments: Vec<&str> = [&["history"], arguments].concat();
    let output = program(journal, &arguments);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(output.stderr.is_empty(), "{}", text(&output.stderr));
    text(&output.stdout)
}

/// Raises a step and has it confirmed.
async fn raise(journal: &SqliteJournal, conversation: &str, step: u32, now: i64) {
    let claim = claim(journal, conversation, step, now).await;
    let (visit, to) = (
        waiting(conversation, 0).visit,
        Priority::clamped(step.into()),
    );
    let commit = journal.commit(&visit, claim, to, at(now)).await;
    assert_eq!(commit.unwrap(), Commit::Done);
}

/// The files of a journal as a kill at this moment would leave them, elsewhere.
fn killed(journal: &Path, name: &str) -> std::path::PathBuf {
    let folder = folder(name);
    for ending in ["", "-wal", "-shm", ".lock"] {
        let file = format!("journal.db{ending}");
        fs::copy(journal.with_file_name(&file), folder.join(&file)).unwrap();
    }
    folder.join("journal.db")
}

/// An afternoon: raised twice, killed with the third raise on its way, restarted, found to have arrived, stopped.
async fn afternoon(name: &str) -> std::path::PathBuf {
    let path = folder(name).join("journal.db");
    let journal = open(&path);
    journal.alive(at(-2)).await.unwrap();
    raise(&journal, FIRST, 1, 0).await;
    raise(&journal, FIRST, 2, 300).await;
    claim(&journal, FIRST, 3, 600).await;
    let path = killed(&path, &format!("{name}-killed"));

    let journal = SqliteJournal::open(&path, at(900)).unwrap();
    journal.alive(at(900)).await.unwrap();
    let seen = waiting(FIRST, 3);
    let entry = journal.entry(&seen, at(901)).await.unwrap();
    let arrived = journal
        .arrived(&seen.visit, entry.fence, entry.open[0].fence, at(901))
        .await;
    assert_eq!(arrived.unwrap(), Commit::Done);
    let refused = claim(&journal, SECOND, 4, 902).await;
    let visit = waiting(SECOND, 0).visit;
    journal.release(&visit, refused, at(902)).await.unwrap();
    let known = journal.entry(&waiting(SECOND, 0), at(903)).await.unwrap();
    let base = Base {
        priority: Priority::clamped(50),
        until: Some(at(902)),
    };
    let rebased = journal.rebase(&visit, known.fence, base, at(960)).await;
    assert_eq!(rebased.unwrap(), Commit::Done);
    journal.stopped(at(1_800)).await.unwrap();
    path
}

#[tokio::test]
async fn an_afternoon_with_a_kill_and_a_restart_can_be_read() {
    let path = afternoon("afternoon").await;
    let told = history(&path, &[]);
    let expected = format!(
        "\
2026-01-05 (all times are UTC)
TIME      CONVERSATION                          QUEUE     PRIORITY    STEP    LATE  OUTCOME
13:59:58  daemon started
14:00:00  {FIRST}  1a2b3c4d  0 -> 1         1    0.0s  raised
14:05:00  {FIRST}  1a2b3c4d  1 -> 2         2    0.0s  raised
14:10:00  {FIRST}  1a2b3c4d  2 -> 3         3    0.0s  arrived later
14:10:00  daemon was killed (no stop was noted): this was its last sign of life
14:15:00  daemon started
14:15:02  {SECOND}  1a2b3c4d  3 -> 4         4    2.0s  not made
14:16:00  {SECOND}  1a2b3c4d  0 -> 50        -       -  by someone else
14:30:00  daemon stopped
"
    );
    assert_eq!(told, expected);

    let one = history(&path, &["--conversation", SECOND]);
    assert!(!one.contains(FIRST) && one.contains("not made"), "{one}");
    assert!(!one.contains("killed"), "before its time: {one}");
    let none = history(&path, &["--conversation", "nobody", "--since", "90m"]);
    assert_eq!(
        none,
        "Nothing of conversation nobody was written in the last 1h 30m, as far as the journal goes back.\n"
    );
    let json = history(&path, &["--json"]);
    let lines: Vec<serde_json::Value> = json
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), expected.lines().count() - 2);
    assert_eq!(lines[3]["outcome"], "arrived");
    assert_eq!(lines[3]["settled"], "2026-01-05T14:15:01Z");
    assert_eq!(lines[3]["queue_id"], QUEUE);
    assert_eq!(lines[4]["event"], "killed");
    assert_eq!(history(&path, &["--json", "--since", "1s"]), "");
}

#[tokio::test]
async fn a_spreadsheet_gets_the_same_under_names_of_columns() {
    let path = afternoon("sheet").await;
    let json = history(&path, &["--json"]);
    let lines: Vec<serde_json::Value> = json
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let sheet = history(&path, &["--csv"]);
    let rows: Vec<Vec<&str>> = sheet
        .lines()
        .map(|line| line.split(',').collect())
        .collect();
    assert_eq!(rows.len(), 1 + lines.len());
    let column = |name| rows[0].iter().position(|column| *column == name).unwrap();
    for (row, line) in rows[1..].iter().zip(&lines) {
        for name in [
            "kind",
            "at",
            "conversation_id",
            "queue_id",
            "outcome",
            "settled",
        ] {
            let expected = line[name]
                .as_str()
                .or(line["event"].as_str().filter(|_| name == "outcome"));
            assert_eq!(row[column(name)], expected.unwrap_or_default(), "{name}");
        }
        assert_eq!(row[column("to")].parse().ok(), line["to"].as_i64());
    }
    let none = history(&path, &["--csv", "--since", "1s"]);
    assert_eq!(none.lines().count(), 1, "the names of the columns");
}

#[tokio::test]
async fn the_history_can_be_read_whatever_the_daemon_does() {
    let path = folder("reading").join("journal.db");
    let journal = open(&path);
    journal.alive(at(0)).await.unwrap();
    raise(&journal, FIRST, 1, 1).await;
    let running = history(&path, &[]);
    assert!(running.contains("raised") && !running.contains("killed"));
    raise(&journal, FIRST, 2, 300).await;
    assert_eq!(
        history(&path, &[]).lines().count(),
        running.lines().count() + 1
    );

    let left = killed(&path, "reading-killed");
    assert!(history(&left, &[]).contains("daemon was killed"));
    journal.stopped(at(400)).await.unwrap();
    drop(journal);
    for _ in 0..2 {
        assert!(history(&path, &[]).ends_with("daemon stopped\n"));
    }
    // Reading leaves nothing behind that keeps the daemon from starting.
    raise(&open(&path), FIRST, 3, 600).await;
}

#[test]
fn where_there_is_nothing_to_read_it_says_so() {
    let folder = folder("nothing");
    let empty = folder.join("empty.db");
    drop(open(&empty));
    let told = history(&empty, &[]);
    assert_eq!(
        told,
        "Nothing was written, as far as the journal goes back.\n"
    );

    let other = folder.join("other.db");
    fs::write(&other, "this is no database at all").unwrap();
    for (path, code, expected) in [
        (folder.join("absent.db"), 78, "there is no journal at"),
        (other, 70, "it is damaged"),
        (folder, 78, "is no file"),
    ] {
        let output = program(&path, &["history"]);
        let sentence = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{sentence}");
        assert!(sentence.contains(expected), "{sentence}");
        assert!(output.stdout.is_empty());
        assert_eq!(sentence.lines().count(), 1);
    }
}

#[test]
fn a_time_that_is_none_is_refused_with_the_way_out() {
    let output = program(Path::new("journal.db"), &["history", "--since", "soon"]);
    assert_eq!(output.status.code(), Some(64));
    let sentence = text(&output.stderr);
    assert!(
        sentence.contains("`soon` is no time: write days"),
        "{sentence}"
    );
}
