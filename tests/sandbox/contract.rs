//! The sandbox's JSON against recorded JSON: every key that was recorded is there, with a value of the same kind.
//!
//! What may differ is what differs between organisations: values, what a flow noted in `attributes`, and how many
//! participants and segments there are.

use std::time::Duration;

use callback_prioritizer::sandbox::{Callback, Options};
use serde_json::{Value, json};

use crate::client::{Api, start};

/// A recorded answer of the real platform, or one made from the SDK's models.
fn fixture(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// Fails where `made` lacks something that `recorded` has, or has another kind of value there.
fn assert_same_shape(recorded: &Value, made: &Value, path: &str) {
    match (recorded, made) {
        (Value::Object(recorded), Value::Object(made)) => {
            for (key, value) in recorded {
                let path = format!("{path}.{key}");
                let Some(found) = made.get(key) else {
                    panic!("{path} is missing");
                };
                if key != "attributes" {
                    assert_same_shape(value, found, &path);
                }
            }
        }
        (Value::Array(recorded), Value::Array(made)) => {
            if let (Some(recorded), Some(made)) = (recorded.first(), made.first()) {
                assert_same_shape(recorded, made, &format!("{path}[]"));
            }
        }
        (recorded, made) => assert_eq!(
            std::mem::discriminant(recorded),
            std::mem::discriminant(made),
            "{path}: {recorded} and {made}"
        ),
    }
}

/// Compares the participants that stand for the same parties, by position.
fn assert_same_participants(recorded: &Value, made: &Value) {
    let list = |value: &Value| value["participants"].as_array().unwrap().clone();
    let (recorded, made) = (list(recorded), list(made));
    assert_eq!(recorded.len(), made.len());
    for (recorded, made) in recorded.iter().zip(&made) {
        assert_eq!(recorded["purpose"], made["purpose"]);
        let path = recorded["purpose"].as_str().unwrap();
        assert_same_shape(recorded, made, path);
        for (recorded, made) in zip_lists(&recorded["callbacks"], &made["callbacks"]) {
            assert_eq!(recorded["state"], made["state"], "{path}");
            assert_eq!(recorded["initialState"], made["initialState"], "{path}");
            assert_eq!(recorded["disconnectType"], made["disconnectType"], "{path}");
            for (recorded, made) in zip_lists(&recorded["segments"], &made["segments"]) {
                assert_same_shape(&recorded, &made, path);
                assert_eq!(recorded["type"], made["type"], "{path}");
                assert_eq!(recorded["howEnded"], made["howEnded"], "{path}");
            }
        }
    }
}

/// The pairs of two lists of one length.
fn zip_lists(one: &Value, two: &Value) -> Vec<(Value, Value)> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let (one, two) = (list(one), list(two));
    assert_eq!(one.len(), two.len());
    one.into_iter().zip(two).collect()
}

#[tokio::test(start_paused = true)]
async fn a_conversation_after_missed_alerts_is_like_the_recorded_one() {
    let recorded = fixture(include_str!(
        "../fixtures/rest-get-conversation.callback-waiting-after-missed-alerts.json"
    ));
    let sandbox = start(Options::default()).await;
    let api = Api::login(&sandbox).await;
    let world = sandbox.world();
    let queue = world.queue("Support").unwrap();
    let planned = Callback::to(&queue).scheduled_in(Duration::from_mins(4));
    let id = world.add_callback(planned);
    for minutes in [5, 70] {
        tokio::time::sleep(Duration::from_mins(minutes)).await;
        world.alert(&id).unwrap();
    }
    tokio::time::sleep(Duration::from_mins(1)).await;
    let made = api.get(&format!("/api/v2/conversations/{id}")).await;
    assert_same_shape(&recorded, &made, "conversation");
    assert_same_participants(&recorded, &made);
    let acd = &made["participants"][1];
    assert_eq!(acd["connectedTime"], "2026-01-05T09:04:00Z");
    let alert = &made["participants"][2];
    assert_eq!(alert["startTime"], "2026-01-05T09:05:00Z");
    assert_eq!(alert["endTime"], "2026-01-05T09:05:30Z");
}

#[tokio::test(start_paused = true)]
async fn an_answered_conversation_is_like_the_recorded_one() {
    let recorded = fixture(include_str!(
        "../fixtures/notification-v2.users.conversations.callback-answered-then-agent-disconnected.json"
    ));
    let sandbox = start(Options::default()).await;
    let api = Api::login(&sandbox).await;
    let world = sandbox.world();
    let queue = world.queue("Support").unwrap();
    let id = world.add_callback(Callback::to(&queue));
    world.alert(&id).unwrap();
    tokio::time::sleep(Duration::from_mins(1)).await;
    let topic = format!("v2.routing.queues.{queue}.conversations");
    let mut socket = api.listen(&[topic]).await;
    world.answer(&id).unwrap();
    let _alerting = socket.hear().await;
    let made = socket.hear().await;
    let mut expected = recorded.clone();
    // In the recording the agent has hung up already, while the customer's leg lives on in that same event.
    let agent = &mut expected["eventBody"]["participants"][3];
    for key in ["endTime", "startAcwTime"] {
        agent.as_object_mut().unwrap().remove(key);
    }
    agent["callbacks"][0]["state"] = json!("connected");
    for key in ["disconnectType", "disconnectedTime", "afterCallWork"] {
        agent["callbacks"][0].as_object_mut().unwrap().remove(key);
    }
    // The recorded one was planned; neither form says so of an agent who was alerted in vain.
    assert_same_shape(&expected, &made, "event");
    assert_same_participants(&expected["eventBody"], &made["eventBody"]);
    let acd = &made["eventBody"]["participants"][1];
    let agent = &made["eventBody"]["participants"][3];
    assert_eq!(acd["endTime"], agent["connectedTime"]);
}

#[tokio::test(start_paused = true)]
async fn the_activity_query_and_its_answer_are_like_the_documented_ones() {
    let recorded = fixture(include_str!("../fixtures/activity-query.oWaiting.json"));
    let sandbox = start(Options::default()).await;
    let api = Api::login(&sandbox).await;
    let world = sandbox.world();
    let queue = world.queue("Support").unwrap();
    let _id = world.add_callback(Callback::to(&queue));
    let mut request = recorded["request"].clone();
    request["filter"]["predicates"][1]["value"] = json!(queue);
    let path = "/api/v2/analytics/conversations/activity/query";
    let made = api.post(path, request).await;
    let expected = &recorded["response_shape_CONSTRUCTED"];
    assert_same_shape(expected, &made, "answer");
}

#[tokio::test(start_paused = true)]
async fn an_acd_start_event_has_every_field_of_the_model() {
    let expected = fixture(include_str!(
        "../fixtures/eventbridge.acd.start.CONSTRUCTED.json"
    ));
    let sandbox = start(Options {
        bulk_topics: true,
        ..Options::default()
    })
    .await;
    let api = Api::login(&sandbox).await;
    let topic = "v2.detail.events.conversation.*.acd.start".to_owned();
    let mut socket = api.listen(&[topic]).await;
    let queue = sandbox.world().queue("Support").unwrap();
    let _id = sandbox.world().add_callback(Callback::to(&queue));
    let made = socket.hear().await;
    assert_same_shape(&expected["detail"], &made, "detail");
    for key in ["mediaType", "provider", "direction"] {
        let recorded = &expected["detail"]["eventBody"][key];
        assert_eq!(*recorded, made["eventBody"][key]);
    }
}

#[tokio::test(start_paused = true)]
async fn the_flat_form_says_the_same_of_every_participant() {
    let sandbox = start(Options::default()).await;
    let api = Api::login(&sandbox).await;
    let world = sandbox.world();
    let queue = world.queue("Support").unwrap();
    let id = world.add_callback(Callback::to(&queue).at_priority(3));
    world.alert(&id).unwrap();
    let nested = api.get(&format!("/api/v2/conversations/{id}")).await;
    let path = format!("/api/v2/conversations/callbacks/{id}");
    let flat = api.get(&path).await;
    assert_eq!(flat["selfUri"], path);
    let pairs = zip_lists(&nested["participants"], &flat["participants"]);
    for (nested, flat) in pairs {
        let callback = &nested["callbacks"][0];
        for key in ["id", "purpose", "startTime", "connectedTime", "endTime"] {
            assert_eq!(nested[key], flat[key], "{key}");
        }
        for key in ["state", "callbackNumbers", "callbackScheduledTime"] {
            assert_eq!(callback[key], flat[key], "{key}");
        }
        assert_eq!(callback["peerId"], flat["peer"]);
        assert_eq!(
            nested["conversationRoutingData"],
            flat["conversationRoutingData"]
        );
    }
    let calls = format!("/api/v2/conversations/calls/{id}");
    let answer = api.send(reqwest::Method::GET, &calls, Value::Null).await;
    assert_eq!(answer.status(), 404);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_for_too_many_requests_is_worded_like_the_recorded_one() {
    let recorded = fixture(include_str!("../fixtures/error-429.json"));
    let limits = callback_prioritizer::sandbox::Limits {
        requests_per_minute: 0,
        ..Default::default()
    };
    let sandbox = start(Options {
        limits,
        ..Options::default()
    })
    .await;
    let api = Api::login(&sandbox).await;
    let path = "/api/v2/routing/queues";
    let answer = api.send(reqwest::Method::GET, path, Value::Null).await;
    let made: Value = answer.json().await.unwrap();
    assert_eq!(made["code"], recorded["code"]);
    assert_eq!(made["status"], recorded["status"]);
    let text = recorded["message"].as_str().unwrap();
    assert_eq!(made["message"], text.replace("59", "60"));
}
