//! Times in the settings: `"5m"`, `"90s"`, `"1h 30m"`, `"500ms"`, always with a unit and within bounds.
//!
//! A bare `300` would be read as milliseconds by some and as minutes by others, so it is refused rather than guessed.

use std::{fmt, time::Duration};

use jiff::{SignedDuration, SpanRelativeTo, fmt::friendly::SpanParser};
use serde::Deserialize;

/// One day in milliseconds: longer than any callback should wait for a raise, and short enough to catch `"300h"`.
const DAY: u64 = 24 * 60 * 60 * 1000;

/// The time from one raise to the next.
pub(super) type Wait = Interval<1, DAY>;

/// The time from one sweep to the next: often enough to repair, seldom enough to leave the requests to the raises.
pub(super) type Sweep = Interval<5_000, { 10 * 60 * 1000 }>;

/// How long the journal remembers. Callbacks may wait over a weekend, and are to be known on Monday.
pub(super) type Keep = Interval<DAY, { 3_650 * DAY }>;

/// A time between `MIN` and `MAX` milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Interval<const MIN: u64, const MAX: u64>(pub(super) Duration);

impl<const MIN: u64, const MAX: u64> TryFrom<String> for Interval<MIN, MAX> {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let time = read_signed(&text)?;
        let (min, max) = (Duration::from_millis(MIN), Duration::from_millis(MAX));
        Duration::try_from(time)
            .ok()
            .filter(|time| (min..=max).contains(time))
            .map(Self)
            .ok_or_else(|| {
                format!(
                    "{} is out of range: expected {} to {}",
                    text.escape_debug(),
                    Spelled(min),
                    Spelled(max)
                )
            })
    }
}

/// Reads a time of any length.
pub fn read(text: &str) -> Result<Duration, String> {
    let time = read_signed(text)?;
    Duration::try_from(time).map_err(|_before| format!("{text} runs backwards"))
}

/// Reads a time with its units. A day has 24 hours.
fn read_signed(text: &str) -> Result<SignedDuration, String> {
    let trimmed = text.trim();
    if let Ok(number) = trimmed.parse::<f64>() {
        return Err(format!(
            "{number} has no unit: write \"{number}s\" for seconds or \"{number}m\" for minutes"
        ));
    }
    SpanParser::new()
        .parse_span(trimmed)
        .and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()))
        .ok()
        .filter(|_| trimmed.contains(|letter: char| letter.is_ascii_alphabetic()))
        .ok_or_else(|| {
            format!(
                "`{}` is no time: write days, hours, minutes, seconds or milliseconds such as \"5m\", \"90s\" or \"1h 30m\"",
                text.escape_debug()
            )
        })
}

/// Shows a time the way it is written in the settings: `1h 30m`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spelled(pub(crate) Duration);

impl fmt::Display for Spelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis();
        if millis > DAY.into() && millis.is_multiple_of(DAY.into()) {
            return write!(f, "{}d", millis / u128::from(DAY));
        }
        let signed = SignedDuration::try_from(self.0).unwrap_or(SignedDuration::MAX);
        write!(f, "{signed:#}")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads a wait.
    fn wait(text: &str) -> Result<Duration, String> {
        Wait::try_from(text.to_owned()).map(|wait| wait.0)
    }

    #[test]
    fn times_are_read_with_their_units() {
        for (text, millis) in [
            ("5m", 300_000),
            ("90s", 90_000),
            ("500ms", 500),
            ("1h 30m", 5_400_000),
            ("1h30m", 5_400_000),
            ("2 minutes", 120_000),
            ("1.5m", 90_000),
            (" 5m ", 300_000),
            ("1ms", 1),
            ("24h", 86_400_000),
            ("1d", 86_400_000),
        ] {
            assert_eq!(wait(text), Ok(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused_with_the_way_out() {
        for (text, expected) in [
            ("300", "write \"300s\" for seconds"),
            ("1.5", "write \"1.5s\" for seconds"),
            ("", "is no time"),
            ("soon", "is no time"),
            ("5 parsecs", "is no time"),
            ("00:05:00", "is no time"),
            ("PT5M", "is no time"),
            ("1mo", "is no time"),
            ("2d", "out of range: expected 1ms to 24h"),
            ("0s", "out of range"),
            ("-5m", "out of range"),
            ("5m ago", "out of range"),
            ("999us", "out of range: expected 1ms to 24h"),
            ("25h", "out of range: expected 1ms to 24h"),
            ("99999999999999999999h", "is no time"),
        ] {
            let refusal = wait(text).unwrap_err();
            assert!(refusal.contains(expected), "{text}: {refusal}");
        }
        let refusal = Sweep::try_from("1s".to_owned()).unwrap_err();
        assert_eq!(refusal, "1s is out of range: expected 5s to 10m");
        let refusal = Keep::try_from("12h".to_owned()).unwrap_err();
        assert_eq!(refusal, "12h is out of range: expected 24h to 3650d");
    }

    proptest! {
        #[test]
        fn a_spelled_time_reads_back_as_itself(millis in 1..=DAY, days in 1..4_000_u64) {
            for millis in [millis, days * DAY] {
                let time = Duration::from_millis(millis);
                prop_assert_eq!(read(&Spelled(time).to_string()), Ok(time));
            }
        }

        #[test]
        fn no_text_panics(text in "\\PC*") {
            let _ = wait(&text);
        }
    }
}
