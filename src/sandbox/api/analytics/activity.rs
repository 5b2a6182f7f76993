//! `POST /api/v2/analytics/conversations/activity/query`.
//!
//! A page is cut out of all entities in order of time, and each group's row holds what of the page belongs to it. A
//! client that asks for pages until no row has entities has seen everything once.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Json,
    extract::{Query, State},
    http::HeaderMap,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Filter, Observation, group_of, grouped, halves, known_dimension, known_metric, observed,
};
use crate::sandbox::{
    api::{
        Platform,
        answer::Refusal,
        query::{self, Page},
    },
    view,
};

/// Dimensions by which the activity query can group and filter in the sandbox.
const ACTIVITY_DIMENSIONS: [&str; 4] = ["mediaType", "queueId", "conversationId", "direction"];

/// The SDK's `ConversationActivityQuery`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ActivityQuery {
    /// What to count.
    #[serde(default)]
    metrics: Vec<Metric>,
    /// Dimensions to group by; none for one group.
    #[serde(default)]
    group_by: Vec<String>,
    /// Which conversations.
    filter: Option<Filter>,
    /// `asc` or `desc` by time.
    order: Option<String>,
}

/// One thing to count.
#[derive(Debug, Deserialize)]
struct Metric {
    /// Its name.
    metric: String,
    /// Whether to list the conversations and not only count them.
    #[serde(default)]
    details: bool,
}

/// `POST /api/v2/analytics/conversations/activity/query`.
pub(crate) async fn activity(
    State(platform): State<Arc<Platform>>,
    Query(page): Query<Page>,
    headers: HeaderMap,
    body: String,
) -> Result<Json<Value>, Refusal> {
    let asked: ActivityQuery = query::body(&headers, &body)?;
    let page = page.at_most(platform.options.activity_page_max)?;
    if asked.metrics.is_empty() {
        return Err(Refusal::bad_request("At least one metric is required"));
    }
    for metric in &asked.metrics {
        known_metric(&metric.metric)?;
    }
    for dimension in &asked.group_by {
        known_dimension(dimension, &ACTIVITY_DIMENSIONS)?;
    }
    let by_queue = asked.filter.as_ref().is_some_and(|it| it.names("queueId"));
    if platform.options.queue_filter_required && !by_queue {
        return Err(Refusal::bad_request("A queueId predicate is required"));
    }
    let mut seen = observed(&platform, asked.filter.as_ref(), &ACTIVITY_DIMENSIONS)?;
    seen.retain(|one| {
        asked
            .metrics
            .iter()
            .any(|metric| metric.metric == one.metric)
    });
    if asked.order.as_deref() == Some("desc") {
        seen.reverse();
    }
    Ok(Json(json!({
        "results": rows(&asked, &seen, page, platform.options.truncate_details),
        "entityIdDimension": "conversationId",
    })))
}

/// The rows of an activity answer: one for each group, with the entities that are on the page.
fn rows(
    asked: &ActivityQuery,
    seen: &[Observation],
    page: Page,
    truncate: Option<usize>,
) -> Vec<Value> {
    let detailed = |one: &&Observation| {
        let mut metrics = asked.metrics.iter();
        metrics.any(|metric| metric.details && metric.metric == one.metric)
    };
    let entities: Vec<_> = seen.iter().filter(detailed).collect();
    let (entities, truncated) = halves(&entities, truncate);
    let on_page = page.of(&entities);
    let groups = grouped(seen, &asked.group_by);
    let row = |(group, members): (BTreeMap<String, String>, Vec<&Observation>)| {
        let entities: Vec<_> = on_page
            .iter()
            .filter(|one| group_of(one, &asked.group_by) == group)
            .collect();
        let count = |metric: &Metric| {
            let counts = |one: &&&Observation| one.metric == metric.metric;
            let ids = entities.iter().filter(|one| one.metric == metric.metric);
            json!({
                "metric": metric.metric,
                "count": members.iter().filter(counts).count(),
                "entityIds": ids.map(|one| one.conversation.to_string()).collect::<Vec<_>>(),
            })
        };
        json!({
            "group": group,
            "data": asked.metrics.iter().map(count).collect::<Vec<_>>(),
            "truncated": truncated,
            "entities": entities.iter().map(|one| entity(one)).collect::<Vec<_>>(),
        })
    };
    groups.into_iter().map(row).collect()
}

/// An entity of an activity answer: the SDK's `ConversationActivityEntityData`.
fn entity(one: &Observation) -> Value {
    view::without_nulls(json!({
        "activityDate": view::time(one.since),
        "metric": one.metric,
        "conversationId": one.conversation,
        "sessionId": one.session,
        "mediaType": one.media.word(),
        "direction": view::direction(one.media),
        "queueId": one.queue,
        "userId": one.user,
        "routingPriority": one.priority,
        "requestedRoutingSkillIds": one.skills,
        "requestedRoutings": ["Standard"],
        "participantName": one.customer,
    }))
}
