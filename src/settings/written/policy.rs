//! A policy as it is written, in `[policy]` and in each of the `[[rules]]`; and what a rule asks about.
//!
//! Everything is optional here: what `[policy]` leaves out has a default, what a rule leaves out is as in `[policy]`.

use std::{collections::BTreeMap, fmt, marker::PhantomData, time::Duration};

use jiff::{civil, tz::TimeZone};
use serde::{
    Deserialize, Deserializer,
    de::{
        MapAccess, SeqAccess, Visitor,
        value::{MapAccessDeserializer, SeqAccessDeserializer},
    },
};

use super::{Interval, Points, Raises, Wait, Whole, out_of_range};
use crate::{
    conversation::Priority,
    pattern::Pattern,
    policy::{
        Credit,
        hours::{Days, Outside, Span},
        ladder::{Every, Gain, Rung},
        rules::{Attribute, CountFrom},
    },
};

/// Declares a table of settings that has those of a policy as well.
macro_rules! with_a_policy {
    ($(#[$doc:meta])* struct $name:ident { $($(#[$own_doc:meta])* $own:ident: $own_type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub(in crate::settings) struct $name {
            $($(#[$own_doc])* pub(in crate::settings) $own: $own_type,)*
            /// Leave these alone.
            pub(in crate::settings) skip: Option<bool>,
            /// Time between raises.
            pub(in crate::settings) wait: Option<Wait>,
            /// Points of one raise.
            pub(in crate::settings) increment: Option<Points>,
            /// Absent: no end.
            pub(in crate::settings) max_raises: Option<Raises>,
            /// Steps with a time each, instead of one that repeats.
            pub(in crate::settings) steps: Option<Steps>,
            /// What repeats after the last of them.
            pub(in crate::settings) then: Option<Repeated>,
            /// The ladder that calls climb.
            pub(in crate::settings) mirror: Option<Mirror>,
            /// Points at entry.
            pub(in crate::settings) offset: Option<Offset>,
            /// Whether the time before is worth points.
            pub(in crate::settings) credit: Option<WrittenCredit>,
            /// Since when the caller waits.
            pub(in crate::settings) count_from: Option<WrittenCountFrom>,
            /// Whether the platform gives a callback a time of entry of its own.
            pub(in crate::settings) entry_reset: Option<bool>,
            /// Absent: whatever it arrives with.
            pub(in crate::settings) min_priority: Option<Priority>,
            /// Absent: the platform's own limit.
            pub(in crate::settings) max_priority: Option<Priority>,
            /// When raises are made.
            pub(in crate::settings) hours: Option<WrittenHours>,
            /// Whether waiting counts outside of them.
            pub(in crate::settings) clock: Option<WrittenClock>,
        }

        impl $name {
            /// One that says nothing.
            pub(in crate::settings) fn empty() -> Self {
                Self {
                    $($own: Default::default(),)*
                    skip: None,
                    wait: None,
                    increment: None,
                    max_raises: None,
                    steps: None,
                    then: None,
                    mirror: None,
                    offset: None,
                    credit: None,
                    count_from: None,
                    entry_reset: None,
                    min_priority: None,
                    max_priority: None,
                    hours: None,
                    clock: None,
                }
            }
        }
    };
}

with_a_policy! {
    /// `[policy]`
    struct Policy {}
}

with_a_policy! {
    /// One of the `[[rules]]`.
    struct Rule {
        /// What it is called.
        name: Option<String>,
        /// Queues: names, globs or ids.
        queue: Names,
        /// Skills, likewise.
        skill: Names,
        /// Languages, likewise.
        language: Names,
        /// Divisions, likewise.
        division: Names,
        /// Priority at arrival.
        priority: Option<Range>,
        /// Participant attributes.
        attribute: BTreeMap<String, Asked>,
        /// Planned for a time.
        scheduled: Option<bool>,
        /// Waiting for one agent.
        agent_owned: Option<bool>,
        /// A voicemail.
        voicemail: Option<bool>,
    }
}

/// The blueprint's time from one raise to the next.
pub(in crate::settings) const USUAL_WAIT: Duration = Duration::from_mins(5);

impl Default for Policy {
    /// The values of the blueprint that this program replaces.
    fn default() -> Self {
        Self {
            wait: Some(Interval(USUAL_WAIT)),
            increment: Some(Points::ONE),
            ..Self::empty()
        }
    }
}

impl Default for Rule {
    fn default() -> Self {
        Self::empty()
    }
}

impl Rule {
    /// What it says of a policy.
    pub(in crate::settings) fn policy(&self) -> Policy {
        let rule = self.clone();
        Policy {
            skip: rule.skip,
            wait: rule.wait,
            increment: rule.increment,
            max_raises: rule.max_raises,
            steps: rule.steps,
            then: rule.then,
            mirror: rule.mirror,
            offset: rule.offset,
            credit: rule.credit,
            count_from: rule.count_from,
            entry_reset: rule.entry_reset,
            min_priority: rule.min_priority,
            max_priority: rule.max_priority,
            hours: rule.hours,
            clock: rule.clock,
        }
    }
}

/// Points that a callback may begin with.
pub(in crate::settings) type Offset = Whole<0, { Points::MOST }>;

/// The time of a step: up to a month after entry.
type After = Interval<0, { 31 * 24 * 60 * 60 * 1000 }>;

/// Most steps in a list. More would be a formula.
const MOST_STEPS: usize = 1_000;

/// Steps in the order of their times, at least one.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Vec<WrittenStep>")]
pub(in crate::settings) struct Steps(pub(in crate::settings) Vec<Rung>);

impl TryFrom<Vec<WrittenStep>> for Steps {
    type Error = String;

    fn try_from(steps: Vec<WrittenStep>) -> Result<Self, String> {
        if steps.is_empty() || steps.len() > MOST_STEPS {
            return Err(format!(
                "expected 1 to {MOST_STEPS} steps, found {}",
                steps.len()
            ));
        }
        let rungs: Vec<Rung> = steps.into_iter().map(|step| step.0).collect();
        let early = rungs
            .windows(2)
            .position(|pair| pair[1].after <= pair[0].after);
        match early {
            Some(at) => Err(format!(
                "step {} is not later than step {}: write them in the order of their times",
                at + 2,
                at + 1
            )),
            None => Ok(Self(rungs)),
        }
    }
}

/// A step: `{ after = "2m", add = 5 }` or `{ after = "10m", to = 50 }`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "RawStep")]
pub(in crate::settings) struct WrittenStep(Rung);

/// A step before it is known to be one.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawStep {
    /// When.
    after: After,
    /// Points more.
    add: Option<Points>,
    /// Priority.
    to: Option<Priority>,
}

impl TryFrom<RawStep> for WrittenStep {
    type Error = String;

    fn try_from(raw: RawStep) -> Result<Self, String> {
        let gain =
            match (raw.add, raw.to) {
                (Some(points), None) => Gain::Add(points.0.get()),
                (None, Some(priority)) => Gain::To(priority),
                _ => return Err(
                    "a step either adds points or goes to a priority: write one of `add` and `to`"
                        .to_owned(),
                ),
            };
        Ok(Self(Rung {
            after: raw.after.0,
            gain,
        }))
    }
}

/// A step that repeats: `{ every = "1m", add = 1 }`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::settings) struct Repeated {
    /// Time from one to the next.
    every: Wait,
    /// Points of each.
    #[serde(default)]
    add: Points,
}

impl From<Repeated> for Every {
    fn from(written: Repeated) -> Self {
        Self {
            every: written.every.0,
            add: written.add.0.get(),
        }
    }
}

/// The ladder of calls: a list of steps, or one that repeats up to a priority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::settings) enum Mirror {
    /// A list.
    Steps(Steps),
    /// One that repeats.
    Repeated(RepeatedTo),
}

/// A step that repeats, up to a priority: `{ every = "1m", add = 1, max = 30 }`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::settings) struct RepeatedTo {
    /// Time from one to the next.
    pub(in crate::settings) every: Wait,
    /// Points of each.
    #[serde(default)]
    pub(in crate::settings) add: Points,
    /// Up to which priority; absent: no end.
    pub(in crate::settings) max: Option<Priority>,
}

impl<'de> Deserialize<'de> for Mirror {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(OneOrMany(
            "a list of steps, or a table with `every`",
            PhantomData,
        ))
    }
}

impl Either for Mirror {
    type One = RepeatedTo;
    type Many = Steps;

    fn one(one: RepeatedTo) -> Self {
        Self::Repeated(one)
    }

    fn many(many: Steps) -> Self {
        Self::Steps(many)
    }
}

/// Business hours: a table, or a list of them in one time zone.
#[derive(Clone, Debug, PartialEq, Eq)]
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

impl<'de> Deserialize<'de> for WrittenHours {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(OneOrMany(
            "a table with days, from, to and tz, or a list of them",
            PhantomData,
        ))
    }
}

impl Either for WrittenHours {
    type One = WrittenSpan;
    type Many = WrittenSpans;

    fn one(one: WrittenSpan) -> Self {
        Self {
            spans: vec![one.span],
            zone: one.zone,
        }
    }

    fn many(many: WrittenSpans) -> Self {
        many.0
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

/// What may be written as one, or as a list.
trait Either: Sized {
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
struct OneOrMany<T>(&'static str, PhantomData<T>);

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

/// Whether the caller's wait before is worth points.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(in crate::settings) struct WrittenCredit(pub(in crate::settings) Credit);

impl TryFrom<String> for WrittenCredit {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        word(&text, &[("none", Credit::None), ("waited", Credit::Waited)]).map(Self)
    }
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

/// Since when the caller waits.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(in crate::settings) struct WrittenCountFrom(pub(in crate::settings) CountFrom);

impl TryFrom<String> for WrittenCountFrom {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if let Some(name) = text.strip_prefix("attribute:") {
            let name = name.trim();
            return if name.is_empty() {
                Err("the attribute has no name: write \"attribute:NAME\"".to_owned())
            } else {
                Ok(Self(CountFrom::Attribute(name.to_owned())))
            };
        }
        let words = [
            ("callback", CountFrom::Callback),
            ("conversation", CountFrom::Conversation),
        ];
        word(&text, &words)
            .map(Self)
            .map_err(|refusal| format!("{refusal} or \"attribute:NAME\""))
    }
}

/// What a word means.
fn word<T: Clone>(text: &str, words: &[(&str, T)]) -> Result<T, String> {
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
    let shown = text.escape_debug();
    match globset::Glob::new(text) {
        Ok(_) => Ok(Pattern::new(text)),
        Err(error) => Err(format!(
            "`{shown}` is no pattern ({}): put `\\` before a character that is meant literally",
            error.kind()
        )),
    }
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
