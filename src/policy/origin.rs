//! Since when a caller waits, by what is known of the conversation. Pure.

use std::time::Duration;

use jiff::Timestamp;

use super::rules::{CountFrom, Facts, Treatment};
use crate::clock::elapsed;

/// Longest wait before the callback's own that an attribute is believed to tell. A seconds' time read as milliseconds, or a
/// number that means something else, comes to decades.
const LONGEST: Duration = Duration::from_hours(31 * 24);

/// An attribute that holds no time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the attribute holds no time of the last 31 days in ISO 8601 with its offset, nor one in milliseconds since 1970"
)]
pub struct NoTime;

impl Treatment {
    /// When the caller of a callback first entered a queue, as far as it counts: never later than the callback itself.
    ///
    /// # Errors
    /// Where it is to be read from an attribute that holds no time; the callback's own entry counts then. An attribute that is
    /// absent is none: not every caller comes through the flow that sets it.
    pub fn origin(&self, facts: &Facts, since: Timestamp) -> Result<Timestamp, NoTime> {
        let told = match &self.count_from {
            CountFrom::Callback => None,
            // Who has planned a callback does not wait until then.
            CountFrom::Conversation => facts.first_entry.filter(|_| !facts.kind.scheduled),
            CountFrom::Attribute(name) => match facts.attributes.get(name) {
                Some(text) => Some(time(text, since)?),
                None => None,
            },
        };
        Ok(told.map_or(since, |told| told.min(since)))
    }
}

/// The time that a text tells, in one of the two forms.
fn time(text: &str, since: Timestamp) -> Result<Timestamp, NoTime> {
    let text = text.trim();
    let told = match text.parse::<i64>() {
        Ok(millis) => Timestamp::from_millisecond(millis).map_err(|_beyond| NoTime),
        Err(_no_number) => text.parse::<Timestamp>().map_err(|_no_time| NoTime),
    }?;
    if elapsed(told, since) > LONGEST {
        return Err(NoTime);
    }
    Ok(told)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::Kind;

    /// When the callback entered its queue.
    const ENTRY: &str = "2026-01-05T09:00:00Z";
    /// When its caller had, twenty minutes before.
    const CALLED: &str = "2026-01-05T08:40:00Z";

    fn moment(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// Since when the caller waits, by the attribute with this value.
    fn by_attribute(value: Option<&str>) -> Result<Timestamp, NoTime> {
        let treatment = Treatment {
            count_from: CountFrom::Attribute("called".to_owned()),
            ..Treatment::default()
        };
        let attributes = value.map(|value| ("called".to_owned(), value.to_owned()));
        let facts = Facts {
            attributes: attributes.into_iter().collect(),
            ..Facts::default()
        };
        treatment.origin(&facts, moment(ENTRY))
    }

    #[test]
    fn an_attribute_is_a_time_in_one_of_two_forms() {
        for (value, expected) in [
            (None, Ok(ENTRY)),
            (Some(CALLED), Ok(CALLED)),
            (Some(" 2026-01-05T09:40:00+01:00 "), Ok(CALLED)),
            (Some("1767602400000"), Ok(CALLED)),
            (Some("2026-01-05T09:30:00Z"), Ok(ENTRY)),
            (Some("1767602400"), Err(NoTime)),
            (Some("2026-01-05T08:40:00"), Err(NoTime)),
            (Some("yesterday"), Err(NoTime)),
            (Some(""), Err(NoTime)),
            (Some("99999999999999999999"), Err(NoTime)),
            (Some("2025-12-01T08:40:00Z"), Err(NoTime)),
        ] {
            assert_eq!(by_attribute(value), expected.map(moment), "{value:?}");
        }
    }

    #[test]
    fn the_conversations_first_entry_counts_unless_the_callback_was_planned() {
        for (count_from, scheduled, first_entry, expected) in [
            (CountFrom::Callback, false, Some(CALLED), ENTRY),
            (CountFrom::Conversation, false, Some(CALLED), CALLED),
            (CountFrom::Conversation, true, Some(CALLED), ENTRY),
            (CountFrom::Conversation, false, None, ENTRY),
        ] {
            let treatment = Treatment {
                count_from: count_from.clone(),
                ..Treatment::default()
            };
            let facts = Facts {
                kind: Kind {
                    scheduled,
                    ..Kind::default()
                },
                first_entry: first_entry.map(moment),
                ..Facts::default()
            };
            let origin = treatment.origin(&facts, moment(ENTRY));
            assert_eq!(origin, Ok(moment(expected)), "{count_from:?} {scheduled}");
        }
    }
}
