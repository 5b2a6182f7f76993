//! Command line to exit code. What a command does is in the library.

use std::process::ExitCode;

use callback_prioritizer::cli::{Cli, Exit};
use clap::{Parser, error::ErrorKind};

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
