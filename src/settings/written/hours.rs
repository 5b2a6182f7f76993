//! Business hours as they are written.

use jiff::{civil, tz::TimeZone};
use serde::Deserialize;

use super::either::{OneOrMany, word};
use crate::policy::hours::{Days, Outside, Span};

/// Business hours: a table, or a list of them in one time zone.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "OneOrMany<WrittenSpan, WrittenSpans>")]
pub(in crate::settings) struct WrittenHours {
    /// The hours.
    pub(in crate::settings) spans: Vec<Span>,
    /// Whose clock.
    pub(in crate::settings) zone: TimeZone,
}

/// Hours of some days: `{ days = "mon-fri", from = "08:00", to = "18:00", tz = "Europe/Berlin" }`.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "RawSpan")]
pub(in crate::settings) struct WrittenSpan {
    /// The hours.
    span: Span,
    /// Whose clock.
    zone: TimeZone,
}

/// Hours before they are known to be some.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSpan {
    /// Days.
    days: String,
    /// Opening.
    from: String,
    /// Closing.
    to: String,
    /// Time zone.
    tz: String,
}

impl TryFrom<RawSpan> for WrittenSpan {
    type Error = String;

    fn try_from(raw: RawSpan) -> Result<Self, String> {
        let (from, to) = (time_of_day(&raw.from)?, time_of_day(&raw.to)?);
        Ok(Self {
            span: Span {
                days: days(&raw.days)?,
                from,
                to,
            },
            zone: zone(&raw.tz)?,
        })
    }
}

/// Hours in one time zone.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Vec<WrittenSpan>")]
pub(in crate::settings) struct WrittenSpans(WrittenHours);

impl TryFrom<Vec<WrittenSpan>> for WrittenSpans {
    type Error = String;

    fn try_from(spans: Vec<WrittenSpan>) -> Result<Self, String> {
        let Some(zone) = spans.first().map(|first| first.zone.clone()) else {
            return Err("the list is empty, so nothing would ever be raised: leave `hours` out to raise at any time".to_owned());
        };
        if spans.iter().any(|span| span.zone != zone) {
            return Err("these hours are in several time zones: write a rule for each".to_owned());
        }
        Ok(Self(WrittenHours {
            spans: spans.into_iter().map(|span| span.span).collect(),
            zone,
        }))
    }
}

impl From<OneOrMany<WrittenSpan, WrittenSpans>> for WrittenHours {
    fn from(written: OneOrMany<WrittenSpan, WrittenSpans>) -> Self {
        match written {
            OneOrMany::One(one) => Self {
                spans: vec![one.span],
                zone: one.zone,
            },
            OneOrMany::Many(many) => many.0,
        }
    }
}

/// The days of the week by the first letters of their names, as they are written.
const DAYS: [(&str, civil::Weekday); 7] = [
    ("mon", civil::Weekday::Monday),
    ("tue", civil::Weekday::Tuesday),
    ("wed", civil::Weekday::Wednesday),
    ("thu", civil::Weekday::Thursday),
    ("fri", civil::Weekday::Friday),
    ("sat", civil::Weekday::Saturday),
    ("sun", civil::Weekday::Sunday),
];

/// Days such as `mon-fri` or `mon, wed, fri-sun`.
fn days(text: &str) -> Result<Days, String> {
    let mut days = Days::default();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (mut day, last) = (weekday(first)?, weekday(last)?);
        days = days.and(day);
        while day != last {
            day = day.next();
            days = days.and(day);
        }
    }
    Ok(days)
}

/// A day of the week.
pub(crate) fn weekday(text: &str) -> Result<civil::Weekday, String> {
    let word = text.trim().to_ascii_lowercase();
    let known = DAYS.iter().find(|(name, _)| *name == word);
    known.map(|(_, day)| *day).ok_or_else(|| {
        format!(
            "`{}` is no day: write mon, tue, wed, thu, fri, sat or sun, such as \"mon-fri\" or \"mon, wed\"",
            text.trim().escape_debug()
        )
    })
}

/// A time of day: `08:00`; `24:00` is the end of the day.
pub(crate) fn time_of_day(text: &str) -> Result<civil::Time, String> {
    let refused = || {
        format!(
            "`{}` is no time of day: write hours and minutes such as \"08:00\"",
            text.escape_debug()
        )
    };
    let (hours, minutes) = text.trim().split_once(':').ok_or_else(refused)?;
    let number = |digits: &str| {
        let plain = digits.len() <= 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse::<i8>().ok().filter(|_| plain)
    };
    match (number(hours), number(minutes)) {
        (Some(24), Some(0)) => Ok(civil::Time::midnight()),
        (Some(hours), Some(minutes)) => {
            civil::Time::new(hours, minutes, 0, 0).map_err(|_beyond| refused())
        }
        _ => Err(refused()),
    }
}

/// A time zone by its name in the IANA database.
fn zone(name: &str) -> Result<TimeZone, String> {
    TimeZone::get(name).map_err(|_unknown| {
        format!(
            "`{}` is no time zone that this machine knows: write a name such as \"Europe/Berlin\"; if none is known, install the package tzdata",
            name.escape_debug()
        )
    })
}

/// Whether waiting counts outside business hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(in crate::settings) struct WrittenClock(pub(in crate::settings) Outside);

impl TryFrom<String> for WrittenClock {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        word(&text, &[("runs", Outside::Runs), ("stops", Outside::Stops)]).map(Self)
    }
}
