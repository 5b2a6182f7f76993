//! The sandbox as a client sees it: over real HTTP and WebSockets, on a paused clock.

#![expect(
    clippy::unwrap_used,
    reason = "a test's own functions may fail as its tests do"
)]

mod client;

mod analytics;
mod contract;
mod control;
mod notifications;
mod rest;
mod routing;
mod trouble;
