//! Points by time: rungs that are climbed one after the other, and perhaps one that repeats for ever.
//!
//! A ladder knows neither clock nor calendar: it is climbed by a duration, and whose wait that is, is the policy's business.
//! Nothing here counts rung by rung, so a ladder of a rung a millisecond costs no more than one of a rung a day.

use std::time::Duration;

use crate::conversation::Priority;

/// Points by time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ladder {
    /// The rungs that are each named, in the order of their times.
    pub rungs: Vec<Rung>,
    /// What follows them, for ever.
    pub then: Option<Every>,
    /// Priority that the climber is not taken above by it; absent: no end. It never takes anybody down either.
    pub top: Option<Priority>,
}

/// One rung.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rung {
    /// Time after which it is climbed.
    pub after: Duration,
    /// What that gives.
    pub gain: Gain,
}

/// What a rung gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gain {
    /// This many points more.
    Add(u32),
    /// This priority, unless it is higher already: what a flow's "Set Priority" does.
    To(Priority),
}

/// A rung that repeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Every {
    /// Time from one to the next, and from the last named rung to the first. Never zero.
    pub every: Duration,
    /// Points of each. At least 1.
    pub add: u32,
}

impl Ladder {
    /// How many rungs are climbed after this time.
    #[must_use]
    pub fn rungs_after(&self, time: Duration) -> u32 {
        let named = self.rungs.partition_point(|rung| rung.after <= time);
        let named = count(named);
        match self.then {
            Some(then) if named == self.named() => {
                let repeated = time.saturating_sub(self.last_named()).as_nanos();
                let repeated = repeated / then.every.as_nanos().max(1);
                named.saturating_add(u32::try_from(repeated).unwrap_or(u32::MAX))
            }
            _ => named,
        }
    }

    /// When the rung of this number is climbed, counted from 1; nothing where there is none.
    #[must_use]
    pub fn time_of(&self, number: u32) -> Option<Duration> {
        let index = usize::try_from(number.checked_sub(1)?).ok()?;
        if let Some(rung) = self.rungs.get(index) {
            return Some(rung.after);
        }
        let repeated = number - self.named();
        let then = self.then?.every.saturating_mul(repeated);
        Some(self.last_named().saturating_add(then))
    }

    /// The priority of somebody who had this one when `climbed` rungs were behind them, once `reached` are.
    #[must_use]
    pub fn climb(&self, from: Priority, climbed: u32, reached: u32) -> Priority {
        let named = self.named();
        let mut priority = from;
        for number in climbed.min(named)..reached.min(named) {
            let rung = usize::try_from(number)
                .ok()
                .and_then(|at| self.rungs.get(at));
            priority = rung.map_or(priority, |rung| self.gain(priority, rung.gain));
        }
        let repeated = reached.saturating_sub(climbed.max(named));
        match self.then {
            Some(then) if repeated > 0 => {
                let points = i64::from(then.add).saturating_mul(repeated.into());
                self.below_the_top(priority, priority.plus(points))
            }
            _ => priority,
        }
    }

    /// The first rung that takes somebody above `seen` who had `from` when `climbed` were behind them; nothing where none does.
    #[must_use]
    pub fn first_above(&self, seen: Priority, from: Priority, climbed: u32) -> Option<u32> {
        let named = self.named();
        let mut priority = from;
        for number in climbed..named {
            priority = self.climb(priority, number, number + 1);
            if priority > seen {
                return Some(number + 1);
            }
        }
        let then = self.then?;
        let missing = (seen.points() - priority.points()).max(0);
        let repeated = u32::try_from(missing / i64::from(then.add.max(1))).unwrap_or(u32::MAX);
        let number = climbed
            .max(named)
            .saturating_add(repeated)
            .saturating_add(1);
        (self.climb(from, climbed, number) > seen).then_some(number)
    }

    /// Mean time between rungs in the long run: of the repeated one, else of those that are named; nothing without rungs.
    #[must_use]
    pub fn interval(&self) -> Option<Duration> {
        match self.then {
            Some(then) => Some(then.every),
            None => self.last_named().checked_div(self.named()),
        }
    }

    /// What a rung makes of a priority.
    fn gain(&self, priority: Priority, gain: Gain) -> Priority {
        let higher = match gain {
            Gain::Add(points) => priority.plus(points.into()),
            Gain::To(level) => level.max(priority),
        };
        self.below_the_top(priority, higher)
    }

    /// The higher of two priorities as far as this ladder goes.
    fn below_the_top(&self, priority: Priority, higher: Priority) -> Priority {
        let top = self.top.unwrap_or(Priority::MAX);
        higher.min(top.max(priority))
    }

    /// How many rungs are named.
    fn named(&self) -> u32 {
        count(self.rungs.len())
    }

    /// When the last of them is climbed.
    fn last_named(&self) -> Duration {
        self.rungs.last().map_or(Duration::ZERO, |rung| rung.after)
    }
}

/// A number of rungs.
fn count(rungs: usize) -> u32 {
    u32::try_from(rungs).unwrap_or(u32::MAX)
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    fn priority(points: i64) -> Priority {
        Priority::new(points).unwrap()
    }

    fn minutes(number: u64) -> Duration {
        Duration::from_mins(number)
    }

    fn rung(after: u64, gain: Gain) -> Rung {
        Rung {
            after: minutes(after),
            gain,
        }
    }

    /// Five at two minutes, to fifty at ten, and then a point a minute.
    fn mixed() -> Ladder {
        Ladder {
            rungs: vec![rung(2, Gain::Add(5)), rung(10, Gain::To(priority(50)))],
            then: Some(Every {
                every: minutes(1),
                add: 1,
            }),
            top: None,
        }
    }

    #[test]
    fn rungs_and_their_times() {
        for (time, climbed) in [(0, 0), (1, 0), (2, 1), (9, 1), (10, 2), (11, 3), (70, 62)] {
            assert_eq!(mixed().rungs_after(minutes(time)), climbed, "{time}");
        }
        for (number, time) in [(1, 2), (2, 10), (3, 11), (62, 70)] {
            assert_eq!(mixed().time_of(number), Some(minutes(time)), "{number}");
        }
        assert_eq!(mixed().time_of(0), None);
        let ends = Ladder {
            then: None,
            ..mixed()
        };
        assert_eq!(
            (ends.time_of(2), ends.time_of(3)),
            (Some(minutes(10)), None)
        );
        assert_eq!(ends.rungs_after(minutes(99)), 2);
        assert_eq!(Ladder::default().rungs_after(Duration::MAX), 0);
    }

    #[test]
    fn what_climbing_gives() {
        for (from, climbed, reached, expected) in [
            (0, 0, 0, 0),
            (0, 0, 1, 5),
            (0, 0, 2, 50),
            (0, 0, 5, 53),
            (60, 0, 2, 65),
            (60, 1, 2, 60),
            (0, 2, 4, 2),
            (7, 4, 4, 7),
            (7, 9, 4, 7),
        ] {
            let climbed_to = mixed().climb(priority(from), climbed, reached);
            assert_eq!(climbed_to, priority(expected), "{from} {climbed} {reached}");
        }
    }

    #[test]
    fn nobody_is_taken_above_the_top_nor_down_to_it() {
        let ladder = Ladder {
            top: Some(priority(30)),
            ..mixed()
        };
        for (from, reached, expected) in [(0, 2, 30), (0, 90, 30), (28, 1, 30), (40, 3, 40)] {
            let climbed_to = ladder.climb(priority(from), 0, reached);
            assert_eq!(climbed_to, priority(expected), "{from} {reached}");
        }
        for (ladder, from, above) in [
            (&ladder, 30, None),
            (&ladder, 29, Some(3)),
            (&mixed(), 30, Some(3)),
            (&mixed(), 25_000_000, None),
        ] {
            let from = priority(from);
            assert_eq!(ladder.first_above(from, from, 2), above, "{from}");
        }
    }

    #[test]
    fn the_mean_time_between_rungs() {
        assert_eq!(mixed().interval(), Some(minutes(1)));
        let ends = Ladder {
            then: None,
            ..mixed()
        };
        assert_eq!(ends.interval(), Some(minutes(5)));
        assert_eq!(Ladder::default().interval(), None);
    }

    /// Any ladder.
    pub(crate) fn ladders() -> impl Strategy<Value = Ladder> {
        let gain = prop_oneof![
            (1..40_u32).prop_map(Gain::Add),
            (-20..80_i64).prop_map(|points| Gain::To(priority(points))),
        ];
        let rungs = prop::collection::vec((0..20_u64, gain), 0..6).prop_map(|mut rungs| {
            rungs.sort_by_key(|(after, _)| *after);
            let rung = |(after, gain)| rung(after, gain);
            rungs.into_iter().map(rung).collect()
        });
        let then = prop::option::of((1..10_u64, 1..9_u32).prop_map(|(every, add)| Every {
            every: minutes(every),
            add,
        }));
        let top = prop::option::of((-10..90_i64).prop_map(priority));
        (rungs, then, top).prop_map(|(rungs, then, top)| Ladder { rungs, then, top })
    }

    proptest! {
        /// What is counted at once is what counting rung by rung gives.
        #[test]
        fn no_rung_is_skipped(ladder in ladders(), from in -30..100_i64, climbed in 0..9_u32, more in 0..12_u32, time in 0..200_u64) {
            let from = priority(from);
            let mut priority = from;
            for number in climbed..climbed + more {
                let next = ladder.climb(priority, number, number + 1);
                prop_assert!(next >= priority, "nobody is taken down");
                priority = next;
            }
            prop_assert_eq!(ladder.climb(from, climbed, climbed + more), priority);

            let due = (1..=u32::MAX).take_while(|number| ladder.time_of(*number).is_some_and(|at| at <= minutes(time))).count();
            prop_assert_eq!(usize::try_from(ladder.rungs_after(minutes(time))).unwrap(), due);
        }

        /// The first rung above a priority is the first.
        #[test]
        fn the_first_above_is_the_first(ladder in ladders(), from in -30..100_i64, seen in -30..160_i64, climbed in 0..9_u32) {
            let (from, seen) = (priority(from), priority(seen));
            let within = climbed + 400;
            let first = (climbed + 1..within).find(|number| ladder.time_of(*number).is_some() && ladder.climb(from, climbed, *number) > seen);
            let told = ladder.first_above(seen, from, climbed);
            prop_assert_eq!(told.filter(|number| *number < within), first);
        }
    }
}
