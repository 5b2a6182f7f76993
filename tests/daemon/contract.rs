//! Does the daemon make of recorded answers and events what they mean?
//!
//! `tests/fixtures` holds what the real platform said, to the letter where a file's name does not say otherwise. The
//! recorded conversations have ids that the sandbox does not know, so their answers are served in its place.

use std::{fs, path::Path, time::Duration};

use callback_prioritizer::{
    clock::Clock,
    conversation::{ConversationId, Kind, Priority, QueueId, Visit, Waiting},
    sandbox::{Effect, RequestFault},
};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::harness::{Centre, Running, minutes, pass};

/// A callback that waits after two alerts that nobody answered, over REST.
const WAITING: &str =
    include_str!("../fixtures/rest-get-conversation.callback-waiting-after-missed-alerts.json");
/// A callback that an agent answered and hung up, as an event.
const ANSWERED: &str = include_str!(
    "../fixtures/notification-v2.users.conversations.callback-answered-then-agent-disconnected.json"
);
/// Some time after the second missed alert of [`WAITING`].
const AFTER_THE_ALERTS: &str = "2022-07-04T12:14:00Z";
/// When the callback in [`WAITING`] entered its queue: the ACD leg's `connectedTime`.
const ENTERED: &str = "2022-07-04T11:00:01.092Z";

/// A recorded text.
fn recorded(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// The id of a recorded conversation.
fn id_of(conversation: &Value) -> ConversationId {
    conversation["id"].as_str().unwrap().parse().unwrap()
}

/// An event on the callback topic of the queue that recorded callbacks were in.
fn queue_event(conversation: &Value) -> String {
    let queue = &conversation["participants"][0]["queueId"];
    let topic = format!(
        "v2.routing.queues.{}.conversations.callbacks",
        queue.as_str().unwrap()
    );
    json!({"topicName": topic, "version": "2", "eventBody": conversation}).to_string()
}

/// Answers looks at this conversation with it, and writes to it with success, instead of what was planned before.
fn serve(centre: &Centre, conversation: &Value) {
    let id = id_of(conversation);
    let faults = centre.sandbox.faults();
    faults.clear();
    for (method, path, body) in [
        ("GET", format!("/api/v2/conversations/{id}"), conversation),
        (
            "PATCH",
            format!("/api/v2/routing/conversations/{id}"),
            &json!({}),
        ),
    ] {
        let effect = Effect::Body(body.to_string());
        faults.requests(RequestFault::to(method, &path, effect));
    }
}

/// A platform at the time of the recorded callback, which answers as recorded, and a daemon that has raised it once.
async fn recorded_callback_waits() -> (Centre, Running, ConversationId) {
    let conversation = recorded(WAITING);
    let now: Timestamp = AFTER_THE_ALERTS.parse().unwrap();
    let centre = Centre::with(|options| options.clock = Clock::anchored(now)).await;
    let daemon = centre.start_ready().await;
    serve(&centre, &conversation);
    let event = queue_event(&conversation);
    centre.sandbox.faults().send_text(&event);
    daemon.until(|now| now.raises == 1).await;
    (centre, daemon, id_of(&conversation))
}

#[test]
fn every_fixture_is_json() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let mut count = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let value: Result<Value, _> = serde_json::from_str(&text);
        let object = value.is_ok_and(|value| value.is_object());
        assert!(object, "{}", path.display());
        count += 1;
    }
    assert!(count >= 7, "{count} fixtures");
}

#[tokio::test(start_paused = true)]
async fn the_recorded_waiting_callback_is_raised_for_the_time_since_its_queue_entry() {
    let (centre, daemon, id) = recorded_callback_waits().await;
    let seen = Waiting {
        visit: Visit {
            conversation: id,
            leg: "c3e9babb-03d2-4b4e-ba44-b7c427d0a27f".parse().unwrap(),
        },
        queue: None,
        since: centre.clock.now(),
        origin: centre.clock.now(),
        priority: Priority::default(),
        kind: Kind::default(),
        background: None,
    };
    let entry = centre
        .journal
        .entry(&seen, centre.clock.now())
        .await
        .unwrap();
    let write = entry.last.unwrap();
    assert_eq!((write.from.points(), write.to.points()), (0, 14));
    assert_eq!(write.step, 14, "steps of five minutes in 73 and some");
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn its_next_raise_is_due_at_five_minutes_of_its_own_clock() {
    let (centre, daemon, id) = recorded_callback_waits().await;
    let mut raised = recorded(WAITING);
    raised["participants"][1]["conversationRoutingData"]["priority"] = json!(14);
    serve(&centre, &raised);
    pass(minutes(2)).await;
    let path = format!("/api/v2/routing/conversations/{id}");
    let requests = centre.sandbox.requests();
    let next = requests
        .iter()
        .rfind(|one| one.method == "PATCH" && one.path == path);
    let entered: Timestamp = ENTERED.parse().unwrap();
    let late = next.unwrap().at.duration_since(entered) - jiff::SignedDuration::from_mins(75);
    assert!((0..10).contains(&late.as_millis()), "{late:?}");
    assert_eq!((daemon.now().raises, daemon.now().foreign_changes), (2, 0));
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn when_it_looks_as_the_recorded_answered_one_it_is_let_go() {
    let (centre, daemon, id) = recorded_callback_waits().await;
    let answered = recorded(ANSWERED)["eventBody"].take();
    assert_eq!(id_of(&answered), id, "the recordings share an id");
    let customer = &answered["participants"][0]["callbacks"][0];
    assert_eq!(customer["state"], "connected", "the trap in it");
    serve(&centre, &answered);
    centre.sandbox.faults().send_text(&queue_event(&answered));
    daemon.tracks(0).await;
    assert_eq!(daemon.now().answered, 1);
    pass(minutes(11)).await;
    assert_eq!(daemon.now().raises, 1);
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_recorded_answered_event_makes_no_tracker() {
    let centre = Centre::open().await;
    let daemon = centre.start_ready().await;
    let event = recorded(ANSWERED);
    let faults = centre.sandbox.faults();
    faults.send_text(&event.to_string());
    faults.send_text(&queue_event(&event["eventBody"]));
    // What is tracked now was heard after those two.
    let _real = centre.callback();
    daemon.tracks(1).await;
    pass(Duration::from_secs(30)).await;
    assert_eq!(centre.looks(&id_of(&event["eventBody"])), 0);
    assert_eq!(daemon.now().tracked, 1);
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_recorded_acd_start_event_is_a_reason_to_look() {
    let centre = Centre::open().await;
    let daemon = centre.start_ready().await;
    let event = recorded(include_str!(
        "../fixtures/eventbridge.acd.start.CONSTRUCTED.json"
    ));
    let id: ConversationId = "7cf1beb6-0e9d-43ea-a2fa-fd5e97a80f86".parse().unwrap();
    centre
        .sandbox
        .faults()
        .send_text(&event["detail"].to_string());
    daemon.until(|now| now.looks == 1).await;
    assert_eq!(centre.looks(&id), 1);
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn recorded_events_of_other_kinds_are_passed_over() {
    let centre = Centre::open().await;
    let daemon = centre.start_ready().await;
    let event = recorded(include_str!(
        "../fixtures/eventbridge.flow.outcome.third-party-fixture.json"
    ));
    centre
        .sandbox
        .faults()
        .send_text(&event["detail"].to_string());
    daemon.until(|now| now.strange_frames == 1).await;
    pass(Duration::from_secs(30)).await;
    assert_eq!(daemon.now().looks, 0);
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn who_waits_in_the_documented_activity_answer_is_looked_at() {
    let centre = Centre::open().await;
    let answer = recorded(include_str!("../fixtures/activity-query.oWaiting.json"));
    let path = "/api/v2/analytics/conversations/activity/query";
    let effect = Effect::Body(answer["response_shape_CONSTRUCTED"].to_string());
    let fault = RequestFault::to("POST", path, effect);
    centre.sandbox.faults().requests(fault);
    let daemon = centre.start();
    daemon.until(|now| now.looks == 1).await;
    let id: ConversationId = "7cf1beb6-0e9d-43ea-a2fa-fd5e97a80f86".parse().unwrap();
    assert_eq!(centre.looks(&id), 1);
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_recorded_callback_in_a_queue_that_is_not_ours_is_left_alone() {
    let conversation = recorded(WAITING);
    let centre = Centre::open().await.set("CALLBACKS__QUEUES", "Support");
    let theirs: QueueId = "0e185c02-aca1-4a72-82ea-2e78684e2c89".parse().unwrap();
    assert_ne!(theirs, centre.queue("Support"));
    let daemon = centre.start_ready().await;
    serve(&centre, &conversation);
    let event = queue_event(&conversation);
    centre.sandbox.faults().send_text(&event);
    // What comes after it has been read, so it has been read.
    centre.sandbox.faults().send_text("{");
    daemon.until(|now| now.strange_frames == 1).await;
    pass(minutes(11)).await;
    let now = daemon.now();
    assert_eq!((now.tracked, now.looks), (0, 0), "not even looked at");
    assert_eq!(centre.requests("PATCH", "/"), 0);
    daemon.stop().await;
}
