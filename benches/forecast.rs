//! How many customers of the forecast's model one core carries: `cargo bench --bench forecast`.
//!
//! Ten agents with nine tenths of their time to do, calls that gain a point a minute, three of ten callers who take a
//! callback after a while: the whole model, with everything measured that the table shows.

use std::time::Duration;

use callback_prioritizer::{
    forecast::{Arrivals, Handling, Model, Profile},
    policy::{Climber, Credit, Policy},
};
use divan::{Bencher, counter::ItemsCount};
use jiff::tz::TimeZone;

/// Customers in one run.
const CUSTOMERS: u64 = 1_000_000;

fn main() {
    divan::main();
}

/// Callbacks are not raised.
#[divan::bench(sample_count = 20)]
fn nothing(bencher: Bencher<'_, '_>) {
    carry(bencher, Policy::default());
}

/// Callbacks keep the place exactly.
#[divan::bench(sample_count = 20)]
fn exactly(bencher: Bencher<'_, '_>) {
    let exactly = Policy {
        climber: Climber::Caller,
        credit: Credit::Waited,
        ..Policy::linear(Duration::from_mins(1), 1)
    };
    carry(bencher, exactly);
}

/// Lets customers come under this policy.
fn carry(bencher: Bencher<'_, '_>, policy: Policy) {
    let handling = Duration::from_mins(5);
    let model = Model {
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
        policy,
        entry_reset: true,
        forgets_the_caller: false,
    };
    bencher
        .counter(ItemsCount::new(CUSTOMERS))
        .bench_local(|| model.run(7, || {}).all.served);
}
