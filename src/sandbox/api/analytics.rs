//! What waits in the queues right now: the activity and the observations query.
//!
//! Both look at the same thing, conversations in queues, and differ in form. Filters are evaluated, not skipped: a
//! dimension that the sandbox does not evaluate is refused, because an answer that ignored it would be wrong.

mod activity;
mod filter;
mod observations;

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Platform, answer::Refusal};
use crate::{
    conversation::{ConversationId, Priority, QueueId},
    sandbox::{
        view,
        world::{Conversation, Leg, Media, Purpose, State as World, minus},
    },
};
use filter::Filter;

pub(super) use activity::activity;
pub(super) use observations::observations;

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
    let lag = platform.options.analytics_lag;
    let mut seen = platform
        .world
        .look(|state, now| all(state, minus(now, lag), both));
    seen.retain(|one| filter.is_none_or(|filter| filter.lets_through(&|name| one.dimension(name))));
    seen.sort_by(|a, b| (a.since, &a.conversation).cmp(&(b.since, &b.conversation)));
    Ok(seen)
}

/// Everything that was in a queue or with an agent at a time.
fn all(state: &World, at: Timestamp, alerting_waits: bool) -> Vec<Observation> {
    let mut seen = Vec::new();
    for conversation in state
        .order
        .iter()
        .filter_map(|id| state.conversation(id).ok())
    {
        let then = |leg: &&Leg| leg.start <= at && leg.end.is_none_or(|end| end > at);
        let connected = |leg: &Leg| leg.connected.is_some_and(|since| since <= at);
        let of = |purpose| {
            let mut legs = conversation.legs.iter().rev().filter(then);
            legs.find(|leg| leg.purpose == purpose)
        };
        let waiting = of(Purpose::Acd).filter(|leg| connected(leg));
        let agent = of(Purpose::Agent);
        let mut note = |metric, leg: &Leg, since| {
            seen.push(observe(conversation, metric, leg, since, at));
        };
        if let Some(leg) = waiting.filter(|_| agent.is_none() || alerting_waits) {
            note("oWaiting", leg, leg.entered());
        }
        match agent {
            Some(leg) if connected(leg) => note("oInteracting", leg, leg.entered()),
            Some(leg) => note("oAlerting", leg, leg.start),
            None => {}
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
