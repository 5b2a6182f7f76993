//! Gets topics onto a channel, in the form that this organisation allows.
//!
//! Queue topics discover callbacks. For each tracked conversation its acd.start and acd.end come as one combined topic,
//! or as two where that is refused, or not at all. Where queue topics are refused, the bulk form of acd.start is tried,
//! for the organisation where it is allowed. What is refused is named; the sweep finds every callback nevertheless.

use tracing::{debug, warn};

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
}

impl Subscribed {
    /// How many queue topics were asked for.
    pub(super) fn queues_asked(&self) -> usize {
        self.queues + self.refused
    }

    /// Takes in what was added later.
    pub(super) fn add(&mut self, later: &Self) {
        self.form = later.form;
        self.queues += later.queues;
        self.refused += later.refused;
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
    let (of_queues, of_conversations) = outcomes.split_at(wanted.queues.len().min(outcomes.len()));
    let refused = name_refused(of_queues, status);
    let form = settle_form(genesys, channel, wanted, of_conversations).await?;
    let bulk = wanted.bulk && refused > 0 && subscribe_bulk(genesys, channel).await?;
    Ok(Subscribed {
        form,
        queues: of_queues.len() - refused,
        refused,
        bulk,
    })
}

/// Names the queue topics that were refused; how many there are.
fn name_refused(outcomes: &[(Topic, TopicOutcome)], status: &Status) -> usize {
    let mut refused = 0;
    for (topic, outcome) in outcomes {
        if let TopicOutcome::Refused(reason) = outcome {
            refused += 1;
            warn!(topic = topic.name(), reason, "topic refused");
        }
    }
    status.update(|now| now.refused_topics += refused as u64);
    refused
}

/// Finds the form that works for the conversations, from what became of them in the form tried first.
async fn settle_form(
    genesys: &Genesys,
    channel: &Channel,
    wanted: &Wanted,
    outcomes: &[(Topic, TopicOutcome)],
) -> Result<Form, Failure> {
    let all_refused = |outcomes: &[(Topic, TopicOutcome)]| {
        !outcomes.is_empty() && !outcomes.iter().any(|(_, outcome)| outcome.is_accepted())
    };
    if !all_refused(outcomes) {
        return Ok(wanted.form);
    }
    if wanted.form == Form::Combined {
        let apart: Vec<Topic> = wanted
            .conversations
            .iter()
            .flat_map(|id| Form::Apart.topics(id))
            .collect();
        if !all_refused(&genesys.subscribe(channel, &apart, false).await?) {
            debug!("combined topics are refused: acd.start and acd.end are subscribed to apart");
            return Ok(Form::Apart);
        }
    }
    warn!(
        "acd.start and acd.end of conversations are refused: answers and transfers are seen by other events or by the next sweep"
    );
    Ok(Form::Refused)
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
