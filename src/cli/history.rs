//! `history`: what was raised, when and how late, for people or for machines. Reads the journal while the daemon runs.

mod line;

mod table;

use std::{
    io::{self, BufWriter, Write, stdout},
    time::Duration,
};

use super::{Exit, Failed, History, journal_settings};
use crate::{
    clock::Clock,
    journal::{self, HistoryError, Wanted},
};

/// Tells the past on stdout.
pub(super) fn run(command: &History) -> Result<Exit, Failed> {
    let settings = journal_settings(&command.source)?;
    let history = journal::History::open(&settings.path).map_err(failed)?;
    let now = Clock::System.now();
    let since = command.since.and_then(|ago| now.checked_sub(ago).ok());
    let wanted = Wanted {
        conversation: command.conversation.clone(),
        since,
    };
    let mut out = BufWriter::new(stdout().lock());
    let mut told = 0_u64;
    let mut table = table::Table::default();
    let telling = history.tell(&wanted, |event| {
        told += 1;
        if command.json {
            line::write(&mut out, &event)
        } else {
            table.write(&mut out, &event)
        }
    });
    let written = telling.map_err(failed)?.and_then(|()| {
        if told == 0 && !command.json {
            writeln!(out, "{}", nothing(command))?;
        }
        out.flush()
    });
    match written {
        // Whoever reads has had enough: `history | head`.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failed::new(Exit::Internal, error))
        }
        _ => Ok(Exit::Ok),
    }
}

/// Says that there is nothing to tell.
fn nothing(command: &History) -> String {
    let whose = command
        .conversation
        .as_ref()
        .map(|id| format!(" of conversation {id}"))
        .unwrap_or_default();
    let when = command
        .since
        .map(|ago| format!(" in the last {}", spelled(ago)))
        .unwrap_or_default();
    format!("Nothing{whose} was written{when}, as far as the journal goes back.")
}

/// A time as people say it.
fn spelled(time: Duration) -> String {
    format!(
        "{:#}",
        jiff::SignedDuration::try_from(time).unwrap_or_default()
    )
}

/// How the process ends where the journal cannot be read: a wrong place is a matter of the settings.
fn failed(error: HistoryError) -> Failed {
    let exit = match error {
        HistoryError::Absent { .. } | HistoryError::Refused(_) => Exit::Settings,
        HistoryError::Unreadable(_) => Exit::Internal,
    };
    Failed::new(exit, error)
}
