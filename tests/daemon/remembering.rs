//! Does it remember across a kill, and does it keep its hands off while it cannot?

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use callback_prioritizer::{
    journal::{
        Change, Event, History, Journal, JournalError, MemoryJournal, Outcome, SqliteJournal,
        Wanted,
    },
    sandbox::{Effect, RequestFault},
};

use crate::{
    harness::{Centre, minutes, pass, until},
    obstacle::{Asked, Obstacle, Obstructed},
};

/// The path of the priority PATCH.
const WRITE: &str = "/api/v2/routing/conversations/";

/// A disk that can be filled up.
#[derive(Default)]
struct Disk {
    /// Whether nothing more can be written.
    full: AtomicBool,
    /// Attempts to write meanwhile.
    refused: AtomicU32,
}

#[async_trait]
impl Obstacle for Disk {
    async fn meet(&self, asked: Asked<'_>) -> Result<(), JournalError> {
        let reads = matches!(asked, Asked::Entry(_) | Asked::Recall | Asked::Pauses);
        if !reads && self.full.load(Ordering::Relaxed) {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return Err(JournalError::new("disk full"));
        }
        Ok(())
    }
}

/// A fresh folder for one test.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("daemon")
        .join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// The durable journal in this folder.
fn durable(folder: &Path, centre: &Centre) -> Arc<dyn Journal> {
    let journal = SqliteJournal::open(&folder.join("journal.db"), centre.clock.now());
    Arc::new(journal.unwrap())
}

/// What a journal tells of the past: what happened to daemons, and what became of writes to which priority.
fn history(folder: &Path) -> Vec<String> {
    let mut told = Vec::new();
    let listener = |event| {
        told.push(match event {
            Event::Daemon { what, .. } => format!("{what:?}"),
            Event::Write(written) => format!("{:?} {}", written.outcome, written.write.to),
        });
        Ok::<(), ()>(())
    };
    let history = History::open(&folder.join("journal.db")).unwrap();
    history.tell(&Wanted::default(), listener).unwrap().unwrap();
    told
}

#[tokio::test(start_paused = true)]
async fn while_the_journal_cannot_be_written_nothing_is_raised_and_nothing_is_asked() {
    let journal = Arc::new(Obstructed::<Disk>::default());
    let mut centre = Centre::open().await;
    centre.journal = Arc::<Obstructed<Disk>>::clone(&journal);
    let daemon = centre.start_ready().await;
    let ids = [centre.callback(), centre.callback(), centre.callback()];
    daemon.tracks(3).await;
    pass(minutes(6)).await;
    assert_eq!(ids.each_ref().map(|id| centre.priority(id)), [1, 1, 1]);

    journal.obstacle.full.store(true, Ordering::Relaxed);
    let now = daemon.until(|now| !now.ready).await;
    assert!(now.journal_trouble.unwrap().contains("disk full"));
    pass(minutes(1)).await;
    let looks: Vec<usize> = ids.iter().map(|id| centre.looks(id)).collect();
    pass(minutes(18)).await;
    assert_eq!(ids.each_ref().map(|id| centre.priority(id)), [1, 1, 1]);
    for (id, before) in ids.iter().zip(looks) {
        let more = centre.looks(id) - before;
        assert!(more <= 1, "{more} looks at what may not be raised");
    }

    journal.obstacle.full.store(false, Ordering::Relaxed);
    daemon.until(|now| now.ready).await;
    pass(Duration::from_secs(30)).await;
    assert_eq!(
        ids.each_ref().map(|id| centre.priority(id)),
        [5, 5, 5],
        "one write catches up"
    );
    assert_eq!(centre.writes(&ids[0]), [1, 5]);
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn killed_with_a_write_on_its_way_it_knows_it_for_its_own() {
    let (first, second) = (folder("killed"), folder("restarted"));
    let mut centre = Centre::open().await;
    centre.journal = durable(&first, &centre);
    let daemon = centre.start_ready().await;
    let id = centre.callback();
    pass(minutes(6)).await;
    let slow = Effect::Delay(Duration::from_secs(8));
    centre
        .sandbox
        .faults()
        .requests(RequestFault::to("PATCH", WRITE, slow));
    until(centre.world(), |_| centre.writes(&id).len() == 2).await;
    for entry in fs::read_dir(&first).unwrap() {
        let file = entry.unwrap();
        fs::copy(file.path(), second.join(file.file_name())).unwrap();
    }
    daemon.kill();
    pass(minutes(1)).await;

    centre.journal = durable(&second, &centre);
    centre.sandbox.faults().clear();
    let daemon = centre.start_ready().await;
    pass(minutes(6)).await;
    assert_eq!(centre.writes(&id), [1, 2, 3]);
    assert_eq!(daemon.now().foreign_changes, 0);
    daemon.stop().await;
    assert_eq!(
        history(&second),
        [
            format!("{:?}", Change::Started),
            format!("{:?} 1", Outcome::Raised),
            format!("{:?} 2", Outcome::Arrived),
            format!("{:?}", Change::Killed),
            format!("{:?}", Change::Started),
            format!("{:?} 3", Outcome::Raised),
            format!("{:?}", Change::Stopped),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_base_outlives_the_end_of_the_daemon_and_the_end_of_the_raises() {
    let folder = folder("limited");
    let mut centre = Centre::open().await.set("POLICY__MAX_RAISES", "2");
    centre.journal = durable(&folder, &centre);
    let daemon = centre.start_ready().await;
    let id = centre.callback();
    daemon.until(|now| now.limited == 1).await;
    daemon.stop().await;
    assert_eq!(centre.writes(&id), [1, 2]);

    centre.journal = Arc::new(MemoryJournal::default());
    centre.journal = durable(&folder, &centre);
    let daemon = centre.start_ready().await;
    daemon.until(|now| now.limited == 1).await;
    pass(minutes(20)).await;
    assert_eq!(centre.writes(&id), [1, 2], "what was raised is no base");
    daemon.stop().await;
}
