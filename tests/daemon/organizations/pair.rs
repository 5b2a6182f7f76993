//! Two contact centres of two organisations, and one process that looks after both.

use std::{
    collections::BTreeMap,
    error::Error,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use callback_prioritizer::{
    clock::Clock,
    conversation::ConversationId,
    daemon::{DaemonError, Operator, Reload, Source},
    journal::{Journal, MemoryJournal},
    organizations::Organizations,
    settings::{self, Settings},
    shutdown::Shutdown,
    status::{Snapshot, Status},
    supervisor::Supervisor,
};
use jiff::Timestamp;
use tokio::{task::JoinSet, time::timeout};

use crate::harness::{Centre, pass};

/// Virtual time after which a condition that does not hold is a failure.
const PATIENCE: Duration = Duration::from_hours(48);

/// Both contact centres, under one clock, and the settings of the process.
pub(super) struct Pair {
    /// That of `acme`.
    pub(super) acme: Centre,
    /// That of `beta`.
    pub(super) beta: Centre,
    /// What the process remembers; survives it.
    pub(super) journal: Arc<dyn Journal>,
    /// Who hears how it is.
    pub(super) supervisor: Supervisor,
    /// The settings file.
    file: PathBuf,
}

impl Pair {
    /// Both, with more settings of each, in the words of its own tables.
    pub(super) async fn open(acme_has: &str, beta_has: &str) -> Self {
        let acme = Centre::open().await.ordered();
        let clock = acme.clock;
        let beta = Centre::with(|options| {
            (options.seed, options.clock) = (8, clock);
            "beta".clone_into(&mut options.client_id);
        });
        let name = format!("{}.toml", ConversationId::from_random(rand::random()));
        let pair = Self {
            acme,
            beta: beta.await,
            journal: Arc::new(MemoryJournal::default()),
            supervisor: Supervisor::default(),
            file: Path::new(env!("CARGO_TARGET_TMPDIR")).join(name),
        };
        pair.rewrite(acme_has, beta_has);
        pair
    }

    /// Changes what the settings file says of each.
    pub(super) fn rewrite(&self, acme_has: &str, beta_has: &str) {
        let table = |name: &str, client: &str, centre: &Centre, more: &str| {
            let url = centre.sandbox.url();
            format!(
                "[[organizations]]\nname = \"{name}\"\n[organizations.genesys]\nclient_id = \"{client}\"\napi_url = \"{url}\"\nlogin_url = \"{url}\"\n{more}\n"
            )
        };
        let text = format!(
            "[status]\nlisten = \"127.0.0.1:0\"\n{}{}",
            table("acme", "sandbox", &self.acme, acme_has),
            table("beta", "beta", &self.beta, beta_has)
        );
        fs::write(&self.file, text).unwrap();
    }

    /// Starts the process.
    pub(super) fn start(&self) -> Running {
        let all = read(&self.file).unwrap();
        let [acme, beta] = [Status::default(), Status::default()];
        let statuses = [acme.clone(), beta.clone()];
        let reload = Reload::new(File {
            path: self.file.clone(),
            journal: Arc::clone(&self.journal),
        });
        let organizations = Organizations {
            each: all.into_iter().zip(statuses).collect(),
            journal: Arc::clone(&self.journal),
            clock: self.acme.clock,
            supervisor: self.supervisor.clone(),
            operator: Operator {
                socket: self.acme.socket.clone(),
                reload: Some(reload.clone()),
            },
        };
        let shutdown = Shutdown::default();
        let switch = shutdown.clone();
        let mut task = JoinSet::new();
        task.spawn(async move { organizations.run(&switch).await });
        Running {
            acme,
            beta,
            shutdown,
            reload,
            task,
        }
    }

    /// Starts it and waits until both have made their first sweep and are connected.
    pub(super) async fn start_ready(&self) -> Running {
        let running = self.start();
        for status in [&running.acme, &running.beta] {
            until(status, |now| now.ready && now.sockets > 0 && now.sweeps > 1).await;
        }
        running
    }

    /// The wall time.
    pub(super) fn clock(&self) -> Clock {
        self.acme.clock
    }
}

/// Reads the settings of both.
fn read(path: &Path) -> Result<Vec<Settings>, settings::SettingsError> {
    let secret = |name: &str| {
        (
            format!("GENESYSCLOUD_OAUTHCLIENT_SECRET_{name}"),
            "sandbox".to_owned(),
        )
    };
    let environment = BTreeMap::from([secret("ACME"), secret("BETA")]);
    settings::load_all(Some(path), &environment)
}

/// Where settings are read again.
struct File {
    /// The settings file.
    path: PathBuf,
    /// What the process remembers.
    journal: Arc<dyn Journal>,
}

#[async_trait]
impl Source for File {
    fn read(&self) -> Result<Vec<Settings>, Box<dyn Error + Send + Sync>> {
        Ok(read(&self.path)?)
    }

    fn journal(
        &self,
        _settings: &Settings,
        _now: Timestamp,
    ) -> Result<Arc<dyn Journal>, Box<dyn Error + Send + Sync>> {
        Ok(Arc::clone(&self.journal))
    }

    fn log(&self, _level: &str) {}
}

/// A process that runs.
pub(super) struct Running {
    /// What it says of `acme`.
    pub(super) acme: Status,
    /// What it says of `beta`.
    pub(super) beta: Status,
    /// Stops it.
    pub(super) shutdown: Shutdown,
    /// Makes it read its settings again.
    reload: Reload,
    /// It.
    task: JoinSet<Result<(), DaemonError>>,
}

impl Running {
    /// Reloads, and gives what follows from it a few seconds.
    pub(super) async fn reload(&self) {
        self.reload.request();
        pass(Duration::from_secs(5)).await;
    }

    /// Stops it in good order.
    pub(super) async fn stop(self) {
        self.shutdown.request();
        self.ended().await.unwrap();
    }

    /// How it ended.
    pub(super) async fn ended(mut self) -> Result<(), DaemonError> {
        let ended = timeout(PATIENCE, self.task.join_next()).await;
        ended.expect("an end").expect("one task").expect("no panic")
    }
}

/// Waits until a status says so.
pub(super) async fn until(status: &Status, wanted: impl FnMut(&Snapshot) -> bool) -> Snapshot {
    let waiting = timeout(PATIENCE, status.until(wanted)).await;
    waiting.unwrap_or_else(|_| panic!("never came: {:?}", status.snapshot()))
}
