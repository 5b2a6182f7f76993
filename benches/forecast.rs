//! How many customers of the forecast's model one core carries: `cargo bench --bench forecast`.
//!
//! Calls that gain a point a minute, and callers who take a callback after a while: the whole model, with everything measured
//! that the table shows.

use std::time::Duration;

use callback_prioritizer::{
    forecast::{Arrivals, Handling, Model, Profile, TimeOfDay},
    policy::{Climber, Credit, Policy},
};
use divan::{Bencher, counter::ItemsCount};
use jiff::{civil::time, tz::TimeZone};

/// Customers in one run.
const CUSTOMERS: u64 = 1_000_000;

fn main() {
    divan::main();
}

/// A steady queue: callbacks are not raised.
#[divan::bench(sample_count = 20)]
fn nothing(bencher: Bencher<'_, '_>) {
    carry(bencher, steady(), Policy::default());
}

/// A steady queue: callbacks keep the place exactly.
#[divan::bench(sample_count = 20)]
fn exactly(bencher: Bencher<'_, '_>) {
    carry(bencher, steady(), keeping_the_place());
}

/// Days with a rush, as `forecast` has them unless told otherwise: callbacks keep the place exactly.
#[divan::bench(sample_count = 20)]
fn days(bencher: Bencher<'_, '_>) {
    carry(bencher, rush(), keeping_the_place());
}

/// The place of the caller.
fn keeping_the_place() -> Policy {
    Policy {
        climber: Climber::Caller,
        credit: Credit::Waited,
        ..Policy::linear(Duration::from_mins(1), 1)
    }
}

/// Ten agents with nine tenths of their time to do.
fn steady() -> Model {
    let handling = Duration::from_mins(5);
    Model {
        arrivals: Arrivals::Steady {
            gap: handling.div_f64(9.0),
            callers: CUSTOMERS,
        },
        agents: Profile::constant(10),
        zone: TimeZone::UTC,
        handling: Handling::Exponential(handling),
        callbacks: 0.3,
        after: (Duration::from_mins(1), Duration::from_mins(1)),
        patience: None,
        missed_alerts: 0.0,
        alert: Duration::from_secs(30),
        within: Duration::from_mins(5),
        calls: Policy::linear(Duration::from_mins(1), 1),
        policy: Policy::default(),
        entry_reset: true,
        forgets_the_caller: false,
    }
}

/// A day from eight to six with a rush from ten to eleven, again and again.
fn rush() -> Model {
    let at = |hour| TimeOfDay::new(time(hour, 0, 0, 0));
    let changes = [(8, 60.0), (9, 150.0), (10, 180.0), (11, 120.0), (18, 0.0)];
    let an_hour = changes.map(|(hour, callers)| (at(hour), callers)).to_vec();
    let a_day = 60 + 150 + 180 + 7 * 120;
    Model {
        arrivals: Arrivals::Days {
            an_hour: Profile::new(an_hour).expect("the hours are in order"),
            days: u32::try_from(CUSTOMERS).expect("a million") / a_day,
        },
        handling: Handling::LogNormal {
            mean: Duration::from_mins(4),
            deviation: Duration::from_secs(150),
        },
        callbacks: 0.25,
        after: (Duration::from_secs(30), Duration::from_mins(2)),
        missed_alerts: 0.02,
        ..steady()
    }
}

/// Lets customers come under this policy.
fn carry(bencher: Bencher<'_, '_>, model: Model, policy: Policy) {
    let model = Model { policy, ..model };
    bencher
        .counter(ItemsCount::new(CUSTOMERS))
        .bench_local(|| model.run(7, || {}).all.served);
}
