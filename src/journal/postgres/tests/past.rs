//! The past, told as that of a file is.

use std::{path::PathBuf, thread, time::Duration};

use super::{
    super::{Commit, Fence, Journal},
    bench::{Database, told},
};
use crate::{
    conversation::Priority,
    journal::{
        Change, Claim, Event, History, Outcome, Wanted,
        conformance::{at, seen, write},
    },
    policy::Base,
    settings,
};

/// What happened, a word each, and whether there is an entry of the visit `v`.
fn told_of(database: &Database, wanted: Wanted) -> (Vec<String>, bool) {
    let place = settings::Journal {
        path: PathBuf::new(),
        shared: Some(database.settings("reader")),
        keep: Duration::from_hours(24),
    };
    // History waits on a runtime of its own, which must not be inside of another.
    let reading = thread::spawn(move || {
        let history = History::of(&place).unwrap();
        let mut words = Vec::new();
        let told = history.tell::<()>(&wanted, |event| {
            words.push(match event {
                Event::Write(written) => {
                    let write = written.write;
                    let whose = written.visit.conversation;
                    format!("{whose} {}: {:?}", write.step, written.outcome)
                }
                Event::Daemon { what, replica, .. } => {
                    format!("{} {what:?}", replica.unwrap_or_default())
                }
            });
            Ok(())
        });
        told.unwrap().unwrap();
        let entry = history.entry(&seen("v", 0).visit).unwrap();
        (words, entry.is_some())
    });
    reading.join().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn history_tells_what_several_daemons_did() {
    let Some(cluster) = told("TEST_POSTGRES") else {
        return;
    };
    let database = Database::begin(&cluster).await;
    assert_eq!(told_of(&database, Wanted::default()), (vec![], false));

    let (one, two) = (
        database.journal(&cluster, "one"),
        database.journal(&cluster, "two"),
    );
    one.open().await.unwrap();
    database.stop_clock().await;
    database.set_clock(at(0)).await;
    one.alive(at(0)).await.unwrap();
    two.alive(at(0)).await.unwrap();
    for (journal, name, seconds) in [(&one, "v", 10), (&two, "w", 20), (&two, "v", 30)] {
        database.set_clock(at(seconds)).await;
        let known = journal.entry(&seen(name, 0), at(seconds)).await.unwrap();
        let step = known.committed_step() + 1;
        let visit = seen(name, 0).visit;
        let write = write(step, 0, step.into());
        let claim = journal.claim(&visit, known.fence, write).await.unwrap();
        let Claim::Granted(fence) = claim else {
            panic!("{claim:?}");
        };
        // The second of `v` gets no answer.
        if seconds < 30 {
            let commit = journal.commit(&visit, fence, Priority::clamped(1), at(seconds));
            assert_eq!(commit.await.unwrap(), Commit::Done);
        }
    }
    database.set_clock(at(40)).await;
    let other = seen("w", 0).visit;
    let base = Base {
        priority: Priority::clamped(9),
        until: None,
    };
    let rebased = one.rebase(&other, Fence(1), base, at(40));
    assert_eq!(rebased.await.unwrap(), Commit::Done);
    one.stopped(at(40)).await.unwrap();

    database.set_clock(at(600)).await;
    let all = [
        "one Started".to_owned(),
        "two Started".to_owned(),
        format!("v 1: {:?}", Outcome::Raised),
        format!("w 1: {:?}", Outcome::Raised),
        format!("v 2: {:?}", Outcome::Unconfirmed),
        format!("two {:?}", Change::Killed),
        format!("w 1: {:?}", Outcome::Foreign),
        format!("one {:?}", Change::Stopped),
    ];
    assert_eq!(told_of(&database, Wanted::default()), (all.to_vec(), true));
    let of_one = Wanted {
        conversation: Some("w".parse().unwrap()),
        since: Some(at(30)),
    };
    let told = told_of(&database, of_one).0;
    assert_eq!(told, ["w 1: Foreign", "one Stopped"]);
}
