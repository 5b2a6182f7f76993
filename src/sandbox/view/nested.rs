//! The form of `GET /api/v2/conversations/{id}` and of `v2.routing.queues.{id}.conversations`.
//!
//! Both nest a participant's communications. The topic's participants have no `startTime`, have no empty lists for
//! media that they are not, and hold an empty `additionalProperties`, as recorded.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{
    DIVISION, SCRIPT, direction, provider, queue_reference, shown_priority, time, time_if,
    without_nulls,
};
use crate::sandbox::world::{ALERT, Conversation, Leg, Media, Purpose, Segment, State};

/// Lists of media that a participant of the REST form has, empty or not.
const MEDIA_LISTS: [&str; 9] = [
    "calls",
    "callbacks",
    "chats",
    "cobrowsesessions",
    "emails",
    "messages",
    "screenshares",
    "socialExpressions",
    "videos",
];

/// A conversation as REST shows it.
pub(crate) fn nested(state: &State, conversation: &Conversation, now: Timestamp) -> Value {
    let participants: Vec<_> = conversation
        .legs
        .iter()
        .map(|leg| participant(state, conversation, leg, now))
        .collect();
    without_nulls(json!({
        "id": conversation.id,
        "startTime": time(conversation.start),
        "endTime": time_if(conversation.end),
        "address": conversation.customer.number,
        "participants": participants,
        "recordingState": "NONE",
        "divisions": [{
            "division": {"id": DIVISION, "selfUri": format!("/api/v2/authorization/divisions/{DIVISION}")},
            "entities": [],
        }],
        "selfUri": format!("/api/v2/conversations/{}", conversation.id),
    }))
}

/// A conversation as the queue's topic shows it.
pub(crate) fn event(conversation: &Conversation, now: Timestamp) -> Value {
    let participants: Vec<_> = conversation
        .legs
        .iter()
        .map(|leg| event_participant(conversation, leg, now))
        .collect();
    json!({
        "id": conversation.id,
        "participants": participants,
        "recordingState": "none",
    })
}

/// A participant as REST shows it.
fn participant(state: &State, conversation: &Conversation, leg: &Leg, now: Timestamp) -> Value {
    let user = leg.user.as_ref();
    let mut fields = json!({
        "id": leg.id,
        "startTime": time(leg.start),
        "connectedTime": time_if(leg.connected),
        "endTime": time_if(leg.end),
        "name": name(conversation, leg),
        "userUri": user.map(|user| format!("/api/v2/users/{}", user.id)),
        "userId": user.map(|user| &user.id),
        "queueId": leg.queue,
        "queueName": state.queue_name(&leg.queue),
        "purpose": purpose(leg),
        "address": (leg.purpose == Purpose::Customer).then_some(&conversation.customer.number),
        "wrapupRequired": false,
        "wrapupPrompt": user.map(|_| "optional"),
        "conversationRoutingData": routing_data(conversation, leg, now),
        "alertingTimeoutMs": user.map(|_| alert_ms()),
        "attributes": attributes(conversation, leg),
    });
    if let Value::Object(fields) = &mut fields {
        for list in MEDIA_LISTS {
            fields.insert(list.to_owned(), json!([]));
        }
        let (list, communication) = communication(conversation, leg);
        fields.insert(list.to_owned(), json!([communication]));
    }
    fields
}

/// A participant as the queue's topic shows it.
fn event_participant(conversation: &Conversation, leg: &Leg, now: Timestamp) -> Value {
    let user = leg.user.as_ref();
    let (list, communication) = communication(conversation, leg);
    let mut communication = without_nulls(communication);
    let mut fields = without_nulls(json!({
        "id": leg.id,
        "connectedTime": time_if(leg.connected),
        "endTime": time_if(leg.end),
        "userId": user.map(|user| &user.id),
        "name": name(conversation, leg),
        "queueId": leg.queue,
        "purpose": purpose(leg),
        "wrapupRequired": false,
        "wrapupExpected": user.is_some(),
        "wrapupPrompt": user.map(|_| "optional"),
        "conversationRoutingData": event_routing_data(conversation, leg, now),
        "alertingTimeoutMs": user.map(|_| alert_ms()),
        "attributes": attributes(conversation, leg),
    }));
    if let (Value::Object(fields), Value::Object(inner)) = (&mut fields, &mut communication) {
        // Events have no segments, and say of every object that it has nothing else.
        inner.remove("segments");
        inner.insert("additionalProperties".to_owned(), json!({}));
        fields.insert(list.to_owned(), json!([communication]));
        fields.insert("additionalProperties".to_owned(), json!({}));
    }
    fields
}

/// A leg's communication, and the list it belongs on.
fn communication(conversation: &Conversation, leg: &Leg) -> (&'static str, Value) {
    let mut shared = json!({
        "state": leg.state.word(),
        "id": leg.session,
        "segments": leg.segments.iter().map(segment).collect::<Vec<_>>(),
        "direction": direction(leg.media),
        "held": false,
        "disconnectType": leg.disconnect.map(crate::sandbox::world::Disconnect::word),
        "connectedTime": time_if(leg.connected),
        "startAlertingTime": (leg.purpose == Purpose::Agent).then(|| time(leg.start)),
        "disconnectedTime": time_if(leg.end),
        "provider": provider(leg.media),
        "peerId": leg.peer,
        "afterCallWorkRequired": false,
        "initialState": leg.initial.word(),
    });
    let (list, own) = match leg.media {
        Media::Callback => ("callbacks", callback_fields(conversation)),
        Media::Call => ("calls", call_fields(conversation)),
    };
    if let Value::Object(shared) = &mut shared {
        shared.extend(own);
    }
    (list, shared)
}

/// What only callbacks have.
fn callback_fields(conversation: &Conversation) -> Map<String, Value> {
    let customer = &conversation.customer;
    object(json!({
        "callbackNumbers": [customer.number],
        "callbackUserName": customer.name,
        "scriptId": SCRIPT,
        "externalCampaign": false,
        "skipEnabled": true,
        "timeoutSeconds": 0,
        "callbackScheduledTime": time(conversation.due),
        "callerId": customer.number,
        "callerIdName": customer.name,
        "voicemail": voicemail(conversation),
    }))
}

/// The voicemail that a callback is, if it is one.
pub(super) fn voicemail(conversation: &Conversation) -> Value {
    if conversation.voicemail {
        json!({"id": conversation.id, "uploadStatus": "complete"})
    } else {
        Value::Null
    }
}

/// What only calls have.
fn call_fields(conversation: &Conversation) -> Map<String, Value> {
    let customer = &conversation.customer;
    object(json!({
        "recording": false,
        "recordingState": "none",
        "muted": false,
        "confined": false,
        "self": {"nameRaw": "", "addressNormalized": "tel:+15555559000", "addressRaw": "tel:+15555559000"},
        "other": {
            "name": customer.name,
            "nameRaw": customer.name,
            "addressNormalized": format!("tel:{}", customer.number),
            "addressRaw": format!("tel:{}", customer.number),
        },
    }))
}

/// The fields of an object.
fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// A segment as REST shows it.
fn segment(segment: &Segment) -> Value {
    json!({
        "startTime": time(segment.start),
        "endTime": time_if(segment.end),
        "type": segment.kind,
        "howEnded": segment.how_ended,
        "disconnectType": segment.disconnect.map(crate::sandbox::world::Disconnect::word),
    })
}

/// The word for whose leg it is.
pub(super) fn purpose(leg: &Leg) -> &'static str {
    match leg.purpose {
        Purpose::Customer => "customer",
        Purpose::Acd => "acd",
        Purpose::Agent => "agent",
    }
}

/// Whose name stands on a leg: the ACD's is nobody's.
pub(super) fn name<'a>(conversation: &'a Conversation, leg: &'a Leg) -> Option<&'a str> {
    match leg.purpose {
        Purpose::Customer => Some(&conversation.customer.name),
        Purpose::Acd => None,
        Purpose::Agent => leg.user.as_ref().map(|user| user.name.as_str()),
    }
}

/// What flows noted about the customer; an agent's leg has nothing.
pub(super) fn attributes(conversation: &Conversation, leg: &Leg) -> Value {
    match leg.purpose {
        Purpose::Agent => json!({}),
        _ => json!(conversation.customer.attributes),
    }
}

/// How long an alert lasts, in milliseconds.
pub(super) fn alert_ms() -> u64 {
    u64::try_from(ALERT.as_millis()).unwrap_or(u64::MAX)
}

/// Routing data as REST shows it: with the queue on the ACD leg, without on an agent's, absent on the customer's.
pub(super) fn routing_data(conversation: &Conversation, leg: &Leg, now: Timestamp) -> Value {
    let acd = leg.purpose == Purpose::Acd;
    if leg.purpose == Purpose::Customer {
        return Value::Null;
    }
    let skills: Vec<_> = conversation
        .skills
        .iter()
        .filter(|_| acd)
        .map(|id| json!({"id": id, "selfUri": format!("/api/v2/routing/skills/{id}")}))
        .collect();
    json!({
        "queue": acd.then(|| queue_reference(leg, true)),
        "priority": shown_priority(conversation, leg, now),
        "skills": skills,
        "language": language(conversation).filter(|_| acd),
        "scoredAgents": scored_agents(conversation),
    })
}

/// The language that a conversation asks for.
fn language(conversation: &Conversation) -> Option<Value> {
    let id = conversation.language.as_ref()?;
    Some(json!({"id": id, "selfUri": format!("/api/v2/routing/languages/{id}")}))
}

/// The agents that are preferred: of a callback that waits for one agent that one, with the highest score.
fn scored_agents(conversation: &Conversation) -> Value {
    if conversation.agent_owned {
        json!([{"agent": {"id": conversation.id}, "score": 100}])
    } else {
        json!([])
    }
}

/// Routing data as events show it.
pub(super) fn event_routing_data(conversation: &Conversation, leg: &Leg, now: Timestamp) -> Value {
    match leg.purpose {
        Purpose::Customer => Value::Null,
        Purpose::Acd => json!({
            "queue": queue_reference(leg, false),
            "language": language(conversation).unwrap_or_else(|| json!({})),
            "priority": shown_priority(conversation, leg, now),
            "scoredAgents": scored_agents(conversation),
        }),
        Purpose::Agent => json!({"queue": {}, "language": {}, "priority": 0}),
    }
}
