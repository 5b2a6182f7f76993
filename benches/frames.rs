//! How many events of a socket one core takes: `cargo bench --bench frames`.
//!
//! Both benchmarks read the same frames with the same library. One does with them what the daemon does: it reads them,
//! passes over what is not of its queues, and hands the rest to a channel. The other only finds out the topic.

use std::io::{Cursor, ErrorKind, Read, Write};

use callback_prioritizer::genesys::untrusted::Ear;
use divan::{Bencher, counter::ItemsCount};
use serde::Deserialize;
use serde_json::json;
use tokio_tungstenite::tungstenite::{Message, WebSocket, protocol::Role};

/// Frames in one run.
const FRAMES: usize = 10_000;
/// A queue that is ours.
const OURS: &str = "5a1b2c3d-0000-4000-8000-000000000001";
/// One that is not.
const OTHERS: &str = "5a1b2c3d-0000-4000-8000-000000000002";

fn main() {
    divan::main();
}

/// What the daemon does.
#[divan::bench]
fn read_filtered_and_handed_over(bencher: Bencher<'_, '_>) {
    let frames = frames();
    let mut ear = Ear::new(&[OURS.to_owned()]);
    bencher.counter(ItemsCount::new(FRAMES)).bench_local(|| {
        let news = each(&frames, |text| ear.hear(text));
        assert_eq!(news, FRAMES / 10 * 7);
    });
}

/// The least that can be done.
#[divan::bench]
fn read_for_the_topic(bencher: Bencher<'_, '_>) {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Topic<'a> {
        topic_name: &'a str,
    }
    let frames = frames();
    bencher.counter(ItemsCount::new(FRAMES)).bench_local(|| {
        let ours = each(&frames, |text| {
            let topic: Topic<'_> = serde_json::from_str(text).expect("a topic");
            topic.topic_name.starts_with("v2.")
        });
        assert_eq!(ours, FRAMES / 10 * 9);
    });
}

/// Reads all frames; how many of them this is true for.
fn each(frames: &[u8], mut hear: impl FnMut(&str) -> bool) -> usize {
    let mut socket = WebSocket::from_raw_socket(Wire(Cursor::new(frames)), Role::Client, None);
    let mut count = 0;
    while let Ok(message) = socket.read() {
        if let Message::Text(text) = message {
            count += usize::from(hear(&text));
        }
    }
    count
}

/// Frames as a server sends them, without a network.
struct Wire<'a>(Cursor<&'a [u8]>);

impl Read for Wire<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        self.0.read(into)
    }
}

impl Write for Wire<'_> {
    fn write(&mut self, _from: &[u8]) -> std::io::Result<usize> {
        Err(ErrorKind::Unsupported.into())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Of ten frames six tell of callbacks in our queue, one of one in another, one that a callback began to wait, one that one
/// is over, and one is a heartbeat.
fn frames() -> Vec<u8> {
    let mut server = WebSocket::from_raw_socket(Cursor::new(Vec::new()), Role::Server, None);
    for number in 0..FRAMES {
        let id = format!("7cf1beb6-0e9d-43ea-a2fa-{number:012x}");
        let text = match number % 10 {
            0..6 => queue_event(OURS, &id),
            6 => queue_event(OTHERS, &id),
            7 => detail_event("start", OURS, &id),
            8 => detail_event("end", OURS, &id),
            _ => {
                json!({"topicName": "channel.metadata", "eventBody": {"message": "WebSocket Heartbeat"}})
            }
        };
        server.write(Message::text(text.to_string())).expect("room");
    }
    server.flush().expect("room");
    server.get_ref().get_ref().clone()
}

/// A queue topic's event, with what the SDK says is in one.
fn queue_event(queue: &str, id: &str) -> serde_json::Value {
    let leg = |purpose: &str, leg: &str| {
        json!({
            "id": format!("{leg}{}", &id[1..]), "name": "Somebody", "address": "tel:+15550100", "purpose": purpose,
            "startTime": "2026-01-05T09:00:00.000Z", "connectedTime": "2026-01-05T09:00:00.120Z",
            "direction": "outbound", "state": "connected", "held": false, "wrapupRequired": false,
            "queue": {"id": queue}, "attributes": {}, "provider": "PureCloud Callback",
            "conversationRoutingData": {
                "queue": {"id": queue}, "priority": 3, "skills": [], "scoredAgents": [],
            },
            "callbackNumbers": ["+15550100"], "callbackUserName": "Somebody", "skipEnabled": true,
            "timeoutSeconds": 0, "automatedCallbackConfigId": null, "additionalProperties": {},
        })
    };
    json!({
        "topicName": format!("v2.routing.queues.{queue}.conversations.callbacks"), "version": "2",
        "eventBody": {
            "id": id, "participants": [leg("customer", "a"), leg("acd", "b")], "otherMediaUris": [],
            "utilizationLabelId": "", "divisions": [],
        },
        "metadata": {"CorrelationId": "b1f9a1f4-0000-4000-8000-000000000000"},
    })
}

/// A detail event.
fn detail_event(what: &str, queue: &str, id: &str) -> serde_json::Value {
    json!({
        "topicName": format!("v2.detail.events.conversation.{id}.acd.{what}"), "version": "2",
        "eventBody": {
            "eventTime": 1_767_603_600_000_u64, "conversationId": id, "participantId": format!("b{}", &id[1..]),
            "sessionId": format!("c{}", &id[1..]), "mediaType": "CALLBACK", "provider": "PureCloud Callback",
            "direction": "OUTBOUND", "queueId": queue, "acdOutcome": "UNKNOWN", "routingPriority": 0,
        },
        "metadata": {"CorrelationId": "b1f9a1f4-0000-4000-8000-000000000000"},
    })
}
