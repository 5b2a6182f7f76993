//! Forms that several settings share: one or a list of them, and words with a meaning.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{
        MapAccess, SeqAccess, Visitor,
        value::{MapAccessDeserializer, SeqAccessDeserializer},
    },
};

/// What may be written as a table, or as a list of tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::settings) enum OneOrMany<One, Many> {
    /// A table.
    One(One),
    /// A list.
    Many(Many),
}

impl<'de, One: Deserialize<'de>, Many: Deserialize<'de>> Deserialize<'de> for OneOrMany<One, Many> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Reader(PhantomData))
    }
}

/// Reads one or many, by the form that is found. Not untagged: refusals keep their places.
struct Reader<One, Many>(PhantomData<(One, Many)>);

impl<'de, One: Deserialize<'de>, Many: Deserialize<'de>> Visitor<'de> for Reader<One, Many> {
    type Value = OneOrMany<One, Many>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table, or a list of tables")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        One::deserialize(MapAccessDeserializer::new(map)).map(OneOrMany::One)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
        Many::deserialize(SeqAccessDeserializer::new(seq)).map(OneOrMany::Many)
    }
}

/// What a word means.
pub(super) fn word<T: Clone>(text: &str, words: &[(&str, T)]) -> Result<T, String> {
    let known = words.iter().find(|(word, _)| *word == text);
    known.map(|(_, meaning)| meaning.clone()).ok_or_else(|| {
        let words: Vec<String> = words
            .iter()
            .map(|(word, _)| format!("\"{word}\""))
            .collect();
        format!(
            "`{}` is not known here: expected {}",
            text.escape_debug(),
            words.join(" or ")
        )
    })
}
