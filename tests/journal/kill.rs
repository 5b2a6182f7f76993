//! `kill -9` at any moment: whatever the journal acknowledged before is there afterwards.

use std::{
    collections::HashSet,
    env,
    io::{BufRead, BufReader, Write as _, stdout},
    process::{Command, Stdio},
};

use callback_prioritizer::{
    conversation::Priority,
    journal::{Commit, Journal},
};

use super::{at, claim, folder, open, waiting};

/// Names the journal to the process that is killed.
const JOURNAL: &str = "JOURNAL_OF_THE_TEST";
/// Kills.
const ROUNDS: usize = 12;

/// What the killed process does: raises visit after visit, and says so after each step of it.
#[test]
#[ignore = "is started, and killed, by the test below"]
fn a_daemon_that_is_killed() {
    let Some(path) = env::var_os(JOURNAL) else {
        return;
    };
    let say = |what: &str, number: u32| {
        let mut out = stdout().lock();
        writeln!(out, "\n{what} {number}").unwrap();
        out.flush().unwrap();
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let journal = open(path.as_ref());
        journal.alive(at(0)).await.unwrap();
        for number in 0.. {
            let name = format!("c{number}");
            let waiting = waiting(&name, 0);
            let entry = journal.entry(&waiting, at(0)).await.unwrap();
            if entry.last.is_some() {
                continue;
            }
            say("seen", number);
            let claim = claim(&journal, &name, 1, 0).await;
            say("claimed", number);
            let commit = journal.commit(&waiting.visit, claim, Priority::clamped(1), at(1));
            assert_eq!(commit.await.unwrap(), Commit::Done);
            say("committed", number);
        }
    });
}

#[tokio::test]
async fn what_was_acknowledged_survives_every_kill() {
    let path = folder("kill").join("journal.db");
    let mut acknowledged: HashSet<(String, String)> = HashSet::new();
    for round in 0..ROUNDS {
        let mut daemon = Command::new(env::current_exe().unwrap())
            .args(["--ignored", "--exact", "--nocapture"])
            .arg("kill::a_daemon_that_is_killed")
            .env(JOURNAL, &path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(daemon.stdout.take().unwrap()).lines();
        let mut heard = 0;
        for line in lines {
            let line = line.unwrap();
            let Some((what, number)) = line.split_once(' ') else {
                continue;
            };
            if ["seen", "claimed", "committed"].contains(&what) {
                acknowledged.insert((what.to_owned(), number.to_owned()));
                heard += 1;
                // Each round in another moment of a raise; what is said after the kill still counts.
                if heard == 40 + round * 7 {
                    daemon.kill().unwrap();
                }
            }
        }
        daemon.wait().unwrap();
    }

    let journal = open(&path);
    for (what, number) in &acknowledged {
        let entry = journal
            .entry(&waiting(&format!("c{number}"), 99), at(2))
            .await;
        let entry = entry.unwrap();
        assert_eq!(entry.base.priority.points(), 0, "the base of {number}");
        let known = match what.as_str() {
            "committed" => entry.last.is_some_and(|last| last.step == 1),
            "claimed" => entry.newest_step() == 1,
            _ => true,
        };
        assert!(known, "{what} {number}: {entry:?}");
    }
    let committed = acknowledged.iter().filter(|(what, _)| what == "committed");
    assert!(committed.count() >= ROUNDS * 10, "{}", acknowledged.len());
}
