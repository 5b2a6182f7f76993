//! Who comes, with everything decided that chance decides: what differs between two runs on the same traffic is due to the
//! policies alone.

use std::{slice, time::Duration};

use jiff::{
    civil::{Date, Weekday},
    tz::TimeZone,
};

use super::{Arrivals, Model, NEVER, Profile, handling::Prepared, millis};
use crate::sandbox::Dice;

/// The first day that callers come on, a Monday. They come from Mondays to Fridays.
const FIRST: Date = jiff::civil::date(2026, 1, 5);
/// Milliseconds of an hour.
const HOUR: f64 = 3_600_000.0;
/// Offers in vain that a caller may meet.
const MOST_MISSED: u32 = 20;

/// A caller. All times are in milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// When they call, since 1970.
    pub arrives: i64,
    /// How long an agent will need.
    pub handling: i64,
    /// How long they wait on the line before they take a callback; `i64::MAX`: they never do.
    pub decides: i64,
    /// How long they wait on the line before they hang up; `i64::MAX`: they never do.
    pub patience: i64,
    /// How many agents they are offered to in vain.
    pub missed: u32,
}

/// Callers of one stretch of time, one after the other.
pub(super) struct Callers<'a> {
    /// When they come.
    arriving: Arriving<'a>,
    /// Chance.
    dice: Dice,
    /// How long agents need.
    handling: Prepared,
    /// What else is said of them.
    model: &'a Model,
}

/// When callers come.
enum Arriving<'a> {
    /// So many more, one a `gap` milliseconds on average.
    Steady {
        /// Mean time from one to the next.
        gap: f64,
        /// How many are still to come.
        left: u64,
        /// When the last one came.
        last: f64,
    },
    /// As long as a day lasts.
    Day {
        /// From when on how many come in a millisecond; none from the last one on.
        rates: Vec<(i64, f64)>,
        /// The rate that holds.
        place: usize,
        /// When the last one came.
        last: f64,
    },
    /// Those that are listed.
    Listed(slice::Iter<'a, Caller>),
}

impl<'a> Callers<'a> {
    /// The stretches of time that a model consists of, each with its callers: days, or one that holds all.
    pub(super) fn stretches(model: &'a Model, seed: u64) -> impl Iterator<Item = (Date, Self)> {
        let (number, dates) = match &model.arrivals {
            Arrivals::Days { days, .. } => (*days, days_from(FIRST)),
            Arrivals::Steady { .. } => (1, days_from(FIRST)),
            Arrivals::Listed(callers) => (1, days_from(first_day(callers, &model.zone))),
        };
        let mut dice = Dice::seeded(seed);
        dates
            .take(usize::try_from(number).unwrap_or(usize::MAX))
            .map(move |date| (date, Self::of(model, date, dice.another())))
    }

    /// The callers of this day.
    fn of(model: &'a Model, date: Date, dice: Dice) -> Self {
        let arriving = match &model.arrivals {
            Arrivals::Steady { gap, callers } => Arriving::Steady {
                gap: gap.as_secs_f64() * 1_000.0,
                left: *callers,
                last: float(start_of(date, &model.zone)),
            },
            Arrivals::Days { an_hour, .. } => Arriving::day(an_hour, date, &model.zone),
            Arrivals::Listed(callers) => Arriving::Listed(callers.iter()),
        };
        Self {
            arriving,
            dice,
            handling: model.handling.prepared(),
            model,
        }
    }

    /// A caller who comes then.
    fn drawn(&mut self, arrives: i64) -> Caller {
        let (model, dice) = (self.model, &mut self.dice);
        let handling = self.handling.draw(dice);
        let decides = if dice.chance(model.callbacks) {
            a_time_between(dice, model.after)
        } else {
            NEVER
        };
        Caller {
            arrives,
            handling,
            decides,
            patience: patience(dice, model.patience),
            missed: missed(dice, model.missed_alerts),
        }
    }
}

impl Iterator for Callers<'_> {
    type Item = Caller;

    fn next(&mut self) -> Option<Caller> {
        let arrives = match &mut self.arriving {
            Arriving::Listed(callers) => return callers.next().cloned(),
            Arriving::Steady { gap, left, last } => {
                *left = left.checked_sub(1)?;
                *last += *gap * self.dice.unit_exponential();
                *last
            }
            Arriving::Day { rates, place, last } => {
                next_of_day(rates, place, last, self.dice.unit_exponential())?
            }
        };
        Some(self.drawn(whole(arrives)))
    }
}

impl Arriving<'_> {
    /// As long as this day lasts.
    fn day(an_hour: &Profile<f64>, date: Date, zone: &TimeZone) -> Self {
        let rates: Vec<(i64, f64)> = an_hour
            .on(date, zone)
            .into_iter()
            .map(|(at, callers)| (at, callers / HOUR))
            .collect();
        Self::Day {
            last: rates.first().map_or(0.0, |(opening, _)| float(*opening)),
            rates,
            place: 0,
        }
    }
}

/// When the next one comes: so many callers of an average stretch later, which may be after one or more changes of the rate.
fn next_of_day(
    rates: &[(i64, f64)],
    place: &mut usize,
    last: &mut f64,
    mut callers: f64,
) -> Option<f64> {
    loop {
        let (_, rate) = rates.get(*place)?;
        let (end, _) = rates.get(*place + 1)?;
        let until_then = (float(*end) - *last) * rate;
        if callers < until_then {
            *last += callers / rate;
            return Some(*last);
        }
        callers -= until_then;
        *last = float(*end);
        *place += 1;
    }
}

/// A time between two, milliseconds. Whole seconds, so that many have the same wait behind them and share what a policy says
/// of it.
pub(super) fn a_time_between(dice: &mut Dice, (from, to): (Duration, Duration)) -> i64 {
    let spread = if to > from {
        dice.up_to(to.saturating_sub(from))
    } else {
        Duration::ZERO
    };
    millis(Duration::from_secs((from + spread).as_secs()))
}

/// How long a caller waits on the line before they hang up.
pub(super) fn patience(dice: &mut Dice, mean: Option<Duration>) -> i64 {
    mean.map_or(NEVER, |mean| millis(dice.exponential(mean)))
}

/// How many agents a caller is offered to in vain, where each lets this share ring.
pub(super) fn missed(dice: &mut Dice, share: f64) -> u32 {
    let mut missed = 0;
    while share > 0.0 && missed < MOST_MISSED && dice.chance(share) {
        missed += 1;
    }
    missed
}

/// Mondays to Fridays from this day on.
fn days_from(first: Date) -> impl Iterator<Item = Date> {
    let days = first.series(jiff::Span::new().days(1));
    days.filter(move |day| {
        let weekend = matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
        *day == first || !weekend
    })
}

/// The day that the first of them calls on.
fn first_day(callers: &[Caller], zone: &TimeZone) -> Date {
    let first = callers.first().map_or(0, |caller| caller.arrives);
    zone.to_datetime(super::moment(first)).date()
}

/// When a day begins, milliseconds since 1970.
fn start_of(date: Date, zone: &TimeZone) -> i64 {
    let start = date.to_zoned(zone.clone());
    start.map_or(0, |start| start.timestamp().as_millisecond())
}

/// Milliseconds as a number to calculate with.
#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn float(millis: i64) -> f64 {
    millis as f64
}

/// A number as whole milliseconds.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a time of a run, far below 2^52"
)]
fn whole(millis: f64) -> i64 {
    millis as i64
}

#[cfg(test)]
mod tests {
    use jiff::civil;

    use super::{super::TimeOfDay, *};

    /// Sixty an hour from eight to nine, none for an hour, and six hundred from ten to eleven.
    fn model() -> Model {
        let time = |hour| TimeOfDay::new(civil::time(hour, 0, 0, 0));
        let an_hour = vec![
            (time(8), 60.0),
            (time(9), 0.0),
            (time(10), 600.0),
            (time(11), 0.0),
        ];
        Model {
            arrivals: Arrivals::Days {
                an_hour: Profile::new(an_hour).unwrap(),
                days: 40,
            },
            callbacks: 0.25,
            after: (Duration::from_secs(30), Duration::from_mins(2)),
            patience: Some(Duration::from_mins(10)),
            missed_alerts: 0.2,
            ..super::super::tests::model(10, 0.8, crate::policy::Policy::default())
        }
    }

    #[test]
    fn a_day_has_its_hours_and_a_week_its_working_days() {
        let model = model();
        let (mut early, mut none, mut late, mut callbacks, mut missed) = (0.0, 0, 0.0, 0.0, 0.0);
        let mut days = Vec::new();
        for (date, callers) in Callers::stretches(&model, 1) {
            let midnight = start_of(date, &model.zone);
            days.push(date.weekday());
            for caller in callers {
                match (caller.arrives - midnight) / 3_600_000 {
                    8 => early += 1.0,
                    10 => late += 1.0,
                    _ => none += 1,
                }
                if caller.decides < NEVER {
                    callbacks += 1.0;
                    assert!((30_000..=120_000).contains(&caller.decides));
                }
                missed += f64::from(caller.missed);
            }
        }
        assert_eq!((days.len(), none), (40, 0));
        assert!(!days.contains(&Weekday::Saturday) && days.contains(&Weekday::Friday));
        let all: f64 = early + late;
        for (what, counted, expected, spread) in [
            ("early", early, 40.0 * 60.0, 150.0),
            ("late", late, 40.0 * 600.0, 500.0),
            ("callbacks", callbacks / all, 0.25, 0.01),
            ("missed", missed / all, 0.25, 0.015),
        ] {
            assert!((counted - expected).abs() < spread, "{what}: {counted}");
        }
    }

    #[test]
    fn one_seed_is_one_traffic() {
        let model = model();
        let drawn = |seed| -> Vec<Caller> {
            Callers::stretches(&model, seed)
                .flat_map(|(_, callers)| callers)
                .collect()
        };
        assert_eq!(drawn(4), drawn(4));
        assert_ne!(drawn(4), drawn(5));
    }
}
