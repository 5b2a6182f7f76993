//! `history`: what was raised, when and how late, for people or for machines. Reads the journal while the daemon runs.

mod line;

mod sheet;

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
    let history = journal::History::of(&settings).map_err(failed)?;
    let now = Clock::System.now();
    let since = command.since.and_then(|ago| now.checked_sub(ago).ok());
    let wanted = Wanted {
        conversation: command.conversation.clone(),
        since,
    };
    let mut out = BufWriter::new(stdout().lock());
    let written = write(&history, &wanted, command, &mut out).map_err(failed)?;
    match written.and_then(|()| out.flush()) {
        // Whoever reads has had enough: `history | head`.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failed::new(Exit::Internal, error))
        }
        _ => Ok(Exit::Ok),
    }
}

/// Writes what happened, in the form that was asked for.
fn write(
    history: &journal::History,
    wanted: &Wanted,
    command: &History,
    out: &mut impl Write,
) -> Result<io::Result<()>, HistoryError> {
    if command.json {
        return history.tell(wanted, |event| line::write(out, &event));
    }
    if command.csv {
        let mut sheet = match sheet::Sheet::begin(out) {
            Ok(sheet) => sheet,
            Err(closed) => return Ok(Err(closed)),
        };
        let told = history.tell(wanted, |event| sheet.write(&event))?;
        return Ok(told.and_then(|()| sheet.end()));
    }
    let (mut told, mut table) = (0_u64, table::Table::default());
    let written = history.tell(wanted, |event| {
        told += 1;
        table.write(out, &event)
    })?;
    Ok(written.and_then(|()| match told {
        0 => writeln!(out, "{}", nothing(command)),
        _ => Ok(()),
    }))
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
        HistoryError::Absent { .. } | HistoryError::Refused(_) | HistoryError::Unusable(_) => {
            Exit::Settings
        }
        HistoryError::Unreadable(_) => Exit::Internal,
    };
    Failed::new(exit, error)
}
