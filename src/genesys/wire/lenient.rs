//! Fields that may be anything: what is of a form that this daemon knows is read, whatever else counts as absent.
//!
//! In one pass over the text. What cannot be read at all, a number beyond all numbers or half a character, spoils the body
//! that it is in, as any other fault in its syntax does.

use std::{fmt, marker::PhantomData};

use jiff::Timestamp;
use serde::{
    Deserialize, Deserializer,
    de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
};

use super::{
    ActivityGroup,
    conversation::{Callback, Present, QueueReference, RoutingData, ScoredAgent},
    whole::{Membership, Reference, Requirements},
};
use crate::conversation::{ConversationId, ParticipantId, QueueId, SessionId};

/// Reads a field that may be absent, null or of a form this daemon does not know.
pub(super) fn lenient<'de, D: Deserializer<'de>, T: Field>(from: D) -> Result<Option<T>, D::Error> {
    from.deserialize_any(Leniently(PhantomData))
}

/// What a field may be read from: each form that it knows is a method of its own.
pub(super) trait Field: Sized {
    /// From a text.
    fn text(_text: &str) -> Option<Self> {
        None
    }

    /// From a whole number.
    fn whole(_number: i64) -> Option<Self> {
        None
    }

    /// From a truth value.
    fn truth(_truth: bool) -> Option<Self> {
        None
    }

    /// From an object.
    fn object<'de, A: MapAccess<'de>>(object: A) -> Result<Option<Self>, A::Error> {
        IgnoredAny.visit_map(object).map(|_passed_over| None)
    }

    /// From a list.
    fn list<'de, A: SeqAccess<'de>>(list: A) -> Result<Option<Self>, A::Error> {
        IgnoredAny.visit_seq(list).map(|_passed_over| None)
    }
}

/// Asks the field for what it makes of the form that was found.
struct Leniently<T>(PhantomData<T>);

impl<'de, T: Field> Visitor<'de> for Leniently<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_unit<E: Error>(self) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_bool<E: Error>(self, truth: bool) -> Result<Option<T>, E> {
        Ok(T::truth(truth))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Option<T>, E> {
        Ok(T::whole(number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Option<T>, E> {
        Ok(i64::try_from(number).ok().and_then(T::whole))
    }

    fn visit_f64<E: Error>(self, _number: f64) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Option<T>, E> {
        Ok(T::text(text))
    }

    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<Option<T>, A::Error> {
        T::object(object)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Option<T>, A::Error> {
        T::list(list)
    }
}

/// An entry of a list.
struct Entry<T>(Option<T>);

impl<'de, T: Field> Deserialize<'de> for Entry<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        lenient(from).map(Self)
    }
}

impl<T: Field> Field for Vec<T> {
    fn list<'de, A: SeqAccess<'de>>(mut list: A) -> Result<Option<Self>, A::Error> {
        let mut entries = Self::new();
        while let Some(Entry(entry)) = list.next_element()? {
            entries.extend(entry);
        }
        Ok(Some(entries))
    }
}

impl Field for String {
    fn text(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }
}

impl Field for bool {
    fn truth(truth: bool) -> Option<Self> {
        Some(truth)
    }
}

/// Fields that are read from a text.
macro_rules! texts {
    ($($field:ty),*) => {$(
        impl Field for $field {
            fn text(text: &str) -> Option<Self> {
                text.parse().ok()
            }
        }
    )*};
}

texts!(ConversationId, ParticipantId, QueueId, SessionId, Timestamp);

/// Fields that are read from a whole number.
macro_rules! numbers {
    ($($field:ty),*) => {$(
        impl Field for $field {
            fn whole(number: i64) -> Option<Self> {
                number.try_into().ok()
            }
        }
    )*};
}

numbers!(i64, u64, u32, usize);

/// Fields that are objects with lenient fields of their own.
macro_rules! objects {
    ($($field:ty),*) => {$(
        impl Field for $field {
            fn object<'de, A: MapAccess<'de>>(object: A) -> Result<Option<Self>, A::Error> {
                Self::deserialize(MapAccessDeserializer::new(object)).map(Some)
            }
        }
    )*};
}

objects!(
    ActivityGroup,
    Callback,
    Membership,
    QueueReference,
    Reference,
    Requirements,
    RoutingData,
    ScoredAgent
);

impl Field for Present {
    fn object<'de, A: MapAccess<'de>>(object: A) -> Result<Option<Self>, A::Error> {
        IgnoredAny.visit_map(object).map(|_passed_over| Some(Self))
    }
}
