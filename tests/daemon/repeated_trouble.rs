//! Is trouble told when it begins, when it becomes another and when it is over, and not at each attempt?

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use callback_prioritizer::{
    journal::JournalError,
    sandbox::{Callback, Effect, RequestFault},
};

use crate::{
    harness::{Centre, minutes, pass},
    log::Log,
    obstacle::{Asked, Obstacle, Obstructed},
};

/// The path of the query that a sweep makes.
const SWEEP: &str = "/api/v2/analytics/conversations/activity/query";
/// Beginning of the path of the priority PATCH.
const WRITE: &str = "/api/v2/routing/conversations/";

/// Requests with this method and path are answered so from now on.
fn answer(centre: &Centre, method: &str, path: &str, status: u16) {
    centre.sandbox.faults().clear();
    let effect = Effect::Answer(status, None);
    let fault = RequestFault::to(method, path, effect);
    centre.sandbox.faults().requests(fault);
}

/// Lines that tell somebody to look.
fn alarms(log: &Log) -> usize {
    log.count(&["\"WARN\""]) + log.count(&["\"ERROR\""])
}

#[tokio::test(start_paused = true)]
async fn no_socket_for_hours() {
    let log = Log::listen();
    let centre = Centre::open().await;
    let daemon = centre.start_ready().await;
    centre.sandbox.faults().refuse_sockets(503, None);
    centre.sandbox.faults().cut_sockets();
    pass(minutes(60)).await;
    answer(&centre, "POST", "/api/v2/notifications/channels", 503);
    pass(minutes(60)).await;
    let told = ["\"WARN\"", "no notifications"];
    assert_eq!(log.count(&told), 2, "it begins, and it is another");
    assert_eq!(log.count(&["\"WARN\"", "\"disconnected\""]), 1);
    assert_eq!(alarms(&log), 3);
    centre.sandbox.faults().clear();
    daemon.until(|now| now.sockets == 1).await;
    assert_eq!(log.count(&["\"INFO\"", "\"connected\""]), 2);
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_socket_that_is_lost_again_and_again() {
    let log = Log::listen();
    let centre = Centre::open().await;
    let daemon = centre.start_ready().await;
    let second = Some(Duration::from_secs(1));
    for _ in 0..2 {
        centre.sandbox.faults().flap_sockets(second);
        centre.sandbox.faults().cut_sockets();
        pass(minutes(60)).await;
        centre.sandbox.faults().flap_sockets(None);
        pass(minutes(5)).await;
        assert_eq!(daemon.now().sockets, 1);
    }
    assert!(daemon.now().connects > 100, "{}", daemon.now().connects);
    assert_eq!(log.count(&["connections are lost again and again"]), 2);
    assert_eq!(log.count(&["\"INFO\"", "connections hold again"]), 2);
    let told = log.count(&["\"disconnected\""]) + log.count(&["\"connected\""]);
    assert!(told <= 24, "{told} lines");
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn sweeps_that_fail_or_leave_somebody_out() {
    let log = Log::listen();
    let centre = Centre::open().await;
    let daemon = centre.start_ready().await;
    for status in [503, 403, 503] {
        answer(&centre, "POST", SWEEP, status);
        pass(minutes(20)).await;
    }
    assert_eq!(log.count(&["\"WARN\"", "sweep failed"]), 2);
    centre.sandbox.faults().clear();
    pass(minutes(2)).await;
    assert_eq!(log.count(&["\"INFO\"", "sweeps work again"]), 1);

    let short = r#"{"results":[{"truncated":true,"entities":[]}]}"#;
    let short = RequestFault::to("POST", SWEEP, Effect::Body(short.to_owned()));
    centre.sandbox.faults().requests(short);
    pass(minutes(20)).await;
    assert_eq!(log.count(&["\"WARN\"", "left callbacks out"]), 1);
    centre.sandbox.faults().clear();
    pass(minutes(2)).await;
    assert_eq!(log.count(&["\"INFO\"", "leaves no callbacks out"]), 1);
    assert_eq!(alarms(&log), 3);
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn lists_that_cannot_be_read_and_entries_that_mean_nothing() {
    let log = Log::listen();
    let centre = Centre::open()
        .await
        .set("CALLBACKS__QUEUES", "Support, Nobody")
        .file("[[rules]]\nskill = \"spanish\"\n");
    let daemon = centre.start_ready().await;
    pass(minutes(60)).await;
    assert_eq!(log.count(&["\"WARN\"", "no queue is meant", "Nobody"]), 1);
    answer(&centre, "GET", "/api/v2/routing/", 403);
    pass(minutes(60)).await;
    assert_eq!(log.count(&["\"WARN\"", "the list of queues cannot"]), 1);
    assert_eq!(log.count(&["\"WARN\"", "a list of names cannot"]), 1);
    centre.sandbox.faults().clear();
    pass(minutes(20)).await;
    assert_eq!(log.count(&["\"INFO\"", "the list can be read again"]), 2);
    assert_eq!(alarms(&log), 3);
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_silence_first_and_then_refused() {
    let log = Log::listen();
    let centre = Centre::open().await;
    let daemon = centre.start_ready().await;
    answer(&centre, "POST", "/oauth/token", 503);
    centre.sandbox.faults().revoke_tokens();
    pass(minutes(10)).await;
    assert_eq!(log.count(&["\"ERROR\""]), 0, "it may pass");
    centre.sandbox.faults().clear();
    centre.sandbox.faults().disable_client(true);
    pass(minutes(60)).await;
    assert_eq!(log.count(&["\"ERROR\"", "credentials refused"]), 1);
    centre.sandbox.faults().disable_client(false);
    pass(minutes(5)).await;
    assert_eq!(log.count(&["\"INFO\"", "token received again"]), 1);
    daemon.stop().await;
}

/// A disk that refuses with these words, if there are any.
#[derive(Default)]
struct Disk(Mutex<Option<&'static str>>);

#[async_trait]
impl Obstacle for Disk {
    async fn meet(&self, asked: Asked<'_>) -> Result<(), JournalError> {
        let reads = matches!(asked, Asked::Entry(_) | Asked::Recall | Asked::Pauses);
        match *self.0.lock().unwrap() {
            Some(words) if !reads => Err(JournalError::new(words)),
            _ => Ok(()),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_is_full_and_then_read_only() {
    let log = Log::listen();
    let journal = Arc::new(Obstructed::<Disk>::default());
    let mut centre = Centre::open().await;
    centre.journal = Arc::<Obstructed<Disk>>::clone(&journal);
    let daemon = centre.start_ready().await;
    for _ in 0..5 {
        let _id = centre.callback();
    }
    daemon.tracks(5).await;
    for words in ["full", "read-only", "full"] {
        *journal.obstacle.0.lock().unwrap() = Some(words);
        pass(minutes(20)).await;
    }
    assert_eq!(log.count(&["\"ERROR\"", "nothing is raised"]), 2);
    *journal.obstacle.0.lock().unwrap() = None;
    pass(minutes(1)).await;
    assert_eq!(log.count(&["\"INFO\"", "the journal works again"]), 1);
    assert_eq!(daemon.now().raises, 5);
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn writes_and_looks_that_are_not_allowed() {
    let log = Log::listen();
    let centre = Centre::open().await;
    let daemon = centre.start_ready().await;
    let sales = centre.queue("Sales");
    for _ in 0..5 {
        let _id = centre.world().add_callback(Callback::to(&sales));
    }
    daemon.tracks(5).await;
    for times in 1..=2 {
        centre.sandbox.faults().forbid_queue(&sales);
        pass(minutes(30)).await;
        assert_eq!(log.count(&["\"WARN\"", "not allowed to raise"]), times);
        assert_eq!(log.count(&["\"INFO\"", "raise refused"]), 0);
        centre.sandbox.faults().clear();
        pass(minutes(6)).await;
        assert_eq!(log.count(&["\"INFO\"", "allowed again"]), times);
    }
    let raised = daemon.now().raises;
    for status in [403, 503, 403] {
        answer(&centre, "GET", "/api/v2/conversations/", status);
        centre.sandbox.faults().cut_sockets();
        pass(minutes(10)).await;
    }
    assert!(daemon.now().raises < raised + 10, "out of sight");
    assert_eq!(log.count(&["\"WARN\"", "look failed"]), 1, "for all five");
    centre.sandbox.faults().clear();
    pass(minutes(6)).await;
    assert_eq!(log.count(&["\"INFO\"", "no look fails any more"]), 1);
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_platform_that_throttles_again_and_again() {
    let log = Log::listen();
    let centre = Centre::open().await.set("POLICY__WAIT", "20s");
    let daemon = centre.start_ready().await;
    for _ in 0..20 {
        let _id = centre.callback();
    }
    daemon.until(|now| now.raises == 20).await;
    for times in 1..=2 {
        let throttle = RequestFault::to("PATCH", WRITE, Effect::Answer(429, Some(20)));
        centre.sandbox.faults().requests(throttle);
        pass(minutes(20)).await;
        assert!(centre.answered(&[429]) > 30 * times);
        let told = log.count(&["\"WARN\"", "throttled by the platform"]);
        assert_eq!(told, times);
        centre.sandbox.faults().clear();
        pass(minutes(5)).await;
        assert_eq!(log.count(&["\"INFO\"", "throttled", "no more"]), times);
    }
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn topics_that_are_refused_at_every_connect() {
    let log = Log::listen();
    let centre = Centre::open().await;
    centre.sandbox.faults().reject_topics("v2.routing.queues.");
    let daemon = centre.start_ready().await;
    for _ in 0..6 {
        pass(minutes(3)).await;
        centre.sandbox.faults().cut_sockets();
    }
    daemon.until(|now| now.connects == 7).await;
    assert_eq!(log.count(&["\"WARN\"", "topic refused"]), 2, "one a queue");
    assert_eq!(log.count(&["\"WARN\"", "no topic discovers"]), 1);
    centre.sandbox.faults().clear();
    pass(minutes(3)).await;
    centre.sandbox.faults().cut_sockets();
    daemon.until(|now| now.connects == 8).await;
    assert_eq!(log.count(&["\"INFO\"", "topic accepted again"]), 2);
    let told = ["\"INFO\"", "callbacks are discovered by events again"];
    assert_eq!(log.count(&told), 1);
    daemon.stop().await;
}
