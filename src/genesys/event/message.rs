//! A message of a socket, read in one pass: the platform names the topic first, and the topic says how to read the body.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::genesys::wire::{AcdEvent, Conversation, SystemMessage};

/// What a message is about, by its topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// A sign of life.
    Life,
    /// The end of this socket.
    Closing,
    /// The channel.
    System,
    /// A callback in a queue.
    Callback,
    /// A wait that began.
    AcdStart,
    /// A wait that is over.
    AcdEnd,
    /// Something else.
    Other,
}

impl Subject {
    /// What `topic` is about.
    fn of(topic: &str) -> Self {
        if let Some(queue) = topic.strip_prefix("v2.routing.queues.") {
            return if queue.ends_with(".conversations.callbacks") {
                Self::Callback
            } else {
                Self::Other
            };
        }
        match topic {
            "channel.metadata" => Self::Life,
            "v2.system.socket_closing" => Self::Closing,
            _ if topic.starts_with("v2.system.") => Self::System,
            _ => match conversation_and_event(topic) {
                Some((_, "acd.start")) => Self::AcdStart,
                Some((_, "acd.end")) => Self::AcdEnd,
                _ => Self::Other,
            },
        }
    }
}

/// The conversation that the topic of a detail event names, and the event.
pub(super) fn conversation_and_event(topic: &str) -> Option<(&str, &str)> {
    topic
        .strip_prefix("v2.detail.events.conversation.")?
        .split_once('.')
}

/// The body of a message, as far as it matters.
pub(super) enum Body {
    /// Of [`Subject::Callback`].
    Callback(Conversation),
    /// Of [`Subject::AcdStart`] and [`Subject::AcdEnd`].
    Acd(AcdEvent),
    /// Of [`Subject::System`].
    System(SystemMessage),
    /// Of all others.
    None,
}

impl Body {
    /// Reads the body of a message about `subject`. One that is missing or null is empty.
    fn read<'de, D: Deserializer<'de>>(subject: Subject, from: D) -> Result<Self, D::Error> {
        Ok(match subject {
            Subject::Callback => Self::Callback(Option::deserialize(from)?.unwrap_or_default()),
            Subject::AcdStart | Subject::AcdEnd => {
                Self::Acd(Option::deserialize(from)?.unwrap_or_default())
            }
            Subject::System => {
                // The topic may say enough.
                let text = <&RawValue>::deserialize(from)?.get();
                Self::System(serde_json::from_str(text).unwrap_or_default())
            }
            Subject::Life | Subject::Closing | Subject::Other => {
                IgnoredAny::deserialize(from)?;
                Self::None
            }
        })
    }
}

/// A message with its topic.
pub(super) struct Message<'a> {
    /// Its topic as it came.
    pub(super) topic: Cow<'a, str>,
    /// What that is about.
    pub(super) subject: Subject,
    /// Its content.
    pub(super) body: Body,
}

/// Fields of a message.
#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum Key {
    /// What it is about; absent in answers to what a client sent over the socket.
    TopicName,
    /// Its content.
    EventBody,
    /// Anything else.
    #[serde(other)]
    Other,
}

/// A text that is not copied where that can be avoided.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> DeserializeSeed<'de> for Subject {
    type Value = Body;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Body, D::Error> {
        Body::read(self, from)
    }
}

impl<'de> Deserialize<'de> for Message<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(Reader)
    }
}

/// Reads a message field by field.
struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Message<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a message of a notification socket")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Message<'de>, A::Error> {
        let mut topic: Option<Cow<'de, str>> = None;
        let mut body = None;
        // A body that came before its topic.
        let mut unread: Option<&'de RawValue> = None;
        while let Some(key) = fields.next_key()? {
            match key {
                Key::TopicName => {
                    topic = fields.next_value::<Option<Text<'de>>>()?.map(|text| text.0);
                }
                Key::EventBody => match topic.as_deref() {
                    Some(topic) => body = Some(fields.next_value_seed(Subject::of(topic))?),
                    None => unread = Some(fields.next_value()?),
                },
                Key::Other => {
                    fields.next_value::<IgnoredAny>()?;
                }
            }
        }
        let topic = topic.unwrap_or_default();
        let subject = Subject::of(&topic);
        let body = match (body, unread) {
            (Some(body), _) => body,
            (None, unread) => {
                let text = unread.map_or("null", RawValue::get);
                let mut from = serde_json::Deserializer::from_str(text);
                Body::read(subject, &mut from).map_err(A::Error::custom)?
            }
        };
        Ok(Message {
            topic,
            subject,
            body,
        })
    }
}
