//! What if the platform answers otherwise than this one, or otherwise than documented?

use std::time::Duration;

use callback_prioritizer::{
    conversation::Priority,
    daemon::DaemonError,
    sandbox::{Callback, Effect, Fate, RequestFault},
};
use tokio::time::Instant;

use crate::harness::{Centre, minutes, pass};

/// Beginning of the path of the priority PATCH.
const WRITE: &str = "/api/v2/routing/conversations/";
/// Beginning of the path of a look.
const LOOK: &str = "/api/v2/conversations/";
/// Path of the sweep.
const SWEEP: &str = "/api/v2/analytics/conversations/activity/query";

/// Makes requests go wrong.
fn fault(centre: &Centre, method: &str, path: &str, effect: Effect) {
    centre
        .sandbox
        .faults()
        .requests(RequestFault::to(method, path, effect));
}

/// Two hundred callbacks at ten seconds: four times what the budget carries.
async fn overloaded(centre: Centre) -> (Centre, crate::harness::Running) {
    let centre = centre.set("POLICY__WAIT", "10s");
    let support = centre.queue("Support");
    for _ in 0..200 {
        let _id = centre.world().add_callback(Callback::to(&support));
    }
    let daemon = centre.start();
    daemon.until(|now| now.sockets > 0).await;
    pass(minutes(5)).await;
    (centre, daemon)
}

#[tokio::test(start_paused = true)]
async fn writes_that_fail_while_looks_work_back_off_too() {
    let centre = Centre::open().await;
    let daemon = centre.start_ready().await;
    for _ in 0..20 {
        let _id = centre.callback();
    }
    daemon.tracks(20).await;
    fault(&centre, "PATCH", WRITE, Effect::Answer(503, None));
    pass(minutes(10)).await;
    let before = centre.requests("PATCH", WRITE);
    pass(minutes(10)).await;
    let tried = centre.requests("PATCH", WRITE) - before;
    assert!((20..20 * 30).contains(&tried), "{tried} in ten minutes");
    assert!(daemon.now().failed_requests > 20);
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_401_that_no_token_mends_costs_few_tokens() {
    let centre = Centre::open().await;
    let daemon = centre.start_ready().await;
    fault(&centre, "GET", LOOK, Effect::Answer(401, None));
    for _ in 0..20 {
        let _id = centre.callback();
    }
    pass(minutes(10)).await;
    let tokens = centre.requests("POST", "/oauth/token");
    assert!(tokens <= 1 + 2 * 10, "{tokens} in ten minutes");
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn one_odd_answer_does_not_make_a_raised_priority_the_base() {
    for effect in [
        Effect::Body("{}".to_owned()),
        Effect::Body("[]".to_owned()),
        Effect::Answer(404, None),
    ] {
        let centre = Centre::open().await;
        let daemon = centre.start_ready().await;
        let id = centre.callback();
        daemon.until(|now| now.raises == 5).await;
        centre
            .sandbox
            .faults()
            .requests(RequestFault::to("GET", LOOK, effect).times(1));
        pass(minutes(12)).await;
        assert_eq!(centre.writes(&id), [1, 2, 3, 4, 5, 6, 7]);
        daemon.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn topics_of_ended_conversations_make_room_for_new_ones() {
    let centre = Centre::with(|options| options.limits.max_topics = 1_000).await;
    let daemon = centre.start_ready().await;
    for _ in 0..1_100 {
        let id = centre.callback();
        // They are collected for half a minute.
        pass(Duration::from_secs(31)).await;
        let topics = centre.sandbox.subscriptions();
        assert!(
            topics.iter().any(|topic| topic.contains(&id.to_string())),
            "{} topics",
            topics.len()
        );
        centre.world().hangup(&id).unwrap();
        daemon.tracks(0).await;
    }
    assert_eq!(daemon.now().connects, 1);
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn topics_refused_once_are_asked_for_again() {
    let centre = Centre::open().await;
    let daemon = centre.start_ready().await;
    let path = "/api/v2/notifications/channels/";
    fault(&centre, "POST", path, Effect::Answer(400, None));
    let refused: Vec<_> = (0..8).map(|_| centre.callback()).collect();
    daemon.tracks(refused.len()).await;
    pass(Duration::from_secs(20)).await;
    centre.sandbox.faults().clear();
    centre.sandbox.faults().cut_sockets();
    daemon.until(|now| now.connects == 2).await;
    let topics = centre.sandbox.subscriptions();
    assert!(
        refused
            .iter()
            .all(|id| topics.iter().any(|topic| topic.contains(&id.to_string())))
    );
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_scheduled_one_that_waits_early_without_a_word_is_seen_by_the_sweep() {
    let centre = Centre::open().await;
    let daemon = centre.start_ready().await;
    let far = r#"{"id":"x","participants":[{"id":"b","purpose":"acd","callbacks":[{"state":"scheduled","callbackScheduledTime":"2026-01-05T19:00:00Z"}]}]}"#;
    centre
        .sandbox
        .faults()
        .requests(RequestFault::to("GET", LOOK, Effect::Body(far.to_owned())).times(1));
    centre.sandbox.faults().events("", Fate::Lost, None);
    let id = centre.callback();
    daemon.until(|now| now.looks == 1).await;
    pass(minutes(6)).await;
    assert_eq!(centre.writes(&id), [1]);
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn subscriptions_may_be_answered_without_a_page() {
    for body in ["", "[]", "done", "{}"] {
        let centre = Centre::open().await;
        fault(
            &centre,
            "PUT",
            "/api/v2/notifications/channels/",
            Effect::Body(body.to_owned()),
        );
        let daemon = centre.start_ready().await;
        assert_eq!(daemon.now().refused_topics, 0, "{body:?}");
        assert_eq!(
            centre.requests("PUT", "/api/v2/notifications/channels/"),
            1,
            "{body:?}"
        );
        daemon.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn pages_smaller_than_asked_for_are_read_to_the_end() {
    let centre = Centre::with(|options| options.activity_page_max = 50)
        .await
        .set("GENESYS__REQUESTS_PER_MINUTE", "3000");
    let support = centre.queue("Support");
    for _ in 0..120 {
        let _id = centre.world().add_callback(Callback::to(&support));
    }
    let daemon = centre.start_ready().await;
    daemon.tracks(120).await;
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_is_not_believed_where_nobody_could_be_asked_for() {
    let centre = Centre::with(|options| options.queue_filter_required = true).await;
    fault(
        &centre,
        "GET",
        "/api/v2/routing/queues",
        Effect::Answer(403, None),
    );
    let _id = centre.callback();
    let ended = centre.start().ended().await;
    assert!(
        ended.is_err(),
        "every queue is wanted, none may be named, and none is known"
    );
}

#[tokio::test(start_paused = true)]
async fn one_odd_group_in_a_sweep_costs_itself_only() {
    let centre = Centre::open().await;
    let id = centre.callback();
    let queue = centre.queue("Support");
    let row = format!(r#"{{"conversationId":"{id}","mediaType":"callback","queueId":"{queue}"}}"#);
    let body = format!(
        r#"{{"results":[{{"group":{{"queueId":"q"}},"entities":null}},7,{{"entities":[{row}]}}]}}"#
    );
    fault(&centre, "POST", SWEEP, Effect::Body(body));
    let daemon = centre.start_ready().await;
    daemon.tracks(1).await;
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_queue_named_by_id_is_ours_whatever_the_list_says() {
    let centre = Centre::open().await;
    let support = centre.queue("Support").to_string();
    let centre = centre.set("CALLBACKS__QUEUES", &support);
    fault(
        &centre,
        "GET",
        "/api/v2/routing/queues",
        Effect::Body("{\"entities\":[]}".to_owned()),
    );
    let _id = centre.callback();
    let daemon = centre.start_ready().await;
    daemon.tracks(1).await;
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_token_that_lives_for_ever_is_an_answer_like_any_other() {
    let centre = Centre::open().await;
    let body = r#"{"access_token":"t","expires_in":18446744073709551615}"#;
    fault(
        &centre,
        "POST",
        "/oauth/token",
        Effect::Body(body.to_owned()),
    );
    let ended = centre.start().ended().await;
    let Err(DaemonError::Denied { remedy, .. }) = ended else {
        panic!("the platform does not know that token: {ended:?}");
    };
    assert!(remedy.contains("client secret"), "{remedy}");
}

#[tokio::test(start_paused = true)]
async fn under_load_the_successor_of_a_socket_is_up_in_time() {
    let (centre, daemon) = overloaded(Centre::open().await).await;
    let connects = daemon.now().connects;
    centre.sandbox.faults().announce_closing();
    let told = Instant::now();
    daemon.until(|now| now.connects > connects).await;
    assert!(
        told.elapsed() < Duration::from_secs(10),
        "{:?}",
        told.elapsed()
    );
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn under_load_a_supervisors_change_that_nobody_told_of_is_not_lowered() {
    let (centre, daemon) =
        overloaded(Centre::with(|options| options.priority_events = false).await).await;
    let line = centre.world().line(&centre.queue("Support"));
    for id in &line {
        centre
            .world()
            .set_priority(id, Priority::clamped(10_000))
            .unwrap();
    }
    pass(minutes(3)).await;
    let lowered = line
        .iter()
        .filter(|id| centre.priority(id) < 10_000)
        .count();
    assert_eq!(lowered, 0, "of {}", line.len());
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn back_in_a_queue_while_the_last_look_is_on_its_way_is_noticed_at_once() {
    let centre = Centre::open().await;
    let daemon = centre.start_ready().await;
    let id = centre.callback();
    daemon.until(|now| now.looks == 1).await;
    pass(Duration::from_secs(5)).await;
    let slow = RequestFault::to("GET", LOOK, Effect::Delay(Duration::from_secs(2))).times(1);
    centre.sandbox.faults().requests(slow);
    centre.world().leave_queue(&id).unwrap();
    pass(Duration::from_secs(1)).await;
    centre
        .world()
        .transfer(&id, &centre.queue("Sales"), None)
        .unwrap();
    pass(Duration::from_secs(5)).await;
    assert_eq!(daemon.now().tracked, 1);
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_that_has_told_its_last_raise_looks_no_more() {
    let centre = Centre::open()
        .await
        .set("POLICY__MAX_RAISES", "2")
        .set("CALLBACKS__DRY_RUN", "true");
    let daemon = centre.start_ready().await;
    let id = centre.callback();
    daemon.until(|now| now.limited == 1).await;
    pass(minutes(5)).await;
    let looks = centre.looks(&id);
    pass(minutes(60)).await;
    assert_eq!(centre.looks(&id), looks);
    daemon.stop().await;
}
