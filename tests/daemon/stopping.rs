//! Does it stop when told to, and finish what it has begun?

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use callback_prioritizer::{
    journal::JournalError,
    sandbox::{Effect, RequestFault},
};
use tokio::time::{Instant, timeout};

use crate::{
    harness::{Centre, minutes, pass},
    obstacle::{Asked, Obstacle, Obstructed},
};

/// The path of the priority PATCH.
const WRITE: &str = "/api/v2/routing/conversations/";

#[tokio::test(start_paused = true)]
async fn a_write_in_flight_is_finished() {
    let centre = Centre::open().await;
    let daemon = centre.start_ready().await;
    let id = centre.callback();
    daemon.tracks(1).await;
    let slow = Effect::Delay(Duration::from_secs(3));
    centre
        .sandbox
        .faults()
        .requests(RequestFault::to("PATCH", WRITE, slow));
    crate::harness::until(centre.world(), |_| !centre.writes(&id).is_empty()).await;
    let asked = Instant::now();
    let status = daemon.status.clone();
    daemon.stop().await;
    assert_eq!(status.snapshot().raises, 1, "its answer was waited for");
    let took = asked.elapsed();
    assert!(
        (Duration::from_secs(2)..Duration::from_secs(6)).contains(&took),
        "{took:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_second_request_aborts() {
    let centre = Centre::open().await;
    let daemon = centre.start_ready().await;
    let id = centre.callback();
    let slow = Effect::Delay(Duration::from_secs(8));
    centre
        .sandbox
        .faults()
        .requests(RequestFault::to("PATCH", WRITE, slow));
    crate::harness::until(centre.world(), |_| !centre.writes(&id).is_empty()).await;
    let asked = Instant::now();
    daemon.shutdown.request();
    pass(Duration::from_secs(1)).await;
    daemon.shutdown.request();
    daemon.ended().await.unwrap();
    assert!(
        asked.elapsed() < Duration::from_secs(2),
        "{:?}",
        asked.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn it_stops_while_the_platform_is_down() {
    let centre = Centre::open().await;
    let daemon = centre.start_ready().await;
    let _id = centre.callback();
    daemon.tracks(1).await;
    centre
        .sandbox
        .faults()
        .requests(RequestFault::to("", "/", Effect::Answer(503, None)));
    centre.sandbox.faults().cut_sockets();
    pass(minutes(17)).await;
    let asked = Instant::now();
    daemon.stop().await;
    assert!(
        asked.elapsed() <= Duration::from_secs(11),
        "{:?}",
        asked.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn a_restart_goes_on_where_it_was() {
    let centre = Centre::open().await;
    let daemon = centre.start_ready().await;
    let id = centre.callback();
    daemon.until(|now| now.raises == 2).await;
    daemon.kill();
    pass(minutes(12)).await;
    let daemon = centre.start_ready().await;
    daemon.until(|now| now.raises == 1).await;
    assert_eq!(
        centre.writes(&id),
        [1, 2, 4],
        "one write for both steps missed, on the old base"
    );
    daemon.stop().await;
}

/// A journal that gives no answer from some moment on.
#[derive(Default)]
struct Silence(AtomicBool);

#[async_trait]
impl Obstacle for Silence {
    async fn meet(&self, _asked: Asked<'_>) -> Result<(), JournalError> {
        if self.0.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn it_stops_while_the_journal_gives_no_answer() {
    let centre = Centre::open().await;
    for silent_from_the_start in [false, true] {
        let silence = Arc::<Silence>::default();
        let journal = centre.shared.replica("one");
        let journal = Obstructed::<Silence>::from((Arc::clone(&silence), journal));
        let fall_silent = || silence.0.store(true, Ordering::Relaxed);
        if silent_from_the_start {
            fall_silent();
        }
        let daemon = centre.start_with(Arc::new(journal));
        if !silent_from_the_start {
            daemon.until(|now| now.ready && now.sockets > 0).await;
            fall_silent();
        }
        pass(minutes(1)).await;
        daemon.shutdown.request();
        let ended = timeout(Duration::from_secs(5), daemon.ended()).await;
        ended.expect("in time").unwrap();
    }
}
