//! The model where no formula is needed: paths that are known caller by caller, and laws of what it is told.

use super::*;
use crate::policy::{Climber, Credit};

/// Calls climb a point a minute, and callers take a callback after fifty minutes on the line.
fn converting(policy: Policy) -> Model {
    Model {
        after: (UNIT / 2, UNIT / 2),
        policy,
        ..model(10, 0.9, climbing(1, 1))
    }
}

/// What keeps the place where calls climb a point a minute.
fn exactly() -> Policy {
    Policy {
        climber: Climber::Caller,
        credit: Credit::Waited,
        ..climbing(1, 1)
    }
}

#[test]
fn whoever_keeps_the_place_waits_as_if_there_were_no_priorities() {
    // Nobody takes a callback, and nobody climbs: first come, first served.
    let first_come = Model {
        callbacks: 0.0,
        ..converting(nothing())
    };
    let first_come = run(
        &Model {
            calls: nothing(),
            ..first_come
        },
        6,
    );
    let measured = run(&converting(exactly()), 6);
    assert!(
        measured.overtaken.mean < f64::EPSILON,
        "{:?}",
        measured.overtaken
    );
    agrees("all", measured.all.times(&first_come.all), 1.0);
    // The mean would be the same in any order. That nobody waits much longer or much less than before is the place kept.
    let p95 = |measured: &Measured| measured.all.p95;
    assert!((p95(&measured) / p95(&first_come) - 1.0).abs() < 0.01);
    let without = run(&converting(nothing()), 6);
    assert!(without.overtaken.mean > 0.5, "{:?}", without.overtaken);
    assert!(without.callbacks.p95 > 1.2 * measured.callbacks.p95);
    assert!(without.callbacks.mean.mean > 1.2 * measured.callbacks.mean.mean);
}

#[test]
fn whoever_keeps_the_place_is_overtaken_by_nobody_whatever_agents_make_of_offers() {
    let missed = Model {
        missed_alerts: 0.2,
        after: (Duration::from_mins(7), Duration::from_mins(61)),
        patience: Some(4 * UNIT),
        ..converting(exactly())
    };
    for entry_reset in [true, false] {
        let credit = if entry_reset {
            Credit::Waited
        } else {
            Credit::None
        };
        let policy = Policy {
            credit,
            ..exactly()
        };
        let measured = run(
            &Model {
                policy,
                entry_reset,
                ..missed.clone()
            },
            12,
        );
        assert!(
            measured.overtaken.mean < f64::EPSILON,
            "{:?}",
            measured.overtaken
        );
        assert!(measured.callbacks.served > 1_000);
    }
}

#[test]
fn a_ladder_that_ends_is_climbed_no_further_and_raises_are_counted() {
    let mut ends = climbing(1, 10);
    ends.ladder.top = Some(Priority::clamped(3));
    let measured = run(&converting(ends), 7);
    let raises = measured.raises_a_callback;
    assert!(raises > 1.0 && raises <= 3.0, "{raises}");
}

#[test]
fn one_seed_is_one_run() {
    let told = |seed| {
        format!(
            "{:?}",
            run(&for_callers(converting(climbing(1, 5)), 20_000), seed)
        )
    };
    assert_eq!(told(1), told(1));
    assert_ne!(told(1), told(2));
}

/// Callers who come at these seconds of the first morning, are needed for a minute each, and are answered to the second.
fn listed(callers: &[(i64, i64)], agents: Profile<usize>) -> Model {
    let nine = 1_767_603_600_000;
    let callers = callers.iter().map(|(second, decides)| Caller {
        arrives: nine + second * 1_000,
        handling: 60_000,
        decides: if *decides < 0 { NEVER } else { decides * 1_000 },
        patience: NEVER,
        missed: 0,
    });
    Model {
        arrivals: Arrivals::Listed(callers.collect()),
        agents,
        ..model(1, 0.5, nothing())
    }
}

#[test]
fn agents_come_and_go_and_finish_what_they_have_begun() {
    let at = |hour, minute| TimeOfDay::new(jiff::civil::time(hour, minute, 0, 0));
    // Two agents until 09:01, none until 09:03, one from then on.
    let changes = vec![(at(8, 0), 2), (at(9, 1), 0), (at(9, 3), 1)];
    let agents = Profile::new(changes).unwrap();
    let model = listed(&[(5, -1), (30, -1), (50, -1), (100, -1)], agents);
    let measured = run(&model, 1);
    // The first two at once, the second until 09:01:30; then nobody takes anybody before 09:03, and one at a time after.
    let waits = [0.0, 0.0, 130.0, 140.0];
    let mean = waits.iter().sum::<f64>() / 4.0;
    let told = measured.calls.mean.mean;
    assert!((told - mean).abs() < 1e-9, "{told}");
}

#[test]
fn whoever_takes_a_callback_waits_on_as_one() {
    // One agent. The second takes a callback after ten seconds, the third stays; without credit the third is first.
    let callers = [(0, -1), (5, 10), (14, -1)];
    let measured = run(&listed(&callers, Profile::constant(1)), 1);
    assert_eq!((measured.callbacks.served, measured.calls.served), (1, 2));
    assert!((measured.callbacks.mean.mean - 115.0).abs() < 1e-9);
    let credited = Model {
        entry_reset: false,
        ..listed(&callers, Profile::constant(1))
    };
    let measured = run(&credited, 1);
    assert!((measured.callbacks.mean.mean - 55.0).abs() < 1e-9);
}

#[test]
fn callers_without_patience_hang_up_as_often_as_erlang_says() {
    // Erlang's A: so many in the system by birth and death, of whom those in line leave at their own rate.
    let impatient = Model {
        callbacks: 0.0,
        patience: Some(UNIT),
        ..model(5, 0.9, nothing())
    };
    let measured = run(&impatient, 8);
    let (arrivals, mut weight, mut all, mut leaving) = (4.5, 1.0, 1.0, 0.0);
    for present in 1..400 {
        let waiting = f64::from((present - 5).max(0));
        let working = f64::from(present.min(5));
        weight *= arrivals / (working + waiting);
        all += weight;
        leaving += weight * waiting;
    }
    agrees("hang up", measured.hung_up, leaving / all / arrivals);
}

#[test]
fn an_alert_in_vain_takes_an_agents_time() {
    // With one agent it is as if each conversation took as much longer; who is in it counts the alerts as a wait.
    let alert = UNIT / 10;
    let in_vain = Model {
        handling: Handling::Listed(vec![UNIT]),
        missed_alerts: 0.5,
        alert,
        ..model(1, 0.6, nothing())
    };
    let measured = run(&for_callers(in_vain, 2 * CALLERS), 9);
    // One alert on average, with a variance of two.
    let (mean, square) = (1.1, 1.1 * 1.1 + 0.01 * 2.0);
    let formula = 0.6 * square / (2.0 * (1.0 - 0.6 * mean)) + 0.1;
    agrees("all", in_units(measured.all.mean), formula);
    assert!((measured.load - 0.66).abs() < 0.01, "{}", measured.load);
}
