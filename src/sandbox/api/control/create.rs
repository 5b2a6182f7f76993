//! Making things: queues, calls, callbacks, agents, traffic.

use std::collections::BTreeMap;

use axum::{Json, extract::State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Refusal, Shared, parse, queue,
    span::{Span, span},
};
use crate::{
    conversation::Priority,
    sandbox::{
        scenario::Traffic,
        world::{Call, Callback, Handling, Ladder},
    },
};

/// A queue to be made.
#[derive(Debug, Deserialize)]
struct NewQueue {
    /// Its name.
    name: String,
}

/// `POST /sandbox/queues`.
pub(super) async fn add_queue(
    State(platform): Shared,
    body: String,
) -> Result<Json<Value>, Refusal> {
    let new: NewQueue = parse(&body)?;
    Ok(Json(
        json!({"queueId": platform.world.add_queue(&new.name)}),
    ))
}

/// A call or a callback to be made.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct New {
    /// Name or id of its queue.
    queue: String,
    /// Its priority; 0 where it does not say.
    #[serde(default)]
    priority: Priority,
    /// For a callback: how long from now it is due.
    scheduled_in: Option<Span>,
    /// How long it has waited already.
    waited: Option<Span>,
    /// The customer's name.
    name: Option<String>,
    /// The customer's telephone number.
    number: Option<String>,
    /// For a call: time from one raise by its flow to the next.
    ladder: Option<Span>,
    /// For a callback: how long the call that it was made of had waited.
    called_before: Option<Span>,
    /// For a callback: participant attributes, as a flow has set them.
    #[serde(default)]
    attributes: BTreeMap<String, String>,
    /// For a callback: ids of skills.
    #[serde(default)]
    skills: Vec<String>,
    /// For a callback: id of a language.
    language: Option<String>,
    /// For a callback: it waits for one agent.
    #[serde(default)]
    agent_owned: bool,
    /// For a callback: it is a voicemail.
    #[serde(default)]
    voicemail: bool,
}

/// `POST /sandbox/callbacks`.
pub(super) async fn add_callback(
    State(platform): Shared,
    body: String,
) -> Result<Json<Value>, Refusal> {
    let new: New = parse(&body)?;
    let mut callback = Callback {
        priority: new.priority,
        scheduled_in: span(new.scheduled_in.as_ref())?,
        waited: span(new.waited.as_ref())?.unwrap_or_default(),
        called_before: span(new.called_before.as_ref())?.unwrap_or_default(),
        skills: new.skills,
        language: new.language,
        agent_owned: new.agent_owned,
        voicemail: new.voicemail,
        ..Callback::to(&queue(&platform, &new.queue)?)
    };
    if let (Some(name), Some(number)) = (&new.name, &new.number) {
        callback = callback.for_customer(name, number);
    }
    for (name, value) in &new.attributes {
        callback = callback.with_attribute(name, value);
    }
    let id = platform.world.add_callback(callback);
    Ok(Json(json!({"conversationId": id})))
}

/// `POST /sandbox/calls`.
pub(super) async fn add_call(
    State(platform): Shared,
    body: String,
) -> Result<Json<Value>, Refusal> {
    let new: New = parse(&body)?;
    let ladder = span(new.ladder.as_ref())?.map(|every| Ladder {
        every,
        ..Ladder::A_POINT_A_MINUTE
    });
    let call = Call {
        priority: new.priority,
        waited: span(new.waited.as_ref())?.unwrap_or_default(),
        ladder,
        ..Call::to(&queue(&platform, &new.queue)?)
    };
    let id = platform.world.add_call(call);
    Ok(Json(json!({"conversationId": id})))
}

/// Agents to be added.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewAgents {
    /// Name or id of their queue.
    queue: String,
    /// How many.
    count: usize,
    /// How long each needs for a conversation, exponentially distributed about this mean.
    handling: Span,
}

/// `POST /sandbox/agents`.
pub(super) async fn add_agents(
    State(platform): Shared,
    body: String,
) -> Result<Json<Value>, Refusal> {
    let new: NewAgents = parse(&body)?;
    let queue = queue(&platform, &new.queue)?;
    let handling = Handling::Exponential(new.handling.duration()?);
    platform.world.add_agents(&queue, new.count, handling);
    Ok(Json(json!({"count": new.count})))
}

/// Traffic to be played.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewTraffic {
    /// Name or id of the queue.
    queue: String,
    /// Which traffic of its kind.
    #[serde(default)]
    seed: u64,
    /// How long callers keep coming; an hour where it does not say.
    lasts: Option<Span>,
    /// Mean time between callers.
    gap: Option<Span>,
}

/// `POST /sandbox/traffic`.
pub(super) async fn play(State(platform): Shared, body: String) -> Result<Json<Value>, Refusal> {
    let new: NewTraffic = parse(&body)?;
    let queue = queue(&platform, &new.queue)?;
    let usual = Traffic::RUSH_HOUR;
    let traffic = Traffic {
        lasts: span(new.lasts.as_ref())?.unwrap_or(usual.lasts),
        gap: span(new.gap.as_ref())?.unwrap_or(usual.gap),
        ..usual
    };
    if traffic.gap.is_zero() {
        return Err(Refusal::bad_request("gap must be more than nothing"));
    }
    let arrivals = traffic.draw(new.seed);
    platform.world.play(&queue, &arrivals);
    Ok(Json(json!({"arrivals": arrivals.len()})))
}
