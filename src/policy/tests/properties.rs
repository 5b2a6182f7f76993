//! What holds for any policy, any wait and any moment.

use jiff::SignedDuration;
use proptest::{collection::vec, option, prelude::*};

use super::{super::ladder::tests::ladders, *};

/// Any policy an administrator could write.
fn policies() -> impl Strategy<Value = Policy> {
    let linear = (1..1_000_000_u64, 1..1_000_u32)
        .prop_map(|(wait, increment)| Policy::linear(Duration::from_millis(wait), increment));
    let laddered = (ladders(), any::<bool>()).prop_map(|(ladder, callers)| Policy {
        ladder,
        climber: if callers {
            Climber::Caller
        } else {
            Climber::Callback
        },
        ..Policy::default()
    });
    let limits = (
        option::of(0..50_u32),
        option::of(-100..1_000_i64),
        option::of(-100..100_i64),
    );
    let hours = prop_oneof![3 => Just(None), 1 => Just(Some(Outside::Runs)), 1 => Just(Some(Outside::Stops))];
    (
        prop_oneof![linear, laddered],
        limits,
        (0..60_u32, any::<bool>()),
        hours,
    )
        .prop_map(
            |(policy, (max_raises, max_priority, min_priority), (offset, credit), hours)| Policy {
                max_raises,
                max_priority: max_priority.map(priority),
                min_priority: min_priority.map(priority),
                offset,
                credit: if credit { Credit::Waited } else { Credit::None },
                hours: hours.map(lunch_apart),
                ..policy
            },
        )
}

proptest! {
    /// Whatever was looked at and written on the way, the priority at a time is the same: neither looks nor restarts matter,
    /// for a restart remembers the base and nothing else.
    #[test]
    fn the_path_does_not_matter(policy in policies(), start in -50..50_i64, before in 0..9_000_u64, mut looks in vec(0..200_000_000_i64, 1..20)) {
        looks.sort_unstable();
        // Outside business hours both are told at the next opening.
        let last = policy.opening(at(*looks.last().unwrap()));
        let settle = |seen: &mut Waiting, now| {
            while let Step::Raise(raise) = policy.next(base(start, 0), seen, now) {
                prop_assert!(raise.to > seen.priority, "a raise raises");
                prop_assert!(raise.due <= now, "never early");
                seen.priority = raise.to;
            }
            Ok(())
        };
        let mut often = waiting_since(start, before);
        for now in looks {
            settle(&mut often, at(now))?;
        }
        settle(&mut often, last)?;
        let mut once = waiting_since(start, before);
        settle(&mut once, last)?;
        prop_assert_eq!(often.priority, once.priority);
    }

    /// More waiting never means a lower target, and no target leaves the limits.
    #[test]
    fn targets_grow_within_their_limits(policy in policies(), start in -50..50_i64, before in 0..9_000_u64, one in 0..100_000_u32, more in 0..100_000_u32) {
        let (from, waiting) = (base(start, 0), waiting_since(start, before));
        let target = |step| policy.target(from, &waiting, step);
        let (low, high) = (target(one), target(one.saturating_add(more)));
        prop_assert!(low <= high);
        prop_assert!(low >= from.priority);
        let most = policy.max_priority.unwrap_or(Priority::MAX).max(from.priority);
        prop_assert!(high <= most);
        prop_assert!(low >= policy.min_priority.unwrap_or(Priority::MIN).min(most));
    }

    /// What is said to be next is next: nothing is due before, and then something is.
    #[test]
    fn a_wait_ends_with_a_raise_and_no_sooner(policy in policies(), start in -50..50_i64, before in 0..9_000_u64, now in 0..200_000_000_i64) {
        let mut seen = waiting_since(start, before);
        while let Step::Raise(raise) = policy.next(base(start, 0), &seen, at(now)) {
            seen.priority = raise.to;
        }
        if let Step::Wait { until } = policy.next(base(start, 0), &seen, at(now)) {
            prop_assert!(until > at(now));
            if until < Timestamp::MAX {
                let then = policy.next(base(start, 0), &seen, until);
                prop_assert!(matches!(then, Step::Raise(_)), "{:?}", then);
                let just_before = until - SignedDuration::from_nanos(1);
                let earlier = policy.next(base(start, 0), &seen, just_before);
                prop_assert!(matches!(earlier, Step::Wait { .. }), "{:?}", earlier);
            }
        }
    }

    /// What somebody else has set counts, and only what falls due after that is added.
    #[test]
    fn after_somebody_elses_change_only_later_steps_count(policy in policies(), set in -50..2_000_i64, before in 0..9_000_u64, changed in 0..100_000_000_i64) {
        let theirs = Base { priority: priority(set), until: Some(at(changed)) };
        let seen = waiting_since(set, before);
        let next = policy.next(theirs, &seen, at(changed));
        prop_assert!(!matches!(next, Step::Raise(_)), "{:?}", next);
    }
}
