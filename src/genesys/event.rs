//! Reads a socket's messages: what happened to which conversation. Pure.
//!
//! The content of an event is a hint. What it shows is believed where it agrees with what is known, where nothing is
//! known yet, and where it cannot become untrue any more: that a leg is over. Anything else is a reason to look.

mod message;

use self::message::{Content, Message, conversation_and_event};
use super::{
    legs,
    wire::{AcdEvent, Conversation, SystemMessage},
};
use crate::conversation::{ConversationId, Ending, Observed, ParticipantId, QueueId};

/// What happened, as far as it concerns callbacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// Something changed in a callback.
    Callback {
        /// Which conversation.
        id: ConversationId,
        /// What the event shows of it.
        seen: Observed,
        /// ACD legs that it shows to be over.
        over: Vec<ParticipantId>,
    },
    /// A callback entered a queue.
    AcdStart {
        /// Which conversation.
        id: ConversationId,
        /// Which queue, where the event says.
        queue: Option<QueueId>,
    },
    /// A callback left a queue.
    AcdEnd {
        /// Which conversation.
        id: ConversationId,
        /// Which leg, where the event says.
        leg: Option<ParticipantId>,
        /// How the wait ended, where the event says.
        ending: Option<Ending>,
    },
}

/// What a message on the socket is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// News of a callback.
    Event(Event),
    /// A heartbeat or a pong; nothing but a sign of life.
    Life,
    /// The platform will close this socket within a minute: `v2.system.socket_closing`.
    Closing,
    /// This channel will get no more events; its successor is needed now.
    Lost,
    /// Something that does not concern callbacks.
    Other,
    /// Not what the platform documents.
    Malformed,
}

/// Reads one text message.
pub(crate) fn read(text: &str) -> Reading {
    let Ok(message) = serde_json::from_str::<Message<'_>>(text) else {
        return Reading::Malformed;
    };
    let Message { topic, content } = message;
    match content {
        Content::Life => Reading::Life,
        Content::Closing => Reading::Closing,
        Content::System(message) => system(&topic, &message),
        Content::Callback(conversation) => callback(&conversation),
        Content::AcdStart(event) => detail(&topic, event, |id, event| Event::AcdStart {
            id,
            queue: event.queue_id,
        }),
        Content::AcdEnd(event) => detail(&topic, event, |id, event| Event::AcdEnd {
            id,
            leg: event.participant_id,
            ending: event.acd_outcome.as_deref().and_then(ending),
        }),
        Content::Other => Reading::Other,
    }
}

/// Reads a system message. The type is in the body by the SDK's schema, and the topic's last word may repeat it.
fn system(topic: &str, message: &SystemMessage) -> Reading {
    let kind = message.system_topic_type.as_deref();
    let is = |word: &str| kind == Some(word) || topic.ends_with(word);
    if is("no_longer_subscribed") || is("token_revoked") {
        return Reading::Lost;
    }
    Reading::Other
}

/// Reads an event of a queue's callback topic: the conversation itself, in flat form.
fn callback(conversation: &Conversation) -> Reading {
    let Some(id) = conversation.id.clone() else {
        return Reading::Malformed;
    };
    let seen = legs::observe(&id, conversation);
    let over = legs::ended(conversation);
    Reading::Event(Event::Callback { id, seen, over })
}

/// Reads a detail event: acd.start or acd.end of one conversation.
fn detail(
    topic: &str,
    mut event: AcdEvent,
    of: impl FnOnce(ConversationId, AcdEvent) -> Event,
) -> Reading {
    let callback = |media: &str| media.eq_ignore_ascii_case("callback");
    if !event.media_type.as_deref().is_none_or(callback) {
        return Reading::Other;
    }
    let named = || conversation_and_event(topic)?.0.parse().ok();
    match event.conversation_id.take().or_else(named) {
        Some(id) => Reading::Event(of(id, event)),
        None => Reading::Malformed,
    }
}

/// How a wait ended, by the outcome of an acd.end: `UNKNOWN`, `ABANDON`, `ANSWERED` or `FLOW_OUT`, SDK
/// `AcdEndDetailEventTopicAcdEndEvent`.
fn ending(outcome: &str) -> Option<Ending> {
    match outcome.to_ascii_uppercase().as_str() {
        "ANSWERED" => Some(Ending::Answered),
        "ABANDON" => Some(Ending::Ended),
        "FLOW_OUT" => Some(Ending::LeftQueue),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    /// A message as the socket carries it.
    fn message(topic: &str, body: &Value) -> Reading {
        read(&json!({"topicName": topic, "version": "2", "eventBody": body}).to_string())
    }

    #[test]
    fn the_platforms_own_messages() {
        let heartbeat = json!({"message": "WebSocket Heartbeat"});
        for (topic, body, expected) in [
            ("channel.metadata", heartbeat.clone(), Reading::Life),
            ("channel.metadata", json!(7), Reading::Life),
            ("v2.system.socket_closing", heartbeat, Reading::Closing),
            (
                "v2.system.anything",
                json!({"systemTopicType": "no_longer_subscribed"}),
                Reading::Lost,
            ),
            ("v2.system.token_revoked", json!({}), Reading::Lost),
            (
                "v2.system.anything",
                json!({"systemTopicType": "subscription_changed"}),
                Reading::Other,
            ),
            ("v2.users.u1.presence", json!({}), Reading::Other),
            (
                "v2.detail.events.conversation.c1.user.start",
                json!({}),
                Reading::Other,
            ),
        ] {
            assert_eq!(message(topic, &body), expected, "{topic} {body}");
        }
        assert_eq!(
            read(r#"{"result":"200","status":"subscribed"}"#),
            Reading::Other
        );
    }

    #[test]
    fn acd_events_of_callbacks_and_of_nothing_else() {
        let recorded = include_str!("../../tests/fixtures/eventbridge.acd.start.CONSTRUCTED.json");
        let recorded: Value = serde_json::from_str(recorded).unwrap();
        let id: ConversationId = "7cf1beb6-0e9d-43ea-a2fa-fd5e97a80f86".parse().unwrap();
        let queue = "0e185c02-aca1-4a72-82ea-2e78684e2c89".parse().ok();
        assert_eq!(
            read(&recorded["detail"].to_string()),
            Reading::Event(Event::AcdStart { id, queue })
        );
        let start = "v2.detail.events.conversation.c1.acd.start";
        let end = "v2.detail.events.conversation.c1.acd.end";
        let id: ConversationId = "c1".parse().unwrap();
        let left = |leg: Option<&str>, ending| {
            Reading::Event(Event::AcdEnd {
                id: id.clone(),
                leg: leg.map(|leg| leg.parse().unwrap()),
                ending,
            })
        };
        assert_eq!(
            message(end, &json!({"mediaType": "CALLBACK"})),
            left(None, None)
        );
        for (outcome, ending) in [
            ("ANSWERED", Some(Ending::Answered)),
            ("ABANDON", Some(Ending::Ended)),
            ("FLOW_OUT", Some(Ending::LeftQueue)),
            ("UNKNOWN", None),
            ("BEAMED_UP", None),
        ] {
            let body = json!({"mediaType": "callback", "conversationId": "c1",
                              "participantId": "p1", "acdOutcome": outcome});
            assert_eq!(message(end, &body), left(Some("p1"), ending), "{outcome}");
        }
        assert_eq!(
            message(
                start,
                &json!({"mediaType": "VOICE", "conversationId": "c1"})
            ),
            Reading::Other
        );
        let unnamed = "v2.detail.events.conversation.{id}.acd.start";
        assert_eq!(
            message(unnamed, &json!({"mediaType": "CALLBACK"})),
            Reading::Malformed
        );
    }

    #[test]
    fn topic_and_body_come_in_either_order() {
        let topic = r#""topicName": "v2.detail.events.conversation.c1.acd.end""#;
        let body = r#""eventBody": {"mediaType": "CALLBACK", "acdOutcome": "ANSWERED"}"#;
        let (one, other) = (
            format!("{{{topic}, {body}}}"),
            format!("{{{body}, {topic}}}"),
        );
        assert!(matches!(
            read(&one),
            Reading::Event(Event::AcdEnd {
                ending: Some(Ending::Answered),
                ..
            })
        ));
        assert_eq!(read(&one), read(&other));
        let no_body = format!("{{{topic}}}");
        assert!(matches!(
            read(&no_body),
            Reading::Event(Event::AcdEnd { ending: None, .. })
        ));
    }

    #[test]
    fn a_queue_event_shows_the_callback() {
        let topic = "v2.routing.queues.q1.conversations.callbacks";
        let body = json!({"id": "c1", "participants": [
            {"id": "p", "purpose": "customer", "state": "connected"},
            {"id": "q", "purpose": "acd", "state": "disconnected"},
        ]});
        assert_eq!(
            message(topic, &body),
            Reading::Event(Event::Callback {
                id: "c1".parse().unwrap(),
                seen: Observed::Over(Ending::LeftQueue),
                over: vec!["q".parse().unwrap()],
            })
        );
        assert_eq!(
            message(topic, &json!({"participants": []})),
            Reading::Malformed
        );
        assert_eq!(message(topic, &json!("text")), Reading::Malformed);
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(text: String) {
            let _reading = read(&text);
        }

        #[test]
        fn no_body_is_too_strange(body in ".{0,200}", which in 0..3_usize) {
            let topics = ["v2.routing.queues.q.conversations.callbacks", "v2.detail.events.conversation.c.acd.end", "v2.system.x"];
            let _reading = read(&format!("{{\"topicName\":\"{}\",\"eventBody\":{body}}}", topics[which]));
        }
    }
}
