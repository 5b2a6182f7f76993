//! Where callbacks come from: a stream of three words, and one by which it is seen to flow.
//!
//! Whatever happened out there becomes one of them, so another way of hearing about callbacks can be added without
//! touching the rest. None of them says what to write. Notifications may be lost, doubled, late and out of order; the
//! sweep repairs what they missed.

#[cfg(feature = "aws")]
pub(crate) mod bridge;

pub(crate) mod line;

pub(crate) mod names;

pub(crate) mod notifications;

pub(crate) mod queues;

pub(crate) mod sight;

mod subscription;

pub(crate) mod sweep;

use tokio::{sync::oneshot, time::Instant};

use crate::{
    conversation::{ConversationId, Ending, ParticipantId, Waiting},
    genesys::Sighting,
};

/// What whoever told of something is waiting for.
pub(crate) type Receipt = oneshot::Sender<()>;

/// Something that happened.
#[derive(Debug)]
pub(crate) enum Notice {
    /// The callbacks that wait, all of them or some.
    Resync {
        /// Who waits.
        sightings: Vec<Sighting>,
        /// Whether a callback that is not among them was not waiting.
        complete: bool,
        /// When they were asked for.
        asked: Instant,
    },
    /// A callback may wait: look at it.
    Changed {
        /// Which conversation.
        id: ConversationId,
        /// What the event showed of its wait, where it did.
        seen: Option<Waiting>,
    },
    /// A callback may have stopped waiting: look at it if it is tracked.
    Gone {
        /// Which conversation.
        id: ConversationId,
        /// ACD legs of it that are over.
        legs: Vec<ParticipantId>,
        /// How its last wait ended, where the event says so.
        ending: Option<Ending>,
    },
    /// Something that is told again until it is noted.
    #[cfg(feature = "aws")]
    Told {
        /// What: `Changed` or `Gone`.
        what: Box<Notice>,
        /// Of which conversation.
        id: ConversationId,
        /// When it happened.
        happened: Option<jiff::Timestamp>,
        /// Used once the journal knows of it, or it needs no noting; dropped where that cannot be.
        receipt: Receipt,
    },
    /// Nothing: whoever asks wants to know that notices are heeded.
    Pulse(oneshot::Sender<()>),
}
