//! Notification channels over REST.
//!
//! A request to subscribe succeeds or fails as a whole. One topic that is not valid fails it always; one that lacks a
//! permission fails it unless `ignoreErrors` is set, and is then marked `Rejected` in the answer.

mod available;

use std::{collections::HashMap, sync::Arc};

use axum::{
    Extension, Json,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Platform, TokenNumber, answer::Refusal, query};
use crate::sandbox::{
    channels::{Channel, Forms, NotSubscribed, Topic, parse},
    view,
};

pub(super) use available::available_topics;

/// The permission that queue topics need.
const VIEW: &str = "conversation:communication:view";

/// The permission that detail topics need.
const ANALYTICS: &str = "analytics:conversationDetail:view";

/// A topic that is subscribed to.
#[derive(Debug, Deserialize)]
struct Wanted {
    /// Its text.
    id: String,
}

/// What is thought of a topic that somebody wants.
enum Verdict {
    /// It is what it asks for.
    Permitted(Vec<Topic>),
    /// A permission is missing.
    Rejected(&'static str),
}

/// `POST /api/v2/notifications/channels`.
pub(super) async fn create(
    State(platform): State<Arc<Platform>>,
    Extension(TokenNumber(token)): Extension<TokenNumber>,
) -> Json<Value> {
    let token_ends = platform.tokens.ends(token);
    let token_ends = token_ends.filter(|_| platform.options.channels_end_with_token);
    let show = |channel: &Channel| shown(&platform, channel, true);
    Json(platform.channels.create(token, token_ends, show))
}

/// `GET /api/v2/notifications/channels`: those of the token, or of the whole client without their ids.
pub(super) async fn list(
    State(platform): State<Arc<Platform>>,
    Extension(TokenNumber(token)): Extension<TokenNumber>,
    Query(query): Query<HashMap<String, String>>,
) -> Json<Value> {
    let of_client = query.get("includechannels").map(String::as_str) == Some("oauthclient");
    let entity = |channel: &Channel| {
        let own = channel.token == token;
        (of_client || own).then(|| shown(&platform, channel, own))
    };
    let entities: Vec<_> = platform
        .channels
        .each(entity)
        .into_iter()
        .flatten()
        .collect();
    Json(json!({ "entities": entities }))
}

/// A channel as REST shows it; its id is for nobody but the token that made it.
fn shown(platform: &Platform, channel: &Channel, own: bool) -> Value {
    let id = own.then_some(&channel.id);
    view::without_nulls(json!({
        "connectUri": id.map(|id| format!("ws://{}/channels/{id}", platform.authority)),
        "id": id,
        "expires": view::time(channel.expires),
    }))
}

/// `HEAD /api/v2/notifications/channels/{id}`.
pub(super) async fn exists(
    State(platform): State<Arc<Platform>>,
    Path(id): Path<String>,
) -> Result<StatusCode, Refusal> {
    let found = platform.channels.ends(&id);
    found.map(|_| StatusCode::OK).ok_or_else(gone)
}

/// `GET` of a channel's subscriptions.
pub(super) async fn subscriptions(
    State(platform): State<Arc<Platform>>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let permitted = |text: &String| entry(text, None);
    let entities = platform.channels.with(&id, |channel| {
        let subscriptions = channel.subscriptions.iter();
        subscriptions.map(permitted).collect::<Vec<_>>()
    });
    let entities = entities.ok_or_else(gone)?;
    Ok(Json(json!({ "entities": entities })))
}

/// `POST` of subscriptions: these as well.
pub(super) async fn add(
    State(platform): State<Arc<Platform>>,
    Path(id): Path<String>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
    body: String,
) -> Result<Json<Value>, Refusal> {
    let wanted: Vec<Wanted> = query::body(&headers, &body)?;
    subscribe(&platform, &id, wanted, &query, false)
}

/// `PUT` of subscriptions: these and no others.
pub(super) async fn replace(
    State(platform): State<Arc<Platform>>,
    Path(id): Path<String>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
    body: String,
) -> Result<Json<Value>, Refusal> {
    let wanted: Vec<Wanted> = query::body(&headers, &body)?;
    subscribe(&platform, &id, wanted, &query, true)
}

/// `DELETE` of a channel's subscriptions.
pub(super) async fn remove(
    State(platform): State<Arc<Platform>>,
    Path(id): Path<String>,
) -> Result<StatusCode, Refusal> {
    if platform.channels.unsubscribe(&id) {
        Ok(StatusCode::OK)
    } else {
        Err(gone())
    }
}

/// Subscribes a channel, all or nothing unless errors of permission are to be ignored.
fn subscribe(
    platform: &Platform,
    id: &str,
    wanted: Vec<Wanted>,
    query: &HashMap<String, String>,
    replace: bool,
) -> Result<Json<Value>, Refusal> {
    let ignore = query
        .get("ignoreErrors")
        .is_some_and(|value| value == "true");
    let texts = wanted.into_iter().map(|wanted| wanted.id).collect();
    let entities = subscribe_to(platform, id, texts, ignore, replace)?;
    Ok(Json(json!({ "entities": entities })))
}

/// Subscribes a channel to topics and says of each what became of it.
pub(super) fn subscribe_to(
    platform: &Platform,
    id: &str,
    texts: Vec<String>,
    ignore_errors: bool,
    replace: bool,
) -> Result<Vec<Value>, Refusal> {
    platform.channels.ends(id).ok_or_else(gone)?;
    let (mut permitted, mut entities) = (Vec::new(), Vec::new());
    for text in texts {
        match judge(platform, &text)? {
            Verdict::Permitted(topics) => {
                entities.push(entry(&text, None));
                permitted.push((text, topics));
            }
            Verdict::Rejected(permission) if ignore_errors => {
                entities.push(entry(&text, Some(permission)));
            }
            Verdict::Rejected(permission) => return Err(Refusal::forbidden(permission)),
        }
    }
    match platform.channels.subscribe(id, permitted, replace) {
        Ok(()) => Ok(entities),
        Err(NotSubscribed::NoChannel) => Err(gone()),
        Err(NotSubscribed::TooManyTopics) => Err(Refusal::bad_request(format!(
            "A channel is limited to {} topics",
            platform.options.limits.max_topics
        ))),
    }
}

/// What is thought of a topic; one that is not valid fails the whole request, whatever is to be ignored.
fn judge(platform: &Platform, text: &str) -> Result<Verdict, Refusal> {
    let topics = parse(text, Forms::from(&platform.options)).ok_or_else(|| {
        Refusal::new(
            StatusCode::BAD_REQUEST,
            "notification.invalid.topic",
            "The subscription topic is not valid.",
        )
    })?;
    let allowed = |topic: &Topic| match topic {
        Topic::Queue(queue, _) => {
            platform.options.queue_topics
                && platform.world.look(|state, _| state.queue(queue).is_some())
        }
        Topic::Detail(..) | Topic::Bulk(_) => true,
    };
    if topics.iter().all(allowed) && !platform.plan.rejects(text) {
        return Ok(Verdict::Permitted(topics));
    }
    let queue = topics.iter().any(|topic| matches!(topic, Topic::Queue(..)));
    Ok(Verdict::Rejected(if queue { VIEW } else { ANALYTICS }))
}

/// A subscription as REST shows it: the SDK's `ChannelTopic`.
fn entry(text: &str, missing: Option<&str>) -> Value {
    let reason = missing.map(|permission| format!("Missing permission: {permission}"));
    view::without_nulls(json!({
        "id": text,
        "state": if missing.is_some() { "Rejected" } else { "Permitted" },
        "rejectionReason": reason,
        "missingPermissions": missing.map(|permission| [permission]),
        "selfUri": format!("/api/v2/notifications/availabletopics/{text}"),
    }))
}

/// There is no such channel, or not any more.
fn gone() -> Refusal {
    Refusal::not_found("The notification channel was not found.")
}
