//! The model against queueing theory. Each test compares a seeded run with a formula that knows nothing of it.
//!
//! Times are in mean handling times of a hundred minutes, so that a point, which is a minute, is fine enough for formulas
//! that know no steps. Formulas: Erlang; Cobham; Kleinrock's delay-dependent priority as restated by Stanford, Taylor and
//! Ziedins, Queueing Systems 77 (2014), doi 10.1007/s11134-013-9382-6.

use super::*;
use crate::{
    conversation::Priority,
    policy::{Climber, Credit, ladder::Every},
};

/// Mean handling time.
const UNIT: Duration = Duration::from_mins(100);

/// Callers in a run, and how far from a formula its mean may be: three times what its 95 % interval says, and a hundredth
/// for the steps and the whole milliseconds.
const CALLERS: u64 = 120_000;

/// A queue with so many agents and so much to do, in which three of ten callers take a callback at once.
pub(super) fn model(agents: usize, load: f64, calls: Policy) -> Model {
    #[expect(clippy::cast_precision_loss, reason = "a handful of agents")]
    let gap = UNIT.div_f64(load * agents as f64);
    Model {
        arrivals: Arrivals::Steady {
            gap,
            callers: CALLERS,
        },
        agents: Profile::constant(agents),
        zone: TimeZone::UTC,
        handling: Handling::Exponential(UNIT),
        callbacks: 0.3,
        after: (Duration::ZERO, Duration::ZERO),
        patience: None,
        missed_alerts: 0.0,
        alert: Duration::from_secs(30),
        within: UNIT / 20,
        calls,
        policy: Policy::default(),
        entry_reset: true,
        forgets_the_caller: false,
    }
}

/// What is measured of a model.
fn run(model: &Model, seed: u64) -> Measured {
    model.run(seed, || {})
}

/// What calls gain so that their urgency grows `1 + points / minutes` times as fast as waiting alone.
fn climbing(points: u32, minutes: u64) -> Policy {
    Policy::linear(Duration::from_mins(minutes), points)
}

/// Nothing is raised.
fn nothing() -> Policy {
    Policy::default()
}

/// Mean wait in a first-come-first-served queue, in mean handling times: Erlang's C.
fn first_come(agents: usize, load: f64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a handful of agents")]
    let servers = agents as f64;
    let offered = servers * load;
    let mut blocked = 1.0;
    let mut number = 0.0;
    for _ in 0..agents {
        number += 1.0;
        blocked = offered * blocked / (number + offered * blocked);
    }
    let waits = blocked / (1.0 - load * (1.0 - blocked));
    waits / (servers - offered)
}

/// Holds a measured mean against a formula, in mean handling times.
fn agrees(what: &str, measured: Estimate, formula: f64) {
    let unit = UNIT.as_secs_f64();
    let (mean, half_width) = (measured.mean / unit, measured.half_width / unit);
    let allowed = 3.0 * half_width + 0.01 * formula;
    figures(what, mean, half_width, formula);
    assert!(
        (mean - formula).abs() <= allowed,
        "{what}: measured {mean:.4} +- {half_width:.4}, by formula {formula:.4}"
    );
    assert!(
        half_width < 0.25 * formula,
        "{what}: too short a run to tell: {mean:.4} +- {half_width:.4}"
    );
}

/// Shows the figures beside the formula: `cargo test --lib forecast -- --nocapture`.
fn figures(what: &str, mean: f64, half_width: f64, formula: f64) {
    eprintln!("{what}: measured {mean:.4} +- {half_width:.4}, by formula {formula:.4}");
}

#[test]
fn erlangs_table_is_reproduced() {
    for (agents, load, expected) in [
        (1, 0.8, 4.0),
        (1, 0.9, 9.0),
        (2, 0.8, 1.777_778),
        (2, 0.9, 4.263_158),
        (5, 0.8, 0.554_113),
        (5, 0.9, 1.524_986),
        (10, 0.8, 0.204_590),
        (10, 0.9, 0.668_732),
        (10, 0.95, 1.651_171),
        (20, 0.9, 0.275_385),
        (20, 0.95, 0.755_401),
        (50, 0.95, 0.251_638),
    ] {
        assert!(
            (first_come(agents, load) - expected).abs() < 1e-5,
            "{agents} {load}"
        );
    }
}

#[test]
fn without_priorities_all_wait_as_erlang_says() {
    for (agents, load) in [(1, 0.8), (2, 0.8), (5, 0.8), (10, 0.8), (20, 0.9)] {
        let measured = run(&model(agents, load, nothing()), 1);
        let formula = first_come(agents, load);
        agrees("all", measured.all.mean, formula);
        agrees("calls", measured.calls.mean, formula);
        agrees("callbacks", measured.callbacks.mean, formula);
        assert!(measured.overtaken.mean < f64::EPSILON, "nobody overtakes");
    }
}

#[test]
fn calls_that_climb_wait_as_kleinrock_says() {
    for (points, minutes) in [(1, 5), (1, 1), (4, 1), (19, 1)] {
        for (agents, load) in [(1, 0.8), (10, 0.8)] {
            let rate = 1.0 + f64::from(points) / f64::from(u32::try_from(minutes).unwrap());
            let measured = run(&model(agents, load, climbing(points, minutes)), 2);
            let (first_come, calls) = (first_come(agents, load), 0.7 * load);
            let callbacks = first_come / (1.0 - calls * (1.0 - 1.0 / rate));
            agrees(
                &format!("callbacks, {agents} agents, rate {rate}"),
                measured.callbacks.mean,
                callbacks,
            );
            let of_calls = (first_come - 0.3 * callbacks) / 0.7;
            agrees(
                &format!("calls, {agents} agents, rate {rate}"),
                measured.calls.mean,
                of_calls,
            );
        }
    }
}

#[test]
fn a_head_start_without_end_is_absolute_priority() {
    let ahead = Policy {
        offset: 20_000_000,
        ..nothing()
    };
    for (agents, load) in [(1, 0.8), (10, 0.8)] {
        let measured = run(&model(agents, load, ahead.clone()), 3);
        let (rest, calls) = (first_come(agents, load) * (1.0 - load), 0.7 * load);
        agrees("calls", measured.calls.mean, rest / (1.0 - calls));
        agrees(
            "callbacks",
            measured.callbacks.mean,
            rest / ((1.0 - calls) * (1.0 - load)),
        );
    }
}

#[test]
fn whatever_is_first_the_work_is_the_same() {
    let formula = first_come(10, 0.8);
    for calls in [
        nothing(),
        climbing(1, 1),
        climbing(19, 1),
        Policy {
            offset: 50,
            ..nothing()
        },
    ] {
        let measured = run(&model(10, 0.8, calls), 4);
        agrees("all", measured.all.mean, formula);
    }
}

#[test]
fn an_estimate_of_a_service_without_spread_agrees_with_pollaczek_and_khinchine() {
    let constant = Model {
        handling: Handling::Listed(vec![UNIT]),
        ..model(1, 0.8, nothing())
    };
    let measured = run(&constant, 5);
    agrees("all", measured.all.mean, 0.8 / (2.0 * (1.0 - 0.8)));
}

/// Calls climb a point a minute, and callers take a callback after fifty minutes on the line.
fn converting(policy: Policy) -> Model {
    Model {
        after: (UNIT / 2, UNIT / 2),
        policy,
        ..model(10, 0.9, climbing(1, 1))
    }
}

#[test]
fn whoever_keeps_the_place_waits_as_without_priorities_and_is_overtaken_by_nobody() {
    let exactly = Policy {
        climber: Climber::Caller,
        credit: Credit::Waited,
        ..climbing(1, 1)
    };
    let measured = run(&converting(exactly), 6);
    assert!(
        measured.overtaken.mean < f64::EPSILON,
        "{}",
        measured.overtaken.mean
    );
    agrees("all", measured.all.mean, first_come(10, 0.9));
    let without = run(&converting(nothing()), 6);
    assert!(without.overtaken.mean > 0.5, "{}", without.overtaken.mean);
    assert!(without.callbacks.mean.mean > 1.2 * measured.callbacks.mean.mean);
}

#[test]
fn a_ladder_that_ends_is_climbed_no_further_and_raises_are_counted() {
    let mut ends = climbing(1, 10);
    ends.ladder.top = Some(Priority::clamped(3));
    let model = Model {
        policy: ends,
        ..converting(nothing())
    };
    let measured = run(&model, 7);
    assert!(
        measured.raises_a_callback > 1.0 && measured.raises_a_callback <= 3.0,
        "{}",
        measured.raises_a_callback
    );
    let every = Every {
        every: Duration::from_mins(10),
        add: 1,
    };
    assert_eq!(climbing(1, 10).ladder.then, Some(every));
}

#[test]
fn alerts_in_vain_and_hang_ups_are_what_they_were_told_to_be() {
    let impatient = Model {
        patience: Some(UNIT),
        missed_alerts: 0.2,
        ..model(10, 0.9, climbing(1, 1))
    };
    let measured = run(&impatient, 8);
    let hung_up = measured.hung_up.mean;
    assert!((0.01..0.4).contains(&hung_up), "{hung_up}");
    assert!(measured.callbacks.p95 > measured.callbacks.p50);
    let patient = run(&model(10, 0.9, climbing(1, 1)), 8);
    assert!(
        measured.calls.mean.mean < patient.calls.mean.mean,
        "who hangs up makes room"
    );
}

#[test]
fn one_seed_is_one_run() {
    let told = |seed| format!("{:?}", run(&converting(climbing(1, 5)), seed));
    assert_eq!(told(1), told(1));
    assert_ne!(told(1), told(2));
}

/// Runs a queue of ten agents with nine tenths of their time to do, for longer.
fn long(calls: Policy, policy: Policy, after: Duration, seed: u64) -> Measured {
    let short = model(10, 0.9, calls);
    let Arrivals::Steady { gap, .. } = short.arrivals else {
        unreachable!("it is steady");
    };
    let long = Model {
        arrivals: Arrivals::Steady {
            gap,
            callers: 4 * CALLERS,
        },
        after: (after, after),
        policy,
        ..short
    };
    run(&long, seed)
}

/// So many points at once.
fn ahead(points: u32) -> Policy {
    Policy {
        offset: points,
        ..nothing()
    }
}

#[test]
fn a_constant_head_start_costs_what_it_is_used_for() {
    for points in [50, 100] {
        let measured = long(ahead(points), nothing(), Duration::ZERO, 9);
        let used = measured
            .callbacks
            .waits
            .mean_up_to(f64::from(points) * 60.0);
        let formula = first_come(10, 0.9) + 0.7 * 0.9 * used / UNIT.as_secs_f64();
        agrees(
            &format!("callbacks, {points} minutes behind"),
            measured.callbacks.mean,
            formula,
        );
    }
}

#[test]
fn a_wait_is_longer_by_those_who_overtake_and_shorter_by_those_who_are_overtaken() {
    for calls in [climbing(1, 1), climbing(19, 1), ahead(50)] {
        let measured = long(calls, nothing(), Duration::ZERO, 10);
        for (what, class) in [
            ("calls", &measured.calls),
            ("callbacks", &measured.callbacks),
        ] {
            let net = (class.later_first - class.earlier_after) / 10.0;
            agrees(what, class.mean, first_come(10, 0.9) + net);
        }
    }
}

/// What another program measured of the same queues, with eight million callers each.
#[test]
fn another_simulation_comes_to_the_same() {
    let steps = climbing(20, 20);
    let ends = Policy {
        max_raises: Some(5),
        ..steps.clone()
    };
    for (what, policy, calls, callbacks) in [
        ("steps", steps, 0.5514, 0.9442),
        ("five steps", ends, 0.5932, 0.8812),
    ] {
        let measured = long(policy, nothing(), Duration::ZERO, 11);
        agrees(
            &format!("callbacks, {what}"),
            measured.callbacks.mean,
            callbacks,
        );
        agrees(&format!("calls, {what}"), measured.calls.mean, calls);
    }
}
