//! `run`: settings, logging, signals, daemon; in this order.

use std::sync::Arc;

use tokio::task::JoinSet;
use tracing::{error, info, warn};

use super::{Exit, Failed, Run, runtime};
use crate::{
    clock::Clock,
    daemon::{Daemon, DaemonError, Operator},
    journal::{Journal, MemoryJournal, SqliteJournal},
    logging,
    settings::{self, Settings, Severity},
    shutdown::Shutdown,
    status::Status,
};

/// Raises waiting callbacks until stopped.
pub(super) fn run(command: &Run) -> Result<Exit, Failed> {
    let environment = settings::environment(std::env::vars_os())?;
    let mut settings = settings::load(command.source.config.as_deref(), &environment)?;
    let socket = settings::control_socket(&settings.journal, &environment);
    settings.callbacks.dry_run |= command.dry_run;
    if let Some(refused) = settings
        .findings()
        .into_iter()
        .find(|finding| finding.severity == Severity::Error)
    {
        return Err(Failed::new(Exit::Settings, refused.to_string()));
    }
    logging::start(&settings.log).map_err(|error| Failed::new(Exit::Internal, error))?;
    say_findings(&settings);
    let journal = journal(&settings)?;
    let runtime = runtime()?;
    let operator = Operator {
        socket: Some(socket),
    };
    let ended = runtime.block_on(daemon(settings, journal, operator));
    // A name look-up may hang in a thread that nothing can interrupt; the end does not wait for it.
    runtime.shutdown_background();
    ended
}

/// The journal, for this daemon alone. A dry run writes nothing, there neither, and so it may run beside a daemon.
fn journal(settings: &Settings) -> Result<Arc<dyn Journal>, Failed> {
    if settings.callbacks.dry_run {
        return Ok(Arc::new(MemoryJournal::default()));
    }
    let journal = SqliteJournal::open(&settings.journal.path, Clock::System.now())
        .map_err(|error| Failed::new(Exit::Settings, error))?;
    Ok(Arc::new(journal))
}

/// Runs the daemon and passes signals on to it.
async fn daemon(
    settings: Settings,
    journal: Arc<dyn Journal>,
    operator: Operator,
) -> Result<Exit, Failed> {
    let shutdown = Shutdown::default();
    let mut signals = JoinSet::new();
    let switch = shutdown.clone();
    signals.spawn(async move { switch.follow_signals().await });
    let daemon = Daemon {
        settings,
        journal,
        clock: Clock::System,
        status: Status::default(),
        operator,
    };
    let ended = tokio::select! {
        ended = daemon.run(&shutdown) => ended,
        // Signals are followed for ever unless this process may not catch them.
        Some(Ok(Err(error))) = signals.join_next() => return Err(Failed::new(Exit::Internal, error)),
    };
    match ended {
        Ok(()) => Ok(Exit::Ok),
        Err(failure) => {
            let exit = exit(&failure);
            let error = &failure as &dyn std::error::Error;
            error!(error, exit_code = exit.code(), "ended");
            Ok(exit)
        }
    }
}

/// The exit code for a daemon that could not go on.
fn exit(failure: &DaemonError) -> Exit {
    match failure {
        DaemonError::Denied { .. } => Exit::Denied,
        DaemonError::Unreachable(_) => Exit::Unreachable,
        DaemonError::NoTls(_) | DaemonError::PartEnded(_) => Exit::Internal,
    }
}

/// Logs what `check` would say, so that it is found where the daemon runs.
fn say_findings(settings: &Settings) {
    for finding in settings.findings() {
        match finding.severity {
            Severity::Error | Severity::Warning => {
                warn!(
                    setting = finding.setting,
                    sentence = finding.sentence,
                    "settings"
                );
            }
            Severity::Note => info!(
                setting = finding.setting,
                sentence = finding.sentence,
                "settings"
            ),
        }
    }
}
