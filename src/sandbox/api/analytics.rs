//! What waits in the queues right now: the activity and the observations query.
//!
//! Both look at the same thing, conversations in queues, and differ in form. Filters are evaluated, not skipped: a
//! dimension that the sandbox does not evaluate is refused, because an answer that ignored it would be wrong.

mod filter;

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Json,
    extract::{Query, State},
    http::HeaderMap,
};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Platform,
    answer::Refusal,
    query::{self, Page},
};
use crate::{
    conversation::{ConversationId, Priority, QueueId},
    sandbox::{
        view,
        world::{Conversation, Leg, Media, State as World},
    },
};
use filter::Filter;

/// One conversation in a queue, as analytics sees it.
#[derive(Clone, Debug)]
struct Observation {
    /// Which metric it counts for.
    metric: &'static str,
    /// The conversation.
    conversation: ConversationId,
    /// Session of the leg that it is observed on.
    session: String,
    /// Queue it is in.
    queue: QueueId,
    /// Its medium.
    media: Media,
    /// When it entered the queue, was alerted, or was answered.
    since: Timestamp,
    /// Its priority.
    priority: Priority,
    /// The customer's name.
    customer: String,
    /// The agent's user id, where there is an agent.
    user: Option<String>,
    /// Skills it asks for.
    skills: Vec<String>,
}

impl Observation {
    /// What a filter calls this dimension; nothing for one that is not evaluated.
    fn dimension(&self, name: &str) -> Option<String> {
        match name {
            "mediaType" => Some(self.media.word().to_owned()),
            "queueId" => Some(self.queue.to_string()),
            "conversationId" => Some(self.conversation.to_string()),
            "direction" => Some(view::direction(self.media).to_owned()),
            _ => None,
        }
    }
}

/// Dimensions by which the activity query can group and filter in the sandbox.
const ACTIVITY_DIMENSIONS: [&str; 4] = ["mediaType", "queueId", "conversationId", "direction"];

/// Dimensions by which the observations query can filter: all that the SDK has.
const OBSERVATION_DIMENSIONS: [&str; 2] = ["mediaType", "queueId"];

/// The SDK's `ConversationActivityQuery`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ActivityQuery {
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
pub(super) async fn activity(
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

/// Of a list that is too long, its first and its last part, in halves; and whether it was too long.
fn halves<'a>(list: &[&'a Observation], most: Option<usize>) -> (Vec<&'a Observation>, bool) {
    match most {
        Some(most) if list.len() > most => {
            let oldest = most.div_ceil(2);
            let newest = list.len() - (most - oldest);
            let halves = list[..oldest].iter().chain(&list[newest..]);
            (halves.copied().collect(), true)
        }
        _ => (list.to_vec(), false),
    }
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

/// The SDK's `QueueObservationQuery`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ObservationsQuery {
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
pub(super) async fn observations(
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

/// Everything in a queue that a filter lets through, oldest first.
fn observed(
    platform: &Platform,
    filter: Option<&Filter>,
    dimensions: &[&str],
) -> Result<Vec<Observation>, Refusal> {
    if let Some(filter) = filter {
        filter.check(&|name| known_dimension(name, dimensions))?;
    }
    let both = platform.options.alerting_counts_as_waiting;
    let mut seen = platform.world.look(|state, now| all(state, now, both));
    seen.retain(|one| filter.is_none_or(|filter| filter.lets_through(&|name| one.dimension(name))));
    seen.sort_by(|a, b| (a.since, &a.conversation).cmp(&(b.since, &b.conversation)));
    Ok(seen)
}

/// Everything that is in a queue or with an agent.
fn all(state: &World, now: Timestamp, alerting_waits: bool) -> Vec<Observation> {
    let mut seen = Vec::new();
    for id in &state.order {
        let Ok(conversation) = state.conversation(id) else {
            continue;
        };
        let (waiting, agent) = (conversation.waiting(), conversation.agent());
        let mut note = |metric, leg: &Leg, since| {
            seen.push(observe(conversation, metric, leg, since, now));
        };
        match (waiting, agent) {
            (Some(leg), None) => note("oWaiting", leg, leg.entered()),
            (Some(leg), Some(agent)) => {
                if alerting_waits {
                    note("oWaiting", leg, leg.entered());
                }
                note("oAlerting", agent, agent.start);
            }
            (None, Some(agent)) => note("oInteracting", agent, agent.entered()),
            (None, None) => {}
        }
    }
    seen
}

/// One conversation as it counts for a metric.
fn observe(
    conversation: &Conversation,
    metric: &'static str,
    leg: &Leg,
    since: Timestamp,
    now: Timestamp,
) -> Observation {
    let acd = conversation.last_acd().unwrap_or(leg);
    Observation {
        metric,
        conversation: conversation.id.clone(),
        session: leg.session.clone(),
        queue: leg.queue.clone(),
        media: conversation.media,
        since,
        priority: conversation.priority(acd, now),
        customer: conversation.customer.name.clone(),
        user: leg.user.as_ref().map(|user| user.id.clone()),
        skills: conversation.skills.clone(),
    }
}

/// Observations by the values of these dimensions.
fn grouped<'a>(
    seen: &'a [Observation],
    by: &[String],
) -> BTreeMap<BTreeMap<String, String>, Vec<&'a Observation>> {
    let mut groups = BTreeMap::<_, Vec<_>>::new();
    for one in seen {
        groups.entry(group_of(one, by)).or_default().push(one);
    }
    groups
}

/// The group that an observation belongs to.
fn group_of(one: &Observation, by: &[String]) -> BTreeMap<String, String> {
    by.iter()
        .filter_map(|name| Some((name.clone(), one.dimension(name)?)))
        .collect()
}

/// Refuses metrics that the sandbox does not have.
fn known_metric(name: &str) -> Result<(), Refusal> {
    match name {
        "oWaiting" | "oAlerting" | "oInteracting" => Ok(()),
        other => Err(Refusal::bad_request(format!("Unknown metric: {other}"))),
    }
}

/// Refuses dimensions that the sandbox does not evaluate.
fn known_dimension(name: &str, known: &[&str]) -> Result<(), Refusal> {
    if known.contains(&name) {
        return Ok(());
    }
    let message = format!("Unsupported dimension: {name}");
    Err(Refusal::bad_request(message))
}
