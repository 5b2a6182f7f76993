//! While one organisation takes long to start: are the others ready without it, does it get what is reloaded meanwhile? And
//! do all together show that they live?

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use callback_prioritizer::{
    journal::JournalError,
    sandbox::{Effect, RequestFault},
};
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};

use super::{
    TOKEN,
    pair::{Pair, Running, until},
};
use crate::{
    harness::{Centre, minutes, pass},
    log::Log,
    obstacle::{Asked, Obstacle, Obstructed},
    supervised::Ear,
};

/// What delays raises by two minutes.
const SLOWER: &str = "[organizations.policy]\nwait = \"7m\"";
/// Time within which a supervisor that nobody has told another one must hear that the process is ready.
const START: Duration = Duration::from_secs(90);

/// The platform answers sweeps with a hold of this many seconds, so often.
fn holds(centre: &Centre, seconds: u64, times: Option<u32>) {
    let hold = Effect::Answer(429, Some(seconds));
    let fault = RequestFault::to("POST", "/api/v2/analytics/", hold);
    centre
        .sandbox
        .faults()
        .requests(RequestFault { times, ..fault });
}

/// Starts both; `acme` is ready, and `beta` waits for the end of this hold.
async fn start_with_one_held(pair: &Pair, seconds: u64) -> Running {
    holds(&pair.beta, seconds, Some(1));
    let running = pair.start();
    until(&running.acme, |now| now.ready && now.sockets > 0).await;
    until(&running.beta, |now| now.throttled > Duration::ZERO).await;
    running
}

#[tokio::test(start_paused = true)]
async fn what_is_reloaded_while_it_starts_is_what_it_starts_with() {
    for reloaded in [
        SLOWER,
        "[organizations.callbacks]\ndry_run = true",
        "[[organizations.rules]]\nname = \"none\"\nqueue = \"Support\"\nskip = true",
    ] {
        let pair = Pair::open("", "").await;
        let running = start_with_one_held(&pair, 12).await;
        let id = pair.beta.callback();
        pair.rewrite("", reloaded);
        running.reload().await;
        until(&running.beta, |now| now.ready && now.sockets > 0).await;
        pass(minutes(6)).await;
        assert_eq!(pair.beta.writes(&id), [0; 0], "{reloaded}");
        pass(minutes(2)).await;
        let raised = usize::from(reloaded == SLOWER);
        assert_eq!(pair.beta.writes(&id).len(), raised, "{reloaded}");
        running.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn one_whose_work_begins_while_the_others_prepare_reads_what_they_agreed_on() {
    let log = Log::listen();
    let pair = Pair::open("", "").await;
    let running = start_with_one_held(&pair, 3).await;
    let id = pair.beta.callback();
    let slow = Effect::Delay(Duration::from_secs(8));
    let slow = RequestFault::to("GET", "/api/v2/routing/queues", slow);
    pair.acme.sandbox.faults().requests(slow);
    let acme_has = "[organizations.callbacks]\nqueues = [\"Support\"]";
    pair.rewrite(acme_has, SLOWER);
    running.reload().await;
    let all = "settings of all organisations reloaded";
    assert!(running.beta.snapshot().ready && log.count(&[all]) == 0);
    pass(minutes(6)).await;
    assert_eq!((log.count(&[all]), pair.beta.writes(&id)), (1, vec![]));
    pass(minutes(2)).await;
    assert_eq!(pair.beta.writes(&id), [1]);
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_reload_that_changes_nothing_for_it_does_not_disturb_its_start() {
    let pair = Pair::open("", "").await;
    let running = start_with_one_held(&pair, 12).await;
    pair.rewrite(SLOWER, "");
    running.reload().await;
    until(&running.beta, |now| now.ready && now.sockets > 0).await;
    assert_eq!(pair.beta.requests("POST", TOKEN), 1);
    running.stop().await;
}

/// A journal that does not work, or takes its time, when it is told to.
struct Weak(watch::Sender<Option<Duration>>);

#[async_trait]
impl Obstacle for Weak {
    async fn meet(&self, asked: Asked<'_>) -> Result<(), JournalError> {
        let delay = *self.0.borrow();
        match (asked, delay) {
            (Asked::Change, Some(Duration::ZERO)) => Err(JournalError::new("disk full")),
            (Asked::Change, Some(delay)) => {
                sleep(delay).await;
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn trouble_that_a_start_has_met_is_not_left_to_the_next_one() {
    let mut pair = Pair::open("", "").await;
    let journal = Arc::new(Obstructed::from(Weak(watch::Sender::new(Some(
        Duration::ZERO,
    )))));
    pair.journal = Arc::<Obstructed<Weak>>::clone(&journal);
    holds(&pair.beta, 12, Some(1));
    let running = pair.start();
    until(&running.beta, |now| now.journal_trouble.is_some()).await;
    journal.obstacle.0.send_replace(None);
    until(&running.acme, |now| now.ready).await;
    pair.rewrite("", SLOWER);
    running.reload().await;
    pass(minutes(1)).await;
    assert!(
        running.beta.snapshot().ready,
        "{:?}",
        running.beta.snapshot()
    );
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn one_that_is_held_at_its_start_keeps_no_other_from_being_ready() {
    let mut pair = Pair::open("", "").await;
    let (supervisor, ear) = Ear::new("held");
    pair.supervisor = supervisor;
    holds(&pair.beta, 50, None);
    let (running, began) = (pair.start(), Instant::now());
    let word = loop {
        if let Some(word) = ear.hears().await {
            break word;
        }
        assert!(began.elapsed() < START, "a supervisor would end it");
    };
    assert_eq!((word.as_str(), began.elapsed() < START), ("READY=1", true));
    let beta = running.beta.snapshot();
    assert!(running.acme.snapshot().ready && !beta.ready && beta.down.is_none());
    assert_eq!(ear.hears().await.as_deref(), Some("WATCHDOG=1"));
    // A supervisor that has heard it waits for a word at the end of each reload.
    running.reload().await;
    for expected in ["RELOADING=1", "READY=1", "WATCHDOG=1"] {
        assert_eq!(ear.hears().await.as_deref(), Some(expected));
    }
    pair.beta.sandbox.faults().clear();
    until(&running.beta, |now| now.ready && now.sockets > 0).await;
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn where_all_are_held_none_is_ready_before_the_first_that_is() {
    let mut pair = Pair::open("", "").await;
    let (supervisor, ear) = Ear::new("all-held");
    pair.supervisor = supervisor;
    for centre in [&pair.acme, &pair.beta] {
        holds(centre, 20, None);
    }
    let running = pair.start();
    for _ in 0..6 {
        assert_eq!(ear.hears().await, None);
    }
    pair.beta.sandbox.faults().clear();
    assert_eq!(ear.hears().await.as_deref(), Some("READY=1"));
    assert!(running.beta.snapshot().ready && !running.acme.snapshot().ready);
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_journal_that_takes_its_time_takes_it_for_all_at_once() {
    let mut pair = Pair::open("", "").await;
    let (supervisor, ear) = Ear::new("slow");
    pair.supervisor = supervisor;
    let journal = Arc::new(Obstructed::from(Weak(watch::Sender::new(None))));
    pair.journal = Arc::<Obstructed<Weak>>::clone(&journal);
    let running = pair.start_ready().await;
    journal
        .obstacle
        .0
        .send_replace(Some(Duration::from_secs(8)));
    assert_eq!(ear.hears().await.as_deref(), Some("READY=1"));
    let mut last = Instant::now();
    for _ in 0..10 {
        assert_eq!(ear.hears().await.as_deref(), Some("WATCHDOG=1"));
        // Ten seconds between two rounds, and what one of them takes.
        assert!(
            last.elapsed() < Duration::from_secs(20),
            "{:?}",
            last.elapsed()
        );
        last = Instant::now();
    }
    running.stop().await;
}
