//! The whole daemon against the embedded platform, at virtual speed. Each file is a question an operator would ask.

#![expect(
    clippy::unwrap_used,
    reason = "what surprises a test ends it, in its helping functions too"
)]

mod clocks;
mod contract;
mod discovery;
mod harness;
mod interleavings;
mod life_of_a_callback;
mod log;
mod obstacle;
mod one_request;
mod organizations;
mod other_platforms;
mod page;
mod panics;
mod pausing;
mod recovery;
mod reloading;
mod remembering;
mod repeated_trouble;
mod requests;
mod rules;
mod sockets;
mod stopping;
mod supervised;
