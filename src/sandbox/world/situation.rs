//! What can be seen of the world from outside: situations, writes, and why a step is refused.

use jiff::Timestamp;

use super::conversation::Conversation;
use crate::conversation::{ConversationId, Priority};

/// A priority that was set with the platform's API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// Conversation whose priority it was.
    pub conversation: ConversationId,
    /// What it was before.
    pub from: Priority,
    /// What it was set to.
    pub to: Priority,
    /// When it was applied.
    pub at: Timestamp,
    /// Which token asked for it: the first one given out is 1.
    pub token: usize,
}

/// What a conversation is at, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Situation {
    /// Planned for later.
    Scheduled,
    /// In a queue, and nobody is alerted.
    Waiting,
    /// In a queue, and an agent is alerted.
    Alerting,
    /// With an agent.
    Answered,
    /// Alive, in no queue and with no agent.
    LeftQueue,
    /// Over.
    Ended,
}

impl Situation {
    /// What this conversation is at.
    pub(super) fn of(conversation: &Conversation) -> Self {
        if conversation.end.is_some() {
            Self::Ended
        } else if conversation.ringing().is_some() {
            Self::Alerting
        } else if conversation.waiting().is_some() {
            Self::Waiting
        } else if conversation.agent().is_some() {
            Self::Answered
        } else if conversation.is_scheduled() {
            Self::Scheduled
        } else {
            Self::LeftQueue
        }
    }

    /// A word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Waiting => "waiting",
            Self::Alerting => "alerting",
            Self::Answered => "answered",
            Self::LeftQueue => "left_queue",
            Self::Ended => "ended",
        }
    }
}

/// Why a step is not possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// There is no such conversation, or it is over.
    #[error("no live conversation has this id")]
    NoConversation,
    /// There is no such queue.
    #[error("no queue has this name or id")]
    NoQueue,
    /// It is in no queue.
    #[error("the conversation is not in a queue")]
    NotWaiting,
    /// An agent is being alerted for it already.
    #[error("an agent is already alerted for the conversation")]
    Alerting,
}
