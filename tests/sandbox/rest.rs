//! Logging in, reading conversations, writing priorities, listing queues, and being refused.

use std::time::Duration;

use callback_prioritizer::sandbox::{Callback, Limits, Options};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::client::{Api, expect, http, login, start};

#[tokio::test(start_paused = true)]
async fn a_client_logs_in_with_a_header_or_a_form() {
    let sandbox = start(Options::default()).await;
    let body = expect(login(&sandbox, "sandbox").send().await.unwrap(), 200).await;
    assert_eq!(body["expires_in"], 86_400);
    assert_eq!(body["token_type"], "bearer");
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", "sandbox"),
        ("client_secret", "sandbox"),
    ];
    let request = http().post(format!("{}/oauth/token", sandbox.url()));
    expect(request.form(&form).send().await.unwrap(), 200).await;
    let body = expect(login(&sandbox, "wrong").send().await.unwrap(), 401).await;
    assert_eq!(body["error"], "invalid_client");
}

#[tokio::test(start_paused = true)]
async fn a_request_needs_a_token_that_is_good() {
    let limits = Limits {
        token_lifetime: Duration::from_mins(5),
        ..Limits::default()
    };
    let sandbox = start(Options {
        limits,
        ..Options::default()
    })
    .await;
    let path = "/api/v2/routing/queues";
    let bare = http().get(format!("{}{path}", sandbox.url()));
    let body = expect(bare.send().await.unwrap(), 401).await;
    assert_eq!(body["code"], "authentication.required");
    let api = Api::login(&sandbox).await;
    api.get(path).await;
    tokio::time::advance(Duration::from_mins(5)).await;
    let answer = api.send(Method::GET, path, Value::Null).await;
    let trace = answer.headers()["inin-correlation-id"].clone();
    let body = expect(answer, 401).await;
    assert_eq!(body["code"], "bad.credentials");
    assert_eq!(body["contextId"], trace.to_str().unwrap());
}

#[tokio::test(start_paused = true)]
async fn answers_carry_the_sandboxs_own_date() {
    let sandbox = start(Options::default()).await;
    let api = Api::login(&sandbox).await;
    tokio::time::advance(Duration::from_hours(1)).await;
    let answer = api
        .send(Method::GET, "/api/v2/routing/queues", Value::Null)
        .await;
    let date = answer.headers()["date"].to_str().unwrap();
    assert_eq!(date, "Mon, 05 Jan 2026 10:00:00 GMT");
}

#[tokio::test(start_paused = true)]
async fn a_priority_is_written_read_back_and_noted() {
    let sandbox = start(Options::default()).await;
    let api = Api::login(&sandbox).await;
    let world = sandbox.world();
    let support = world.queue("Support").unwrap();
    let id = world.add_callback(Callback::to(&support).at_priority(2));
    let body = expect(api.raise(&id, 7).await, 200).await;
    assert_eq!(body["priority"], 7);
    let conversation = api.get(&format!("/api/v2/conversations/{id}")).await;
    let acd = &conversation["participants"][1];
    assert_eq!(acd["purpose"], "acd");
    assert_eq!(acd["conversationRoutingData"]["priority"], 7);
    let writes = world.writes();
    assert_eq!(writes.len(), 1);
    assert_eq!((writes[0].from.points(), writes[0].to.points()), (2, 7));
    assert_eq!((&writes[0].conversation, writes[0].token), (&id, 1));
}

#[tokio::test(start_paused = true)]
async fn a_write_is_refused_where_the_platform_would_refuse_it() {
    let sandbox = start(Options {
        not_waiting_status: 400,
        ..Options::default()
    })
    .await;
    let api = Api::login(&sandbox).await;
    let world = sandbox.world();
    let support = world.queue("Support").unwrap();
    let id = world.add_callback(Callback::to(&support));
    expect(api.raise(&id, 25_000_001).await, 400).await;
    let later = Callback::to(&support).scheduled_in(Duration::from_mins(5));
    expect(api.raise(&world.add_callback(later), 1).await, 400).await;
    world.answer(&id).unwrap();
    expect(api.raise(&id, 1).await, 400).await;
    let unknown = "7cf1beb6-0e9d-43ea-a2fa-fd5e97a80f86".parse().unwrap();
    let body = expect(api.raise(&unknown, 1).await, 404).await;
    assert_eq!(body["code"], "not.found");
    assert!(world.writes().is_empty());
    let path = format!("/api/v2/routing/conversations/{id}");
    let typed = api.request(Method::PATCH, &path).body("{\"priority\":1}");
    expect(typed.send().await.unwrap(), 415).await;
    let answer = api
        .send(Method::PATCH, &path, json!({"priority": "high"}))
        .await;
    expect(answer, 400).await;
}

#[tokio::test(start_paused = true)]
async fn queues_are_listed_by_name_a_page_at_a_time() {
    let sandbox = start(Options::default()).await;
    let api = Api::login(&sandbox).await;
    let first = api
        .get("/api/v2/routing/queues?pageSize=1&pageNumber=1")
        .await;
    assert_eq!(first["entities"][0]["name"], "Sales");
    assert_eq!(
        (&first["total"], &first["pageCount"]),
        (&json!(2), &json!(2))
    );
    let second = api.get(first["nextUri"].as_str().unwrap()).await;
    assert_eq!(second["entities"][0]["name"], "Support");
    assert!(second.get("nextUri").is_none());
    let named = api.get("/api/v2/routing/queues?name=supp*").await;
    assert_eq!(named["total"], 1);
    let id = named["entities"][0]["id"].as_str().unwrap();
    let one = api.get(&format!("/api/v2/routing/queues/{id}")).await;
    assert_eq!(one["name"], "Support");
    for (path, status) in [
        ("/api/v2/routing/queues?pageSize=101", 400),
        ("/api/v2/routing/queues?pageSize=many", 400),
        ("/api/v2/routing/queues/nothing", 404),
    ] {
        let answer = api.send(Method::GET, path, Value::Null).await;
        let body = expect(answer, status).await;
        assert_eq!(body["status"], status, "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_may_make_so_many_requests_in_any_minute() {
    let limits = Limits {
        requests_per_minute: 3,
        ..Limits::default()
    };
    let sandbox = start(Options {
        limits,
        ..Options::default()
    })
    .await;
    let api = Api::login(&sandbox).await;
    let path = "/api/v2/routing/queues";
    for _ in 0..3 {
        api.get(path).await;
    }
    tokio::time::advance(Duration::from_millis(500)).await;
    let answer = api.send(Method::GET, path, Value::Null).await;
    assert_eq!(answer.headers()["retry-after"], "60");
    let body = expect(answer, 429).await;
    assert_eq!(body["code"], "too.many.requests.retry.after");
    let other = Api::login(&sandbox).await;
    other.get(path).await;
    tokio::time::advance(Duration::from_mins(1)).await;
    api.get(path).await;
    let statuses: Vec<_> = sandbox.requests().iter().map(|r| r.status).collect();
    let ok = Some(200);
    assert_eq!(statuses, [ok, ok, ok, ok, Some(429), ok, ok, ok]);
}

#[tokio::test(start_paused = true)]
async fn whatever_the_platform_does_not_have_is_not_found() {
    let sandbox = start(Options::default()).await;
    let api = Api::login(&sandbox).await;
    for path in ["/api/v2/users/me", "/api/v2/routing/conversations/x", "/x"] {
        let answer = api.send(Method::GET, path, Value::Null).await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
        let body: Value = answer.json().await.unwrap();
        assert_eq!(body["code"], "not.found");
    }
}
