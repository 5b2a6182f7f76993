//! `run`: settings, logging, signals, daemon; in this order.

use std::{
    collections::BTreeMap,
    error::Error,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
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
    organizations::Organizations,
    settings::{self, Settings, SettingsError, Severity},
    shutdown::Shutdown,
    status::Status,
    supervisor::Supervisor,
};

/// Raises waiting callbacks until stopped.
pub(super) fn run(command: &Run) -> Result<Exit, Failed> {
    let environment = settings::environment(std::env::vars_os())?;
    let all = read(
        command.source.config.as_deref(),
        &environment,
        command.dry_run,
    )?;
    let Some(first) = all.first() else {
        return Err(Failed::new(Exit::Internal, "there are no settings"));
    };
    let findings = settings::findings_of_all(&all);
    if let Some(refused) = findings
        .iter()
        .find(|finding| finding.severity == Severity::Error)
    {
        return Err(Failed::new(Exit::Settings, refused.to_string()));
    }
    let level = logging::start(&first.log).map_err(|error| Failed::new(Exit::Internal, error))?;
    say_findings(&findings);
    let (runtime, shelf) = (runtime()?, Shelf::default());
    let journal = journal(&all, &shelf, &runtime)?;
    let socket = settings::control_socket(&first.journal, &environment);
    let files = Files {
        config: command.source.config.clone(),
        dry_run: command.dry_run,
        level,
        shelf,
    };
    let operator = Operator {
        socket: Some(socket),
        reload: Some(Reload::new(files)),
    };
    let ended = runtime.block_on(daemon(all, journal, operator));
    // A name look-up may hang in a thread that nothing can interrupt; the end does not wait for it.
    runtime.shutdown_background();
    ended
}

/// Reads the settings of every organisation; what the command line says of a dry run comes on top.
fn read(
    config: Option<&Path>,
    environment: &BTreeMap<String, String>,
    dry_run: bool,
) -> Result<Vec<Settings>, SettingsError> {
    let mut all = settings::load_all(config, environment)?;
    for settings in &mut all {
        settings.callbacks.dry_run |= dry_run;
    }
    Ok(all)
}

/// The journal. Dry runs write nothing, there neither, and so they may run beside a daemon.
fn journal(all: &[Settings], shelf: &Shelf, runtime: &Runtime) -> Result<Arc<dyn Journal>, Failed> {
    let lasting = all.iter().find(|settings| !settings.callbacks.dry_run);
    let Some(settings) = lasting else {
        return Ok(Arc::new(MemoryJournal::default()));
    };
    if let Some(shared) = &settings.journal.shared {
        let opened = runtime.block_on(journal::open_database(shared));
        let journal = opened.map_err(|error| Failed::new(Exit::Settings, error))?;
        return Ok(shelf.put(journal));
    }
    let opened = shelf.journal(settings, Clock::System.now());
    opened.map_err(|error| Failed::new(Exit::Settings, error as Box<dyn Error>))
}

/// The journal that lasts, opened when the first one needs it: a process has it once, however many organisations it is for.
#[derive(Default)]
struct Shelf(Mutex<Option<Arc<dyn Journal>>>);

impl Shelf {
    /// The journal.
    fn journal(
        &self,
        settings: &Settings,
        now: Timestamp,
    ) -> Result<Arc<dyn Journal>, Box<dyn Error + Send + Sync>> {
        let mut opened = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(journal) = &*opened {
            return Ok(Arc::clone(journal));
        }
        let journal: Arc<dyn Journal> = match &settings.journal.shared {
            Some(shared) => journal::in_database(shared)?,
            None => Arc::new(SqliteJournal::open(&settings.journal.path, now)?),
        };
        Ok(Arc::clone(opened.insert(journal)))
    }

    /// This journal from now on.
    fn put(&self, journal: Arc<dyn Journal>) -> Arc<dyn Journal> {
        let mut opened = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(opened.insert(journal))
    }
}

/// Where the settings are read from again.
struct Files {
    /// The settings file.
    config: Option<PathBuf>,
    /// Whether the command line makes it a dry run.
    dry_run: bool,
    /// What is worth a line.
    level: Level,
    /// The journal that lasts.
    shelf: Shelf,
}

impl Source for Files {
    fn read(&self) -> Result<Vec<Settings>, Box<dyn Error + Send + Sync>> {
        let environment = settings::environment(std::env::vars_os())?;
        Ok(read(self.config.as_deref(), &environment, self.dry_run)?)
    }

    fn journal(
        &self,
        settings: &Settings,
        now: Timestamp,
    ) -> Result<Arc<dyn Journal>, Box<dyn Error + Send + Sync>> {
        self.shelf.journal(settings, now)
    }

    fn log(&self, level: &str) {
        self.level.set(level);
    }
}

/// Runs the daemon and passes signals on to it.
async fn daemon(
    all: Vec<Settings>,
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
    let ended = tokio::select! {
        ended = work(all, journal, supervisor, operator, &shutdown) => ended,
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

/// Looks after the only organisation there is, or after several.
async fn work(
    mut all: Vec<Settings>,
    journal: Arc<dyn Journal>,
    supervisor: Supervisor,
    operator: Operator,
    shutdown: &Shutdown,
) -> Result<(), DaemonError> {
    let (clock, status) = (Clock::System, Status::default());
    if let Some(settings) = all.pop_if(|settings| settings.organization.name().is_none()) {
        let daemon = Daemon {
            settings,
            journal,
            clock,
            status,
            supervisor,
            operator,
        };
        return daemon.run(shutdown).await;
    }
    let each = all.into_iter();
    let organizations = Organizations {
        each: each.map(|settings| (settings, Status::default())).collect(),
        journal,
        clock,
        supervisor,
        operator,
    };
    organizations.run(shutdown).await
}

/// The exit code for a daemon that could not go on.
fn exit(failure: &DaemonError) -> Exit {
    match failure {
        DaemonError::Denied { .. } => Exit::Denied,
        DaemonError::NoPlace(_) | DaemonError::NoJournal(_) => Exit::Settings,
        DaemonError::Unreachable(_) => Exit::Unreachable,
        DaemonError::NoTls(_) | DaemonError::PartEnded(_) => Exit::Internal,
    }
}
