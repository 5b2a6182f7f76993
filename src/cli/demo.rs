//! `demo`: a rush hour, told on stdout.

use std::io::{self, IsTerminal, stdout};

use super::{Demo, Exit, Failed};
use crate::demo::{self, DemoError, Paint};

/// Runs the demo. A reader who has seen enough (`| head`) is no failure.
pub(super) fn run(command: &Demo) -> Result<Exit, Failed> {
    let colours = stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    match demo::run(command.seed, &mut stdout().lock(), Paint::new(colours)) {
        Err(DemoError::Io(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Exit::Ok),
        Err(error) => Err(Failed::new(Exit::Internal, error)),
        Ok(()) => Ok(Exit::Ok),
    }
}
