//! Notification channels over REST, and the list of topics there are.

use std::{collections::HashMap, sync::Arc};

use axum::{
    Extension, Json,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Platform, TokenNumber, answer::Refusal, query};
use crate::sandbox::{
    channels::{Channel, Forms, NotSubscribed, Topic, parse},
    view,
};

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
    let channel = platform.channels.create(token);
    Json(shown(&platform, &channel, true))
}

/// `GET /api/v2/notifications/channels`: those of the token, or of the whole client without their ids.
pub(super) async fn list(
    State(platform): State<Arc<Platform>>,
    Extension(TokenNumber(token)): Extension<TokenNumber>,
    Query(query): Query<HashMap<String, String>>,
) -> Json<Value> {
    let of_client = query.get("includechannels").map(String::as_str) == Some("oauthclient");
    let entities: Vec<_> = platform
        .channels
        .all()
        .iter()
        .filter(|channel| of_client || channel.token == token)
        .map(|channel| shown(&platform, channel, channel.token == token))
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
    let found = platform.channels.get(&id);
    found.map(|_| StatusCode::OK).ok_or_else(gone)
}

/// `GET` of a channel's subscriptions.
pub(super) async fn subscriptions(
    State(platform): State<Arc<Platform>>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let channel = platform.channels.get(&id).ok_or_else(gone)?;
    let permitted = |text: &String| entry(text, None);
    let entities: Vec<_> = channel.subscriptions.iter().map(permitted).collect();
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
    platform.channels.get(id).ok_or_else(gone)?;
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

/// `GET /api/v2/notifications/availabletopics`, with the fields that are asked for with `expand`.
pub(super) async fn available_topics(Query(query): Query<Vec<(String, String)>>) -> Json<Value> {
    let wanted: Vec<_> = query
        .iter()
        .filter(|(name, _)| name == "expand")
        .flat_map(|(_, value)| value.split(','))
        .collect();
    let entities: Vec<_> = all_topics()
        .into_iter()
        .map(|(id, fields)| {
            let mut shown = Map::from_iter([("id".to_owned(), json!(id))]);
            let asked_for = |(name, _): &(String, Value)| wanted.contains(&name.as_str());
            shown.extend(fields.into_iter().filter(asked_for));
            Value::Object(shown)
        })
        .collect();
    Json(json!({ "entities": entities }))
}

/// Every topic there is, with everything that can be asked about it.
fn all_topics() -> Vec<(&'static str, Map<String, Value>)> {
    let topic = |id, description: &str, permission: &str, transports: &[&str]| {
        let fields = json!({
            "description": description,
            "enforced": true,
            "visibility": "Public",
            "transports": transports,
            "requiresPermissions": [permission],
            "topicParameters": ["id"],
        });
        let Value::Object(fields) = fields else {
            return (id, Map::new());
        };
        (id, fields)
    };
    let (all, sockets) = (
        ["Websocket", "EventBridge", "ProcessAutomation"],
        ["Websocket", "EventBridge"],
    );
    vec![
        topic(
            "v2.detail.events.conversation.{id}.acd.start",
            "A conversation began to wait in a queue",
            ANALYTICS,
            &all,
        ),
        topic(
            "v2.detail.events.conversation.{id}.acd.end",
            "A conversation stopped waiting in a queue",
            ANALYTICS,
            &all,
        ),
        topic(
            "v2.routing.queues.{id}.conversations",
            "Conversations of a queue",
            VIEW,
            &sockets,
        ),
        topic(
            "v2.routing.queues.{id}.conversations.calls",
            "Calls of a queue",
            VIEW,
            &sockets,
        ),
        topic(
            "v2.routing.queues.{id}.conversations.callbacks",
            "Callbacks of a queue",
            VIEW,
            &sockets,
        ),
    ]
}
