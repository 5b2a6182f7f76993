//! `GET /api/v2/notifications/availabletopics`: what there is to subscribe to, and over which transport.

use axum::{Json, extract::Query};
use serde_json::{Map, Value, json};

use super::{ANALYTICS, VIEW};

/// `GET /api/v2/notifications/availabletopics`, with the fields that are asked for with `expand`.
pub(crate) async fn available_topics(Query(query): Query<Vec<(String, String)>>) -> Json<Value> {
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
