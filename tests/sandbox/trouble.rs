//! Trouble on request, as a client meets it.

use std::time::Duration;

use callback_prioritizer::{
    conversation::QueueId,
    sandbox::{Callback, Effect, Fate, Options, RequestFault, Sandbox},
};
use reqwest::Method;
use serde_json::Value;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::client::{Api, Socket, expect, login, start};

/// Where priorities are written.
const WRITES: &str = "/api/v2/routing/conversations";

/// A sandbox, a client, and the queue that every sandbox has.
async fn ready() -> (Sandbox, Api, QueueId) {
    let sandbox = start(Options::default()).await;
    let api = Api::login(&sandbox).await;
    let queue = sandbox.world().queue("Support").unwrap();
    (sandbox, api, queue)
}

/// A socket that hears of a queue's callbacks.
async fn listen(api: &Api, queue: &QueueId) -> Socket {
    let topic = format!("v2.routing.queues.{queue}.conversations.callbacks");
    api.listen(&[topic]).await
}

#[tokio::test(start_paused = true)]
async fn requests_fail_before_or_after_they_are_applied() {
    let (sandbox, api, queue) = ready().await;
    let (world, faults) = (sandbox.world(), sandbox.faults());
    let id = world.add_callback(Callback::to(&queue));
    let strike = |effect| faults.requests(RequestFault::to("PATCH", WRITES, effect).times(1));
    strike(Effect::Answer(429, Some(7)));
    let answer = api.raise(&id, 1).await;
    assert_eq!(answer.headers()["retry-after"], "7");
    expect(answer, 429).await;
    strike(Effect::Answer(503, None));
    expect(api.raise(&id, 1).await, 503).await;
    assert!(world.writes().is_empty());
    strike(Effect::AppliedThenAnswer(500));
    expect(api.raise(&id, 2).await, 500).await;
    assert_eq!(world.priority(&id).unwrap().points(), 2);
    strike(Effect::Body("{".repeat(100)));
    let answer = api.raise(&id, 3).await;
    assert!(answer.json::<Value>().await.is_err());
    assert_eq!(world.writes().len(), 1);
    strike(Effect::Delay(Duration::from_secs(40)));
    let before = tokio::time::Instant::now();
    expect(api.raise(&id, 4).await, 200).await;
    assert_eq!(before.elapsed().as_secs(), 40);
}

#[tokio::test(start_paused = true)]
async fn a_cut_connection_leaves_the_client_without_an_answer() {
    let (sandbox, api, queue) = ready().await;
    let (world, faults) = (sandbox.world(), sandbox.faults());
    let id = world.add_callback(Callback::to(&queue));
    let path = format!("{WRITES}/{id}");
    for (effect, writes) in [(Effect::Cut, 0), (Effect::AppliedThenCut, 1)] {
        faults.requests(RequestFault::to("PATCH", WRITES, effect).times(1));
        let body = serde_json::json!({"priority": 5});
        let request = api.request(Method::PATCH, &path).json(&body);
        assert!(request.send().await.is_err());
        assert_eq!(world.writes().len(), writes);
    }
    let cut = sandbox
        .requests()
        .iter()
        .filter(|r| r.status.is_none())
        .count();
    assert_eq!(cut, 2);
    expect(api.raise(&id, 6).await, 200).await;
}

#[tokio::test(start_paused = true)]
async fn the_token_endpoint_refuses_for_its_own_reasons() {
    let (sandbox, _api, _queue) = ready().await;
    let faults = sandbox.faults();
    let strike = |effect| faults.requests(RequestFault::to("POST", "/oauth", effect).times(1));
    strike(Effect::InvalidClient);
    let body = expect(login(&sandbox, "sandbox").send().await.unwrap(), 401).await;
    assert_eq!(body["error"], "invalid_client");
    strike(Effect::TokenRateLimit);
    let body = expect(login(&sandbox, "sandbox").send().await.unwrap(), 400).await;
    assert_eq!(body["error"], "rate limit exceeded");
    faults.disable_client(true);
    expect(login(&sandbox, "sandbox").send().await.unwrap(), 401).await;
    faults.clear();
    expect(login(&sandbox, "sandbox").send().await.unwrap(), 200).await;
}

#[tokio::test(start_paused = true)]
async fn a_revoked_token_is_worth_nothing_and_takes_its_channels_along() {
    let (sandbox, api, queue) = ready().await;
    let mut socket = listen(&api, &queue).await;
    sandbox.faults().revoke_tokens();
    let path = "/api/v2/routing/queues";
    expect(api.send(Method::GET, path, Value::Null).await, 401).await;
    assert_eq!(socket.close().await.0, 1000);
    let api = Api::login(&sandbox).await;
    let channels = api.get("/api/v2/notifications/channels").await;
    assert_eq!(channels["entities"], serde_json::json!([]));
}

#[tokio::test(start_paused = true)]
async fn events_are_lost_doubled_late_or_out_of_order() {
    let (sandbox, api, queue) = ready().await;
    let (world, faults) = (sandbox.world(), sandbox.faults());
    let mut socket = listen(&api, &queue).await;
    let add = |fate: Option<Fate>| {
        if let Some(fate) = fate {
            faults.events("", fate, Some(1));
        }
        world.add_callback(Callback::to(&queue)).to_string()
    };
    let _lost = add(Some(Fate::Lost));
    let twice = add(Some(Fate::Twice));
    let late = add(Some(Fate::Late(Duration::from_secs(10))));
    let in_time = add(None);
    let (one, two) = (add(Some(Fate::Held)), add(Some(Fate::Held)));
    let mut heard = Vec::new();
    for _ in 0..4 {
        heard.push(socket.hear().await["eventBody"]["id"].clone());
    }
    assert_eq!(heard, [&twice[..], &twice, &in_time, &late]);
    faults.release_events(None);
    let mut heard = Vec::new();
    for _ in 0..2 {
        heard.push(socket.hear().await["eventBody"]["id"].clone());
    }
    assert_eq!(heard, [&two[..], &one]);
}

#[tokio::test(start_paused = true)]
async fn sockets_are_cut_closed_or_fall_silent() {
    let (sandbox, api, queue) = ready().await;
    let faults = sandbox.faults();
    let mut cut = listen(&api, &queue).await;
    faults.cut_sockets();
    assert!(matches!(cut.next().await, Some(Err(_))));
    sandbox.world().until(|_| sandbox.open_sockets() == 0).await;
    let mut closed = listen(&api, &queue).await;
    faults.close_sockets(1011);
    assert_eq!(closed.close().await.0, 1011);
    let mut silent = listen(&api, &queue).await;
    faults.silence_sockets();
    silent.say(r#"{"message":"ping"}"#).await;
    let _id = sandbox.world().add_callback(Callback::to(&queue));
    assert!(silent.is_quiet_for(Duration::from_mins(10)).await);
    faults.cut_sockets();
    assert!(matches!(silent.next().await, Some(Err(_)) | None));
}

#[tokio::test(start_paused = true)]
async fn a_notice_comes_a_minute_before_the_end() {
    let (sandbox, api, queue) = ready().await;
    let mut socket = listen(&api, &queue).await;
    sandbox.faults().announce_closing();
    let before = tokio::time::Instant::now();
    let notice = socket.hear().await;
    assert_eq!(notice["topicName"], "v2.system.socket_closing");
    assert_eq!(socket.close().await.0, 1001);
    assert_eq!(before.elapsed().as_secs(), 60);
}

#[tokio::test(start_paused = true)]
async fn sockets_are_refused_flap_and_say_strange_things() {
    let (sandbox, api, _queue) = ready().await;
    let faults = sandbox.faults();
    let channel = api.channel().await;
    faults.refuse_sockets(503, Some(1));
    match Socket::try_open(&channel).await.err() {
        Some(Error::Http(answer)) => assert_eq!(answer.status(), 503),
        other => panic!("{other:?}"),
    }
    faults.flap_sockets(Some(Duration::from_secs(5)));
    let mut socket = Socket::open(&channel).await;
    faults.send_text("{");
    faults.send_binary(&[0xff; 3]);
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::text("{"));
    let binary = socket.next().await.unwrap().unwrap();
    assert_eq!(binary.into_data(), vec![0xff; 3]);
    let before = tokio::time::Instant::now();
    assert!(matches!(socket.next().await, Some(Err(_))));
    assert_eq!(before.elapsed().as_secs(), 5);
    faults.evict_channels();
    assert!(Socket::try_open(&channel).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_permission_ends_at_a_division_or_a_topic() {
    let (sandbox, api, queue) = ready().await;
    let (world, faults) = (sandbox.world(), sandbox.faults());
    let sales = world.queue("Sales").unwrap();
    let id = world.add_callback(Callback::to(&queue));
    let other = world.add_callback(Callback::to(&sales));
    faults.forbid_queue(&queue);
    let body = expect(api.raise(&id, 1).await, 403).await;
    assert_eq!(body["code"], "missing.permissions");
    expect(api.raise(&other, 1).await, 200).await;
    faults.reject_topics("v2.detail.");
    let channel = api.channel().await;
    let topic = format!("v2.detail.events.conversation.{id}.acd.end");
    expect(api.subscribe(&channel, &[topic]).await, 403).await;
}

#[tokio::test(start_paused = true)]
async fn dropping_the_sandbox_ends_everything() {
    let (sandbox, api, queue) = ready().await;
    let mut socket = listen(&api, &queue).await;
    drop(sandbox);
    assert!(matches!(socket.next().await, Some(Err(_)) | None));
    let request = api.request(Method::GET, "/api/v2/routing/queues");
    assert!(request.send().await.is_err());
}
