//! Several daemons on one journal, as real processes in real time: killed, stopped, and one of them gone for good.
//!
//! They need a database of their own, which `tests/postgres.sh` starts; without one, each test says what it left out, and
//! with `POSTGRES=must` it fails. `CHAOS_SECONDS=1800` strikes for longer, `SEED` chooses the moments and the trouble, and
//! `PROGRAM` another build of the daemon than the one under test:
//!
//! `CHAOS_SECONDS=120 tests/postgres.sh cargo test --test replicas -- --nocapture`

#![cfg(all(target_os = "linux", feature = "postgres"))]
#![expect(
    clippy::unwrap_used,
    reason = "what surprises a test ends it, in its helping functions too"
)]

mod centre;
mod chaos;
mod daemon;
mod database;
mod failover;
mod naive;
mod operator;
mod rhythm;
mod verdict;

use std::{env, time::Duration};

use tokio::sync::{Mutex, MutexGuard};

/// The seed where `SEED` does not say.
const SEED: u64 = 5;
/// Time after which something that has not happened is a failure, however busy the machine.
const PATIENCE: Duration = Duration::from_mins(2);

/// Held by the test that runs: they measure time, and each has more processes than the machine may have cores.
async fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::const_new(());
    ALONE.lock().await
}

/// A number from the environment, or this.
fn number<T: std::str::FromStr>(name: &str, otherwise: T) -> T {
    let given = env::var(name).ok();
    given.map_or(otherwise, |text| {
        text.parse()
            .unwrap_or_else(|_| panic!("{name} is no number: {text}"))
    })
}
