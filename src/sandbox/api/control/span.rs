//! Lengths of time, as people write them.

use std::time::Duration;

use serde::Deserialize;

use super::Refusal;

/// A length of time: a number of seconds, or a text with a unit.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Span {
    /// Seconds.
    Seconds(f64),
    /// A number and a unit: `ms`, `s`, `m` or `h`.
    Text(String),
}

impl Span {
    /// The duration it means.
    pub(super) fn duration(&self) -> Result<Duration, Refusal> {
        let seconds = match self {
            Self::Seconds(seconds) => Some(*seconds),
            Self::Text(text) => seconds_of(text),
        };
        let duration = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        duration.ok_or_else(|| {
            Refusal::bad_request(
                "A time is a number of seconds, or a text such as \"90s\" or \"5m\"",
            )
        })
    }
}

/// The seconds that a text such as `90s` means.
fn seconds_of(text: &str) -> Option<f64> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.');
    let (number, unit) = text.split_at(digits.unwrap_or(text.len()));
    let seconds = match unit.trim() {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return None,
    };
    Some(number.parse::<f64>().ok()? * seconds)
}

/// The duration that a time which may be absent means.
pub(super) fn span(span: Option<&Span>) -> Result<Option<Duration>, Refusal> {
    span.map(Span::duration).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_seconds_or_have_a_unit() {
        for (json, seconds) in [
            ("90", Some(90.0)),
            ("0.5", Some(0.5)),
            ("\"90s\"", Some(90.0)),
            ("\"250ms\"", Some(0.25)),
            ("\"1.5m\"", Some(90.0)),
            ("\"2h\"", Some(7200.0)),
            ("\"7\"", Some(7.0)),
            ("-1", None),
            ("\"soon\"", None),
            ("\"5 years\"", None),
        ] {
            let span: Span = serde_json::from_str(json).unwrap();
            let found = span.duration().ok().map(|duration| duration.as_secs_f64());
            assert_eq!(found, seconds, "{json}");
        }
    }
}
