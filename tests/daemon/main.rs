//! The whole daemon against the embedded platform, at virtual speed. Each file is a question an operator would ask.

mod discovery;
mod harness;
mod life_of_a_callback;
mod requests;
mod sockets;
mod stopping;
