//! The policy as tables, every boundary.

mod properties;

use super::{
    hours::{Days, Outside, Span},
    ladder::{Gain, Rung},
    *,
};
use crate::conversation::{Kind, Visit};
use jiff::{
    civil::{Time, Weekday},
    tz::TimeZone,
};

/// When the callback of these tables entered its queue.
const ENTRY: &str = "2026-01-05T09:00:00Z";

fn priority(points: i64) -> Priority {
    Priority::new(points).unwrap()
}

fn at(milliseconds: i64) -> Timestamp {
    ENTRY.parse::<Timestamp>().unwrap() + Duration::from_millis(milliseconds.try_into().unwrap())
}

fn waiting(points: i64) -> Waiting {
    Waiting {
        visit: Visit {
            conversation: "c".parse().unwrap(),
            leg: "l".parse().unwrap(),
        },
        queue: None,
        since: at(0),
        origin: at(0),
        priority: priority(points),
        kind: Kind::default(),
        background: None,
    }
}

/// A base in which so many steps of five minutes are.
fn base(points: i64, steps: i64) -> Base {
    Base {
        priority: priority(points),
        until: (steps > 0).then(|| at(steps * STEP)),
    }
}

fn blueprint() -> Policy {
    Policy::linear(Duration::from_mins(5), 1)
}

fn raise(to: i64, step: u32, due: i64) -> Step {
    Step::Raise(Raise {
        to: priority(to),
        step,
        due: at(due),
    })
}

fn wait(until: i64) -> Step {
    Step::Wait { until: at(until) }
}

/// Five minutes, in milliseconds.
const STEP: i64 = 300_000;

#[test]
fn without_limits() {
    for (name, base, seen, now, expected) in [
        ("just arrived", base(0, 0), 0, 0, wait(STEP)),
        ("a moment before", base(0, 0), 0, STEP - 1, wait(STEP)),
        ("on the due time", base(0, 0), 0, STEP, raise(1, 1, STEP)),
        ("already there", base(0, 0), 1, STEP, wait(2 * STEP)),
        ("missed", base(0, 0), 1, 7 * STEP + 1, raise(7, 7, 2 * STEP)),
        ("a base", base(40, 0), 40, 2 * STEP, raise(42, 2, STEP)),
        ("negative", base(-9, 0), -9, STEP, raise(-8, 1, STEP)),
        (
            "somebody else's",
            base(20, 3),
            20,
            4 * STEP,
            raise(21, 4, 4 * STEP),
        ),
        (
            "theirs, not yet",
            base(20, 3),
            20,
            4 * STEP - 1,
            wait(4 * STEP),
        ),
        (
            "higher than due",
            base(0, 0),
            99,
            2 * STEP,
            wait(100 * STEP),
        ),
    ] {
        assert_eq!(
            blueprint().next(base, &waiting(seen), at(now)),
            expected,
            "{name}"
        );
    }
}

#[test]
fn before_it_entered_nothing_is_due() {
    let early = "2026-01-05T08:00:00Z".parse().unwrap();
    assert_eq!(blueprint().next(base(0, 0), &waiting(0), early), wait(STEP));
}

#[test]
fn at_most_max_raises() {
    let policy = Policy {
        max_raises: Some(2),
        ..blueprint()
    };
    let done = Step::Done(Limit::MaxRaises);
    for (name, seen, now, expected) in [
        ("first", 0, STEP, raise(1, 1, STEP)),
        ("between", 1, 2 * STEP - 1, wait(2 * STEP)),
        ("last", 1, 2 * STEP, raise(2, 2, 2 * STEP)),
        ("all missed", 0, 9 * STEP, raise(2, 2, STEP)),
        ("all made", 2, 2 * STEP, done.clone()),
        ("long after", 2, 90 * STEP, done),
    ] {
        assert_eq!(
            policy.next(base(0, 0), &waiting(seen), at(now)),
            expected,
            "{name}"
        );
    }
}

#[test]
fn never_above_max_priority() {
    let policy = Policy {
        max_priority: Some(priority(10)),
        ..Policy::linear(Duration::from_mins(5), 4)
    };
    let done = Step::Done(Limit::MaxPriority);
    for (name, base, seen, now, expected) in [
        ("below", base(0, 0), 0, 2 * STEP, raise(8, 2, STEP)),
        ("cut to it", base(0, 0), 8, 3 * STEP, raise(10, 3, 3 * STEP)),
        ("at it", base(0, 0), 10, 3 * STEP, done.clone()),
        ("arrived above it", base(12, 0), 12, 0, done),
    ] {
        assert_eq!(
            policy.next(base, &waiting(seen), at(now)),
            expected,
            "{name}"
        );
    }
}

/// Rungs at these minutes.
fn rungs(rungs: &[(u64, Gain)]) -> Vec<Rung> {
    let rung = |(after, gain): &(u64, Gain)| Rung {
        after: Duration::from_mins(*after),
        gain: *gain,
    };
    rungs.iter().map(rung).collect()
}

/// A minute, in milliseconds.
const MINUTE: i64 = 60_000;

#[test]
fn steps_are_climbed_and_then_a_point_a_minute() {
    let policy = Policy {
        ladder: Ladder {
            rungs: rungs(&[(2, Gain::Add(5)), (10, Gain::To(priority(50)))]),
            then: Some(Every {
                every: Duration::from_mins(1),
                add: 1,
            }),
            top: None,
        },
        ..Policy::default()
    };
    for (name, seen, now, expected) in [
        ("arrived", 0, 0, wait(2 * MINUTE)),
        ("first", 0, 2 * MINUTE, raise(5, 1, 2 * MINUTE)),
        ("then to", 5, 10 * MINUTE, raise(50, 2, 10 * MINUTE)),
        ("both missed", 0, 10 * MINUTE, raise(50, 2, 2 * MINUTE)),
        ("and on", 50, 13 * MINUTE, raise(53, 5, 11 * MINUTE)),
        ("higher already", 60, 10 * MINUTE, wait(21 * MINUTE)),
    ] {
        let next = policy.next(base(0, 0), &waiting(seen), at(now));
        assert_eq!(next, expected, "{name}");
    }
}

#[test]
fn a_ladder_without_end_ends() {
    let policy = Policy {
        ladder: Ladder {
            rungs: rungs(&[(2, Gain::Add(5))]),
            ..Ladder::default()
        },
        ..Policy::default()
    };
    let done = Step::Done(Limit::LastStep);
    assert_eq!(policy.next(base(0, 0), &waiting(5), at(MINUTE)), done);
    let topped = Policy {
        ladder: Ladder {
            top: Some(priority(30)),
            ..Policy::linear(Duration::from_mins(1), 1).ladder
        },
        ..Policy::default()
    };
    assert_eq!(topped.next(base(0, 0), &waiting(30), at(40 * MINUTE)), done);
}

/// The ladder of calls that gain a point a minute, and credit for the time before.
fn keep_the_place() -> Policy {
    Policy {
        climber: Climber::Caller,
        credit: Credit::Waited,
        ..Policy::linear(Duration::from_mins(1), 1)
    }
}

#[test]
fn a_mirror_is_climbed_by_the_callers_whole_wait() {
    // Ten and a half minutes before: ten points of credit, and ten rungs.
    let seen = |points| waiting_since(points, 630);
    for (name, points, now, expected) in [
        ("at once", 0, 0, raise(20, 10, 0)),
        ("between", 20, 0, wait(MINUTE / 2)),
        (
            "the callers minute",
            20,
            MINUTE / 2,
            raise(21, 11, MINUTE / 2),
        ),
        ("missed", 0, 2 * MINUTE, raise(22, 12, 0)),
    ] {
        let next = keep_the_place().next(base(0, 0), &seen(points), at(now));
        assert_eq!(next, expected, "{name}");
    }
}

#[test]
fn credit_is_whole_minutes() {
    for (before, points) in [(0, 0), (59, 0), (60, 1), (119, 1), (3_600, 60)] {
        let policy = keep_the_place();
        assert_eq!(
            policy.credit_of(&waiting_since(0, before)),
            points,
            "{before}"
        );
        assert_eq!(Policy::default().credit_of(&waiting_since(0, before)), 0);
    }
}

#[test]
fn the_head_start_is_due_at_entry_and_lies_between_floor_and_cap() {
    for (name, offset, floor, cap, from, expected) in [
        ("offset", 7, None, None, 3, Some(10)),
        ("floor", 0, Some(5), None, 3, Some(5)),
        ("above the floor", 4, Some(5), None, 3, Some(7)),
        ("cap", 40, None, Some(20), 3, Some(20)),
        ("arrived above the cap", 40, None, Some(20), 30, None),
        ("nothing", 0, Some(3), None, 3, None),
    ] {
        let policy = Policy {
            offset,
            min_priority: floor.map(priority),
            max_priority: cap.map(priority),
            ..blueprint()
        };
        let to = match policy.next(base(from, 0), &waiting(from), at(0)) {
            Step::Raise(raise) => {
                assert_eq!((raise.step, raise.due), (0, at(0)), "{name}");
                Some(raise.to.points())
            }
            _ => None,
        };
        assert_eq!(to, expected, "{name}");
    }
}

#[test]
fn what_somebody_else_sets_gets_no_head_start() {
    let policy = Policy {
        offset: 7,
        min_priority: Some(priority(20)),
        ..blueprint()
    };
    assert_eq!(
        policy.next(base(2, 1), &waiting(2), at(STEP)),
        wait(2 * STEP)
    );
    assert_eq!(
        policy.next(base(2, 1), &waiting(2), at(2 * STEP)),
        raise(3, 2, 2 * STEP)
    );
}

#[test]
fn outside_business_hours_nothing_is_raised() {
    // The callback enters at nine on a Monday, and it is closed from twelve to one.
    let hour = 60 * MINUTE;
    for (name, outside, seen, now, expected) in [
        ("open", Outside::Runs, 35, 3 * hour - 1, wait(4 * hour)),
        (
            "made up for",
            Outside::Runs,
            35,
            4 * hour,
            raise(48, 48, 4 * hour),
        ),
        ("stopped", Outside::Stops, 35, 3 * hour - 1, wait(4 * hour)),
        (
            "goes on",
            Outside::Stops,
            35,
            4 * hour,
            raise(36, 36, 4 * hour),
        ),
        (
            "and on",
            Outside::Stops,
            36,
            4 * hour,
            wait(4 * hour + STEP),
        ),
    ] {
        let policy = Policy {
            hours: Some(lunch_apart(outside)),
            ..blueprint()
        };
        let next = policy.next(base(0, 0), &waiting(seen), at(now));
        assert_eq!(next, expected, "{name}");
    }
}

#[test]
fn the_platforms_own_maximum_is_an_end_too() {
    let policy = Policy::linear(Duration::from_mins(5), 25_000_000);
    let top = Priority::MAX.points();
    assert_eq!(
        policy.next(base(5, 0), &waiting(5), at(9 * STEP)),
        raise(top, 9, STEP)
    );
    assert_eq!(
        policy.next(base(5, 0), &waiting(top), at(9 * STEP)),
        Step::Done(Limit::MaxPriority)
    );
}

/// Open on Mondays from nine to twelve and from one to two, and all of Tuesday.
fn lunch_apart(outside: Outside) -> Hours {
    let monday = Days::default().and(Weekday::Monday);
    let span = |days, from, to| Span {
        days,
        from: Time::constant(from, 0, 0, 0),
        to: Time::constant(to, 0, 0, 0),
    };
    Hours {
        spans: vec![
            span(monday, 9, 12),
            span(monday, 13, 14),
            span(Days::default().and(Weekday::Tuesday), 0, 0),
        ],
        zone: TimeZone::UTC,
        outside,
    }
}

/// Somebody whose caller has waited this long before.
fn waiting_since(points: i64, before: u64) -> Waiting {
    Waiting {
        origin: at(0) - Duration::from_secs(before),
        ..waiting(points)
    }
}
