//! What only rules ask about, in a conversation as REST shows it. Read apart, where they ask: most daemons never do.
//!
//! Attributes may hold anything about a caller, so those that nobody asks about are dropped as soon as they were read.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::lenient::{Field, lenient};

/// `GET /api/v2/conversations/{id}`.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Whole {
    /// Every leg, in the order in which `Conversation` has them.
    pub(crate) participants: Vec<Member>,
    /// To whom it belongs.
    #[serde(deserialize_with = "lenient")]
    pub(crate) divisions: Option<Vec<Membership>>,
}

/// What a leg has besides what is read of it in any conversation.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Member {
    /// What flows have noted about it.
    #[serde(deserialize_with = "lenient")]
    pub(crate) attributes: Option<BTreeMap<String, String>>,
    /// What an agent must have.
    #[serde(deserialize_with = "lenient")]
    pub(crate) conversation_routing_data: Option<Requirements>,
}

/// What an agent must have.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Requirements {
    /// Skills.
    #[serde(deserialize_with = "lenient")]
    pub(crate) skills: Option<Vec<Reference>>,
    /// A language.
    #[serde(deserialize_with = "lenient")]
    pub(crate) language: Option<Reference>,
}

/// That a conversation belongs to a division.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Membership {
    /// Which.
    #[serde(deserialize_with = "lenient")]
    pub(crate) division: Option<Reference>,
}

/// Something named by its id.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Reference {
    /// Its id.
    #[serde(deserialize_with = "lenient")]
    pub(crate) id: Option<String>,
}

impl Field for BTreeMap<String, String> {
    fn object<'de, A: serde::de::MapAccess<'de>>(mut object: A) -> Result<Option<Self>, A::Error> {
        let mut texts = Self::new();
        while let Some((name, Text(text))) = object.next_entry()? {
            texts.extend(text.map(|text| (name, text)));
        }
        Ok(Some(texts))
    }
}

/// A text; nothing where it is something else.
struct Text(Option<String>);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        lenient(from).map(Self)
    }
}
