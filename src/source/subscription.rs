//! Gets topics onto a channel, in the form that this organisation allows.
//!
//! Queue topics discover callbacks. For each tracked conversation its acd.start and acd.end come as one combined topic,
//! or as two where that is refused, or not at all where both are refused again and again. Where queue topics are refused or none is known, the bulk form of acd.start is tried,
//! for the organisation where it is allowed. What is refused is named; the sweep finds every callback nevertheless.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use tracing::{debug, info, warn};

use crate::{
    conversation::ConversationId,
    genesys::{Channel, Failure, Genesys, Topic, TopicOutcome},
    status::Status,
};

/// How the topics of a tracked conversation are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// One topic for start and end.
    Combined,
    /// One topic each.
    Apart,
    /// Neither works: conversations are followed by the queue topics and the sweep.
    Refused,
}

impl Form {
    /// Its name in the log.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Combined => "combined",
            Self::Apart => "apart",
            Self::Refused => "refused",
        }
    }

    /// How many topics a conversation takes.
    pub(super) fn topics_each(self) -> usize {
        match self {
            Self::Combined => 1,
            Self::Apart => 2,
            Self::Refused => 0,
        }
    }

    /// The topics of a conversation in this form.
    fn topics(self, id: &ConversationId) -> Vec<Topic> {
        match self {
            Self::Combined => vec![Topic::acd(id)],
            Self::Apart => Topic::acd_apart(id).to_vec(),
            Self::Refused => Vec::new(),
        }
    }
}

/// What to subscribe to.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    /// Topics of queues.
    pub(super) queues: Vec<Topic>,
    /// Conversations that are tracked.
    pub(super) conversations: Vec<ConversationId>,
    /// The form that worked last.
    pub(super) form: Form,
    /// Whether the bulk form may be tried where a queue topic is refused.
    pub(super) bulk: bool,
    /// Whether these replace the channel's topics.
    pub(super) replace: bool,
    /// Topics of queues that were refused when they were last asked for, so that each is named once.
    pub(super) refused: Arc<Mutex<BTreeSet<String>>>,
}

/// What came of it.
#[derive(Clone, Debug)]
pub(super) struct Subscribed {
    /// The form that works.
    pub(super) form: Form,
    /// Queue topics that bring events.
    pub(super) queues: usize,
    /// Queue topics that were refused.
    pub(super) refused: usize,
    /// Whether the bulk form of acd.start was accepted.
    pub(super) bulk: bool,
    /// Conversations that were refused in every form.
    pub(super) refused_conversations: usize,
    /// Topics on the channel.
    pub(super) topics: usize,
}

impl Subscribed {
    /// Takes in what was added later.
    pub(super) fn add(&mut self, later: &Self) {
        self.form = later.form;
        self.queues += later.queues;
        self.refused += later.refused;
        self.topics += later.topics;
        self.refused_conversations = later.refused_conversations;
    }
}

/// Subscribes to what is wanted.
pub(super) async fn subscribe(
    genesys: &Genesys,
    channel: &Channel,
    wanted: &Wanted,
    status: &Status,
) -> Result<Subscribed, Failure> {
    let mut topics = wanted.queues.clone();
    let conversations = wanted.conversations.iter();
    topics.extend(conversations.flat_map(|id| wanted.form.topics(id)));
    let outcomes = genesys.subscribe(channel, &topics, wanted.replace).await?;
    let ours = |topic: &Topic| wanted.queues.contains(topic);
    let (of_queues, of_conversations): (Outcomes, Outcomes) =
        outcomes.into_iter().partition(|(topic, _)| ours(topic));
    let refused = name_refused(&of_queues, &wanted.refused, status);
    let queues = of_queues.len() - refused;
    let (form, accepted) = settle_form(genesys, channel, wanted, of_conversations).await?;
    let discovers = queues > 0 && refused == 0;
    let bulk = wanted.bulk && !discovers && subscribe_bulk(genesys, channel).await?;
    Ok(Subscribed {
        form,
        queues,
        refused,
        bulk,
        refused_conversations: if accepted == 0 {
            wanted.conversations.len()
        } else {
            0
        },
        topics: queues + accepted + usize::from(bulk),
    })
}

/// What became of some topics.
type Outcomes = Vec<(Topic, TopicOutcome)>;

/// How many were accepted.
fn accepted(outcomes: &Outcomes) -> usize {
    outcomes
        .iter()
        .filter(|(_, outcome)| outcome.is_accepted())
        .count()
}

/// Names the queue topics that are refused, and those that are not any more; how many are.
fn name_refused(outcomes: &Outcomes, before: &Mutex<BTreeSet<String>>, status: &Status) -> usize {
    let mut refused = 0;
    let mut before = before.lock().unwrap_or_else(PoisonError::into_inner);
    for (topic, outcome) in outcomes {
        let topic = topic.name();
        if let TopicOutcome::Refused(reason) = outcome {
            refused += 1;
            if before.insert(topic.to_owned()) {
                warn!(topic, reason, "topic refused");
            }
        } else if before.remove(topic) {
            info!(topic, "topic accepted again");
        }
    }
    status.update(|now| now.refused_topics += refused as u64);
    refused
}

/// Finds the form that works for the conversations, from what became of them in the form tried first; and how many topics
/// were accepted in it.
async fn settle_form(
    genesys: &Genesys,
    channel: &Channel,
    wanted: &Wanted,
    outcomes: Outcomes,
) -> Result<(Form, usize), Failure> {
    let first = accepted(&outcomes);
    if outcomes.is_empty() || first > 0 || wanted.form != Form::Combined {
        return Ok((wanted.form, first));
    }
    let apart: Vec<Topic> = wanted
        .conversations
        .iter()
        .flat_map(|id| Form::Apart.topics(id))
        .collect();
    let second = accepted(&genesys.subscribe(channel, &apart, false).await?);
    if second > 0 {
        debug!("combined topics are refused: acd.start and acd.end are subscribed to apart");
        return Ok((Form::Apart, second));
    }
    Ok((wanted.form, 0))
}

/// Tries the bulk form of acd.start; whether one was accepted.
async fn subscribe_bulk(genesys: &Genesys, channel: &Channel) -> Result<bool, Failure> {
    for topic in Topic::bulk_acd_start() {
        let outcomes = genesys
            .subscribe(channel, std::slice::from_ref(&topic), false)
            .await?;
        if outcomes.iter().any(|(_, outcome)| outcome.is_accepted()) {
            return Ok(true);
        }
    }
    Ok(false)
}
