//! The model against queueing theory. Each test compares a seeded run with a formula that knows nothing of it.
//!
//! What priorities change is measured against a run of the same callers without any: how busy the hours of a run happened to be
//! is then in both, and what is left is known a hundred times as well.
//!
//! Times are in mean handling times of a hundred minutes, so that a point, which is a minute, is fine enough for formulas
//! that know no steps. Formulas: Erlang; Cobham; Kleinrock's delay-dependent priority as restated by Stanford, Taylor and
//! Ziedins, Queueing Systems 77 (2014), doi 10.1007/s11134-013-9382-6.

use super::*;
use crate::conversation::Priority;

/// Mean handling time.
const UNIT: Duration = Duration::from_mins(100);

/// Callers in a run.
const CALLERS: u64 = 150_000;

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

/// The same for so many callers.
fn for_callers(mut model: Model, many: u64) -> Model {
    if let Arrivals::Steady { callers, .. } = &mut model.arrivals {
        *callers = many;
    }
    model
}

/// So many points at once.
fn ahead(points: u32) -> Policy {
    Policy {
        offset: points,
        ..nothing()
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

/// Twice the 95 % interval, because there are some fifty comparisons; and the steps of whole points and milliseconds.
fn allowed(measured: Estimate, formula: f64) -> f64 {
    2.0 * measured.half_width + 0.005 * formula
}

/// Holds what was measured against a formula: it must be within the interval, which must be narrow.
fn agrees(what: &str, measured: Estimate, formula: f64) {
    let Estimate { mean, half_width } = measured;
    // Shown by `cargo test --lib forecast -- --nocapture`.
    eprintln!("{what}: measured {mean:.4} +- {half_width:.4}, by formula {formula:.4}");
    assert!(
        (mean - formula).abs() <= allowed(measured, formula),
        "{what}: measured {mean:.4} +- {half_width:.4}, by formula {formula:.4}"
    );
    assert!(
        half_width < 0.07 * formula,
        "{what}: too short a run to tell: {mean:.4} +- {half_width:.4}"
    );
}

/// A time in mean handling times.
fn in_units(seconds: Estimate) -> Estimate {
    let unit = UNIT.as_secs_f64();
    Estimate {
        mean: seconds.mean / unit,
        half_width: seconds.half_width / unit,
    }
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
    for (agents, load) in [(1, 0.5), (2, 0.6), (5, 0.7), (10, 0.7), (20, 0.8)] {
        let queue = model(agents, load, nothing());
        let measured = run(&for_callers(queue, 4 * CALLERS), 1);
        let formula = first_come(agents, load);
        let what = format!("{agents} agents, load {load}");
        agrees(&what, in_units(measured.all.mean), formula);
        agrees(&what, in_units(measured.calls.mean), formula);
        assert!(measured.overtaken.mean < f64::EPSILON, "nobody overtakes");
        assert!((measured.load - load).abs() < 0.01, "{}", measured.load);
    }
}

/// Mean waits of calls and callbacks by Kleinrock, as so many of the first-come-first-served one.
fn kleinrock(load: f64, rate: f64) -> (f64, f64) {
    let callbacks = 1.0 / (1.0 - 0.7 * load * (1.0 - 1.0 / rate));
    ((1.0 - 0.3 * callbacks) / 0.7, callbacks)
}

#[test]
fn calls_that_climb_wait_as_kleinrock_says_where_there_is_one_agent() {
    calls_that_climb_wait_as_kleinrock_says(1);
}

#[test]
fn calls_that_climb_wait_as_kleinrock_says_where_there_are_ten() {
    calls_that_climb_wait_as_kleinrock_says(10);
}

/// Calls climb at four rates, with so many agents and two loads.
fn calls_that_climb_wait_as_kleinrock_says(agents: usize) {
    for load in [0.8, 0.9] {
        let without = run(&model(agents, load, nothing()), 2);
        for (points, minutes) in [(1, 5), (1, 1), (4, 1), (19, 1)] {
            let rate = 1.0 + f64::from(points) / f64::from(u32::try_from(minutes).unwrap());
            let measured = run(&model(agents, load, climbing(points, minutes)), 2);
            let (calls, callbacks) = kleinrock(load, rate);
            let what = format!("{agents} agents, load {load}, rate {rate}");
            let times = measured.callbacks.times(&without.callbacks);
            agrees(&what, times, callbacks);
            agrees(&what, measured.calls.times(&without.calls), calls);
            for other in [1.0, 1.2, 2.0, 5.0, 20.0, f64::INFINITY] {
                let otherwise = kleinrock(load, other).1;
                let apart = (times.mean - otherwise).abs() > allowed(times, otherwise);
                let same = (other - rate).abs() < 1e-9 || rate > 19.0 && other.is_infinite();
                assert!(apart || same, "{what}: it could as well be {other}");
            }
        }
    }
}

#[test]
fn a_head_start_without_end_is_absolute_priority() {
    for (agents, load) in [(1, 0.8), (10, 0.8)] {
        let without = run(&model(agents, load, nothing()), 3);
        let measured = run(&model(agents, load, ahead(20_000_000)), 3);
        let (what, of_calls) = (format!("{agents} agents, load {load}"), 0.7 * load);
        let calls = measured.calls.times(&without.calls);
        agrees(&what, calls, (1.0 - load) / (1.0 - of_calls));
        let callbacks = measured.callbacks.times(&without.callbacks);
        agrees(&what, callbacks, 1.0 / (1.0 - of_calls));
    }
}

#[test]
fn whatever_is_first_the_work_is_the_same() {
    let without = run(&model(10, 0.8, nothing()), 4);
    for calls in [climbing(1, 1), climbing(19, 1), ahead(50)] {
        let measured = run(&model(10, 0.8, calls), 4);
        agrees("all", measured.all.times(&without.all), 1.0);
    }
}

#[test]
fn a_service_without_spread_agrees_with_pollaczek_and_khinchine() {
    let constant = Model {
        handling: Handling::Listed(vec![UNIT]),
        ..model(1, 0.7, nothing())
    };
    let measured = run(&constant, 5);
    let formula = 0.7 / (2.0 * (1.0 - 0.7));
    agrees("all", in_units(measured.all.mean), formula);
}

#[test]
fn a_constant_head_start_costs_what_it_is_used_for() {
    let without = run(&model(10, 0.9, nothing()), 9);
    for points in [50, 100] {
        let measured = run(&model(10, 0.9, ahead(points)), 9);
        let most = f64::from(points) * 60.0;
        let used = measured.callbacks.waits.mean_up_to(most);
        let times = measured.callbacks.times(&without.callbacks);
        let what = format!("callbacks, {points} minutes behind");
        let formula = 1.0 + 0.7 * 0.9 * used / without.callbacks.mean.mean;
        agrees(&what, times, formula);
    }
}

#[test]
fn a_wait_is_longer_by_those_who_overtake_and_shorter_by_those_who_are_overtaken() {
    let without = run(&model(10, 0.9, nothing()), 10);
    for calls in [climbing(1, 1), climbing(19, 1), ahead(50)] {
        let measured = run(&model(10, 0.9, calls), 10);
        for (what, class, before) in [
            ("calls", &measured.calls, &without.calls),
            ("callbacks", &measured.callbacks, &without.callbacks),
        ] {
            let net = (class.later_first - class.earlier_after) / 10.0 * UNIT.as_secs_f64();
            agrees(what, class.times(before), 1.0 + net / before.mean.mean);
        }
    }
}

/// What another program measured of the same queues, with eight million callers each, to one in a hundred.
#[test]
fn another_simulation_comes_to_the_same() {
    let steps = climbing(20, 20);
    let ends = Policy {
        max_raises: Some(5),
        ..steps.clone()
    };
    let without = run(&model(10, 0.9, nothing()), 11);
    for (what, policy, callbacks) in [("steps", steps, 0.9442), ("five steps", ends, 0.8812)] {
        let measured = run(&model(10, 0.9, policy), 11);
        let times = measured.callbacks.times(&without.callbacks);
        let told = callbacks / first_come(10, 0.9);
        let apart = (times.mean - told).abs();
        assert!(
            apart < allowed(times, told) + 0.01 * told,
            "{what}: {times:?} {told}"
        );
    }
}

mod paths;
