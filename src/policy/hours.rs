//! Business hours: when raises are made, and how much of a wait they cover. Daylight saving time is the calendar's business.

use std::time::Duration;

use jiff::{
    Timestamp,
    civil::{Date, DateTime, Time, Weekday},
    tz::TimeZone,
};

use crate::clock::elapsed;

/// Spans looked at before it is given up that there is an opening: those of some ten years.
const FAR: usize = 8_000;

/// When raises are made. Outside these hours nothing is raised; what fell due meanwhile is made up for at the next opening.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hours {
    /// Hours of the week; what they have in common counts once. Never empty.
    pub spans: Vec<Span>,
    /// Whose clock they are read from.
    pub zone: TimeZone,
    /// Whether a wait outside them counts.
    pub outside: Outside,
}

/// Whether the time outside business hours counts as waited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Outside {
    /// It does: the clock runs on, and raises are made up for at the opening.
    #[default]
    Runs,
    /// It does not: the clock stops.
    Stops,
}

/// The same hours on some days of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// On which days they begin.
    pub days: Days,
    /// When they begin.
    pub from: Time,
    /// When they end: on the same day if that is later, else on the next. Midnight is the end of the day.
    pub to: Time,
}

/// Some days of the week.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Days(u8);

impl Days {
    /// These days and this one.
    #[must_use]
    pub fn and(self, day: Weekday) -> Self {
        Self(self.0 | 1 << day.to_monday_zero_offset())
    }

    /// Whether this day is one of them.
    #[must_use]
    pub fn contain(self, day: Weekday) -> bool {
        self.0 & 1 << day.to_monday_zero_offset() != 0
    }

    /// Whether there is none.
    #[must_use]
    pub fn are_none(self) -> bool {
        self.0 == 0
    }
}

/// A time that is open: from the first moment to before the second.
type Opening = (Timestamp, Timestamp);

impl Hours {
    /// The first moment from this one on at which it is open.
    #[must_use]
    pub fn opening(&self, from: Timestamp) -> Timestamp {
        let next = self.openings(from).next();
        next.map_or(Timestamp::MAX, |(opens, _)| opens.max(from))
    }

    /// How long somebody has waited, as far as it counts.
    #[must_use]
    pub fn waited(&self, from: Timestamp, now: Timestamp) -> Duration {
        if self.outside == Outside::Runs {
            return elapsed(from, now);
        }
        let until_now = self.openings(from).take_while(|(opens, _)| *opens < now);
        until_now
            .map(|(opens, closes)| elapsed(opens.max(from), closes.min(now)))
            .sum()
    }

    /// The first open moment at which somebody has waited this long.
    #[must_use]
    pub fn after(&self, from: Timestamp, waited: Duration) -> Timestamp {
        if self.outside == Outside::Runs {
            return self.opening(later(from, waited));
        }
        let mut missing = waited;
        for (opens, closes) in self.openings(from) {
            let opens = opens.max(from);
            let open = elapsed(opens, closes);
            if missing < open {
                return later(opens, missing);
            }
            missing -= open;
        }
        Timestamp::MAX
    }

    /// All openings that end after this moment, in order, none of which touches another.
    fn openings(&self, from: Timestamp) -> impl Iterator<Item = Opening> {
        let first = self.zone.to_datetime(from).date();
        // One that has begun the day before may still be open.
        let first = first.yesterday().unwrap_or(first);
        let days = first.series(jiff::Span::new().days(1));
        let mut told = Timestamp::MIN;
        let spans = days.flat_map(|day| self.openings_of(day)).take(FAR);
        spans.filter_map(move |(opens, closes)| {
            let opens = opens.max(told);
            told = told.max(closes);
            (opens < closes && closes > from).then_some((opens, closes))
        })
    }

    /// The openings that begin on this day, in order.
    fn openings_of(&self, day: Date) -> Vec<Opening> {
        let today = self
            .spans
            .iter()
            .filter(|span| span.days.contain(day.weekday()));
        let mut openings: Vec<Opening> = today
            .filter_map(|span| {
                let ends = if span.to > span.from {
                    day
                } else {
                    day.tomorrow().ok()?
                };
                Some((
                    self.at(day.to_datetime(span.from))?,
                    self.at(ends.to_datetime(span.to))?,
                ))
            })
            .collect();
        openings.sort_unstable();
        openings
    }

    /// When a clock in the zone shows this. What it passes over when it is put forward is read as if it were not, and of what
    /// it shows twice, the first counts.
    fn at(&self, shown: DateTime) -> Option<Timestamp> {
        self.zone.to_ambiguous_timestamp(shown).compatible().ok()
    }
}

/// A moment that much later.
pub(super) fn later(from: Timestamp, by: Duration) -> Timestamp {
    from.saturating_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn moment(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn days(days: &[Weekday]) -> Days {
        days.iter()
            .fold(Days::default(), |some, day| some.and(*day))
    }

    fn weekdays() -> Days {
        use Weekday::{Friday, Monday, Thursday, Tuesday, Wednesday};
        days(&[Monday, Tuesday, Wednesday, Thursday, Friday])
    }

    fn span(days: Days, from: &str, to: &str) -> Span {
        Span {
            days,
            from: from.parse().unwrap(),
            to: to.parse().unwrap(),
        }
    }

    fn hours(spans: &[Span], outside: Outside) -> Hours {
        Hours {
            spans: spans.to_vec(),
            zone: TimeZone::get("Europe/Berlin").expect("the machine has a time zone database"),
            outside,
        }
    }

    /// Eight to six on weekdays, in Berlin.
    fn office(outside: Outside) -> Hours {
        hours(&[span(weekdays(), "08:00", "18:00")], outside)
    }

    #[test]
    fn when_it_opens() {
        // 2026-01-05 is a Monday, and Berlin is an hour ahead of UTC in winter.
        for (name, from, opens) in [
            ("open", "2026-01-05T12:00:00Z", "2026-01-05T12:00:00Z"),
            ("early", "2026-01-05T06:59:59Z", "2026-01-05T07:00:00Z"),
            ("opens", "2026-01-05T07:00:00Z", "2026-01-05T07:00:00Z"),
            (
                "last moment",
                "2026-01-05T16:59:59Z",
                "2026-01-05T16:59:59Z",
            ),
            ("closes", "2026-01-05T17:00:00Z", "2026-01-06T07:00:00Z"),
            ("weekend", "2026-01-09T17:00:00Z", "2026-01-12T07:00:00Z"),
            ("in summer", "2026-07-06T05:00:00Z", "2026-07-06T06:00:00Z"),
        ] {
            let opening = office(Outside::Runs).opening(moment(from));
            assert_eq!(opening, moment(opens), "{name}");
        }
    }

    #[test]
    fn how_much_of_a_wait_counts() {
        let (friday, monday) = (
            moment("2026-01-09T16:00:00Z"),
            moment("2026-01-12T08:00:00Z"),
        );
        let stops = office(Outside::Stops);
        assert_eq!(stops.waited(friday, monday), Duration::from_hours(2));
        assert_eq!(stops.waited(monday, friday), Duration::ZERO);
        let runs = office(Outside::Runs);
        assert_eq!(runs.waited(friday, monday), Duration::from_hours(64));
    }

    #[test]
    fn when_a_wait_is_long_enough() {
        let friday = moment("2026-01-09T16:00:00Z");
        for (outside, waited, then) in [
            (Outside::Stops, 30, "2026-01-09T16:30:00Z"),
            (Outside::Stops, 60, "2026-01-12T07:00:00Z"),
            (Outside::Stops, 61, "2026-01-12T07:01:00Z"),
            (Outside::Runs, 30, "2026-01-09T16:30:00Z"),
            (Outside::Runs, 61, "2026-01-12T07:00:00Z"),
        ] {
            let reached = office(outside).after(friday, Duration::from_mins(waited));
            assert_eq!(reached, moment(then), "{outside:?} {waited}");
        }
    }

    #[test]
    fn nights_and_what_overlaps() {
        use Weekday::{Friday, Saturday};
        let night = hours(
            &[
                span(days(&[Friday]), "22:00", "06:00"),
                span(days(&[Saturday]), "05:00", "07:00"),
            ],
            Outside::Stops,
        );
        let friday = moment("2026-01-09T12:00:00Z");
        let sunday = moment("2026-01-11T12:00:00Z");
        assert_eq!(night.waited(friday, sunday), Duration::from_hours(9));
        let within = moment("2026-01-10T03:00:00Z");
        assert_eq!(night.opening(within), within);
        let all_day = hours(&[span(days(&[Friday]), "00:00", "00:00")], Outside::Stops);
        let day_before = moment("2026-01-08T12:00:00Z");
        assert_eq!(all_day.waited(day_before, sunday), Duration::from_hours(24));
    }

    #[test]
    fn a_day_with_a_change_of_clocks_is_as_long_as_it_is() {
        let all = (0..7).map(|day| Weekday::from_monday_zero_offset(day).unwrap());
        let all = days(&all.collect::<Vec<_>>());
        let night = hours(&[span(all, "00:00", "06:00")], Outside::Stops);
        for (name, evening, waited) in [
            ("shorter", "2026-03-28T23:00:00Z", 5),
            ("longer", "2026-10-24T22:00:00Z", 7),
            ("usual", "2026-01-10T23:00:00Z", 6),
        ] {
            let evening = moment(evening);
            let noon = later(evening, Duration::from_hours(13));
            assert_eq!(
                night.waited(evening, noon),
                Duration::from_hours(waited),
                "{name}"
            );
        }
        // Clocks go from two to three, and a quarter past two is a quarter past three.
        let passed_over = hours(&[span(all, "02:15", "02:45")], Outside::Stops);
        let jumps = moment("2026-03-28T23:00:00Z");
        assert_eq!(passed_over.opening(jumps), moment("2026-03-29T01:15:00Z"));
    }

    proptest! {
        /// Waiting on never counts for less, and the moment at which a wait is long enough is the first such.
        #[test]
        fn waits_and_moments_agree(start in 0..40_000_000_i64, minutes in 0..5_000_u64, stops in any::<bool>()) {
            let outside = if stops { Outside::Stops } else { Outside::Runs };
            let hours = office(outside);
            let from = later(moment("2025-06-01T00:00:00Z"), Duration::from_secs(start.cast_unsigned()));
            let waited = Duration::from_mins(minutes);
            let then = hours.after(from, waited);
            prop_assert_eq!(hours.opening(then), then, "it is open");
            prop_assert!(hours.waited(from, then) >= waited);
            if stops {
                prop_assert_eq!(hours.waited(from, then), waited);
            }
        }
    }
}
