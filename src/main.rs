//! Command line to exit code. What a command does is in the library.

use std::process::ExitCode;

use callback_prioritizer::cli::{Cli, Exit};
use clap::{Parser, error::ErrorKind};
use mimalloc::MiMalloc;

/// Gives back what a hundred thousand callbacks took for a moment each. The C library's allocator keeps most of it, because
/// what stays lies scattered between what has gone.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let exit = match Cli::try_parse() {
        Ok(cli) => cli.execute(),
        Err(error) => {
            // Help and version are answers, the rest are mistakes; clap knows where to print which.
            let answered = error.print().is_ok()
                && matches!(
                    error.kind(),
                    ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
                );
            if answered { Exit::Ok } else { Exit::Usage }
        }
    };
    ExitCode::from(exit.code())
}
