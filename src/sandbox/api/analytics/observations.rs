//! `POST /api/v2/analytics/queues/observations/query`.
//!
//! Without pages: what is too long is cut in the middle and marked.

use std::sync::Arc;

use axum::{Json, extract::State, http::HeaderMap};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Filter, Observation, grouped, halves, known_metric, observed};
use crate::sandbox::{
    api::{Platform, answer::Refusal, query},
    view,
};

/// Dimensions by which the observations query can filter: all that the SDK has.
const OBSERVATION_DIMENSIONS: [&str; 2] = ["mediaType", "queueId"];

/// The SDK's `QueueObservationQuery`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ObservationsQuery {
    /// What to count.
    #[serde(default)]
    metrics: Vec<String>,
    /// What to list and not only count.
    #[serde(default)]
    detail_metrics: Vec<String>,
    /// Which conversations.
    filter: Option<Filter>,
}

/// `POST /api/v2/analytics/queues/observations/query`.
pub(crate) async fn observations(
    State(platform): State<Arc<Platform>>,
    headers: HeaderMap,
    body: String,
) -> Result<Json<Value>, Refusal> {
    let asked: ObservationsQuery = query::body(&headers, &body)?;
    let Some(filter) = &asked.filter else {
        return Err(Refusal::bad_request("A filter is required"));
    };
    for metric in asked.metrics.iter().chain(&asked.detail_metrics) {
        known_metric(metric)?;
    }
    let seen = observed(&platform, Some(filter), &OBSERVATION_DIMENSIONS)?;
    let by = OBSERVATION_DIMENSIONS.map(str::to_owned);
    let most = platform.options.truncate_details;
    let row = |(group, members): (_, Vec<&Observation>)| {
        let data = asked.metrics.iter().map(|metric| {
            let counted: Vec<_> = members
                .iter()
                .copied()
                .filter(|one| one.metric == metric)
                .collect();
            let mut value = json!({"metric": metric, "stats": {"count": counted.len()}});
            if asked.detail_metrics.contains(metric) {
                let (listed, truncated) = halves(&counted, most);
                value["truncated"] = json!(truncated);
                value["observations"] = listed.into_iter().map(observation).collect();
            }
            value
        });
        json!({"group": group, "data": data.collect::<Vec<_>>()})
    };
    let results: Vec<_> = grouped(&seen, &by).into_iter().map(row).collect();
    Ok(Json(json!({ "results": results })))
}

/// An observation: the SDK's `ObservationValue`.
fn observation(one: &Observation) -> Value {
    view::without_nulls(json!({
        "observationDate": view::time(one.since),
        "conversationId": one.conversation,
        "sessionId": one.session,
        "requestedRoutingSkillIds": one.skills,
        "routingPriority": one.priority,
        "participantName": one.customer,
        "userId": one.user,
        "direction": view::direction(one.media),
        "requestedRoutings": ["Standard"],
    }))
}
