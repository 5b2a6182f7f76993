//! The control endpoints: what happens in the world, asked for over HTTP.
//!
//! They stand for customers, agents, supervisors and bad luck. They need no token, count against no limit and are not
//! noted as requests. The list of them is in the documentation of [`sandbox`](crate::sandbox).

mod trouble;

use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    routing::{delete, get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Platform, Shared,
    answer::Refusal,
    conversations::{self, known},
    query,
};
use crate::{
    conversation::{ConversationId, Priority, QueueId},
    sandbox::{
        scenario::Traffic,
        view,
        world::{Call, Callback, Handling, Ladder, Refused},
    },
};

/// All control routes.
pub(super) fn routes() -> Router<Arc<Platform>> {
    Router::new()
        .route("/sandbox/queues", post(add_queue))
        .route("/sandbox/queues/{queue}/line", get(line))
        .route("/sandbox/callbacks", post(add_callback))
        .route("/sandbox/calls", post(add_call))
        .route("/sandbox/agents", post(add_agents))
        .route("/sandbox/traffic", post(play))
        .route("/sandbox/conversations/{id}", get(situation))
        .route("/sandbox/conversations/{id}/alert", post(alert))
        .route("/sandbox/conversations/{id}/answer", post(answer))
        .route("/sandbox/conversations/{id}/hangup", post(hangup))
        .route("/sandbox/conversations/{id}/leave", post(leave))
        .route("/sandbox/conversations/{id}/transfer", post(transfer))
        .route("/sandbox/conversations/{id}/priority", post(set_priority))
        .route("/sandbox/writes", get(writes))
        .route("/sandbox/requests", get(requests))
        .route("/sandbox/faults", post(trouble::ask))
        .route("/sandbox/faults", delete(trouble::clear))
}

/// A length of time: a number of seconds, or a text with a unit.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Span {
    /// Seconds.
    Seconds(f64),
    /// A number and a unit: `ms`, `s`, `m` or `h`.
    Text(String),
}

impl Span {
    /// The duration it means.
    fn duration(&self) -> Result<Duration, Refusal> {
        let seconds = match self {
            Self::Seconds(seconds) => Some(*seconds),
            Self::Text(text) => seconds_of(text),
        };
        let duration = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        duration.ok_or_else(|| {
            Refusal::bad_request(
                "A time is a number of seconds, or a text such as \"90s\" or \"5m\"",
            )
        })
    }
}

/// The seconds that a text such as `90s` means.
fn seconds_of(text: &str) -> Option<f64> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.');
    let (number, unit) = text.split_at(digits.unwrap_or(text.len()));
    let seconds = match unit.trim() {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return None,
    };
    Some(number.parse::<f64>().ok()? * seconds)
}

/// The duration that a time which may be absent means.
fn span(span: Option<&Span>) -> Result<Option<Duration>, Refusal> {
    span.map(Span::duration).transpose()
}

/// A queue to be made.
#[derive(Debug, Deserialize)]
struct NewQueue {
    /// Its name.
    name: String,
}

/// `POST /sandbox/queues`.
async fn add_queue(
    State(platform): Shared,
    headers: HeaderMap,
    body: String,
) -> Result<Json<Value>, Refusal> {
    let new: NewQueue = query::body(&headers, &body)?;
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
}

/// `POST /sandbox/callbacks`.
async fn add_callback(
    State(platform): Shared,
    headers: HeaderMap,
    body: String,
) -> Result<Json<Value>, Refusal> {
    let new: New = query::body(&headers, &body)?;
    let mut callback = Callback {
        priority: new.priority,
        scheduled_in: span(new.scheduled_in.as_ref())?,
        waited: span(new.waited.as_ref())?.unwrap_or_default(),
        ..Callback::to(&queue(&platform, &new.queue)?)
    };
    if let (Some(name), Some(number)) = (&new.name, &new.number) {
        callback = callback.for_customer(name, number);
    }
    let id = platform.world.add_callback(callback);
    Ok(Json(json!({"conversationId": id})))
}

/// `POST /sandbox/calls`.
async fn add_call(
    State(platform): Shared,
    headers: HeaderMap,
    body: String,
) -> Result<Json<Value>, Refusal> {
    let new: New = query::body(&headers, &body)?;
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
async fn add_agents(
    State(platform): Shared,
    headers: HeaderMap,
    body: String,
) -> Result<StatusCode, Refusal> {
    let new: NewAgents = query::body(&headers, &body)?;
    let queue = queue(&platform, &new.queue)?;
    let handling = Handling::Exponential(new.handling.duration()?);
    platform.world.add_agents(&queue, new.count, handling);
    Ok(StatusCode::NO_CONTENT)
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
async fn play(
    State(platform): Shared,
    headers: HeaderMap,
    body: String,
) -> Result<Json<Value>, Refusal> {
    let new: NewTraffic = query::body(&headers, &body)?;
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

/// `GET /sandbox/queues/{queue}/line`.
async fn line(State(platform): Shared, Path(name): Path<String>) -> Result<Json<Value>, Refusal> {
    let queue = queue(&platform, &name)?;
    Ok(Json(json!(platform.world.line(&queue))))
}

/// `GET /sandbox/conversations/{id}`.
async fn situation(
    State(platform): Shared,
    Path(id): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let id = known(&id)?;
    let situation = platform.world.situation(&id);
    let situation = situation.ok_or(Refused::NoConversation)?;
    Ok(Json(json!({
        "conversationId": id,
        "situation": situation.word(),
        "priority": platform.world.priority(&id),
    })))
}

/// Lets something happen to a conversation.
fn happen(
    id: &str,
    step: impl FnOnce(&ConversationId) -> Result<(), Refused>,
) -> Result<StatusCode, Refusal> {
    step(&known(id)?)?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /sandbox/conversations/{id}/alert`.
async fn alert(State(platform): Shared, Path(id): Path<String>) -> Result<StatusCode, Refusal> {
    happen(&id, |id| platform.world.alert(id))
}

/// `POST /sandbox/conversations/{id}/answer`.
async fn answer(State(platform): Shared, Path(id): Path<String>) -> Result<StatusCode, Refusal> {
    happen(&id, |id| platform.world.answer(id))
}

/// `POST /sandbox/conversations/{id}/hangup`.
async fn hangup(State(platform): Shared, Path(id): Path<String>) -> Result<StatusCode, Refusal> {
    happen(&id, |id| platform.world.hangup(id))
}

/// `POST /sandbox/conversations/{id}/leave`.
async fn leave(State(platform): Shared, Path(id): Path<String>) -> Result<StatusCode, Refusal> {
    happen(&id, |id| platform.world.leave_queue(id))
}

/// Where a conversation is to be moved.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Move {
    /// Name or id of the queue.
    queue: String,
    /// Its priority there; what it has where it does not say.
    priority: Option<Priority>,
}

/// `POST /sandbox/conversations/{id}/transfer`.
async fn transfer(
    State(platform): Shared,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: String,
) -> Result<StatusCode, Refusal> {
    let to: Move = query::body(&headers, &body)?;
    let queue = queue(&platform, &to.queue)?;
    happen(&id, |id| platform.world.transfer(id, &queue, to.priority))
}

/// A priority that somebody else sets.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewPriority {
    /// The priority.
    priority: Priority,
}

/// `POST /sandbox/conversations/{id}/priority`.
async fn set_priority(
    State(platform): Shared,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: String,
) -> Result<StatusCode, Refusal> {
    let new: NewPriority = query::body(&headers, &body)?;
    happen(&id, |id| platform.world.set_priority(id, new.priority))
}

/// `GET /sandbox/writes`.
async fn writes(State(platform): Shared) -> Json<Value> {
    let writes = platform.world.writes();
    Json(writes.iter().map(conversations::write).collect())
}

/// `GET /sandbox/requests`.
async fn requests(State(platform): Shared) -> Json<Value> {
    let requests = platform.requests();
    let shown = requests.iter().map(|request| {
        json!({
            "at": view::time(request.at),
            "method": request.method,
            "path": request.path,
            "status": request.status,
            "token": request.token,
        })
    });
    Json(shown.collect())
}

/// The queue with this name or id.
fn queue(platform: &Platform, name: &str) -> Result<QueueId, Refusal> {
    let found = platform.world.queue(name);
    found.ok_or_else(|| Refusal::not_found(format!("no queue is called {name:?}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_seconds_or_have_a_unit() {
        for (json, seconds) in [
            ("90", Some(90.0)),
            ("0.5", Some(0.5)),
            ("\"90s\"", Some(90.0)),
            ("\"250ms\"", Some(0.25)),
            ("\"1.5m\"", Some(90.0)),
            ("\"2h\"", Some(7200.0)),
            ("\"7\"", Some(7.0)),
            ("-1", None),
            ("\"soon\"", None),
            ("\"5 years\"", None),
        ] {
            let span: Span = serde_json::from_str(json).unwrap();
            let found = span.duration().ok().map(|duration| duration.as_secs_f64());
            assert_eq!(found, seconds, "{json}");
        }
    }
}
