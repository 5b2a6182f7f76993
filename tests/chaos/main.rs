//! Real processes, real time, real kills: does every callback keep its place, and the journal its head?
//!
//! The daemon runs as the process that an administrator starts, on a journal on disk; the platform is the sandbox of
//! this process, and it misbehaves: answers 503, applies writes whose answers are lost, cuts sockets, loses events.
//! Callbacks come and are answered throughout, also while no daemon runs.
//!
//! `KILLS=200 cargo test --test chaos -- --nocapture` kills more often. `STOPS=40` stops it more often. `SEED` chooses the moments and the trouble, `PROGRAM` another build of the daemon than the one
//! under test.

#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    reason = "what surprises a test ends it, in its helping functions too"
)]

mod centre;
mod journal;
mod kills;
mod names;
mod process;
mod stops;
mod trust;

use std::env;

/// Kills where `KILLS` does not say.
const KILLS: usize = 20;
/// The seed where `SEED` does not say.
const SEED: u64 = 3;

/// A number from the environment, or this.
fn number<T: std::str::FromStr>(name: &str, otherwise: T) -> T {
    let given = env::var(name).ok();
    given.map_or(otherwise, |text| {
        text.parse()
            .unwrap_or_else(|_| panic!("{name} is no number: {text}"))
    })
}
