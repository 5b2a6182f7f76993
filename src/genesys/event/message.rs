//! A message of a socket, read in one pass: the platform names the topic first, and the topic says how to read the body.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::genesys::wire::{AcdEvent, Conversation, SystemMessage};

/// What a message is about, by its topic: how to read its body.
#[derive(Clone, Copy)]
enum Subject {
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

/// What a message says, as far as it matters.
pub(super) enum Content {
    /// A sign of life.
    Life,
    /// The end of this socket.
    Closing,
    /// News of the channel.
    System(SystemMessage),
    /// A callback in a queue.
    Callback(Conversation),
    /// A wait that began.
    AcdStart(AcdEvent),
    /// A wait that is over.
    AcdEnd(AcdEvent),
    /// Something else.
    Other,
}

/// A message with its topic.
pub(super) struct Message<'a> {
    /// Its topic as it came.
    pub(super) topic: Cow<'a, str>,
    /// What it says.
    pub(super) content: Content,
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

/// Reads a body that is missing or null as an empty one.
fn or_empty<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    from: D,
) -> Result<T, D::Error> {
    Option::deserialize(from).map(Option::unwrap_or_default)
}

impl<'de> DeserializeSeed<'de> for Subject {
    type Value = Content;

    /// Reads the body of a message about this.
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Content, D::Error> {
        Ok(match self {
            Self::Callback => Content::Callback(or_empty(from)?),
            Self::AcdStart => Content::AcdStart(or_empty(from)?),
            Self::AcdEnd => Content::AcdEnd(or_empty(from)?),
            Self::System => {
                // The topic may say enough.
                let text = <&RawValue>::deserialize(from)?.get();
                Content::System(serde_json::from_str(text).unwrap_or_default())
            }
            Self::Life | Self::Closing | Self::Other => {
                IgnoredAny::deserialize(from)?;
                match self {
                    Self::Life => Content::Life,
                    Self::Closing => Content::Closing,
                    _ => Content::Other,
                }
            }
        })
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
        let mut content = None;
        // A body that came before its topic.
        let mut unread: Option<&'de RawValue> = None;
        while let Some(key) = fields.next_key()? {
            match key {
                Key::TopicName => {
                    topic = fields.next_value::<Option<Text<'de>>>()?.map(|text| text.0);
                }
                Key::EventBody => match topic.as_deref() {
                    Some(topic) => content = Some(fields.next_value_seed(Subject::of(topic))?),
                    None => unread = Some(fields.next_value()?),
                },
                Key::Other => {
                    fields.next_value::<IgnoredAny>()?;
                }
            }
        }
        let topic = topic.unwrap_or_default();
        let content = if let Some(content) = content {
            content
        } else {
            let text = unread.map_or("null", RawValue::get);
            let mut from = serde_json::Deserializer::from_str(text);
            let read = Subject::of(&topic).deserialize(&mut from);
            read.map_err(A::Error::custom)?
        };
        Ok(Message { topic, content })
    }
}
