//! What the daemon costs and how well it keeps time: every figure that the README gives of it as a whole, measured.
//!
//! `cargo bench --bench daemon` measures all of them, which takes about half an hour; `cargo bench --bench daemon -- hour
//! memory` only those. Each line says what was measured, against what it is meant to be, and whether it is.
//!
//! At virtual time daemon and platform share a runtime and a paused clock, so that hours of requests are counted within
//! seconds. At real time the daemon is a process of its own, the one that is installed, and the platform is in this one.

mod centre;
mod figures;
#[path = "../../tests/daemon/obstacle.rs"]
mod obstacle;
mod process;
mod real;
mod replicas;
mod virtual_time;

use std::{
    env,
    io::{Write, stderr},
    process::ExitCode,
};

use figures::Report;

/// One measurement: the word that asks for it, and what it does.
type Measurement = (&'static str, fn(&mut Report));

/// All of them, in the order of the README's table.
const ALL: [Measurement; 11] = [
    ("hour", virtual_time::an_hour_of_a_thousand),
    ("short", real::short_waits),
    ("capacity", virtual_time::as_many_as_one_token_carries),
    ("overload", virtual_time::three_times_as_many),
    ("scale", replicas::scale),
    ("idle", real::idle),
    ("lateness", real::lateness),
    ("cpu", real::cpu_of_a_thousand),
    ("growth", real::growth),
    ("memory", real::memory_and_restart),
    ("size", real::size),
];

fn main() -> ExitCode {
    // `cargo bench` adds flags of its own.
    let wanted: Vec<String> = env::args()
        .skip(1)
        .filter(|arg| !arg.starts_with('-'))
        .collect();
    let unknown = wanted
        .iter()
        .find(|word| !ALL.iter().any(|(name, _)| name == word));
    if let Some(word) = unknown {
        let words: Vec<_> = ALL.iter().map(|(name, _)| *name).collect();
        let _closed = writeln!(
            stderr(),
            "{word} is nothing that is measured here: {}",
            words.join(", ")
        );
        return ExitCode::from(64);
    }
    let mut report = Report::default();
    for (name, measure) in ALL {
        if wanted.is_empty() || wanted.iter().any(|word| word == name) {
            measure(&mut report);
        }
    }
    report.end()
}
