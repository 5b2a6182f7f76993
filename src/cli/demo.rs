//! `demo`: a rush hour, told on stdout.

use std::{
    io::{self, IsTerminal, stdout},
    time::Duration,
};

use super::{Demo, Exit, Failed};
use crate::demo::{self, DemoError, Paint, Telling};

/// Time to look at a picture: with some eight of them the demo stays well under a minute.
const PACE: Duration = Duration::from_millis(2_500);

/// Runs the demo. A reader who has seen enough (`| head`) is no failure.
pub(super) fn run(command: &Demo) -> Result<Exit, Failed> {
    let terminal = stdout().is_terminal();
    let colours = terminal && std::env::var_os("NO_COLOR").is_none();
    let pace = if terminal { PACE } else { Duration::ZERO };
    let telling = Telling {
        seed: command.seed,
        policy: command.policy.as_deref(),
        paint: Paint::new(colours),
        pace,
    };
    match demo::run(telling, &mut stdout().lock()) {
        Err(DemoError::Io(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Exit::Ok),
        Err(DemoError::Settings(error)) => Err(error.into()),
        Err(error) => Err(Failed::new(Exit::Internal, error)),
        Ok(()) => Ok(Exit::Ok),
    }
}
