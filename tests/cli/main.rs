//! The real program, as an administrator, a shell and a service manager see it: arguments, exit codes, signals, and
//! what it prints.

#![expect(
    clippy::unwrap_used,
    reason = "what surprises a test ends it, in its helping functions too"
)]

mod explain;

mod forecast;
mod front;
mod healthcheck;
mod help;
mod journald;
mod online;
mod orders;
mod organizations;
mod program;
mod refusals;
mod reload;
mod running;
mod secrets;
mod status;
mod supervised;
