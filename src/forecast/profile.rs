//! Numbers that change by the time of day, such as callers an hour and agents.

use std::fmt;

use jiff::{Timestamp, civil, tz::TimeZone};

use super::NEVER;

/// Minutes of a day.
const DAY: u16 = 24 * 60;

/// A time of day, in minutes from midnight; the end of the day is one as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimeOfDay(u16);

impl TimeOfDay {
    /// The end of the day.
    pub const END: Self = Self(DAY);

    /// As many hours and minutes from midnight, to the minute.
    #[must_use]
    pub fn new(time: civil::Time) -> Self {
        let [hour, minute] = [time.hour(), time.minute()].map(i16::from);
        Self((hour * 60 + minute).unsigned_abs())
    }

    /// When that is on a day, in milliseconds since 1970.
    fn on(self, date: civil::Date, zone: &TimeZone) -> i64 {
        let (date, minutes) = if self.0 < DAY {
            (Ok(date), self.0)
        } else {
            (date.tomorrow(), self.0 - DAY)
        };
        let [hour, minute] =
            [minutes / 60, minutes % 60].map(|number| i8::try_from(number).unwrap_or_default());
        let moment = date.and_then(|date| {
            let time = civil::time(hour, minute, 0, 0);
            zone.to_ambiguous_timestamp(date.to_datetime(time))
                .compatible()
        });
        moment.map_or(NEVER, Timestamp::as_millisecond)
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

/// A number by the time of day. After the last change of a day it stays as it is until the first one of the next.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile<T>(Vec<(TimeOfDay, T)>);

impl<T: Copy> Profile<T> {
    /// The same number all day.
    #[must_use]
    pub fn constant(number: T) -> Self {
        Self(vec![(TimeOfDay(0), number)])
    }

    /// These numbers, each from its time on.
    ///
    /// # Errors
    /// Where there are none, or one does not come after the one before it.
    pub fn new(changes: Vec<(TimeOfDay, T)>) -> Result<Self, String> {
        if changes.is_empty() {
            return Err("it is empty: write at least one number".to_owned());
        }
        let backwards = changes.windows(2).find(|pair| pair[0].0 >= pair[1].0);
        match backwards {
            Some(pair) => Err(format!(
                "{} does not come after {}: write the times in the order of the day",
                pair[1].0, pair[0].0
            )),
            None => Ok(Self(changes)),
        }
    }

    /// All numbers, in the order of the day.
    pub fn numbers(&self) -> impl Iterator<Item = T> {
        self.0.iter().map(|(_, number)| *number)
    }

    /// The last number of the day, which also holds before the first change.
    #[must_use]
    pub fn last(&self) -> Option<T> {
        self.0.last().map(|(_, number)| *number)
    }

    /// When a day begins and ends by this profile: its first and last change.
    #[must_use]
    pub fn span(&self) -> Option<(TimeOfDay, TimeOfDay)> {
        Some((self.0.first()?.0, self.0.last()?.0))
    }

    /// The changes of a day, in milliseconds since 1970.
    pub(super) fn on(&self, date: civil::Date, zone: &TimeZone) -> Vec<(i64, T)> {
        let changes = self.0.iter();
        changes
            .map(|(time, number)| (time.on(date, zone), *number))
            .collect()
    }

    /// How long each number holds, hours; before the first change the last one does.
    pub(super) fn hours(&self) -> impl Iterator<Item = (f64, T)> {
        let first = self.0.first().map_or(0, |(first, _)| first.0);
        let ends = self.0.iter().skip(1).map(|(end, _)| end.0);
        let ends = ends.chain([DAY + first]);
        self.0
            .iter()
            .zip(ends)
            .map(|((from, number), to)| (f64::from(to - from.0) / 60.0, *number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(hour: u16) -> TimeOfDay {
        TimeOfDay(60 * hour)
    }

    #[test]
    fn changes_are_in_the_order_of_the_day() {
        for (changes, good) in [
            (vec![], false),
            (vec![(time(8), 1)], true),
            (vec![(time(8), 1), (time(9), 2)], true),
            (vec![(time(9), 1), (time(8), 2)], false),
            (vec![(time(9), 1), (time(9), 2)], false),
        ] {
            assert_eq!(Profile::new(changes.clone()).is_ok(), good, "{changes:?}");
        }
    }

    #[test]
    fn a_day_is_the_calendars() {
        let berlin = TimeZone::get("Europe/Berlin").expect("the machine has a time zone database");
        let profile = Profile::new(vec![(time(1), 1), (time(4), 2)]).unwrap();
        let spring = profile.on(civil::date(2026, 3, 29), &berlin);
        assert_eq!(spring[1].0 - spring[0].0, 2 * 3_600_000, "an hour is lost");
        let usual = profile.on(civil::date(2026, 3, 30), &berlin);
        assert_eq!(usual[1].0 - usual[0].0, 3 * 3_600_000);
        assert_eq!(profile.last(), Some(2));
        assert_eq!(profile.span(), Some((time(1), time(4))));
        let hours: Vec<_> = profile.hours().collect();
        assert_eq!(hours, [(3.0, 1), (21.0, 2)]);
        let end = Profile::new(vec![(time(0), 1), (TimeOfDay::END, 0)]).unwrap();
        let all_day = end.on(civil::date(2026, 3, 30), &berlin);
        assert_eq!(all_day[1].0 - all_day[0].0, 24 * 3_600_000);
    }
}
