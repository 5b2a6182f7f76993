//! The platform's nouns: conversations, participants, queues, priorities, and what was seen of a callback.
//!
//! Parsed once at the edge, valid ever after. Nothing here knows JSON, HTTP or time: `genesys` fills these types in,
//! `policy` decides on them, `tracker` acts on them.

mod id;

mod organization;

mod priority;

use std::{collections::BTreeMap, fmt};

use jiff::Timestamp;

pub use id::{ConversationId, InvalidId, ParticipantId, QueueId, SessionId};
pub use organization::{InvalidName, Organization};
pub use priority::Priority;

/// One stay of a conversation in a queue: one ACD leg.
///
/// A transfer ends a visit and starts another, with a base of its own. An agent's missed alert does not.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Visit {
    /// The conversation that waits.
    pub conversation: ConversationId,
    /// Its ACD participant for this stay.
    pub leg: ParticipantId,
}

impl fmt::Display for Visit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.conversation, self.leg)
    }
}

/// A callback that waits in a queue, as it was seen at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Which stay in which conversation.
    pub visit: Visit,
    /// The queue it waits in; absent where the platform did not say.
    pub queue: Option<QueueId>,
    /// When it entered the queue: the ACD leg's `connectedTime`. Due times count from here.
    pub since: Timestamp,
    /// When the caller first entered a queue, as far as that counts; `since` where nothing earlier does.
    pub origin: Timestamp,
    /// Its routing priority when it was seen.
    pub priority: Priority,
    /// Of which kind it is.
    pub kind: Kind,
    /// What rules ask about and only the whole conversation shows; absent where it was not asked for it.
    pub background: Option<Box<Background>>,
}

/// Of which kind a callback is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kind {
    /// It was planned for a time.
    pub scheduled: bool,
    /// It waits for one agent.
    pub agent_owned: bool,
    /// It is a voicemail that was left for a queue.
    pub voicemail: bool,
}

/// What only the whole conversation shows of a callback. Cannot be printed: attributes may hold anything about a caller.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Background {
    /// When the conversation first entered a queue, whatever its medium.
    pub first_entry: Option<Timestamp>,
    /// Ids of the skills that the agent must have.
    pub skills: Vec<String>,
    /// Id of the language that the agent must speak.
    pub language: Option<String>,
    /// Ids of the divisions that it belongs to.
    pub divisions: Vec<String>,
    /// Participant attributes, those that were asked for.
    pub attributes: BTreeMap<String, String>,
}

impl fmt::Debug for Background {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Background").finish_non_exhaustive()
    }
}

/// What a look at a conversation showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observed {
    /// A callback waits in a queue: its newest live ACD leg is `connected`.
    Waiting(Waiting),
    /// A callback is planned for later and does not wait yet.
    Scheduled {
        /// When it is due, where the platform said so. It enters its queue up to a minute later.
        due: Option<Timestamp>,
    },
    /// No callback of this conversation waits or will wait on its own.
    Over(Ending),
}

/// How the wait of a callback ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ending {
    /// An agent took it.
    Answered,
    /// The conversation is over.
    Ended,
    /// It is alive but in no queue.
    LeftQueue,
    /// It is no callback at all, or never was in a queue.
    NotACallback,
}
