//! Forms that several settings share: one or a list of them, and words with a meaning.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize,
    de::{
        MapAccess, SeqAccess, Visitor,
        value::{MapAccessDeserializer, SeqAccessDeserializer},
    },
};

/// What may be written as one, or as a list.
pub(super) trait Either: Sized {
    /// One.
    type One;
    /// A list.
    type Many;

    /// From one.
    fn one(one: Self::One) -> Self;

    /// From a list.
    fn many(many: Self::Many) -> Self;
}

/// Reads one or many; says what is expected.
pub(super) struct OneOrMany<T>(pub(super) &'static str, pub(super) PhantomData<T>);

impl<'de, T: Either<One: Deserialize<'de>, Many: Deserialize<'de>>> Visitor<'de> for OneOrMany<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::One::deserialize(MapAccessDeserializer::new(map)).map(T::one)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<T, A::Error> {
        T::Many::deserialize(SeqAccessDeserializer::new(seq)).map(T::many)
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
