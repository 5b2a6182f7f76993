//! What a rule asks about, as it is written.

use serde::Deserialize;

use super::{Points, out_of_range};
use crate::{conversation::Priority, pattern::Pattern, policy::rules::Attribute};

/// One or several names, globs or ids.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "TextOrTexts")]
pub(in crate::settings) struct Names(pub(in crate::settings) Vec<Pattern>);

/// A text, or several.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected text, or a list of texts")]
enum TextOrTexts {
    /// One.
    Text(String),
    /// Several.
    Texts(Vec<String>),
}

impl TryFrom<TextOrTexts> for Names {
    type Error = String;

    fn try_from(written: TextOrTexts) -> Result<Self, String> {
        let texts = match written {
            TextOrTexts::Text(text) => vec![text],
            TextOrTexts::Texts(texts) => texts,
        };
        if texts.is_empty() {
            return Err("the list is empty, so the rule would be for nobody: leave it out, or name something".to_owned());
        }
        texts
            .iter()
            .map(|text| pattern(text))
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

/// A name or a glob.
fn pattern(text: &str) -> Result<Pattern, String> {
    if text.trim().is_empty() {
        return Err("a name is blank and means nothing: remove it".to_owned());
    }
    Pattern::refusal(text).map_or_else(|| Ok(Pattern::new(text)), Err)
}

/// A priority, or a range of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "RawRange")]
pub(in crate::settings) struct Range {
    /// Lowest.
    pub(in crate::settings) min: Priority,
    /// Highest.
    pub(in crate::settings) max: Priority,
}

/// A range before it is known to be one.
#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "expected a priority, or a table with `min`, `max` or both"
)]
enum RawRange {
    /// One priority.
    One(i64),
    /// From one to another.
    Between(Between),
}

/// From one priority to another.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Between {
    /// Lowest.
    min: Option<i64>,
    /// Highest.
    max: Option<i64>,
}

impl TryFrom<RawRange> for Range {
    type Error = String;

    fn try_from(raw: RawRange) -> Result<Self, String> {
        let (min, max) = match raw {
            RawRange::One(points) => (Some(points), Some(points)),
            RawRange::Between(Between { min, max }) => (min, max),
        };
        let priority = |points: i64| {
            let most = Points::MOST.cast_signed();
            Priority::new(points).ok_or_else(|| out_of_range(points, -most, most))
        };
        let min = min.map_or(Ok(Priority::MIN), priority)?;
        let max = max.map_or(Ok(Priority::MAX), priority)?;
        if min > max {
            return Err(format!("no priority is at least {min} and at most {max}"));
        }
        Ok(Self { min, max })
    }
}

/// What is asked of an attribute: `true` that it is there, `false` that it is not, or a text or glob that it is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "RawAsked")]
pub(in crate::settings) struct Asked(pub(in crate::settings) Attribute);

/// The same before it is known to make sense.
#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "expected true, false, or text that the attribute is or matches"
)]
enum RawAsked {
    /// Whether it is there.
    Exists(bool),
    /// What it is.
    Is(String),
}

impl TryFrom<RawAsked> for Asked {
    type Error = String;

    fn try_from(raw: RawAsked) -> Result<Self, String> {
        Ok(Self(match raw {
            RawAsked::Exists(exists) => Attribute::Exists(exists),
            RawAsked::Is(text) => Attribute::Is(pattern(&text)?),
        }))
    }
}
