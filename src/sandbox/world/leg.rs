//! One party's leg in a conversation, and the segments it went through.
//!
//! The fields and their order of change are those of conversations recorded in a real organisation. A leg never
//! waits: the platform's states have no such word. A leg that is in a queue is `connected`, and an ACD leg that an agent
//! took is `disconnected` by a `transfer`.

use jiff::Timestamp;

use super::{Dice, Media, User};
use crate::conversation::{ParticipantId, Priority, QueueId};

/// Whose leg it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The customer's: it lives as long as the conversation.
    Customer,
    /// The queue's: one for each stay in a queue.
    Acd,
    /// An agent's: one for each alert, answered or not.
    Agent,
}

/// What a leg does, in the platform's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LegState {
    /// Planned for later.
    Scheduled,
    /// Rings at an agent.
    Alerting,
    /// Lives. For an ACD leg: waits in its queue.
    Connected,
    /// Is over.
    Disconnected,
}

impl LegState {
    /// The platform's word for it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Alerting => "alerting",
            Self::Connected => "connected",
            Self::Disconnected => "disconnected",
        }
    }
}

/// Why a leg ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Disconnect {
    /// Someone else took over: an agent, or another queue.
    Transfer,
    /// Nobody answered in time.
    System,
    /// This party's own client hung up; in a flow: a disconnect action.
    Client,
    /// The other party hung up.
    Peer,
    /// The caller's telephone hung up.
    Endpoint,
}

impl Disconnect {
    /// The platform's word for it in a conversation; detail events have the same in upper case.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Transfer => "transfer",
            Self::System => "system",
            Self::Client => "client",
            Self::Peer => "peer",
            Self::Endpoint => "endpoint",
        }
    }
}

/// A stretch of a leg's life.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    /// What the leg did: `Scheduled`, `Alert` or `Interact`.
    pub(crate) kind: &'static str,
    /// When it began.
    pub(crate) start: Timestamp,
    /// When it was over; absent while it lasts.
    pub(crate) end: Option<Timestamp>,
    /// What came after it. The platform says `Disconnect` of an `Interact` segment that still lasts.
    pub(crate) how_ended: Option<&'static str>,
    /// Why the leg ended with it, where it did.
    pub(crate) disconnect: Option<Disconnect>,
}

/// One party's part in a conversation: a participant with its one communication.
#[derive(Clone, Debug)]
pub(crate) struct Leg {
    /// Participant id.
    pub(crate) id: ParticipantId,
    /// Id of its callback or call, which analytics and events call the session.
    pub(crate) session: String,
    /// Whose it is.
    pub(crate) purpose: Purpose,
    /// Call or callback.
    pub(crate) media: Media,
    /// Queue it belongs to.
    pub(crate) queue: QueueId,
    /// Agent it belongs to, for an agent's leg.
    pub(crate) user: Option<User>,
    /// Session of the customer's leg, for every other one.
    pub(crate) peer: Option<String>,
    /// What it does now.
    pub(crate) state: LegState,
    /// What it did first.
    pub(crate) initial: LegState,
    /// Why it ended, once it has.
    pub(crate) disconnect: Option<Disconnect>,
    /// When it was made.
    pub(crate) start: Timestamp,
    /// When it was first `connected`. For an ACD leg: when it entered its queue.
    pub(crate) connected: Option<Timestamp>,
    /// When it ended.
    pub(crate) end: Option<Timestamp>,
    /// Routing priority, without what a call's ladder has added since.
    pub(crate) base: Priority,
    /// Its life so far.
    pub(crate) segments: Vec<Segment>,
}

impl Leg {
    /// A leg that begins at `at` in a state.
    pub(crate) fn new(
        dice: &mut Dice,
        media: Media,
        purpose: Purpose,
        queue: &QueueId,
        initial: LegState,
        at: Timestamp,
    ) -> Self {
        let mut leg = Self {
            id: dice.participant(),
            session: dice.uuid(),
            media,
            purpose,
            queue: queue.clone(),
            user: None,
            peer: None,
            state: initial,
            initial,
            disconnect: None,
            start: at,
            connected: (initial == LegState::Connected).then_some(at),
            end: None,
            base: Priority::default(),
            segments: Vec::new(),
        };
        leg.open(initial, at);
        leg
    }

    /// Whether it has not ended.
    pub(crate) fn is_live(&self) -> bool {
        self.end.is_none()
    }

    /// Whether it waits in its queue.
    pub(crate) fn waits(&self) -> bool {
        self.purpose == Purpose::Acd && self.is_live() && self.state == LegState::Connected
    }

    /// When it entered its queue; for a leg that never did, when it was made.
    pub(crate) fn entered(&self) -> Timestamp {
        self.connected.unwrap_or(self.start)
    }

    /// The leg becomes `connected`: it is due, or it was answered.
    pub(crate) fn connect(&mut self, at: Timestamp) {
        self.close(at, "Interact", None);
        self.state = LegState::Connected;
        self.connected = Some(at);
        self.open(LegState::Connected, at);
    }

    /// The leg ends.
    pub(crate) fn finish(&mut self, at: Timestamp, why: Disconnect) {
        self.close(at, "Disconnect", Some(why));
        self.state = LegState::Disconnected;
        self.disconnect = Some(why);
        self.end = Some(at);
    }

    /// Begins the segment that belongs to a state.
    fn open(&mut self, state: LegState, at: Timestamp) {
        let (kind, how_ended) = match state {
            LegState::Scheduled => ("Scheduled", None),
            LegState::Alerting => ("Alert", None),
            LegState::Connected | LegState::Disconnected => ("Interact", Some("Disconnect")),
        };
        self.segments.push(Segment {
            kind,
            start: at,
            end: None,
            how_ended,
            disconnect: None,
        });
    }

    /// Ends the segment that lasts.
    fn close(&mut self, at: Timestamp, how: &'static str, why: Option<Disconnect>) {
        if let Some(segment) = self.segments.last_mut() {
            segment.end = Some(at);
            segment.how_ended = Some(how);
            segment.disconnect = why;
        }
    }
}
