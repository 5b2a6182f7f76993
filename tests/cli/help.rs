//! Does the help say what the program does?
//!
//! Each help text is kept beside this file, as `help.txt` and `help-COMMAND.txt`. After a change that is meant, write
//! them anew with `REWRITE_HELP=1 cargo test --test cli help` and read the difference.

use std::{fs, path::Path};

use callback_prioritizer::cli::Cli;
use clap::CommandFactory;

use crate::program::{Ended, Program};

/// Runs the program with these arguments; it must answer and be content.
async fn answer(name: &str, arguments: &[&str]) -> String {
    let Ended { code, out, err } = Program::new(name, arguments).finish().await;
    assert_eq!((code, err.as_str()), (Some(0), ""), "{arguments:?}");
    out
}

/// Holds a help text against the one that is kept, or keeps it.
fn compare(file: &str, help: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/cli")
        .join(file);
    if std::env::var_os("REWRITE_HELP").is_some() {
        fs::write(&path, help).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(help, kept, "{file}: REWRITE_HELP=1 writes it anew");
}

#[tokio::test]
async fn the_help_is_the_one_that_is_kept() {
    let help = answer("help", &["--help"]).await;
    compare("help.txt", &help);
    assert_eq!(help, answer("help-word", &["help"]).await);
}

#[tokio::test]
async fn the_help_of_each_command_is_the_one_that_is_kept() {
    let cli = Cli::command();
    let names: Vec<&str> = cli.get_subcommands().map(clap::Command::get_name).collect();
    assert!(names.contains(&"run"), "{names:?}");
    for name in names {
        let folder = format!("help-{name}");
        let help = answer(&folder, &[name, "--help"]).await;
        compare(&format!("help-{name}.txt"), &help);
    }
}

#[tokio::test]
async fn the_version_is_the_packages() {
    let version = answer("version", &["--version"]).await;
    let expected = concat!("callback-prioritizer ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(version, expected);
}
