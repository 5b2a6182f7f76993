//! The policy as tables, every boundary, and its properties.

use proptest::prelude::*;

use super::*;
use crate::conversation::Visit;

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
        priority: priority(points),
    }
}

fn base(points: i64, step: u32) -> Base {
    Base {
        priority: priority(points),
        step,
    }
}

fn blueprint() -> Policy {
    Policy {
        wait: Duration::from_mins(5),
        increment: 1,
        max_raises: None,
        max_priority: None,
    }
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
        ("higher than due", base(0, 0), 99, 2 * STEP, wait(3 * STEP)),
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
        increment: 4,
        max_priority: Some(priority(10)),
        ..blueprint()
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

#[test]
fn the_platforms_own_maximum_is_an_end_too() {
    let policy = Policy {
        increment: 25_000_000,
        ..blueprint()
    };
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

/// Any policy an administrator could write.
fn policies() -> impl Strategy<Value = Policy> {
    (
        1..1_000_000_u64,
        1..1_000_u32,
        proptest::option::of(0..50_u32),
        proptest::option::of(-100..1_000_i64),
    )
        .prop_map(|(wait, increment, max_raises, max_priority)| Policy {
            wait: Duration::from_millis(wait),
            increment,
            max_raises,
            max_priority: max_priority.map(priority),
        })
}

proptest! {
    /// Whatever was looked at and written on the way, the priority at a time is the same: looks do not matter.
    #[test]
    fn the_path_does_not_matter(policy in policies(), start in -50..50_i64, mut looks in prop::collection::vec(0..10_000_000_i64, 1..20)) {
        looks.sort_unstable();
        let last = *looks.last().unwrap();
        let settle = |seen: &mut Waiting, now| {
            while let Step::Raise(raise) = policy.next(base(start, 0), seen, at(now)) {
                prop_assert!(raise.to > seen.priority, "a raise raises");
                prop_assert!(raise.due <= at(now), "never early");
                seen.priority = raise.to;
            }
            Ok(())
        };
        let mut often = waiting(start);
        for now in looks {
            settle(&mut often, now)?;
        }
        let mut once = waiting(start);
        settle(&mut once, last)?;
        prop_assert_eq!(often.priority, once.priority);
    }

    /// More waiting never means a lower target, and no target leaves the limits.
    #[test]
    fn targets_grow_within_their_limits(policy in policies(), start in -50..50_i64, one in 0..100_000_u32, more in 0..100_000_u32) {
        let from = base(start, 0);
        let (low, high) = (policy.target(from, one), policy.target(from, one.saturating_add(more)));
        prop_assert!(low <= high);
        prop_assert!(low >= from.priority);
        prop_assert!(high <= policy.max_priority.unwrap_or(Priority::MAX).max(from.priority));
    }
}
