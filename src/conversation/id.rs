//! Identifiers: parsed once, 16 bytes when they are UUIDs, safe to put into a URL path and a log line.
//!
//! The platform's ids are lower-case UUIDs. Its documentation promises no form, though, and recorded fixtures hold
//! other ones, so any short word of unreserved characters is accepted. What could break out of a path or a log line
//! is not.

use std::{
    fmt::{self, Display},
    str::FromStr,
    sync::Arc,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

/// Longest id accepted, in bytes. A UUID has 36; more than this is no id of the platform's.
const MAX_LENGTH: usize = 64;

/// A text that cannot be an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an id: expected 1 to {MAX_LENGTH} letters, digits, `-` or `_`")]
pub struct InvalidId;

/// The text of an id, compact for the usual case.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Repr {
    /// A UUID in its canonical lower-case form.
    Uuid(Uuid),
    /// Any other word, kept as it came.
    Word(Arc<str>),
}

impl FromStr for Repr {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        if let Ok(uuid) = Uuid::try_parse(text) {
            let mut canonical = Uuid::encode_buffer();
            if uuid.hyphenated().encode_lower(&mut canonical) == text {
                return Ok(Self::Uuid(uuid));
            }
        }
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if text.is_empty() || text.len() > MAX_LENGTH || !text.bytes().all(plain) {
            return Err(InvalidId);
        }
        Ok(Self::Word(text.into()))
    }
}

impl Display for Repr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uuid(uuid) => uuid.hyphenated().fmt(f),
            Self::Word(word) => f.write_str(word),
        }
    }
}

/// Declares one kind of id, so that a queue's cannot be passed for a conversation's.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Repr);

        impl $name {
            /// A new id of the platform's usual form, made of these random bytes.
            #[must_use]
            pub fn from_random(bytes: [u8; 16]) -> Self {
                Self(Repr::Uuid(uuid::Builder::from_random_bytes(bytes).into_uuid()))
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                text.parse().map(Self)
            }
        }

        impl Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

id! {
    /// A conversation: everything between one customer and the contact centre on one occasion.
    ConversationId
}

id! {
    /// One party's leg in a conversation: the customer, an agent, or the queue itself (the ACD leg).
    ParticipantId
}

id! {
    /// A queue.
    QueueId
}

id! {
    /// A session: one medium of one leg. The activity query names the callback of an ACD leg by it, and not the leg.
    SessionId
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_keeps_its_text() {
        let text = "7cf1beb6-0e9d-43ea-a2fa-fd5e97a80f86";
        assert_eq!(text.parse::<ConversationId>().unwrap().to_string(), text);
    }

    #[test]
    fn an_id_of_another_form_is_kept_as_it_came() {
        for text in [
            "ffff-ffff-ffff-ffff",
            "7CF1BEB6-0E9D-43EA-A2FA-FD5E97A80F86",
            "q_1",
        ] {
            assert_eq!(text.parse::<QueueId>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_could_leave_a_path_or_a_line_is_refused() {
        let long = "a".repeat(65);
        for text in [
            "",
            "../x",
            "a/b",
            "a b",
            "a?b",
            "a\nb",
            "ä",
            "a%2fb",
            long.as_str(),
        ] {
            assert_eq!(text.parse::<ConversationId>(), Err(InvalidId), "{text:?}");
        }
    }
}
