//! Numbers that change by the time of day, such as callers an hour and agents.

use jiff::{Timestamp, civil, tz::TimeZone};

use super::NEVER;

/// A number by the time of day. After the last change of a day it stays as it is until the first one of the next.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile<T>(Vec<(civil::Time, T)>);

impl<T: Copy> Profile<T> {
    /// The same number all day.
    #[must_use]
    pub fn constant(number: T) -> Self {
        Self(vec![(civil::Time::midnight(), number)])
    }

    /// These numbers, each from its time on.
    ///
    /// # Errors
    /// Where there are none, or one does not come after the one before it.
    pub fn new(changes: Vec<(civil::Time, T)>) -> Result<Self, String> {
        if changes.is_empty() {
            return Err("it is empty: write at least one number".to_owned());
        }
        let backwards = changes.windows(2).find(|pair| pair[0].0 >= pair[1].0);
        match backwards {
            Some(pair) => Err(format!(
                "{} does not come after {}: write the times in the order of the day",
                shown(pair[1].0),
                shown(pair[0].0)
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
    pub fn span(&self) -> Option<(civil::Time, civil::Time)> {
        Some((self.0.first()?.0, self.0.last()?.0))
    }

    /// The changes of a day, in milliseconds since 1970.
    pub(super) fn on(&self, date: civil::Date, zone: &TimeZone) -> Vec<(i64, T)> {
        let changes = self.0.iter();
        let at = |time: civil::Time| {
            let moment = zone.to_ambiguous_timestamp(date.to_datetime(time));
            moment.compatible().map_or(NEVER, Timestamp::as_millisecond)
        };
        changes.map(|(time, number)| (at(*time), *number)).collect()
    }
}

/// A time of day as it is written.
fn shown(time: civil::Time) -> String {
    time.strftime("%H:%M").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(hour: i8) -> civil::Time {
        civil::time(hour, 0, 0, 0)
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
    }
}
