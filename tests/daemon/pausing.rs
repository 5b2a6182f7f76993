//! Does a pause hold at once and for as long as it should, and is everything made good after it?

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use callback_prioritizer::{
    conversation::ConversationId,
    journal::{JournalError, MemoryJournal},
    sandbox::Callback,
};
use tokio::{
    io::AsyncWriteExt,
    time::{Instant, sleep_until},
};

use crate::{
    harness::{Centre, Running, minutes, pass, until},
    log::Log,
    obstacle::{Asked, Obstacle, Obstructed},
};

/// Pauses all queues until it is ended.
const PAUSE: &str = r#"{"order":"pause"}"#;
/// Ends all pauses.
const RESUME: &str = r#"{"order":"resume"}"#;
/// The path of the priority PATCH.
const WRITE: &str = "/api/v2/routing/conversations/";

/// A callback to Sales that waits from now on.
fn to_sales(centre: &Centre) -> ConversationId {
    let sales = centre.queue("Sales");
    centre.world().add_callback(Callback::to(&sales))
}

#[tokio::test(start_paused = true)]
async fn while_it_is_paused_nothing_is_written_and_all_is_tracked_and_then_caught_up_at_once() {
    let log = Log::listen();
    let centre = Centre::open().await.ordered();
    let daemon = centre.start_ready().await;
    let before = centre.callback();
    daemon.until(|now| now.raises == 1).await;
    let answer = centre.order(PAUSE).await;
    assert!(answer.contains(r#""changed":true,"kept":true"#), "{answer}");
    assert_eq!(daemon.now().paused.len(), 1);
    let sweeps = daemon.now().sweeps;
    let (meanwhile, answered) = (centre.callback(), to_sales(&centre));
    daemon.tracks(3).await;
    pass(minutes(17)).await;
    centre.world().answer(&answered).unwrap();
    daemon.tracks(2).await;
    pass(minutes(4)).await;
    let now = daemon.now();
    assert_eq!((now.answered, now.raises), (1, 1), "seen, and not raised");
    assert!(now.ready && now.sweeps >= sweeps + 20, "{now:?}");
    assert_eq!(centre.requests("PATCH", WRITE), 1);

    let answer = centre.order(RESUME).await;
    assert!(answer.contains(r#""paused":[]"#), "{answer}");
    pass(Duration::from_secs(5)).await;
    assert_eq!(centre.writes(&before), [1, 5], "one write for four steps");
    assert_eq!(centre.writes(&meanwhile), [4]);
    assert_eq!(daemon.now().paused, []);
    pass(minutes(5)).await;
    assert_eq!(centre.priority(&before), 6, "and on schedule again");
    assert_eq!(log.count(&["\"INFO\"", "raises paused"]), 1);
    assert_eq!(log.count(&["\"INFO\"", "raises resumed"]), 1);
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_raise_that_waits_for_its_permit_is_not_sent() {
    let centre = Centre::open()
        .await
        .ordered()
        .set("GENESYS__REQUESTS_PER_MINUTE", "20");
    let daemon = centre.start_ready().await;
    for _ in 0..30 {
        let _id = centre.callback();
    }
    daemon.until(|now| now.raises == 5).await;
    centre.order(PAUSE).await;
    let written = centre.requests("PATCH", WRITE);
    assert!(written < 8, "most still wait: {written}");
    pass(minutes(30)).await;
    assert_eq!(centre.requests("PATCH", WRITE), written);
    centre.order(RESUME).await;
    daemon.until(|now| now.raises == 30).await;
    daemon.stop().await;
}

/// A disk that is slow, and may be full.
#[derive(Default)]
struct Disk {
    /// Whether a claim takes a second.
    slow: AtomicBool,
    /// Whether nothing can be written.
    full: AtomicBool,
    /// Whether nothing can be read of pauses.
    unreadable: AtomicBool,
}

#[async_trait]
impl Obstacle for Disk {
    async fn meet(&self, asked: Asked<'_>) -> Result<(), JournalError> {
        let (reads, fails) = match asked {
            Asked::Pauses => (true, self.unreadable.load(Ordering::Relaxed)),
            Asked::Entry(_) | Asked::Recall => (true, false),
            Asked::Claim | Asked::Change | Asked::NotePause(_) | Asked::Common => (false, false),
        };
        if matches!(asked, Asked::Claim) && self.slow.load(Ordering::Relaxed) {
            pass(Duration::from_secs(1)).await;
        }
        if fails || !reads && self.full.load(Ordering::Relaxed) {
            return Err(JournalError::new("disk full"));
        }
        Ok(())
    }
}

/// A centre whose daemon takes orders and has this disk.
async fn with_disk() -> (Centre, Arc<Obstructed<Disk>>) {
    let journal = Arc::new(Obstructed::<Disk>::default());
    let mut centre = Centre::open().await.ordered();
    centre.journal = Arc::<Obstructed<Disk>>::clone(&journal);
    (centre, journal)
}

#[tokio::test(start_paused = true)]
async fn a_raise_that_waits_for_the_journal_is_not_sent() {
    let (centre, journal) = with_disk().await;
    journal.obstacle.slow.store(true, Ordering::Relaxed);
    let daemon = centre.start_ready().await;
    let id = centre.callback();
    let due = Instant::now() + minutes(5);
    daemon.tracks(1).await;
    sleep_until(due + Duration::from_millis(500)).await;
    centre.order(PAUSE).await;
    pass(minutes(20)).await;
    assert_eq!(centre.requests("PATCH", WRITE), 0, "it was being claimed");
    centre.order(RESUME).await;
    pass(Duration::from_secs(5)).await;
    assert_eq!(centre.writes(&id), [5]);
    assert_eq!(daemon.now().foreign_changes, 0);
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_pause_of_one_queue_is_for_that_queue() {
    let centre = Centre::open().await.ordered();
    let daemon = centre.start_ready().await;
    let (support, sales) = (centre.callback(), to_sales(&centre));
    daemon.tracks(2).await;
    let answer = centre.order(r#"{"order":"pause","queue":"sal*"}"#).await;
    assert!(answer.contains(r#""name":"Sales""#), "{answer}");
    assert_eq!(daemon.now().paused[0].queue, Some(centre.queue("Sales")));
    pass(minutes(11)).await;
    let written = (centre.writes(&support), centre.writes(&sales));
    assert_eq!(written, (vec![1, 2], vec![]));

    centre.order(PAUSE).await;
    let answer = centre.order(r#"{"order":"resume","queue":"Sales"}"#).await;
    assert!(answer.contains(r#""changed":true"#), "{answer}");
    assert!(answer.contains(r#""queue_id":null"#), "still: {answer}");
    pass(minutes(5)).await;
    assert_eq!(centre.writes(&sales), [] as [i64; 0], "all are paused");
    centre.order(RESUME).await;
    pass(Duration::from_secs(5)).await;
    let written = (centre.writes(&support), centre.writes(&sales));
    assert_eq!(written, (vec![1, 2, 3], vec![3]));
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_pause_for_a_time_ends_by_itself() {
    let log = Log::listen();
    let centre = Centre::open().await.ordered();
    let daemon = centre.start_ready().await;
    let id = centre.callback();
    daemon.tracks(1).await;
    let minutes_12 = r#"{"order":"pause","for_ms":720000}"#;
    centre.order(minutes_12).await;
    let ends = centre.world().now() + minutes(12);
    until(centre.world(), |_| !centre.writes(&id).is_empty()).await;
    let write = &centre.world().writes()[0];
    let late = write.at.duration_since(ends).as_millis();
    assert!((0..1_000).contains(&late), "{late} ms after the end");
    assert_eq!(write.to.points(), 2, "ten minutes of waiting");
    daemon.until(|now| now.paused.is_empty()).await;
    assert_eq!(log.count(&["raises resumed", "the time is over"]), 1);
    pass(minutes(4)).await;
    assert_eq!(centre.writes(&id), [2, 3]);
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_pause_outlives_the_daemon_and_not_its_time() {
    let log = Log::listen();
    let centre = Centre::open().await.ordered();
    let daemon = centre.start_ready().await;
    let (support, sales) = (centre.callback(), to_sales(&centre));
    daemon.tracks(2).await;
    centre.order(r#"{"order":"pause","queue":"Support"}"#).await;
    centre
        .order(r#"{"order":"pause","queue":"Sales","for_ms":600000}"#)
        .await;
    daemon.kill();
    pass(minutes(6)).await;

    let daemon = centre.start_ready().await;
    assert_eq!(daemon.now().paused.len(), 2);
    assert_eq!(log.count(&["\"WARN\"", "since before this start"]), 2);
    daemon.tracks(2).await;
    pass(minutes(3)).await;
    assert_eq!(centre.requests("PATCH", WRITE), 0);
    daemon.kill();
    pass(minutes(2)).await;

    let daemon = centre.start_ready().await;
    assert_eq!(daemon.now().paused.len(), 1, "the other is over");
    pass(Duration::from_secs(10)).await;
    let written = (centre.writes(&support), centre.writes(&sales));
    assert_eq!(written, (vec![], vec![2]));
    centre.order(RESUME).await;
    pass(Duration::from_secs(10)).await;
    assert_eq!(centre.writes(&support), [2]);
    daemon.stop().await;
    let daemon = centre.start_ready().await;
    assert_eq!(daemon.now().paused, [], "and so does the end of it");
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_the_journal_cannot_keep_holds_and_is_kept_when_it_can() {
    let (centre, journal) = with_disk().await;
    let daemon = centre.start_ready().await;
    let id = centre.callback();
    daemon.tracks(1).await;
    journal.obstacle.full.store(true, Ordering::Relaxed);
    let answer = centre.order(PAUSE).await;
    assert!(answer.contains(r#""kept":false"#), "{answer}");
    journal.obstacle.full.store(false, Ordering::Relaxed);
    pass(minutes(6)).await;
    daemon.kill();
    let daemon = centre.start_ready().await;
    assert_eq!(daemon.now().paused.len(), 1);
    pass(minutes(5)).await;
    assert_eq!(centre.requests("PATCH", WRITE), 0);
    centre.order(RESUME).await;
    pass(Duration::from_secs(10)).await;
    assert_eq!(centre.writes(&id), [2]);
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn while_it_is_not_known_what_is_paused_everything_is() {
    let (centre, journal) = with_disk().await;
    journal.obstacle.unreadable.store(true, Ordering::Relaxed);
    let daemon = centre.start_ready().await;
    let id = centre.callback();
    daemon.tracks(1).await;
    pass(minutes(12)).await;
    let refused = centre.send(&format!("{PAUSE}\n")).await;
    assert!(refused.contains("the journal does not work"), "{refused}");
    assert_eq!(centre.requests("PATCH", WRITE), 0);
    journal.obstacle.unreadable.store(false, Ordering::Relaxed);
    pass(Duration::from_secs(10)).await;
    assert_eq!(centre.writes(&id), [2]);
    daemon.stop().await;
}

/// Whether the daemon still does what it is told.
async fn obeys(centre: &Centre, daemon: &Running) {
    centre.order(PAUSE).await;
    assert_eq!(daemon.now().paused.len(), 1);
    centre.order(RESUME).await;
    assert_eq!(daemon.now().paused, []);
}

#[tokio::test(start_paused = true)]
async fn noise_on_the_socket_hurts_nobody() {
    let centre = Centre::open().await.ordered();
    let daemon = centre.start_ready().await;
    let id = centre.callback();
    daemon.tracks(1).await;
    for noise in [
        "\n",
        "{}\n",
        "GET / HTTP/1.1\r\n\r\n",
        "{\"order\":\"pause\",\"queue\":7}\n",
        "\u{0}\u{1}\u{2}\n",
    ] {
        let answer = centre.send(noise).await;
        assert!(answer.contains("not understood"), "{noise}: {answer}");
    }
    let answer = centre.send(r#"{"order":"pause","queue":"Nobody"}"#).await;
    assert_eq!(answer, "", "an order without its end is none, yet");
    let answer = centre
        .send("{\"order\":\"pause\",\"queue\":\"Nobody\u{7}\"}\n")
        .await;
    assert!(answer.contains("not understood"), "{answer}");
    let answer = centre
        .send("{\"order\":\"pause\",\"queue\":\"Nobody\"}\n")
        .await;
    assert!(answer.contains("no queue of ours"), "{answer}");
    assert_eq!(daemon.now().paused, []);
    obeys(&centre, &daemon).await;

    let mut endless = centre.connect().await;
    let flood = vec![b'x'; 1024 * 1024];
    // It is cut off long before its end.
    let _cut = endless.write_all(&flood).await;
    let silent: Vec<_> = futures_util::future::join_all((0..100).map(|_| centre.connect())).await;
    pass(Duration::from_secs(6)).await;
    obeys(&centre, &daemon).await;
    drop(silent);
    pass(minutes(5)).await;
    assert_eq!(centre.writes(&id), [1]);
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_second_daemon_does_not_take_the_socket_away() {
    let log = Log::listen();
    let mut centre = Centre::open().await.ordered();
    let daemon = centre.start_ready().await;
    centre.journal = Arc::new(MemoryJournal::default());
    let other = centre.start_ready().await;
    assert_eq!(log.count(&["\"WARN\"", "no orders are taken"]), 1);
    obeys(&centre, &daemon).await;
    other.stop().await;
    obeys(&centre, &daemon).await;
    daemon.stop().await;
    let socket = centre.socket.as_deref().unwrap();
    assert!(!socket.exists(), "it is removed");
    std::os::unix::net::UnixListener::bind(socket).unwrap();
    assert!(socket.exists(), "as a daemon leaves it that is killed");
    let daemon = centre.start_ready().await;
    obeys(&centre, &daemon).await;
    daemon.stop().await;
}
