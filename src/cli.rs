//! The command line: what may be typed, its help, and the exit code it ends with. One file for each command.

mod check;

mod demo;

mod described;

mod explain;

mod forecast;

mod healthcheck;

mod history;

mod page;

mod pause;

mod run;

mod sandbox;

mod status;

mod whose;

use std::{
    collections::BTreeMap,
    error::Error,
    io::{Write, stderr},
    net::SocketAddr,
    path::PathBuf,
    time::Duration,
};

use clap::{Args, Parser, Subcommand};
use tokio::runtime::{Builder, Runtime};

use crate::{
    conversation::ConversationId,
    logging::mark_of_error,
    settings::{self, Offline, Settings, SettingsError, Severity},
};

pub use described::Described;
pub use forecast::Forecast;
pub use pause::{Pause, Resume, RunningDaemon};
pub use whose::Whose;

/// How a command ended, as the process says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Ok,
    /// The command line was not understood.
    Usage,
    /// The platform did not answer while starting or checking, or the daemon does not answer or is not well.
    Unreachable,
    /// A mistake of our own.
    Internal,
    /// Credentials or permissions are refused.
    Denied,
    /// The settings are refused, or the journal will not have this daemon.
    Settings,
}

impl Exit {
    /// The process's exit code, from `sysexits.h`.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Usage => 64,
            Self::Unreachable => 69,
            Self::Internal => 70,
            Self::Denied => 77,
            Self::Settings => 78,
        }
    }
}

/// Keeps the place in line of callbacks waiting in Genesys Cloud queues
#[derive(Debug, Parser)]
#[command(
    version,
    max_term_width = 100,
    after_help = "Exit codes: 0 ok, 64 usage, 69 platform or daemon unreachable or not well, 70 internal, 77 denied (credentials, permissions), 78 settings or journal refused"
)]
pub struct Cli {
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Raise waiting callbacks until stopped
    Run(Run),
    /// Say what the settings mean, and with --online what the platform says to them; write nothing
    Check(Check),
    /// Say what the rules make of one callback, and why: every raise to come, and what its score means
    Explain(Explain),
    /// Say what the settings would do to a queue: a model of callers and agents, compared with three other ways
    Forecast(Forecast),
    /// Watch a rush hour: the real daemon on an embedded platform, no account needed
    Demo(Demo),
    /// Show what was raised, when and how late; also while the daemon runs
    History(History),
    /// Show what the running daemon knows: how it is, who waits, what comes next
    Status(Status),
    /// Ask the daemon that runs here whether all is well: for containers
    Healthcheck(Healthcheck),
    /// Tell the running daemon to raise nothing for a while, in a queue or in all of them
    Pause(Pause),
    /// Tell it to raise again; each callback gets what fell due meanwhile by one write
    Resume(Resume),
    /// Be a Genesys Cloud on loopback, to try things out against
    Sandbox(Sandbox),
}

/// Where the settings are.
#[derive(Args, Debug)]
pub struct Source {
    /// Settings file; without one, defaults and environment
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// `run`
#[derive(Args, Debug)]
pub struct Run {
    /// Where the settings are.
    #[command(flatten)]
    pub source: Source,
    /// Look and log, but write nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// `check`
#[derive(Args, Debug)]
pub struct Check {
    /// Where the settings are.
    #[command(flatten)]
    pub source: Source,
    /// Ask the platform too: token, topics, queues, one sweep
    #[arg(long)]
    pub online: bool,
}

/// `explain`
#[derive(Args, Debug)]
pub struct Explain {
    /// Where the settings are.
    #[command(flatten)]
    pub source: Source,
    /// Whose.
    #[command(flatten)]
    pub whose: Whose,
    /// A conversation of your organisation, read from the platform and the journal; nothing is written
    #[arg(long, value_name = "ID", conflicts_with_all = ["queue", "priority", "skill", "language", "division", "attribute", "waited", "before", "scheduled", "agent_owned", "voicemail", "at"])]
    pub conversation: Option<ConversationId>,
    /// The priority that it arrived with
    #[arg(
        long,
        value_name = "POINTS",
        default_value_t = 0,
        allow_negative_numbers = true
    )]
    pub priority: i64,
    /// What rules can ask about.
    #[command(flatten)]
    pub described: Described,
    /// How long the callback has waited
    #[arg(long, value_name = "TIME", value_parser = settings::interval, default_value = "0s")]
    pub waited: Duration,
    /// How long its caller had waited in queues before
    #[arg(long, value_name = "TIME", value_parser = settings::interval, default_value = "0s")]
    pub before: Duration,
    /// Of which kind it is.
    #[command(flatten)]
    pub kind: KindOfCallback,
    /// The moment to explain, such as "mon 17:55" or 2026-01-05T17:55:00Z; now, without it
    #[arg(long, value_name = "WHEN")]
    pub at: Option<String>,
    /// How many of the raises to come are told
    #[arg(long, value_name = "NUMBER", default_value_t = 12)]
    pub raises: usize,
    /// One JSON object
    #[arg(long)]
    pub json: bool,
}

/// Of which kind a callback is.
#[derive(Args, Debug)]
pub struct KindOfCallback {
    /// It was planned for a time
    #[arg(long)]
    pub scheduled: bool,
    /// It waits for one agent
    #[arg(long)]
    pub agent_owned: bool,
    /// It is a voicemail
    #[arg(long)]
    pub voicemail: bool,
}

/// `demo`
#[derive(Args, Debug)]
pub struct Demo {
    /// Which rush hour: each number is another one, and always the same
    #[arg(long, default_value_t = 7)]
    pub seed: u64,
    /// Settings file with the policies to watch, instead of a point a minute
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
}

/// `history`
#[derive(Args, Debug)]
pub struct History {
    /// Where the settings are.
    #[command(flatten)]
    pub source: Source,
    /// Only this conversation
    #[arg(long, value_name = "ID")]
    pub conversation: Option<ConversationId>,
    /// Only what happened within this time, such as 90m, 1h or 7d
    #[arg(long, value_name = "TIME", value_parser = settings::interval)]
    pub since: Option<Duration>,
    /// One JSON object a line
    #[arg(long)]
    pub json: bool,
    /// Comma-separated values under a line of names, for spreadsheets
    #[arg(long, conflicts_with = "json")]
    pub csv: bool,
}

/// `status`
#[derive(Args, Debug)]
pub struct Status {
    /// Where the settings are.
    #[command(flatten)]
    pub source: Source,
    /// Whose.
    #[command(flatten)]
    pub whose: Whose,
    /// The JSON object that the daemon tells, with everything in it
    #[arg(long)]
    pub json: bool,
    /// Again and again, until interrupted
    #[arg(long)]
    pub watch: bool,
}

/// `healthcheck`
#[derive(Args, Debug)]
#[command(
    after_help = "Asks /readyz at status.listen, and ends with 0 when the daemon is ready, with 69 when it is not or does not answer within five seconds."
)]
pub struct Healthcheck {
    /// Where the settings are.
    #[command(flatten)]
    pub source: Source,
    /// Whose.
    #[command(flatten)]
    pub whose: Whose,
    /// Only whether it is alive, ready or not: /livez
    #[arg(long)]
    pub live: bool,
}

/// `sandbox`
#[derive(Args, Debug)]
pub struct Sandbox {
    /// Loopback address to listen on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// Which world: the same seed makes the same ids
    #[arg(long, default_value_t = 7)]
    pub seed: u64,
}

impl Cli {
    /// Does what was typed.
    #[must_use]
    pub fn execute(self) -> Exit {
        let done = match self.command {
            Command::Run(command) => run::run(&command),
            Command::Check(command) => check::run(&command),
            Command::Explain(command) => explain::run(&command),
            Command::Forecast(command) => forecast::run(&command),
            Command::Demo(command) => demo::run(&command),
            Command::History(command) => history::run(&command),
            Command::Status(command) => status::run(&command),
            Command::Healthcheck(command) => healthcheck::run(&command),
            Command::Pause(command) => pause::pause(&command),
            Command::Resume(command) => pause::resume(&command),
            Command::Sandbox(command) => sandbox::run(&command),
        };
        done.unwrap_or_else(|failed| {
            complain(&*failed.error);
            failed.exit
        })
    }
}

/// A command that did not do what it was told to.
struct Failed {
    /// How the process ends.
    exit: Exit,
    /// What to say before.
    error: Box<dyn Error>,
}

impl Failed {
    /// A failure that ends the process this way.
    fn new(exit: Exit, error: impl Into<Box<dyn Error>>) -> Self {
        Self {
            exit,
            error: error.into(),
        }
    }
}

impl From<SettingsError> for Failed {
    fn from(error: SettingsError) -> Self {
        Self::new(Exit::Settings, error)
    }
}

/// Loads the settings that a command line names, over the process's environment, which is read here and nowhere else.
fn load(source: &Source, whose: &Whose) -> Result<Settings, SettingsError> {
    let environment: BTreeMap<String, String> = settings::environment(std::env::vars_os())?;
    let organization = whose.organization.as_ref();
    settings::load_one(source.config.as_deref(), &environment, organization)
}

/// Where the journal is, by the same settings; nothing else of them needs to be there, least of all a secret.
fn journal_settings(source: &Source) -> Result<settings::Journal, SettingsError> {
    let environment: BTreeMap<String, String> = settings::environment(std::env::vars_os())?;
    settings::load_journal(source.config.as_deref(), &environment)
}

/// What can be said without the platform, by the same settings; nothing else of them needs to be there.
fn load_offline(source: &Source, whose: &Whose) -> Result<Offline, Failed> {
    let environment: BTreeMap<String, String> = settings::environment(std::env::vars_os())?;
    let organization = whose.organization.as_ref();
    let offline = settings::load_offline(source.config.as_deref(), &environment, organization)?;
    let refused = offline
        .findings
        .iter()
        .find(|finding| finding.severity == Severity::Error);
    match refused {
        Some(refused) => Err(Failed::new(Exit::Settings, refused.to_string())),
        None => Ok(offline),
    }
}

/// The runtime of a command that talks to the platform.
fn runtime() -> Result<Runtime, Failed> {
    // One thread carries all that a token may do; more of them would spend more on waking each other than on the work.
    let built = Builder::new_current_thread().enable_all().build();
    built.map_err(|error| Failed::new(Exit::Internal, error))
}

/// A text of somebody else's without what could break a line or command a terminal.
fn printable(text: &str) -> String {
    text.replace(|letter: char| letter.is_control(), "?")
}

/// Says on stderr what went wrong, with every cause: one line.
fn complain(error: &dyn Error) {
    let mut line = format!("{}error: {error}", mark_of_error());
    let mut cause = error.source();
    while let Some(error) = cause {
        line.push_str(": ");
        line.push_str(&error.to_string());
        cause = error.source();
    }
    // Nobody is left to tell when stderr is closed.
    let _closed = writeln!(stderr(), "{line}");
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
