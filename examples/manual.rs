//! Writes the man pages and the shell completions into a folder, from the definition of the command line. The Debian
//! package is made with them.
//!
//! ```sh
//! cargo run --example manual -- target/manual
//! ```

use std::{env::args_os, fs, io, path::PathBuf};

use callback_prioritizer::cli::Cli;
use clap::CommandFactory;
use clap_complete::{Shell, generate_to};

/// The shells that Debian's users have.
const SHELLS: [Shell; 3] = [Shell::Bash, Shell::Fish, Shell::Zsh];

fn main() -> io::Result<()> {
    let folder = args_os().nth(1).map(PathBuf::from);
    let folder = folder.ok_or_else(|| io::Error::other("expected the folder to write into"))?;
    fs::create_dir_all(&folder)?;
    for shell in SHELLS {
        generate_to(shell, &mut Cli::command(), env!("CARGO_PKG_NAME"), &folder)?;
    }
    // `help COMMAND` needs no page of its own: it says what the command's page says.
    clap_mangen::generate_to(Cli::command().disable_help_subcommand(true), &folder)
}
