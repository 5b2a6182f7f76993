//! `pause` and `resume`: an order to the daemon that runs, and what it answers.

use std::{
    io::{Write, stdout},
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Args;

use super::{Exit, Failed, Source, Whose};
use crate::{
    control::{Answer, NoAnswer, Order, tell},
    settings,
};

/// Where a service of this name has its socket under systemd, for whoever asks from outside of it.
const SERVICE: &str = "/run/callback-prioritizer/control.sock";

/// `pause`
#[derive(Args, Debug)]
pub struct Pause {
    /// Which daemon.
    #[command(flatten)]
    pub daemon: RunningDaemon,
    /// Whose callbacks; where there are several organisations and it is not clear by the queue.
    #[command(flatten)]
    pub whose: Whose,
    /// Only this queue: a name, a glob over names, or an id; without it, all of them
    #[arg(long, value_name = "NAME")]
    pub queue: Option<String>,
    /// For this time, such as 30m or 2h; without it, until `resume`
    #[arg(long = "for", value_name = "TIME", value_parser = settings::interval)]
    pub time: Option<Duration>,
}

/// `resume`
#[derive(Args, Debug)]
pub struct Resume {
    /// Which daemon.
    #[command(flatten)]
    pub daemon: RunningDaemon,
    /// Whose callbacks; where there are several organisations and it is not clear by the queue.
    #[command(flatten)]
    pub whose: Whose,
    /// Only this queue, if it was paused by itself; without it, whatever is paused
    #[arg(long, value_name = "NAME")]
    pub queue: Option<String>,
}

/// Which daemon an order is for.
#[derive(Args, Debug)]
pub struct RunningDaemon {
    /// Where the settings are.
    #[command(flatten)]
    pub source: Source,
    /// Its socket, where it is not found by itself: in `$RUNTIME_DIRECTORY`, else beside the journal's file or where that would usually be (`$STATE_DIRECTORY/journal.db.sock`), or in /run/callback-prioritizer
    #[arg(long, value_name = "FILE")]
    pub socket: Option<PathBuf>,
}

/// Tells the daemon to pause.
pub(super) fn pause(command: &Pause) -> Result<Exit, Failed> {
    let for_ms = command
        .time
        .map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    let queue = command.queue.clone();
    give(
        &command.daemon,
        &Order::Pause {
            queue,
            for_ms,
            organization: command.whose.name(),
        },
    )
}

/// Tells the daemon to resume.
pub(super) fn resume(command: &Resume) -> Result<Exit, Failed> {
    let queue = command.queue.clone();
    give(
        &command.daemon,
        &Order::Resume {
            queue,
            organization: command.whose.name(),
        },
    )
}

/// Gives an order, and says on stdout what came of it.
fn give(daemon: &RunningDaemon, order: &Order) -> Result<Exit, Failed> {
    let answer = tell(&socket(daemon)?, order).map_err(|error| {
        let exit = match &error {
            NoAnswer::NotOurs { .. } => Exit::Denied,
            NoAnswer::Nobody { .. } | NoAnswer::Silence { .. } => Exit::Unreachable,
        };
        Failed::new(exit, error)
    })?;
    let lines = match answer {
        Answer::Done {
            changed,
            kept,
            paused,
        } => {
            let mut lines = Vec::new();
            if !changed {
                lines.push("Nothing has changed: it was so already.".to_owned());
            }
            if !kept {
                lines.push("The journal does not work now: until it does, a restart forgets this; see the daemon's log.".to_owned());
            }
            match paused.as_slice() {
                [] => lines.push("Nothing is paused.".to_owned()),
                some => lines.extend(some.iter().map(|one| format!("Paused: {one}."))),
            }
            lines
        }
        Answer::Refused { sentence } => return Err(Failed::new(Exit::Usage, sentence)),
        Answer::Denied => {
            let sentence = "the daemon obeys only the user that runs it, and root";
            return Err(Failed::new(Exit::Denied, sentence));
        }
    };
    let mut out = stdout().lock();
    lines
        .iter()
        .try_for_each(|line| writeln!(out, "{line}"))
        .map_err(|error| Failed::new(Exit::Internal, error))?;
    Ok(Exit::Ok)
}

/// Where the daemon takes orders: where it is said, else the first place at which there is something.
fn socket(daemon: &RunningDaemon) -> Result<PathBuf, Failed> {
    if let Some(path) = &daemon.socket {
        return Ok(path.clone());
    }
    let environment = settings::environment(std::env::vars_os())?;
    let journal = settings::load_journal(daemon.source.config.as_deref(), &environment)?;
    let usual = settings::control_socket(&journal, &environment);
    let service = Path::new(SERVICE);
    Ok(if !usual.exists() && service.exists() {
        service.to_owned()
    } else {
        usual
    })
}
