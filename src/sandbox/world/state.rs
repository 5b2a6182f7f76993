//! The world as it is at one moment, and the steps it can take.
//!
//! Synchronous, without a clock and without I/O: every step is told what time it is, changes the state, and notes what
//! happened so that it can be told to those who subscribed. What follows by itself goes on the agenda.

use std::{collections::HashMap, time::Duration};

use jiff::Timestamp;

use super::{
    Call, Callback, Customer, Dice, Media, Refused, User, Write,
    agenda::{Agenda, Due, minus, plus},
    conversation::{Conversation, Opening},
    events::{AcdOutcome, Happening},
    routing::Agent,
};
use crate::conversation::{ConversationId, ParticipantId, QueueId};

/// A queue and its line.
#[derive(Debug)]
pub(crate) struct Queue {
    /// Its id.
    pub(crate) id: QueueId,
    /// Its name.
    pub(crate) name: String,
    /// When it was made.
    pub(crate) created: Timestamp,
    /// All that wait in it, alerting or not, in order of entry.
    pub(crate) line: Vec<ConversationId>,
}

/// Everything there is.
#[derive(Debug)]
pub(crate) struct State {
    /// Everything left to chance.
    pub(crate) dice: Dice,
    /// Queues, in the order they were made.
    pub(crate) queues: Vec<Queue>,
    /// Skills: id and name.
    pub(crate) skills: Vec<(String, String)>,
    /// Languages, likewise.
    pub(crate) languages: Vec<(String, String)>,
    /// Conversations that ever were.
    pub(crate) conversations: HashMap<ConversationId, Conversation>,
    /// Their ids, in the order they were made.
    pub(crate) order: Vec<ConversationId>,
    /// Priority writes that were applied.
    pub(crate) writes: Vec<Write>,
    /// What happened since it was last told.
    pub(super) happenings: Vec<Happening>,
    /// What will happen by itself.
    pub(super) agenda: Agenda,
    /// Agents of the sandbox.
    pub(super) agents: Vec<Agent>,
    /// The agent whose name stands on legs that a test or a demo answers.
    pub(super) someone: User,
    /// Longest time from when a callback is due to when it enters its queue.
    lateness: Duration,
    /// Whether a queue's subscribers hear of a change of priority alone.
    pub(super) tells_priorities: bool,
}

impl State {
    /// An empty world.
    pub(crate) fn new(seed: u64, lateness: Duration, tells_priorities: bool) -> Self {
        let mut dice = Dice::seeded(seed);
        let someone = User::made_up(&mut dice);
        Self {
            dice,
            queues: Vec::new(),
            skills: Vec::new(),
            languages: Vec::new(),
            conversations: HashMap::new(),
            order: Vec::new(),
            writes: Vec::new(),
            happenings: Vec::new(),
            agenda: Agenda::default(),
            agents: Vec::new(),
            someone,
            lateness,
            tells_priorities,
        }
    }

    /// The conversation with this id.
    pub(crate) fn conversation(&self, id: &ConversationId) -> Result<&Conversation, Refused> {
        self.conversations.get(id).ok_or(Refused::NoConversation)
    }

    /// The queue with this id.
    pub(crate) fn queue(&self, id: &QueueId) -> Option<&Queue> {
        self.queues.iter().find(|queue| queue.id == *id)
    }

    /// The name of a queue.
    pub(crate) fn queue_name(&self, id: &QueueId) -> &str {
        self.queue(id).map_or("", |queue| &queue.name)
    }

    /// A conversation that is not over, to change it.
    pub(super) fn live(&mut self, id: &ConversationId) -> Result<&mut Conversation, Refused> {
        let found = self.conversations.get_mut(id);
        found
            .filter(|conversation| conversation.end.is_none())
            .ok_or(Refused::NoConversation)
    }

    /// Makes a queue.
    pub(super) fn add_queue(&mut self, name: &str, at: Timestamp) -> QueueId {
        let id = self.dice.queue();
        self.queues.push(Queue {
            id: id.clone(),
            name: name.to_owned(),
            created: at,
            line: Vec::new(),
        });
        id
    }

    /// Makes a callback: it enters its queue at once, when it is due, or did so a while ago.
    pub(super) fn add_callback(&mut self, callback: Callback, now: Timestamp) -> ConversationId {
        let made = minus(now, callback.waited);
        let due = plus(made, callback.scheduled_in.unwrap_or_default());
        let customer = callback
            .customer
            .unwrap_or_else(|| Customer::made_up(&mut self.dice));
        let opening = Opening {
            queue: callback.queue,
            priority: callback.priority,
            customer,
            at: made,
            due,
        };
        let mut conversation = Conversation::open(&mut self.dice, Media::Callback, opening);
        conversation.skills = callback.skills;
        conversation.language = callback.language;
        conversation.agent_owned = callback.agent_owned;
        conversation.voicemail = callback.voicemail;
        conversation.called(&mut self.dice, minus(made, callback.called_before));
        conversation.handling = callback.handling;
        conversation.misses = callback.missed_alerts;
        let id = self.take_in(conversation);
        let enters = match callback.scheduled_in {
            Some(_) => plus(due, self.dice.up_to(self.lateness)),
            None => due,
        };
        if enters <= now {
            self.enter(&id, enters);
        } else {
            self.changed(&id);
            self.agenda.add(enters, Due::Enters(id.clone()));
        }
        id
    }

    /// Makes a call that is in its queue at once.
    pub(super) fn add_call(&mut self, call: Call, now: Timestamp) -> ConversationId {
        let at = minus(now, call.waited);
        let customer = call
            .customer
            .unwrap_or_else(|| Customer::made_up(&mut self.dice));
        let opening = Opening {
            queue: call.queue,
            priority: call.priority,
            customer,
            at,
            due: at,
        };
        let mut conversation = Conversation::open(&mut self.dice, Media::Call, opening);
        conversation.ladder = call.ladder;
        conversation.handling = call.handling;
        conversation.misses = call.missed_alerts;
        let id = self.take_in(conversation);
        self.enter(&id, at);
        id
    }

    /// Puts a new conversation into the world.
    fn take_in(&mut self, conversation: Conversation) -> ConversationId {
        let id = conversation.id.clone();
        self.order.push(id.clone());
        self.conversations.insert(id.clone(), conversation);
        id
    }

    /// A conversation that is due enters its queue.
    pub(super) fn enter(&mut self, id: &ConversationId, at: Timestamp) {
        if let Ok(conversation) = self.live(id) {
            conversation.enter(at);
            self.lined_up(id);
        }
    }

    /// A conversation has a new ACD leg that waits: it stands in line, and those who subscribed hear of it.
    pub(super) fn lined_up(&mut self, id: &ConversationId) {
        let Some(leg) = self.conversations.get(id).and_then(Conversation::waiting) else {
            return;
        };
        let (leg, queue) = (leg.id.clone(), leg.queue.clone());
        if let Some(queue) = self.queues.iter_mut().find(|found| found.id == queue) {
            queue.line.push(id.clone());
        }
        self.happenings.push(Happening::AcdStart(id.clone(), leg));
        self.changed(id);
    }

    /// A conversation no longer stands in line with this leg, and those who subscribed hear of it.
    pub(super) fn stepped_out(
        &mut self,
        id: &ConversationId,
        leg: &ParticipantId,
        how: AcdOutcome,
    ) {
        for queue in &mut self.queues {
            queue.line.retain(|waiting| waiting != id);
        }
        let happening = Happening::AcdEnd(id.clone(), leg.clone(), how);
        self.happenings.push(happening);
    }

    /// Notes that a conversation looks different now.
    pub(super) fn changed(&mut self, id: &ConversationId) {
        self.happenings.push(Happening::Changed(id.clone()));
    }
}
