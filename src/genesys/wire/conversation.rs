//! A conversation as REST and the callback topics show it.

use jiff::Timestamp;
use serde::Deserialize;

use super::lenient::{Field, lenient};
use crate::conversation::{ConversationId, ParticipantId, QueueId};

/// `GET /api/v2/conversations/{id}` and the body of a queue topic's event.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Conversation {
    /// Absent only in bodies that are no conversation.
    #[serde(deserialize_with = "lenient")]
    pub(crate) id: Option<ConversationId>,
    /// Present once the conversation is over.
    #[serde(deserialize_with = "lenient")]
    pub(crate) end_time: Option<Timestamp>,
    /// Every leg, oldest first as far as recorded.
    pub(crate) participants: Vec<Participant>,
}

/// One leg. Over REST its callbacks are listed; in the callback topics their fields are the participant's own.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Participant {
    /// The leg's own id: of an ACD leg, the visit.
    #[serde(deserialize_with = "lenient")]
    pub(crate) id: Option<ParticipantId>,
    /// Whose it is.
    #[serde(deserialize_with = "lenient")]
    pub(crate) purpose: Option<Purpose>,
    /// When the leg was created; absent in some topics.
    #[serde(deserialize_with = "lenient")]
    pub(crate) start_time: Option<Timestamp>,
    /// Of an ACD leg, the moment it entered the queue.
    #[serde(deserialize_with = "lenient")]
    pub(crate) connected_time: Option<Timestamp>,
    /// Present once the leg is over.
    #[serde(deserialize_with = "lenient")]
    pub(crate) end_time: Option<Timestamp>,
    /// REST form of the queue.
    #[serde(deserialize_with = "lenient")]
    pub(crate) queue_id: Option<QueueId>,
    /// Topic form of the queue.
    #[serde(deserialize_with = "lenient")]
    pub(crate) queue: Option<QueueReference>,
    /// Where the priority is.
    #[serde(deserialize_with = "lenient")]
    pub(crate) conversation_routing_data: Option<RoutingData>,
    /// REST form: the callbacks of this leg.
    #[serde(deserialize_with = "lenient")]
    pub(crate) callbacks: Option<Vec<Callback>>,
    /// Topic form: the state of the leg's only callback.
    #[serde(deserialize_with = "lenient")]
    pub(crate) state: Option<LegState>,
    /// Topic form: when a scheduled callback is due.
    #[serde(deserialize_with = "lenient")]
    pub(crate) callback_scheduled_time: Option<Timestamp>,
    /// Topic form: what the leg's only callback is, where it is a voicemail.
    #[serde(deserialize_with = "lenient")]
    pub(crate) voicemail: Option<Present>,
}

/// Something of which it matters that it is there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Present;

/// Whose leg a participant is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The caller's: `customer` or `external`.
    Customer,
    /// The queue's: `acd`.
    Queue,
    /// The one who answers: `agent` or `user`.
    Agent,
    /// Any other: `workflow`, `voicemail`, ...
    Other,
}

impl Field for Purpose {
    fn text(word: &str) -> Option<Self> {
        const WORDS: [(&str, Purpose); 5] = [
            ("acd", Purpose::Queue),
            ("customer", Purpose::Customer),
            ("external", Purpose::Customer),
            ("agent", Purpose::Agent),
            ("user", Purpose::Agent),
        ];
        Some(meaning(word, &WORDS).unwrap_or(Self::Other))
    }
}

/// State of a leg's callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LegState {
    /// In routing; there is no `waiting`.
    Connected,
    /// It does not come back: `disconnected` or `terminated`.
    Finished,
    /// Any other: `scheduled`, `alerting`, ...
    Other,
}

impl Field for LegState {
    fn text(word: &str) -> Option<Self> {
        const WORDS: [(&str, LegState); 3] = [
            ("connected", LegState::Connected),
            ("disconnected", LegState::Finished),
            ("terminated", LegState::Finished),
        ];
        Some(meaning(word, &WORDS).unwrap_or(Self::Other))
    }
}

/// What a word of the platform's means; letter case is ignored.
fn meaning<T: Copy>(word: &str, words: &[(&str, T)]) -> Option<T> {
    let known = words.iter().find(|(one, _)| word.eq_ignore_ascii_case(one));
    known.map(|(_, meaning)| *meaning)
}

/// A reference to a queue.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct QueueReference {
    /// Its id.
    #[serde(deserialize_with = "lenient")]
    pub(crate) id: Option<QueueId>,
}

/// How a leg is routed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct RoutingData {
    /// Points; 0 where nothing was set.
    #[serde(deserialize_with = "lenient")]
    pub(crate) priority: Option<i64>,
    /// The queue once more.
    #[serde(deserialize_with = "lenient")]
    pub(crate) queue: Option<QueueReference>,
    /// Agents with a preference.
    #[serde(rename = "scoredAgents", deserialize_with = "lenient")]
    pub(crate) scored_agents: Option<Vec<ScoredAgent>>,
}

/// An agent with a preference.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ScoredAgent {
    /// 0 to 100.
    #[serde(deserialize_with = "lenient")]
    pub(crate) score: Option<i64>,
}

/// The callback of a leg, REST form.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Callback {
    /// Its state.
    #[serde(deserialize_with = "lenient")]
    pub(crate) state: Option<LegState>,
    /// When it stopped being scheduled.
    #[serde(deserialize_with = "lenient")]
    pub(crate) connected_time: Option<Timestamp>,
    /// When it is due; absent: at once.
    #[serde(rename = "callbackScheduledTime", deserialize_with = "lenient")]
    pub(crate) due: Option<Timestamp>,
    /// What it is, where it is a voicemail that was left for a queue.
    #[serde(deserialize_with = "lenient")]
    pub(crate) voicemail: Option<Present>,
}
