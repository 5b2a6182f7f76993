//! The bodies of `v2.detail.events.conversation.{id}.acd.start` and `.acd.end`.
//!
//! The models are the SDK's `AcdStartDetailEventTopicAcdStartEvent` and `AcdEndDetailEventTopicAcdEndEvent`: words in
//! upper case, times in epoch milliseconds.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{DIVISION, direction, provider, without_nulls};
use crate::sandbox::world::{AcdOutcome, Conversation, Disconnect, Leg, Media};

/// A stay in a queue began.
pub(crate) fn acd_start(conversation: &Conversation, leg: &Leg) -> Value {
    let at = leg.entered();
    let mut body = shared(conversation, leg, at);
    body["skillExpressionApplied"] = json!(false);
    without_nulls(body)
}

/// A stay in a queue ended.
pub(crate) fn acd_end(conversation: &Conversation, leg: &Leg, how: AcdOutcome) -> Value {
    let at = leg.end.unwrap_or_else(|| leg.entered());
    let mut body = shared(conversation, leg, at);
    let answered = how == AcdOutcome::Answered;
    let user = conversation.agent().and_then(|leg| leg.user.as_ref());
    let why = leg.disconnect.map_or("unknown", Disconnect::word);
    body["disconnectType"] = json!(why.to_uppercase());
    body["acdOutcome"] = json!(match how {
        AcdOutcome::Abandon => "ABANDON",
        AcdOutcome::Answered => "ANSWERED",
        AcdOutcome::FlowOut => "FLOW_OUT",
    });
    body["answeredUserId"] = json!(user.filter(|_| answered).map(|user| &user.id));
    body["requestedRoutings"] = json!(["STANDARD"]);
    body["usedRouting"] = json!(answered.then_some("STANDARD"));
    body["requestedSkillExpressionIds"] = json!([]);
    body["requestedRoutingUserIds"] = json!([]);
    body["connectedDurationMs"] = json!(at.as_millisecond() - leg.entered().as_millisecond());
    without_nulls(body)
}

/// What both have.
fn shared(conversation: &Conversation, leg: &Leg, at: Timestamp) -> Value {
    let customer = &conversation.customer;
    let callback = conversation.media == Media::Callback;
    let ani = (!callback).then(|| format!("tel:{}", customer.number));
    json!({
        "eventTime": at.as_millisecond(),
        "conversationId": conversation.id,
        "participantId": leg.id,
        "sessionId": leg.session,
        "mediaType": conversation.media.word().to_uppercase(),
        "provider": provider(conversation.media),
        "direction": direction(conversation.media).to_uppercase(),
        "ani": ani,
        "dnis": (!callback).then_some("tel:+15555559000"),
        "callbackUserName": callback.then_some(&customer.name),
        "callbackNumbers": callback.then_some([&customer.number]),
        "callbackScheduledTime": callback.then(|| conversation.due.as_millisecond()),
        "queueId": leg.queue,
        "divisionId": DIVISION,
        "conversationExternalContactIds": [],
        "conversationExternalOrganizationIds": [],
        "utilizationLabel": "",
        "routingPriority": conversation.priority(leg, at).points(),
        "requestedRoutingSkillIds": conversation.skills,
    })
}
