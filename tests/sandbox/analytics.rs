//! What waits right now, as both queries tell it.

use std::time::Duration;

use callback_prioritizer::sandbox::{Call, Callback, Options};
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Api, expect, start};

/// Where the activity query is.
const ACTIVITY: &str = "/api/v2/analytics/conversations/activity/query";

/// The activity query for waiting callbacks of all queues.
fn waiting() -> Value {
    json!({
        "metrics": [{"metric": "oWaiting", "details": true}],
        "groupBy": ["queueId"],
        "order": "asc",
        "filter": {"type": "and", "predicates": [
            {"type": "dimension", "dimension": "mediaType", "operator": "matches", "value": "callback"},
        ]},
    })
}

#[tokio::test(start_paused = true)]
async fn the_activity_query_lists_who_waits_and_since_when() {
    let sandbox = start(Options::default()).await;
    let api = Api::login(&sandbox).await;
    let world = sandbox.world();
    let (support, sales) = (
        world.queue("Support").unwrap(),
        world.queue("Sales").unwrap(),
    );
    let old = Callback::to(&support).waiting_for(Duration::from_mins(10));
    let old = world.add_callback(old.at_priority(4));
    let new = world.add_callback(Callback::to(&support));
    let far = world.add_callback(Callback::to(&sales));
    let _call = world.add_call(Call::to(&support));
    let later = Callback::to(&support).scheduled_in(Duration::from_mins(1));
    let _later = world.add_callback(later);
    let answer = api.post(ACTIVITY, waiting()).await;
    assert_eq!(answer["entityIdDimension"], "conversationId");
    let rows = answer["results"].as_array().unwrap();
    assert_eq!(rows.len(), 2);
    let of_queue = |id: &str| {
        rows.iter()
            .find(|row| row["group"]["queueId"] == id)
            .unwrap()
    };
    let row = of_queue(&support.to_string());
    assert_eq!(row["data"][0]["count"], 2);
    let first = &row["entities"][0];
    assert_eq!(first["conversationId"], old.to_string());
    assert_eq!(first["activityDate"], "2026-01-05T08:50:00Z");
    assert_eq!(first["routingPriority"], 4);
    assert_eq!(row["entities"][1]["conversationId"], new.to_string());
    let row = of_queue(&sales.to_string());
    assert_eq!(row["entities"][0]["conversationId"], far.to_string());
    let conversation = api.get(&format!("/api/v2/conversations/{old}")).await;
    let session = &conversation["participants"][1]["callbacks"][0]["id"];
    assert_eq!(first["sessionId"], *session);
}

#[tokio::test(start_paused = true)]
async fn pages_cover_everyone_once() {
    let sandbox = start(Options::default()).await;
    let api = Api::login(&sandbox).await;
    let world = sandbox.world();
    let queue = world.queue("Support").unwrap();
    for _ in 0..5 {
        let _id = world.add_callback(Callback::to(&queue));
    }
    let mut seen = Vec::new();
    for page in 1..=4 {
        let path = format!("{ACTIVITY}?pageSize=2&pageNumber={page}");
        let answer = api.post(&path, waiting()).await;
        assert_eq!(answer["results"][0]["data"][0]["count"], 5);
        let entities = answer["results"][0]["entities"].as_array().unwrap();
        seen.extend(entities.iter().map(|e| e["conversationId"].to_string()));
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 5);
}

#[tokio::test(start_paused = true)]
async fn an_alert_is_another_metric() {
    let sandbox = start(Options::default()).await;
    let api = Api::login(&sandbox).await;
    let world = sandbox.world();
    let queue = world.queue("Support").unwrap();
    let id = world.add_callback(Callback::to(&queue));
    world.alert(&id).unwrap();
    let mut both = waiting();
    both["metrics"] = json!([
        {"metric": "oWaiting", "details": true},
        {"metric": "oAlerting", "details": true},
    ]);
    let answer = api.post(ACTIVITY, both.clone()).await;
    let row = &answer["results"][0];
    assert_eq!(row["data"][0]["count"], 0);
    assert_eq!(row["data"][1]["count"], 1);
    assert_eq!(row["entities"][0]["metric"], "oAlerting");
    assert_eq!(row["entities"][0]["conversationId"], id.to_string());
    world.answer(&id).unwrap();
    let answer = api.post(ACTIVITY, both).await;
    assert_eq!(answer["results"], json!([]));
}

#[tokio::test(start_paused = true)]
async fn a_query_that_cannot_be_answered_is_refused() {
    let sandbox = start(Options {
        queue_filter_required: true,
        activity_page_max: 100,
        ..Options::default()
    })
    .await;
    let api = Api::login(&sandbox).await;
    let body = expect(api.send(Method::POST, ACTIVITY, waiting()).await, 400).await;
    assert_eq!(body["code"], "bad.request");
    let mut query = waiting();
    query["filter"]["predicates"] = json!([{"dimension": "queueId", "value": "x"}]);
    let answer = api.post(ACTIVITY, query.clone()).await;
    assert_eq!(answer["results"], json!([]));
    let path = format!("{ACTIVITY}?pageSize=101");
    expect(api.send(Method::POST, &path, query.clone()).await, 400).await;
    query["filter"]["clauses"] = json!([
        {"type": "or", "predicates": [{"dimension": "teamId", "value": "x"}]},
    ]);
    expect(api.send(Method::POST, ACTIVITY, query).await, 400).await;
}

#[tokio::test(start_paused = true)]
async fn of_too_many_the_oldest_and_the_newest_are_listed() {
    let sandbox = start(Options {
        truncate_details: Some(2),
        ..Options::default()
    })
    .await;
    let api = Api::login(&sandbox).await;
    let world = sandbox.world();
    let queue = world.queue("Support").unwrap();
    let mut ids = Vec::new();
    for _ in 0..4 {
        ids.push(world.add_callback(Callback::to(&queue)).to_string());
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    let answer = api.post(ACTIVITY, waiting()).await;
    let row = &answer["results"][0];
    assert_eq!(row["truncated"], true);
    assert_eq!(row["data"][0]["count"], 4);
    assert_eq!(row["data"][0]["entityIds"], json!([ids[0], ids[3]]));
    let observations = json!({
        "filter": {"type": "and", "predicates": [
            {"dimension": "mediaType", "value": "callback"},
            {"dimension": "queueId", "value": queue.to_string()},
        ]},
        "metrics": ["oWaiting"],
        "detailMetrics": ["oWaiting"],
    });
    let path = "/api/v2/analytics/queues/observations/query";
    let answer = api.post(path, observations).await;
    let data = &answer["results"][0]["data"][0];
    assert_eq!(answer["results"][0]["group"]["mediaType"], "callback");
    assert_eq!(data["stats"]["count"], 4);
    assert_eq!(data["truncated"], true);
    assert_eq!(data["observations"][1]["conversationId"], ids[3]);
}

#[tokio::test(start_paused = true)]
async fn analytics_may_be_behind() {
    let sandbox = start(Options {
        analytics_lag: Duration::from_secs(5),
        ..Options::default()
    })
    .await;
    let api = Api::login(&sandbox).await;
    let world = sandbox.world();
    let queue = world.queue("Support").unwrap();
    let id = world.add_callback(Callback::to(&queue));
    let count = async || {
        let answer = api.post(ACTIVITY, waiting()).await;
        answer["results"][0]["data"][0]["count"].clone()
    };
    assert_eq!(count().await, Value::Null);
    tokio::time::advance(Duration::from_secs(5)).await;
    assert_eq!(count().await, 1);
    world.answer(&id).unwrap();
    assert_eq!(count().await, 1);
    tokio::time::advance(Duration::from_secs(5)).await;
    assert_eq!(count().await, Value::Null);
}
