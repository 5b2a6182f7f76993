//! The form of `GET /api/v2/conversations/callbacks/{id}` and of `v2.routing.queues.{id}.conversations.callbacks`.
//!
//! A participant has no list of callbacks: it has the callback's own fields. The models are the SDK's
//! `CallbackMediaParticipant` and `QueueConversationCallbackEventTopicCallbackMediaParticipant`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    DIVISION, SCRIPT, direction, nested, provider, queue_reference, time, time_if, without_nulls,
};
use crate::sandbox::world::{Conversation, Disconnect, Leg, Media, Purpose, State};

/// A conversation as REST shows it to those who ask for a callback or a call.
pub(crate) fn flat(state: &State, conversation: &Conversation, now: Timestamp) -> Value {
    let media = match conversation.media {
        Media::Call => "calls",
        Media::Callback => "callbacks",
    };
    let mut value = body(state, conversation, |leg| {
        nested::routing_data(conversation, leg, now)
    });
    value["selfUri"] = json!(format!("/api/v2/conversations/{media}/{}", conversation.id));
    value
}

/// A conversation as the queue's topic for its medium shows it.
pub(crate) fn flat_event(state: &State, conversation: &Conversation, now: Timestamp) -> Value {
    let mut value = body(state, conversation, |leg| {
        nested::event_routing_data(conversation, leg, now)
    });
    value["address"] = json!(conversation.customer.number);
    value["accessAttributes"] = json!([]);
    if let Value::Array(participants) = &mut value["participants"] {
        for (participant, leg) in participants.iter_mut().zip(legs(conversation)) {
            participant["initialState"] = json!(leg.initial.word());
        }
    }
    value
}

/// The legs of its own medium: topics of callbacks tell nothing of the call that came before.
fn legs(conversation: &Conversation) -> impl Iterator<Item = &Leg> {
    let legs = conversation.legs.iter();
    legs.filter(|leg| leg.media == conversation.media)
}

/// What both have.
fn body(state: &State, conversation: &Conversation, routing_data: impl Fn(&Leg) -> Value) -> Value {
    let participants: Vec<_> = legs(conversation)
        .map(|leg| participant(state, conversation, leg, &routing_data(leg)))
        .collect();
    without_nulls(json!({
        "id": conversation.id,
        "name": conversation.customer.name,
        "participants": participants,
        "otherMediaUris": [],
        "divisions": [{"division": {"id": DIVISION}, "entities": []}],
    }))
}

/// A participant that is its own callback or call.
fn participant(
    state: &State,
    conversation: &Conversation,
    leg: &Leg,
    routing_data: &Value,
) -> Value {
    let customer = &conversation.customer;
    let user = leg.user.as_ref();
    let callback = conversation.media == Media::Callback;
    let mut queue = queue_reference(leg, true);
    queue["name"] = json!(state.queue_name(&leg.queue));
    json!({
        "id": leg.id,
        "name": nested::name(conversation, leg),
        "address": (leg.purpose == Purpose::Customer).then_some(&customer.number),
        "startTime": time(leg.start),
        "connectedTime": time_if(leg.connected),
        "endTime": time_if(leg.end),
        "purpose": nested::purpose(leg),
        "state": leg.state.word(),
        "direction": direction(conversation.media),
        "disconnectType": leg.disconnect.map(Disconnect::word),
        "held": false,
        "wrapupRequired": false,
        "wrapupPrompt": user.map(|_| "optional"),
        "user": user.map(|user| json!({"id": user.id, "name": user.name, "selfUri": format!("/api/v2/users/{}", user.id)})),
        "queue": queue,
        "attributes": nested::attributes(conversation, leg),
        "script": callback.then(|| json!({"id": SCRIPT})),
        "alertingTimeoutMs": user.map(|_| nested::alert_ms()),
        "provider": provider(conversation.media),
        "peer": leg.peer,
        "conversationRoutingData": routing_data,
        "callbackNumbers": callback.then_some([&customer.number]),
        "callbackUserName": callback.then_some(&customer.name),
        "callbackScheduledTime": callback.then(|| time(conversation.due)),
        "externalCampaign": callback.then_some(false),
        "skipEnabled": callback.then_some(true),
        "timeoutSeconds": callback.then_some(0),
        "voicemail": nested::voicemail(conversation),
    })
}
