//! What happened, told to those who subscribed.
//!
//! The world notes happenings; here they become the platform's topics and event bodies. Bodies are made only for topics
//! that somebody listens to, while the state is still what it was when the thing happened.

use jiff::Timestamp;

use super::{conversation::Conversation, state::State};
use crate::{
    conversation::{ConversationId, ParticipantId, QueueId},
    sandbox::{channels::Channels, view},
};

/// How a stay in a queue ended: `acdOutcome` of the acd.end event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AcdOutcome {
    /// The customer gave up.
    Abandon,
    /// An agent took it.
    Answered,
    /// It went elsewhere: another queue, a flow.
    FlowOut,
}

/// Something that subscribers may want to hear of.
#[derive(Clone, Debug)]
pub(super) enum Happening {
    /// A stay in a queue began with this leg.
    AcdStart(ConversationId, ParticipantId),
    /// The stay with this leg ended.
    AcdEnd(ConversationId, ParticipantId, AcdOutcome),
    /// The conversation looks different now.
    Changed(ConversationId),
}

impl State {
    /// Tells everything that happened since it was last told.
    pub(super) fn tell(&mut self, channels: &Channels, now: Timestamp) {
        for happening in std::mem::take(&mut self.happenings) {
            match happening {
                Happening::AcdStart(id, leg) => {
                    self.tell_detail(channels, &id, &leg, None);
                }
                Happening::AcdEnd(id, leg, how) => {
                    self.tell_detail(channels, &id, &leg, Some(how));
                }
                Happening::Changed(id) => self.tell_queues(channels, &id, now),
            }
        }
    }

    /// Tells of the start or the end of a stay, as a detail event.
    fn tell_detail(
        &self,
        channels: &Channels,
        id: &ConversationId,
        leg: &ParticipantId,
        ended: Option<AcdOutcome>,
    ) {
        let Some(conversation) = self.conversations.get(id) else {
            return;
        };
        let Some(leg) = conversation.leg(leg) else {
            return;
        };
        let what = if ended.is_some() { "end" } else { "start" };
        let topic = format!("v2.detail.events.conversation.{id}.acd.{what}");
        channels.publish(&topic, || match ended {
            None => view::acd_start(conversation, leg),
            Some(how) => view::acd_end(conversation, leg, how),
        });
    }

    /// Tells how a conversation looks, on the topics of the queue it is in and of those it was in.
    fn tell_queues(&self, channels: &Channels, id: &ConversationId, now: Timestamp) {
        let Some(conversation) = self.conversations.get(id) else {
            return;
        };
        for queue in queues_of(conversation) {
            let topic = format!("v2.routing.queues.{queue}.conversations");
            channels.publish(&topic, || view::event(conversation, now));
            let media = match conversation.media {
                super::Media::Call => "calls",
                super::Media::Callback => "callbacks",
            };
            channels.publish(&format!("{topic}.{media}"), || {
                view::flat_event(self, conversation, now)
            });
        }
    }
}

/// The queues that a conversation is or was in, each once.
fn queues_of(conversation: &Conversation) -> Vec<QueueId> {
    let mut queues: Vec<_> = conversation
        .legs
        .iter()
        .map(|leg| leg.queue.clone())
        .collect();
    queues.sort();
    queues.dedup();
    queues
}
