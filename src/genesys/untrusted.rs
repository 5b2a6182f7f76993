//! What reads the platform's words, opened for those who throw noise at it: `tests/untrusted.rs` and the targets in
//! `fuzz/`. No interface: nothing else may use it, and it changes without notice.
//!
//! Public and hidden, and no cargo feature: a feature would make what is tested another build than what is shipped, and
//! `cargo test` would pass over these tests for everybody who does not know of it. The settings file and the check of
//! connect URIs need no door here, because [`crate::settings`] has them already.

use reqwest::{StatusCode, header::HeaderMap};
use tokio::sync::mpsc;

use super::{
    answer::parse,
    channel::{Topic, TopicOutcome},
    event::{Event, Reading, read},
    failure::Failure,
    legs::observe,
    rest::sweep_page,
    wire::{self, Page},
};
use crate::{
    conversation::{ConversationId, Observed},
    source::{Notice, line::notice, queues::Queues},
};

/// Name of the call in failures.
const CALL: &str = "noise";

/// Reads a text message of a socket: the conversation that it is about, if it is news of one.
#[must_use]
pub fn frame(text: &str) -> Option<ConversationId> {
    match read(text) {
        Reading::Event(
            Event::Callback { id, .. } | Event::AcdStart { id, .. } | Event::AcdEnd { id, .. },
        ) => Some(id),
        Reading::Life | Reading::Closing | Reading::Lost | Reading::Other | Reading::Malformed => {
            None
        }
    }
}

/// What one socket brings, read, filtered and handed over as a line does it.
pub struct Ear {
    /// Which queues are ours.
    ours: Queues,
    /// Where news go.
    sender: mpsc::Sender<Notice>,
    /// Where they come out.
    notices: mpsc::Receiver<Notice>,
}

impl Ear {
    /// One for these entries of `callbacks.queues`.
    #[must_use]
    pub fn new(queues: &[String]) -> Self {
        let (sender, notices) = mpsc::channel(1);
        Self {
            ours: Queues::new(queues),
            sender,
            notices,
        }
    }

    /// Hears a text message; whether it was news of a callback in a queue of ours.
    pub fn hear(&mut self, text: &str) -> bool {
        if let Reading::Event(event) = read(text) {
            // There is room: it is taken out at once.
            let _handed_over = self.sender.try_send(notice(event, &self.ours));
        }
        matches!(self.notices.try_recv(), Ok(Notice::Changed { .. }))
    }
}

/// Reads the answer to a look at this conversation.
pub fn conversation(id: &ConversationId, body: &[u8]) -> Result<Observed, Failure> {
    let conversation: wire::Conversation = parse(CALL, body)?;
    Ok(observe(id, &conversation))
}

/// Reads a page of the activity query: who waits, and how many rows there were.
pub fn activity(body: &[u8]) -> Result<(Vec<ConversationId>, usize), Failure> {
    let answer: wire::ActivityAnswer = parse(CALL, body)?;
    let page = sweep_page(answer);
    let ids = page.sightings.into_iter().map(|sighting| sighting.id);
    Ok((ids.collect(), page.rows))
}

/// Reads the answer to a subscription to the acd topics of a conversation: why each was refused, if it was.
pub fn topics(id: &ConversationId, body: &[u8]) -> Result<Vec<String>, Failure> {
    let states = parse::<Page<wire::TopicState>>(CALL, body)?.entities.read;
    let [start, end] = Topic::acd_apart(id);
    let outcomes = [Topic::acd(id), start, end].map(|topic| topic.outcome(&states));
    let refused = outcomes.into_iter().filter_map(|outcome| match outcome {
        TopicOutcome::Accepted => None,
        TopicOutcome::Refused(why) => Some(why),
    });
    Ok(refused.collect())
}

/// Reads the body of an answer that is no success.
#[must_use]
pub fn failure(status: u16, body: &[u8]) -> Failure {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    Failure::of_answer(CALL, status, &HeaderMap::new(), body)
}
