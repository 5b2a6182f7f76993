//! The control endpoints: what happens in the world, asked for over HTTP.
//!
//! They stand for customers, agents, supervisors and bad luck. They need no token, count against no limit and are not
//! noted as requests. The list of them is in the documentation of [`sandbox`](crate::sandbox).

mod create;
mod span;
mod trouble;

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, State},
    routing::{get, post},
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{
    Platform, Shared,
    answer::Refusal,
    conversations::{self, known},
};
use crate::{
    conversation::{ConversationId, Priority, QueueId},
    sandbox::{
        scenario::Outcome,
        view,
        world::{Refused, World},
    },
};

/// All control routes.
pub(super) fn routes() -> Router<Arc<Platform>> {
    Router::new()
        .route("/sandbox/queues", post(create::add_queue))
        .route("/sandbox/queues/{queue}/line", get(line))
        .route("/sandbox/callbacks", post(create::add_callback))
        .route("/sandbox/calls", post(create::add_call))
        .route("/sandbox/agents", post(create::add_agents))
        .route("/sandbox/traffic", post(create::play))
        .route("/sandbox/conversations/{id}", get(situation))
        .route("/sandbox/conversations/{id}/alert", post(alert))
        .route("/sandbox/conversations/{id}/answer", post(answer))
        .route("/sandbox/conversations/{id}/hangup", post(hangup))
        .route("/sandbox/conversations/{id}/leave", post(leave))
        .route("/sandbox/conversations/{id}/transfer", post(transfer))
        .route("/sandbox/conversations/{id}/priority", post(set_priority))
        .route("/sandbox/writes", get(writes))
        .route("/sandbox/requests", get(requests))
        .route("/sandbox/outcomes", get(outcomes))
        .route("/sandbox/faults", post(trouble::ask).delete(trouble::clear))
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
    described(&platform.world, &known(&id)?)
}

/// What a conversation is at.
fn described(world: &World, id: &ConversationId) -> Result<Json<Value>, Refusal> {
    let situation = world.situation(id).ok_or(Refused::NoConversation)?;
    Ok(Json(json!({
        "conversationId": id,
        "situation": situation.word(),
        "priority": world.priority(id),
    })))
}

/// Lets something happen to a conversation, and says what it is at then.
fn happen(
    platform: &Platform,
    id: &str,
    step: impl FnOnce(&World, &ConversationId) -> Result<(), Refused>,
) -> Result<Json<Value>, Refusal> {
    let id = known(id)?;
    step(&platform.world, &id)?;
    described(&platform.world, &id)
}

/// `POST /sandbox/conversations/{id}/alert`.
async fn alert(State(platform): Shared, Path(id): Path<String>) -> Result<Json<Value>, Refusal> {
    happen(&platform, &id, World::alert)
}

/// `POST /sandbox/conversations/{id}/answer`.
async fn answer(State(platform): Shared, Path(id): Path<String>) -> Result<Json<Value>, Refusal> {
    happen(&platform, &id, World::answer)
}

/// `POST /sandbox/conversations/{id}/hangup`.
async fn hangup(State(platform): Shared, Path(id): Path<String>) -> Result<Json<Value>, Refusal> {
    happen(&platform, &id, World::hangup)
}

/// `POST /sandbox/conversations/{id}/leave`.
async fn leave(State(platform): Shared, Path(id): Path<String>) -> Result<Json<Value>, Refusal> {
    happen(&platform, &id, World::leave_queue)
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
    body: String,
) -> Result<Json<Value>, Refusal> {
    let to: Move = parse(&body)?;
    let queue = queue(&platform, &to.queue)?;
    happen(&platform, &id, |world, id| {
        world.transfer(id, &queue, to.priority)
    })
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
    body: String,
) -> Result<Json<Value>, Refusal> {
    let new: NewPriority = parse(&body)?;
    happen(&platform, &id, |world, id| {
        world.set_priority(id, new.priority)
    })
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

/// `GET /sandbox/outcomes`.
async fn outcomes(State(platform): Shared) -> Json<Value> {
    let shown = |outcome: &Outcome| {
        view::without_nulls(json!({
            "conversationId": outcome.conversation,
            "media": outcome.media.word(),
            "queueId": outcome.queue,
            "arrived": view::time(outcome.arrived),
            "entered": outcome.entered.map(view::time),
            "answered": outcome.answered.map(view::time),
            "ended": outcome.ended.map(view::time),
            "priority": outcome.priority,
        }))
    };
    Json(platform.world.outcomes().iter().map(shown).collect())
}

/// The body of a request, whatever type its header says: these endpoints are there to be used by hand.
fn parse<T: DeserializeOwned>(body: &str) -> Result<T, Refusal> {
    serde_json::from_str(body).map_err(|error| Refusal::bad_request(error.to_string()))
}

/// The queue with this name or id.
fn queue(platform: &Platform, name: &str) -> Result<QueueId, Refusal> {
    let found = platform.world.queue(name);
    found.ok_or_else(|| Refusal::not_found(format!("no queue is called {name:?}")))
}
