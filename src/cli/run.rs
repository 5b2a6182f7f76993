//! `run`: settings, logging, signals, daemon; in this order.

use std::{
    collections::BTreeMap,
    error::Error,
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::Timestamp;
use tokio::{runtime::Runtime, task::JoinSet};
use tracing::error;

use super::{Exit, Failed, Run, runtime};
use crate::{
    clock::Clock,
    daemon::{Daemon, DaemonError, Operator, Reload, Source, say_findings},
    journal::{self, Journal, MemoryJournal, SqliteJournal},
    logging::{self, Level},
    settings::{self, Settings, SettingsError, Severity},
    shutdown::Shutdown,
    status::Status,
    supervisor::Supervisor,
};

/// Raises waiting callbacks until stopped.
pub(super) fn run(command: &Run) -> Result<Exit, Failed> {
    let environment = settings::environment(std::env::vars_os())?;
    let settings = read(
        command.source.config.as_deref(),
        &environment,
        command.dry_run,
    )?;
    let findings = settings.findings();
    if let Some(refused) = findings
        .iter()
        .find(|finding| finding.severity == Severity::Error)
    {
        return Err(Failed::new(Exit::Settings, refused.to_string()));
    }
    let level =
        logging::start(&settings.log).map_err(|error| Failed::new(Exit::Internal, error))?;
    say_findings(&findings);
    let runtime = runtime()?;
    let journal = opened(&settings, &runtime)?;
    let files = Files {
        config: command.source.config.clone(),
        dry_run: command.dry_run,
        level,
    };
    let operator = Operator {
        socket: Some(settings::control_socket(&settings.journal, &environment)),
        reload: Some(Reload::new(files)),
    };
    let ended = runtime.block_on(daemon(settings, journal, operator));
    // A name look-up may hang in a thread that nothing can interrupt; the end does not wait for it.
    runtime.shutdown_background();
    ended
}

/// Reads the settings; what the command line says of a dry run comes on top.
fn read(
    config: Option<&Path>,
    environment: &BTreeMap<String, String>,
    dry_run: bool,
) -> Result<Settings, SettingsError> {
    let mut settings = settings::load(config, environment)?;
    settings.callbacks.dry_run |= dry_run;
    Ok(settings)
}

/// The journal. A dry run writes nothing, there neither, and so it may run beside a daemon.
fn opened(settings: &Settings, runtime: &Runtime) -> Result<Arc<dyn Journal>, Failed> {
    if settings.callbacks.dry_run {
        return Ok(Arc::new(MemoryJournal::default()));
    }
    if let Some(shared) = &settings.journal.shared {
        return runtime
            .block_on(journal::open_database(shared))
            .map_err(|error| Failed::new(Exit::Settings, error));
    }
    let journal = SqliteJournal::open(&settings.journal.path, Clock::System.now())
        .map_err(|error| Failed::new(Exit::Settings, error))?;
    Ok(Arc::new(journal))
}

/// Where the settings are read from again.
struct Files {
    /// The settings file.
    config: Option<PathBuf>,
    /// Whether the command line makes it a dry run.
    dry_run: bool,
    /// What is worth a line.
    level: Level,
}

impl Source for Files {
    fn read(&self) -> Result<Settings, Box<dyn Error + Send + Sync>> {
        let environment = settings::environment(std::env::vars_os())?;
        Ok(read(self.config.as_deref(), &environment, self.dry_run)?)
    }

    fn journal(
        &self,
        settings: &Settings,
        now: Timestamp,
    ) -> Result<Arc<dyn Journal>, Box<dyn Error + Send + Sync>> {
        if let Some(shared) = &settings.journal.shared {
            return Ok(journal::in_database(shared)?);
        }
        Ok(Arc::new(SqliteJournal::open(&settings.journal.path, now)?))
    }

    fn log(&self, level: &str) {
        self.level.set(level);
    }
}

/// Runs the daemon and passes signals on to it.
async fn daemon(
    settings: Settings,
    journal: Arc<dyn Journal>,
    operator: Operator,
) -> Result<Exit, Failed> {
    let supervisor = Supervisor::of(&settings::environment(std::env::vars_os())?)
        .map_err(|error| Failed::new(Exit::Internal, error))?;
    let shutdown = Shutdown::default();
    let mut signals = JoinSet::new();
    let switch = shutdown.clone();
    signals.spawn(async move { switch.follow_signals().await });
    if let Some(reload) = operator.reload.clone() {
        signals.spawn(async move { reload.follow_signal().await });
    }
    let daemon = Daemon {
        settings,
        journal,
        clock: Clock::System,
        status: Status::default(),
        supervisor,
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
        DaemonError::NoPlace(_) => Exit::Settings,
        DaemonError::Unreachable(_) => Exit::Unreachable,
        DaemonError::NoTls(_) | DaemonError::PartEnded(_) => Exit::Internal,
    }
}
