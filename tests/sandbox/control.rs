//! The control endpoints, as a test driver in another language would use them.

use std::time::Duration;

use callback_prioritizer::sandbox::Options;
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::client::{Api, expect, start};

/// Posts to a control endpoint.
async fn post(api: &Api, path: &str, body: Value) -> Response {
    api.send(Method::POST, path, body).await
}

#[tokio::test(start_paused = true)]
async fn a_callback_is_made_and_led_through_its_life() {
    let sandbox = start(Options::default()).await;
    let api = Api::login(&sandbox).await;
    let new = json!({"queue": "Support", "priority": 3, "scheduledIn": "90s",
                     "name": "Jane Roe", "number": "+15555550123"});
    let made = api.post("/sandbox/callbacks", new).await;
    let id = made["conversationId"].as_str().unwrap();
    let path = format!("/sandbox/conversations/{id}");
    assert_eq!(api.get(&path).await["situation"], "scheduled");
    let transfer = format!("{path}/transfer");
    let early = post(&api, &transfer, json!({"queue": "Sales"})).await;
    expect(early, 409).await;
    tokio::time::sleep(Duration::from_secs(90)).await;
    let seen = api.get(&path).await;
    assert_eq!(
        (&seen["situation"], &seen["priority"]),
        (&json!("waiting"), &json!(3))
    );
    for (step, body, situation) in [
        ("alert", Value::Null, "alerting"),
        ("priority", json!({"priority": 9}), "alerting"),
        ("transfer", json!({"queue": "Sales"}), "waiting"),
        ("answer", Value::Null, "answered"),
        (
            "transfer",
            json!({"queue": "Support", "priority": 1}),
            "waiting",
        ),
        ("leave", Value::Null, "left_queue"),
        ("hangup", Value::Null, "ended"),
    ] {
        let now = api.post(&format!("{path}/{step}"), body).await;
        assert_eq!(now["situation"], situation, "{step}");
        assert_eq!(now, api.get(&path).await);
    }
    let answer = post(&api, &format!("{path}/answer"), Value::Null).await;
    assert_eq!(expect(answer, 404).await["code"], "not.found");
    assert_eq!(api.get("/sandbox/writes").await, json!([]));
}

#[tokio::test(start_paused = true)]
async fn writes_and_requests_can_be_read() {
    let sandbox = start(Options::default()).await;
    let api = Api::login(&sandbox).await;
    let made = api
        .post("/sandbox/callbacks", json!({"queue": "Sales"}))
        .await;
    let id = made["conversationId"].as_str().unwrap();
    expect(api.raise(&id.parse().unwrap(), 4).await, 200).await;
    let write = json!({"conversationId": id, "from": 0, "to": 4,
                       "at": "2026-01-05T09:00:00Z", "token": 1});
    assert_eq!(api.get("/sandbox/writes").await, json!([write]));
    let requests = api.get("/sandbox/requests").await;
    assert_eq!(requests.as_array().unwrap().len(), 2);
    assert_eq!(requests[0]["path"], "/oauth/token");
    assert_eq!(requests[1]["method"], "PATCH");
    assert_eq!(requests[1]["token"], 1);
}

#[tokio::test(start_paused = true)]
async fn what_makes_no_sense_is_refused_and_says_why() {
    let sandbox = start(Options::default()).await;
    let api = Api::login(&sandbox).await;
    for (path, body, status) in [
        ("callbacks", json!({"queue": "Nowhere"}), 404),
        (
            "callbacks",
            json!({"queue": "Support", "priority": 25_000_001}),
            400,
        ),
        (
            "callbacks",
            json!({"queue": "Support", "scheduledIn": "soon"}),
            400,
        ),
        ("callbacks", json!({"queue": "Support", "prio": 1}), 400),
        ("conversations/x/answer", Value::Null, 404),
        ("conversations/a.b/answer", Value::Null, 400),
        ("faults", json!({"fault": "earthquake"}), 400),
    ] {
        let body = expect(post(&api, &format!("/sandbox/{path}"), body).await, status).await;
        assert_eq!(body["status"], status, "{path}");
        assert!(!body["message"].as_str().unwrap().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn trouble_is_asked_for_and_taken_back() {
    let sandbox = start(Options::default()).await;
    let api = Api::login(&sandbox).await;
    let path = "/api/v2/routing/queues";
    for fault in [
        json!({"fault": "requests", "effect": "answer", "status": 503, "path": path}),
        json!({"fault": "events", "fate": "late", "delay": "5s", "topic": "acd"}),
        json!({"fault": "forbid_queue", "queue": "Support"}),
        json!({"fault": "flap_sockets", "life": 10}),
        json!({"fault": "cut_sockets"}),
    ] {
        expect(post(&api, "/sandbox/faults", fault).await, 204).await;
    }
    expect(api.send(Method::GET, path, Value::Null).await, 503).await;
    let cleared = api.send(Method::DELETE, "/sandbox/faults", Value::Null);
    expect(cleared.await, 204).await;
    api.get(path).await;
}

#[tokio::test(start_paused = true)]
async fn calls_agents_and_traffic_can_be_asked_for() {
    let sandbox = start(Options::default()).await;
    let api = Api::login(&sandbox).await;
    let call = json!({"queue": "Support", "ladder": "1m", "waited": "2m"});
    let made = api.post("/sandbox/calls", call).await;
    let id = made["conversationId"].as_str().unwrap();
    let path = format!("/sandbox/conversations/{id}");
    assert_eq!(api.get(&path).await["priority"], 2);
    assert_eq!(api.get("/sandbox/queues/Support/line").await, json!([id]));
    let agents = json!({"queue": "Support", "count": 2, "handling": "3m"});
    api.post("/sandbox/agents", agents).await;
    assert_eq!(api.get(&path).await["situation"], "alerting");
    let traffic = json!({"queue": "Support", "seed": 1, "lasts": "10m"});
    let played = api.post("/sandbox/traffic", traffic).await;
    let arrivals = played["arrivals"].as_u64().unwrap();
    tokio::time::sleep(Duration::from_hours(3)).await;
    let outcomes = api.get("/sandbox/outcomes").await;
    let outcomes = outcomes.as_array().unwrap();
    assert_eq!(u64::try_from(outcomes.len()).unwrap(), arrivals + 1);
    assert!(outcomes.iter().all(|outcome| outcome["ended"].is_string()));
}
