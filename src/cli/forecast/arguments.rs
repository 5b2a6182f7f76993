//! What may be typed behind `forecast`: numbers, shares, times, and each of them by the time of day where that matters.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use jiff::tz::TimeZone;

use crate::{
    cli::{Described, Source, Whose},
    forecast::{Handling, Profile, TimeOfDay},
    settings::{self, Spelled, time_of_day},
};

/// When callers come, unless said otherwise: a day with a rush before noon.
const USUAL_ARRIVALS: &str = "08:00=60,09:00=150,10:00=180,11:00=150,12:00=110,13:00=120,14:00=150,15:00=140,16:00=110,17:00=70,18:00=0";
/// How many agents there are, unless said otherwise.
const USUAL_AGENTS: &str = "08:00=6,09:00=10,17:00=7";
/// The largest share of alerts in vain.
const MOST_MISSED: f64 = 0.9;
/// When they come where only a number is given.
const OPENING: (&str, &str) = ("08:00", "18:00");
/// Callers an hour, and agents, at most.
const MOST: f64 = 100_000.0;
/// Longest time that is believed of anybody.
const LONGEST: Duration = Duration::from_hours(24);

/// `forecast`
#[derive(Args, Debug)]
pub struct Forecast {
    /// Where the settings are.
    #[command(flatten)]
    pub source: Source,
    /// Whose.
    #[command(flatten)]
    pub whose: Whose,
    /// Which callbacks it is about, as far as rules ask.
    #[command(flatten)]
    pub described: Described,
    /// Callers an hour, from 08:00 to 18:00 or by the time of day, such as 09:00=60,12:00=90,17:00=0; without it a day of 1240
    /// with a rush of 180 at ten
    #[arg(long, value_name = "NUMBER", value_parser = arrivals, default_value = USUAL_ARRIVALS, hide_default_value = true)]
    pub arrivals: Profile<f64>,
    /// Agents, all day or by the time of day, such as 08:00=6,10:00=9 [default: 08:00=6,09:00=10,17:00=7, but for real
    /// conversations there is none]
    #[arg(long, value_name = "NUMBER", value_parser = agents)]
    pub agents: Option<Profile<usize>>,
    /// Time zone of the times of day, such as Europe/Berlin; without it that of the business hours in the settings, else UTC
    #[arg(long, value_name = "ZONE", value_parser = time_zone)]
    pub tz: Option<TimeZone>,
    /// How long agents need: a mean (exponential), lognormal:MEAN/DEVIATION, or list:TIME,TIME,...
    #[arg(long, value_name = "TIME", value_parser = handling, default_value = "lognormal:4m/2m 30s")]
    pub handling: Handling,
    /// Share of callers who take a callback if they still wait after a while
    #[arg(long, value_name = "SHARE", value_parser = share, default_value = "25%")]
    pub callbacks: f64,
    /// How long that is: a time, or any from one to another
    #[arg(long, value_name = "TIME", value_parser = span, default_value = "30s-2m")]
    pub after: Span,
    /// Mean time after which callers on the line hang up; without it nobody does
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub patience: Option<Duration>,
    /// Share of offers that an agent lets ring until they are withdrawn
    #[arg(long, value_name = "SHARE", value_parser = less_than_all, default_value = "2%")]
    pub missed: f64,
    /// How long they ring
    #[arg(long, value_name = "TIME", value_parser = time, default_value = "30s")]
    pub alert: Duration,
    /// What the in-queue flow does for calls, as `mirror` in the settings says it, or none; without it what your settings mirror,
    /// else a point a minute
    #[arg(long, value_name = "LADDER")]
    pub ladder: Option<String>,
    /// The service level: the wait within which callers are to be answered
    #[arg(long, value_name = "TIME", value_parser = time, default_value = "5m")]
    pub within: Duration,
    /// How many days are tried, Mondays to Fridays; at least 40
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(40..=1_000_000), default_value_t = 500)]
    pub days: u32,
    /// Replay these conversations instead: a CSV file with the columns `arrival`, `handling_s`, `media`, `queue`, and perhaps
    /// `waited_s`
    #[arg(long, value_name = "FILE", conflicts_with_all = ["arrivals", "handling", "callbacks", "days"])]
    pub conversations: Option<PathBuf>,
    /// Which random traffic: the same number makes the same again
    #[arg(long, default_value_t = 7)]
    pub seed: u64,
    /// One JSON object
    #[arg(long)]
    pub json: bool,
    /// Write a page with plots as well
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
}

impl Forecast {
    /// How many agents there are; nothing where that must be said and is not.
    pub(super) fn agents(&self) -> Option<Profile<usize>> {
        let usual = || agents(USUAL_AGENTS).ok();
        let drawn = self.conversations.is_none();
        self.agents.clone().or_else(|| usual().filter(|_| drawn))
    }
}

/// A time, or any from one to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The shortest.
    pub from: Duration,
    /// The longest.
    pub to: Duration,
}

/// Callers an hour by the time of day.
fn arrivals(text: &str) -> Result<Profile<f64>, String> {
    let number = |text: &str| {
        let number: f64 = text.trim().parse().map_err(|_none| not_a_number(text))?;
        let believable = (0.0..=MOST).contains(&number);
        believable.then_some(number).ok_or_else(|| {
            format!("{number} is out of range: expected 0 to {MOST} callers an hour")
        })
    };
    if text.contains('=') {
        let profile = profile(text, number)?;
        if profile.last().is_none_or(|last| last > 0.0) {
            return Err(
                "the day does not end: end with the time of closing, such as 18:00=0".to_owned(),
            );
        }
        if profile.numbers().all(|number| number <= 0.0) {
            return Err("nobody comes".to_owned());
        }
        return Ok(profile);
    }
    let (from, to) = (at(OPENING.0)?, at(OPENING.1)?);
    match number(text)? {
        0.0 => Err("nobody comes".to_owned()),
        number => Profile::new(vec![(from, number), (to, 0.0)]),
    }
}

/// Agents by the time of day.
fn agents(text: &str) -> Result<Profile<usize>, String> {
    let number = |text: &str| {
        let number: u32 = text.trim().parse().map_err(|_none| not_a_number(text))?;
        if f64::from(number) > MOST {
            return Err(format!(
                "{number} is out of range: expected 0 to {MOST} agents"
            ));
        }
        usize::try_from(number).map_err(|_large| not_a_number(text))
    };
    let profile = if text.contains('=') {
        profile(text, number)?
    } else {
        Profile::constant(number(text)?)
    };
    if profile.numbers().all(|number| number == 0) {
        return Err("nobody would ever be answered: write at least one agent".to_owned());
    }
    Ok(profile)
}

/// Numbers by the time of day: `08:00=6,10:00=9`.
fn profile<T: Copy>(
    text: &str,
    number: impl Fn(&str) -> Result<T, String>,
) -> Result<Profile<T>, String> {
    let change = |part: &str| {
        let (time, value) = part.split_once('=').ok_or_else(|| {
            format!(
                "`{}` is no time with its number: write such as 09:00=60",
                part.escape_debug()
            )
        })?;
        Ok((at(time)?, number(value)?))
    };
    let changes: Result<Vec<_>, String> = text.split(',').map(change).collect();
    Profile::new(changes?)
}

/// A time of day; 24:00 is its end.
fn at(text: &str) -> Result<TimeOfDay, String> {
    let time = time_of_day(text.trim())?;
    Ok(if text.trim() == "24:00" {
        TimeOfDay::END
    } else {
        TimeOfDay::new(time)
    })
}

/// A time zone by its name.
fn time_zone(text: &str) -> Result<TimeZone, String> {
    TimeZone::get(text).map_err(|_unknown| {
        format!(
            "`{}` is no time zone: write a name such as Europe/Berlin, and check that the machine has tzdata",
            text.escape_debug()
        )
    })
}

/// A share that leaves some.
fn less_than_all(text: &str) -> Result<f64, String> {
    let share = share(text)?;
    (share <= MOST_MISSED)
        .then_some(share)
        .ok_or_else(|| "it is out of range: expected at most 90%, or nobody is answered".to_owned())
}

/// How long agents need.
fn handling(text: &str) -> Result<Handling, String> {
    if let Some(times) = text.strip_prefix("list:") {
        let times: Result<Vec<Duration>, String> = times.split(',').map(time).collect();
        return Ok(Handling::Listed(times?));
    }
    if let Some(both) = text.strip_prefix("lognormal:") {
        let (mean, deviation) = both
            .split_once('/')
            .ok_or("write a mean and a standard deviation, such as lognormal:4m/2m")?;
        return Ok(Handling::LogNormal {
            mean: time(mean)?,
            deviation: time(deviation)?,
        });
    }
    time(text.strip_prefix("exponential:").unwrap_or(text)).map(Handling::Exponential)
}

/// A share: `25%` or `0.25`.
fn share(text: &str) -> Result<f64, String> {
    let trimmed = text.trim();
    let (digits, whole) = match trimmed.strip_suffix('%') {
        Some(digits) => (digits.trim(), 100.0),
        None => (trimmed, 1.0),
    };
    let number: f64 = digits.parse().map_err(|_none| not_a_number(text))?;
    let share = number / whole;
    (0.0..=1.0)
        .contains(&share)
        .then_some(share)
        .ok_or_else(|| format!("{trimmed} is out of range: expected 0% to 100%"))
}

/// A time, or any from one to another: `1m` or `30s-2m`.
fn span(text: &str) -> Result<Span, String> {
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    let span = Span {
        from: up_to_the_longest(from)?,
        to: up_to_the_longest(to)?,
    };
    (span.from <= span.to)
        .then_some(span)
        .ok_or_else(|| "the second time is shorter than the first".to_owned())
}

/// A time of more than nothing.
fn time(text: &str) -> Result<Duration, String> {
    up_to_the_longest(text).and_then(|time| {
        let some = !time.is_zero();
        some.then_some(time)
            .ok_or_else(|| "it must be longer than nothing".to_owned())
    })
}

/// A time as somebody could wait.
fn up_to_the_longest(text: &str) -> Result<Duration, String> {
    let time = settings::interval(text)?;
    if time > LONGEST {
        return Err(format!(
            "{} is out of range: expected at most {}",
            text.trim(),
            Spelled(LONGEST)
        ));
    }
    Ok(time)
}

/// That a text is no number.
fn not_a_number(text: &str) -> String {
    format!("`{}` is no number", text.trim().escape_debug())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_for_all_day_or_by_the_time_of_day() {
        let span = |text| arrivals(text).unwrap().span().unwrap();
        let of_day = |text| at(text).unwrap();
        assert_eq!(span("00:00=5,24:00=0"), (of_day("00:00"), TimeOfDay::END));
        assert_eq!(span("120"), (of_day("08:00"), of_day("18:00")));
        assert_eq!(
            span("09:00=60, 12:30=0"),
            (of_day("09:00"), of_day("12:30"))
        );
        assert_eq!(agents("08:00=6,10:00=9").unwrap().last(), Some(9));
        assert_eq!(agents("7").unwrap().last(), Some(7));
        for (refused, expected) in [
            (arrivals("many").unwrap_err(), "`many` is no number"),
            (arrivals("-1").unwrap_err(), "out of range"),
            (arrivals("NaN").unwrap_err(), "out of range"),
            (arrivals("0").unwrap_err(), "nobody comes"),
            (arrivals("09:00=60").unwrap_err(), "the day does not end"),
            (
                arrivals("09:00=60,8").unwrap_err(),
                "`8` is no time with its number",
            ),
            (
                arrivals("09:00=60,08:00=0").unwrap_err(),
                "does not come after",
            ),
            (arrivals("09:00=0,10:00=0").unwrap_err(), "nobody comes"),
            (arrivals("25:00=60").unwrap_err(), "no time of day"),
            (agents("0").unwrap_err(), "at least one agent"),
            (agents("1.5").unwrap_err(), "no number"),
            (agents("4000000000").unwrap_err(), "out of range"),
        ] {
            assert!(refused.contains(expected), "{refused}");
        }
    }

    #[test]
    fn handling_times_are_of_three_kinds() {
        let minutes = Duration::from_mins;
        for (text, expected) in [
            ("4m", Handling::Exponential(minutes(4))),
            ("exponential:4m", Handling::Exponential(minutes(4))),
            (
                "lognormal:4m/2m",
                Handling::LogNormal {
                    mean: minutes(4),
                    deviation: minutes(2),
                },
            ),
            (
                "list:3m, 5m",
                Handling::Listed(vec![minutes(3), minutes(5)]),
            ),
        ] {
            assert_eq!(handling(text), Ok(expected), "{text}");
        }
        for bad in [
            "4",
            "0s",
            "lognormal:4m",
            "list:",
            "list:4m,",
            "normal:4m",
            "2d",
        ] {
            assert!(handling(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn shares_and_spans() {
        for (text, expected) in [("25%", 0.25), ("0.25", 0.25), (" 100 % ", 1.0), ("0", 0.0)] {
            assert_eq!(share(text), Ok(expected), "{text}");
        }
        for bad in ["25", "-1%", "half", "", "NaN"] {
            assert!(share(bad).is_err(), "{bad}");
        }
        assert!(less_than_all("90%").is_ok() && less_than_all("91%").is_err());
        assert!(time_zone("Europe/Berlin").is_ok() && time_zone("Mars").is_err());
        let (short, long) = (Duration::from_secs(30), Duration::from_mins(2));
        let expected = Span {
            from: short,
            to: long,
        };
        assert_eq!(span("30s-2m"), Ok(expected));
        assert_eq!(span("2m").map(|span| span.from), Ok(long));
        assert!(span("2m-30s").is_err() && span("1-2").is_err());
    }
}
