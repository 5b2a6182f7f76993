//! The steps a conversation takes while it waits and after.
//!
//! Each step asks whether it is possible, changes the legs, moves the conversation in or out of its line, notes what
//! happened, and puts on the agenda what follows from it.

use std::time::Duration;

use jiff::Timestamp;

use super::{
    Media, Refused,
    agenda::{Due, plus},
    events::AcdOutcome,
    leg::{Disconnect, Purpose},
    routing::Activity,
    state::State,
};
use crate::conversation::{ConversationId, ParticipantId, Priority, QueueId};

/// How long an agent's alert rings: `alertingTimeoutMs` in recorded conversations.
pub(crate) const ALERT: Duration = Duration::from_secs(30);

/// How long an agent who missed an alert gets no other.
const NOT_RESPONDING: Duration = Duration::from_mins(1);

impl State {
    /// Alerts an agent: the sandbox's own with this number, or else someone.
    pub(super) fn alert(
        &mut self,
        id: &ConversationId,
        agent: Option<usize>,
        at: Timestamp,
    ) -> Result<ParticipantId, Refused> {
        let user = agent.and_then(|number| self.agents.get(number));
        let user = user.map_or_else(|| self.someone.clone(), |agent| agent.user.clone());
        let found = self.live(id)?;
        if found.waiting().is_none() {
            return Err(Refused::NotWaiting);
        }
        if found.ringing().is_some() {
            return Err(Refused::Alerting);
        }
        let conversation = self
            .conversations
            .get_mut(id)
            .ok_or(Refused::NoConversation)?;
        let leg = conversation.alert(&mut self.dice, user, at);
        self.changed(id);
        Ok(leg)
    }

    /// An alert that nobody answers.
    pub(super) fn alert_in_vain(
        &mut self,
        id: &ConversationId,
        at: Timestamp,
    ) -> Result<(), Refused> {
        let leg = self.alert(id, None, at)?;
        self.agenda
            .add(plus(at, ALERT), Due::AlertEnds(id.clone(), leg));
        Ok(())
    }

    /// An alert is over and nobody answered: nothing changes for the ACD leg.
    pub(super) fn miss(&mut self, id: &ConversationId, leg: &ParticipantId, at: Timestamp) {
        let Ok(conversation) = self.live(id) else {
            return;
        };
        if conversation
            .ringing()
            .is_none_or(|ringing| ringing.id != *leg)
        {
            return;
        }
        conversation.finish(at, |leg| {
            (leg.purpose == Purpose::Agent).then_some(Disconnect::System)
        });
        conversation.misses = conversation.misses.saturating_sub(1);
        self.changed(id);
        if let Some(number) = self.agent_at(id) {
            self.agents[number].activity = Activity::NotResponding;
            self.agenda
                .add(plus(at, NOT_RESPONDING), Due::Responds(number));
        }
    }

    /// Whoever is alerted answers; someone is, if nobody was.
    pub(super) fn answer(&mut self, id: &ConversationId, at: Timestamp) -> Result<(), Refused> {
        let found = self.live(id)?;
        let acd = found.waiting().ok_or(Refused::NotWaiting)?.id.clone();
        if found.ringing().is_none() {
            self.alert(id, None, at)?;
        }
        let conversation = self.live(id)?;
        conversation.answer(at);
        let handling = conversation.handling;
        let talking = conversation.agent().map(|leg| leg.id.clone());
        self.stepped_out(id, &acd, AcdOutcome::Answered);
        self.changed(id);
        if let (Some(number), Some(leg)) = (self.agent_at(id), talking) {
            let usual = self.agents[number].handling;
            let time = handling.unwrap_or_else(|| usual.draw(&mut self.dice));
            self.agenda
                .add(plus(at, time), Due::HandlingEnds(id.clone(), leg));
        }
        Ok(())
    }

    /// The conversation is over: the customer hangs up, or the callback is withdrawn.
    pub(super) fn hang_up(&mut self, id: &ConversationId, at: Timestamp) -> Result<(), Refused> {
        let conversation = self.live(id)?;
        let first = match conversation.media {
            Media::Call => Disconnect::Endpoint,
            Media::Callback => Disconnect::Client,
        };
        let acd = conversation.waiting().map(|leg| leg.id.clone());
        conversation.finish(at, |leg| match leg.purpose {
            Purpose::Customer => Some(first),
            Purpose::Acd | Purpose::Agent => Some(Disconnect::Peer),
        });
        self.over(id, acd, at);
        Ok(())
    }

    /// An agent has finished with the customer and hangs up.
    pub(super) fn finish(&mut self, id: &ConversationId, leg: &ParticipantId, at: Timestamp) {
        let Ok(conversation) = self.live(id) else {
            return;
        };
        if conversation.agent().is_none_or(|agent| agent.id != *leg) {
            return;
        }
        conversation.finish(at, |leg| {
            Some(match leg.purpose {
                Purpose::Agent => Disconnect::Client,
                Purpose::Customer | Purpose::Acd => Disconnect::Peer,
            })
        });
        self.over(id, None, at);
    }

    /// Draws the consequences of a conversation's end.
    fn over(&mut self, id: &ConversationId, acd: Option<ParticipantId>, at: Timestamp) {
        if let Some(conversation) = self.conversations.get_mut(id) {
            conversation.end = Some(at);
        }
        if let Some(leg) = acd {
            self.stepped_out(id, &leg, AcdOutcome::Abandon);
        }
        self.changed(id);
        self.release(id, at);
    }

    /// It moves to a queue, out of another one or from an agent: a new stay with a new entry time.
    ///
    /// Without a priority it keeps the one it had. What is still scheduled cannot be moved.
    pub(super) fn transfer(
        &mut self,
        id: &ConversationId,
        queue: &QueueId,
        priority: Option<Priority>,
        at: Timestamp,
    ) -> Result<(), Refused> {
        self.queue(queue).ok_or(Refused::NoQueue)?;
        if self.live(id)?.is_scheduled() {
            return Err(Refused::NotWaiting);
        }
        let conversation = self
            .conversations
            .get_mut(id)
            .ok_or(Refused::NoConversation)?;
        let last = conversation.last_acd();
        let kept = last.map_or(Priority::default(), |leg| conversation.priority(leg, at));
        let left = conversation.waiting().map(|leg| leg.id.clone());
        conversation.requeue(&mut self.dice, queue, priority.unwrap_or(kept), at);
        if let Some(leg) = left {
            self.stepped_out(id, &leg, AcdOutcome::FlowOut);
        }
        self.lined_up(id);
        self.release(id, at);
        Ok(())
    }

    /// It leaves its queue for a flow and lives on in none.
    pub(super) fn leave_queue(
        &mut self,
        id: &ConversationId,
        at: Timestamp,
    ) -> Result<(), Refused> {
        let conversation = self.live(id)?;
        let acd = conversation.waiting().ok_or(Refused::NotWaiting)?;
        let acd = acd.id.clone();
        conversation.finish(at, |leg| match leg.purpose {
            Purpose::Customer => None,
            Purpose::Acd => Some(Disconnect::Client),
            Purpose::Agent => Some(Disconnect::System),
        });
        self.stepped_out(id, &acd, AcdOutcome::FlowOut);
        self.changed(id);
        self.release(id, at);
        Ok(())
    }

    /// Sets the priority it waits with, whoever asks for it, and returns the one it had.
    pub(super) fn set_priority(
        &mut self,
        id: &ConversationId,
        to: Priority,
        now: Timestamp,
    ) -> Result<Priority, Refused> {
        let conversation = self.live(id)?;
        let leg = conversation.waiting().ok_or(Refused::NotWaiting)?;
        let from = conversation.priority(leg, now);
        conversation.set_priority(to, now);
        if self.tells_priorities {
            self.changed(id);
        }
        Ok(from)
    }
}
