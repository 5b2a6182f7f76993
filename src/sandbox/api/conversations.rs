//! Conversations: reading one in either form, and setting what routing knows of it.

use std::sync::Arc;

use axum::{
    Extension, Json,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Platform, TokenNumber, answer::Refusal, query};
use crate::{
    conversation::{ConversationId, Priority},
    sandbox::{
        view,
        world::{Conversation, Media, Refused, Write},
    },
};

/// The permission that a write needs.
const EDIT: &str = "routing:conversation:edit";

/// `GET /api/v2/conversations/{id}`.
pub(super) async fn nested(
    State(platform): State<Arc<Platform>>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let id = known(&id)?;
    platform.world.look(|state, now| {
        let conversation = state.conversation(&id).map_err(|_| absent(&id))?;
        Ok(Json(view::nested(state, conversation, now)))
    })
}

/// `GET /api/v2/conversations/callbacks/{id}`.
pub(super) async fn callback(
    platform: State<Arc<Platform>>,
    id: Path<String>,
) -> Result<Json<Value>, Refusal> {
    flat(&platform, &id, Media::Callback)
}

/// `GET /api/v2/conversations/calls/{id}`.
pub(super) async fn call(
    platform: State<Arc<Platform>>,
    id: Path<String>,
) -> Result<Json<Value>, Refusal> {
    flat(&platform, &id, Media::Call)
}

/// A conversation of one medium in the flat form.
fn flat(platform: &Platform, id: &str, media: Media) -> Result<Json<Value>, Refusal> {
    let id = known(id)?;
    platform.world.look(|state, now| {
        let found = state.conversation(&id).ok();
        let of_kind = |conversation: &&Conversation| conversation.media == media;
        let conversation = found.filter(of_kind).ok_or_else(|| absent(&id))?;
        Ok(Json(view::flat(state, conversation, now)))
    })
}

/// What may be set: the SDK's `RoutingConversationAttributesRequest`. What is absent stays as it is.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Attributes {
    /// Priority, as it came: its range is checked here and not by the parser.
    priority: Option<i64>,
    /// Ids of all skills it is to ask for.
    skill_ids: Option<Vec<String>>,
    /// Id of the language it is to ask for.
    language_id: Option<String>,
}

/// `PATCH /api/v2/routing/conversations/{id}`.
pub(super) async fn set_attributes(
    State(platform): State<Arc<Platform>>,
    Extension(TokenNumber(token)): Extension<TokenNumber>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: String,
) -> Result<Json<Value>, Refusal> {
    let id = known(&id)?;
    let attributes: Attributes = query::body(&headers, &body)?;
    let priority = attributes.priority.map(in_range).transpose()?;
    let queue = platform.world.look(|state, _| {
        let conversation = state.conversation(&id).map_err(|_| absent(&id))?;
        Ok::<_, Refusal>(conversation.waiting().map(|leg| leg.queue.clone()))
    })?;
    if queue.is_some_and(|queue| platform.plan.forbids(&queue)) {
        return Err(Refusal::forbidden(EDIT));
    }
    let outcome = platform
        .world
        .set_attributes(&id, priority, attributes.skill_ids, token);
    match outcome {
        Ok(()) => Ok(Json(platform.world.look(|state, now| {
            let found = state.conversation(&id).ok();
            found.map_or(Value::Null, |found| {
                updated(found, now, attributes.language_id.as_deref())
            })
        }))),
        Err(Refused::NoConversation | Refused::NotWaiting) => {
            let status = platform.options.not_waiting_status;
            let message = format!("Conversation {id} is not in a queue");
            Err(Refusal {
                message,
                ..Refusal::with_status(status, None)
            })
        }
        Err(other) => Err(other.into()),
    }
}

/// The values of everything that may be set.
fn updated(conversation: &Conversation, now: jiff::Timestamp, language: Option<&str>) -> Value {
    let priority = conversation
        .last_acd()
        .map_or(0, |leg| conversation.priority(leg, now).points());
    let skill = |id: &String| json!({"id": id, "selfUri": format!("/api/v2/routing/skills/{id}")});
    let mut value = json!({
        "priority": priority,
        "skills": conversation.skills.iter().map(skill).collect::<Vec<_>>(),
        "scoredAgents": [],
    });
    if let Some(language) = language {
        value["language"] = json!({"id": language});
    }
    value
}

/// A priority within the platform's range.
fn in_range(points: i64) -> Result<Priority, Refusal> {
    Priority::new(points).ok_or_else(|| {
        Refusal::new(
            StatusCode::BAD_REQUEST,
            "invalid.value",
            format!(
                "priority {points} is out of range: [{}, {}]",
                Priority::MIN,
                Priority::MAX
            ),
        )
    })
}

/// An id that could be a conversation's.
pub(super) fn known(id: &str) -> Result<ConversationId, Refusal> {
    id.parse()
        .map_err(|_| Refusal::bad_request("The conversation id is not valid."))
}

/// There is no such conversation.
fn absent(id: &ConversationId) -> Refusal {
    Refusal::not_found(format!("Unable to find conversation with id {id}"))
}

/// A write, as the control endpoints show it.
pub(super) fn write(write: &Write) -> Value {
    json!({
        "conversationId": write.conversation,
        "from": write.from,
        "to": write.to,
        "at": view::time(write.at),
        "token": write.token,
    })
}
