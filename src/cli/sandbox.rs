//! `sandbox`: the embedded platform as a process of its own.

use super::{Exit, Failed, Sandbox};

/// Serves until stopped.
pub(super) fn run(_command: &Sandbox) -> Result<Exit, Failed> {
    Ok(Exit::Ok)
}
