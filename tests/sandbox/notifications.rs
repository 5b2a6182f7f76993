//! Channels, topics, sockets, and what is said on them.

use std::time::Duration;

use callback_prioritizer::{
    conversation::{Priority, QueueId},
    sandbox::{Callback, Limits, Options, Sandbox},
};
use reqwest::Method;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Error;

use crate::client::{Api, Socket, expect, start};

/// Where a channel's subscriptions are.
fn subscriptions(channel: &Value) -> String {
    let id = channel["id"].as_str().unwrap();
    format!("/api/v2/notifications/channels/{id}/subscriptions")
}

/// The topic of a queue's callbacks.
fn callbacks(queue: &QueueId) -> String {
    format!("v2.routing.queues.{queue}.conversations.callbacks")
}

/// The queue that every sandbox has.
fn support(sandbox: &Sandbox) -> QueueId {
    sandbox.world().queue("Support").unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_queues_topic_tells_the_life_of_a_callback() {
    let sandbox = start(Options::default()).await;
    let api = Api::login(&sandbox).await;
    let (world, queue) = (sandbox.world(), support(&sandbox));
    let mut socket = api.listen(&[callbacks(&queue)]).await;
    let due = Callback::to(&queue).scheduled_in(Duration::from_secs(290));
    let id = world.add_callback(due.for_customer("Jane Roe", "+15555550123"));
    let planned = socket.hear().await;
    assert_eq!(planned["topicName"], callbacks(&queue));
    let acd = |event: &Value| event["eventBody"]["participants"][1].clone();
    assert_eq!(acd(&planned)["state"], "scheduled");
    assert_eq!(planned["eventBody"]["id"], id.to_string());
    let mut heartbeats = 0;
    let waits = loop {
        let said = socket.hear().await;
        if said["topicName"] != "channel.metadata" {
            break said;
        }
        heartbeats += 1;
    };
    assert_eq!(
        heartbeats, 9,
        "one each 30 s, and the callback before the tenth"
    );
    assert_eq!(acd(&waits)["state"], "connected");
    assert_eq!(acd(&waits)["connectedTime"], "2026-01-05T09:04:50Z");
    assert_eq!(acd(&waits)["callbackNumbers"], json!(["+15555550123"]));
    world.set_priority(&id, Priority::clamped(7)).unwrap();
    let raised = socket.hear().await;
    assert_eq!(acd(&raised)["conversationRoutingData"]["priority"], 7);
    world.answer(&id).unwrap();
    let _alerting = socket.hear().await;
    let answered = socket.hear().await;
    assert_eq!(acd(&answered)["disconnectType"], "transfer");
    let customer = &answered["eventBody"]["participants"][0];
    assert_eq!(customer["state"], "connected");
}

#[tokio::test(start_paused = true)]
async fn detail_topics_tell_of_one_conversation_combined_or_not() {
    let sandbox = start(Options::default()).await;
    let api = Api::login(&sandbox).await;
    let (world, queue) = (sandbox.world(), support(&sandbox));
    let sales = world.queue("Sales").unwrap();
    let id = world.add_callback(Callback::to(&queue).at_priority(3));
    let other = world.add_callback(Callback::to(&queue));
    let topic = format!("v2.detail.events.conversation.{id}.acd");
    let mut socket = api.listen(&[format!("{topic}?start&end")]).await;
    world.transfer(&id, &sales, None).unwrap();
    world.answer(&other).unwrap();
    world.hangup(&id).unwrap();
    let left = socket.hear().await;
    assert_eq!(left["topicName"], format!("{topic}.end"));
    assert_eq!(left["eventBody"]["acdOutcome"], "FLOW_OUT");
    assert_eq!(left["eventBody"]["disconnectType"], "TRANSFER");
    let entered = socket.hear().await;
    assert_eq!(entered["topicName"], format!("{topic}.start"));
    let body = &entered["eventBody"];
    assert_eq!(body["mediaType"], "CALLBACK");
    assert_eq!(body["queueId"], sales.to_string());
    assert_eq!(body["routingPriority"], 3);
    assert_eq!(body["eventTime"], 1_767_603_600_000_i64);
    let over = socket.hear().await;
    assert_eq!(over["eventBody"]["acdOutcome"], "ABANDON");
}

#[tokio::test(start_paused = true)]
async fn topics_are_valid_and_permitted_or_they_are_not() {
    let sandbox = start(Options {
        queue_topics: false,
        ..Options::default()
    })
    .await;
    let api = Api::login(&sandbox).await;
    let queue = support(&sandbox);
    let channel = api.channel().await;
    let detail = "v2.detail.events.conversation.7cf1beb6-0e9d-43ea-a2fa-fd5e97a80f86.acd.start";
    for text in [
        "v2.detail.events.conversation.{id}.acd.start",
        "v2.detail.events.conversation.*.acd.start",
        "v2.nonsense",
    ] {
        let answer = api.subscribe(&channel, &[detail.into(), text.into()]).await;
        let body = expect(answer, 400).await;
        assert_eq!(body["code"], "notification.invalid.topic", "{text}");
    }
    let both = [callbacks(&queue), detail.to_owned()];
    let body = expect(api.subscribe(&channel, &both).await, 403).await;
    assert_eq!(body["code"], "missing.permissions");
    assert!(sandbox.subscriptions().is_empty());
    let path = format!("{}?ignoreErrors=true", subscriptions(&channel));
    let wanted = json!([{"id": both[0]}, {"id": both[1]}]);
    let answer = api.send(Method::POST, &path, wanted).await;
    let body = expect(answer, 200).await;
    assert_eq!(body["entities"][0]["state"], "Rejected");
    assert_eq!(body["entities"][1]["state"], "Permitted");
    assert_eq!(sandbox.subscriptions(), [detail]);
    let path = subscriptions(&channel);
    expect(api.send(Method::DELETE, &path, Value::Null).await, 200).await;
    assert!(sandbox.subscriptions().is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_bulk_form_tells_of_every_conversation_where_it_is_allowed() {
    let sandbox = start(Options {
        bulk_topics: true,
        ..Options::default()
    })
    .await;
    let api = Api::login(&sandbox).await;
    let topic = "v2.detail.events.conversation.{id}.acd.start".to_owned();
    let mut socket = api.listen(&[topic]).await;
    let queue = support(&sandbox);
    let id = sandbox.world().add_callback(Callback::to(&queue));
    let event = socket.hear().await;
    assert_eq!(
        event["topicName"],
        format!("v2.detail.events.conversation.{id}.acd.start")
    );
}

#[tokio::test(start_paused = true)]
async fn an_event_without_an_open_socket_is_lost() {
    let sandbox = start(Options::default()).await;
    let api = Api::login(&sandbox).await;
    let (world, queue) = (sandbox.world(), support(&sandbox));
    let channel = api.channel().await;
    expect(api.subscribe(&channel, &[callbacks(&queue)]).await, 200).await;
    let lost = world.add_callback(Callback::to(&queue));
    let mut socket = Socket::open(&channel).await;
    let told = world.add_callback(Callback::to(&queue));
    let event = socket.hear().await;
    assert_eq!(event["eventBody"]["id"], told.to_string());
    assert_ne!(lost, told);
}

#[tokio::test(start_paused = true)]
async fn a_second_socket_takes_the_place_of_the_first() {
    let sandbox = start(Options::default()).await;
    let api = Api::login(&sandbox).await;
    let channel = api.channel().await;
    let mut first = Socket::open(&channel).await;
    let mut second = Socket::open(&channel).await;
    assert_eq!(first.close().await.0, 1000);
    second.say(r#"{"message":"ping"}"#).await;
    let pong = json!({"topicName": "channel.metadata", "eventBody": {"message": "pong"}});
    assert_eq!(second.hear().await, pong);
    let beat =
        json!({"topicName": "channel.metadata", "eventBody": {"message": "WebSocket Heartbeat"}});
    assert_eq!(second.hear().await, beat);
    assert_eq!(sandbox.open_sockets(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_channel_lives_a_day_from_its_last_subscription() {
    let sandbox = start(Options {
        channels_end_with_token: false,
        ..Options::default()
    })
    .await;
    let api = Api::login(&sandbox).await;
    let channel = api.channel().await;
    assert_eq!(channel["expires"], "2026-01-06T09:00:00Z");
    let path = format!(
        "/api/v2/notifications/channels/{}",
        channel["id"].as_str().unwrap()
    );
    tokio::time::advance(Duration::from_hours(23)).await;
    expect(api.send(Method::HEAD, &path, Value::Null).await, 200).await;
    expect(api.subscribe(&channel, &[]).await, 200).await;
    let mut socket = Socket::open(&channel).await;
    let (code, reason) = socket.close().await;
    assert_eq!((code, reason.as_str()), (1000, "the channel expired"));
    let now = sandbox.world().now().to_string();
    assert_eq!(now, "2026-01-07T08:00:00Z");
    let renewed = Api::login(&sandbox).await;
    expect(renewed.send(Method::HEAD, &path, Value::Null).await, 404).await;
}

#[tokio::test(start_paused = true)]
async fn a_channel_ends_with_the_token_that_made_it() {
    let limits = Limits {
        token_lifetime: Duration::from_mins(10),
        ..Limits::default()
    };
    let sandbox = start(Options {
        limits,
        ..Options::default()
    })
    .await;
    let api = Api::login(&sandbox).await;
    let channel = api.channel().await;
    let mut socket = Socket::open(&channel).await;
    let before = tokio::time::Instant::now();
    assert_eq!(socket.close().await.0, 1000);
    assert_eq!(before.elapsed().as_secs(), 600);
}

#[tokio::test(start_paused = true)]
async fn a_client_has_so_many_channels_and_a_channel_so_many_topics() {
    let limits = Limits {
        max_channels: 2,
        max_topics: 2,
        ..Limits::default()
    };
    let sandbox = start(Options {
        limits,
        ..Options::default()
    })
    .await;
    let api = Api::login(&sandbox).await;
    let used = api.channel().await;
    let socket = Socket::open(&used).await;
    let idle = api.channel().await;
    let third = api.channel().await;
    let exists = async |channel: &Value| {
        let path = format!(
            "/api/v2/notifications/channels/{}",
            channel["id"].as_str().unwrap()
        );
        api.send(Method::HEAD, &path, Value::Null).await.status() == 200
    };
    assert!(exists(&used).await && !exists(&idle).await && exists(&third).await);
    let topic = |id: u32| format!("v2.detail.events.conversation.c{id}.acd?start&end");
    let two = [topic(1), topic(2)];
    expect(api.subscribe(&third, &two).await, 200).await;
    let three = [topic(1), topic(2), topic(3)];
    expect(api.subscribe(&third, &three).await, 400).await;
    assert_eq!(sandbox.subscriptions(), two);
    let mine = api.get("/api/v2/notifications/channels").await;
    assert_eq!(mine["entities"].as_array().unwrap().len(), 2);
    let other = Api::login(&sandbox).await;
    let theirs = other
        .get("/api/v2/notifications/channels?includechannels=oauthclient")
        .await;
    assert!(theirs["entities"][0]["expires"].is_string());
    assert!(theirs["entities"][0].get("id").is_none());
    drop(socket);
}

#[tokio::test(start_paused = true)]
async fn a_client_may_subscribe_over_its_socket() {
    let sandbox = start(Options::default()).await;
    let api = Api::login(&sandbox).await;
    let channel = api.channel().await;
    let mut socket = Socket::open(&channel).await;
    let topic = callbacks(&support(&sandbox));
    let ask = json!({"message": "subscribe", "topics": [topic], "correlationId": "1"});
    socket.say(&ask.to_string()).await;
    let answer = json!({"result": "200", "status": "subscribed", "correlationId": "1"});
    assert_eq!(socket.hear().await, answer);
    assert_eq!(sandbox.subscriptions(), [topic]);
    socket
        .say(r#"{"message":"subscribe","topics":["v2.x"]}"#)
        .await;
    assert_eq!(socket.hear().await["result"], "400");
}

#[tokio::test(start_paused = true)]
async fn nobody_connects_without_knowing_a_channel() {
    let sandbox = start(Options::default()).await;
    let uri = format!("{}/channels/guessed", sandbox.url()).replace("http", "ws");
    let refused = Socket::try_open(&json!({"connectUri": uri})).await;
    match refused.err() {
        Some(Error::Http(answer)) => assert_eq!(answer.status(), 401),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn available_topics_say_what_they_are_asked_for() {
    let sandbox = start(Options::default()).await;
    let api = Api::login(&sandbox).await;
    let path = "/api/v2/notifications/availabletopics";
    let plain = api.get(path).await;
    assert_eq!(plain["entities"][0].as_object().unwrap().len(), 1);
    let topics = api
        .get(&format!("{path}?expand=transports&expand=topicParameters"))
        .await;
    let found = topics["entities"].as_array().unwrap().iter();
    let topic = "v2.routing.queues.{id}.conversations.callbacks";
    let found = found.filter(|entity| entity["id"] == topic);
    let transports: Vec<_> = found.map(|entity| &entity["transports"][0]).collect();
    assert_eq!(transports, ["Websocket"]);
}
