//! A contact centre and a daemon in one runtime, under one paused clock: real HTTP, real WebSocket, no time passing but
//! what is waited for. Nothing here sleeps to let things happen: tests await conditions, and let virtual time pass only
//! where time itself is what matters.

use std::{
    collections::BTreeMap,
    error::Error,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use callback_prioritizer::{
    clock::Clock,
    conversation::{ConversationId, QueueId},
    daemon::{Daemon, DaemonError, Operator, Reload, Source},
    journal::{Journal, MemoryJournal},
    sandbox::{Callback, Options, Sandbox, World},
    settings::{self, Settings},
    shutdown::Shutdown,
    status::{Snapshot, Status},
    supervisor::Supervisor,
};
use jiff::Timestamp;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
    task::JoinSet,
    time::{sleep, timeout},
};

/// When every test begins.
pub(crate) const START: &str = "2026-01-05T09:00:00Z";
/// Virtual time after which a condition that does not hold is a failure.
const PATIENCE: Duration = Duration::from_hours(48);

/// Minutes as a duration.
pub(crate) const fn minutes(number: u64) -> Duration {
    Duration::from_mins(number)
}

/// Lets virtual time pass.
pub(crate) async fn pass(time: Duration) {
    sleep(time).await;
}

/// An embedded platform, its clock, and the settings of daemons that use it.
pub(crate) struct Centre {
    /// The platform.
    pub(crate) sandbox: Sandbox,
    /// Wall time of platform and daemons.
    pub(crate) clock: Clock,
    /// Settings, as environment variables; running daemons read them again when they reload.
    settings: Arc<Mutex<BTreeMap<String, String>>>,
    /// More of them, as a file.
    file: Option<PathBuf>,
    /// What daemons remember; survives them.
    pub(crate) journal: Arc<dyn Journal>,
    /// Who hears how daemons are.
    pub(crate) supervisor: Supervisor,
    /// Where daemons take orders, where they do.
    pub(crate) socket: Option<PathBuf>,
}

impl Centre {
    /// A platform as most organisations have it.
    pub(crate) async fn open() -> Self {
        Self::with(|_| {}).await
    }

    /// A platform that differs in something.
    pub(crate) async fn with(change: impl FnOnce(&mut Options)) -> Self {
        let clock = Clock::anchored(START.parse().expect("a time"));
        let mut options = Options {
            seed: 7,
            clock,
            ..Options::default()
        };
        change(&mut options);
        let clock = options.clock;
        let sandbox = Sandbox::start(options).await.expect("a free port");
        let settings = [
            ("GENESYS__API_URL", sandbox.url()),
            ("GENESYS__LOGIN_URL", sandbox.url()),
            ("GENESYS__CLIENT_ID", "sandbox".to_owned()),
            ("STATUS__LISTEN", "127.0.0.1:0".to_owned()),
        ];
        let mut centre = Self {
            sandbox,
            clock,
            settings: Arc::default(),
            file: None,
            journal: Arc::new(MemoryJournal::default()),
            supervisor: Supervisor::default(),
            socket: None,
        };
        for (name, value) in settings {
            centre = centre.set(name, &value);
        }
        centre.secret("sandbox")
    }

    /// With this setting, for example `POLICY__WAIT`.
    pub(crate) fn set(self, name: &str, value: &str) -> Self {
        self.change(name, Some(value));
        self
    }

    /// Changes a setting, or removes it.
    pub(crate) fn change(&self, name: &str, value: Option<&str>) {
        let name = format!("CALLBACK_PRIORITIZER__{name}");
        let mut settings = self.settings.lock().expect("no panic");
        match value {
            Some(value) => settings.insert(name, value.to_owned()),
            None => settings.remove(&name),
        };
    }

    /// Changes what the settings file says.
    pub(crate) fn rewrite(&self, content: &str) {
        let path = self.file.as_deref().expect("a settings file");
        fs::write(path, content).expect("a folder for the tests' files");
    }

    /// With a settings file that says this.
    pub(crate) fn file(mut self, content: &str) -> Self {
        let name = format!("{}.toml", ConversationId::from_random(rand::random()));
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::write(&path, content).expect("a folder for the tests' files");
        self.file = Some(path);
        self
    }

    /// With a socket for orders.
    pub(crate) fn ordered(mut self) -> Self {
        let name = format!("{}.sock", ConversationId::from_random(rand::random()));
        self.socket = Some(Path::new(env!("CARGO_TARGET_TMPDIR")).join(name));
        self
    }

    /// Sends this line to the daemon's socket; what it answers.
    pub(crate) async fn send(&self, line: &str) -> String {
        let mut answer = String::new();
        let mut stream = self.connect().await;
        stream.write_all(line.as_bytes()).await.expect("a listener");
        stream.read_to_string(&mut answer).await.expect("an answer");
        answer
    }

    /// Gives the daemon an order, which must be obeyed.
    pub(crate) async fn order(&self, order: &str) -> String {
        let answer = self.send(&format!("{order}\n")).await;
        assert!(answer.contains("\"answer\":\"done\""), "{answer}");
        answer
    }

    /// A connection to the daemon's socket.
    pub(crate) async fn connect(&self) -> UnixStream {
        let path = self.socket.as_deref().expect("a socket");
        UnixStream::connect(path).await.expect("a listener")
    }

    /// With this client secret.
    pub(crate) fn secret(self, secret: &str) -> Self {
        self.settings.lock().expect("no panic").insert(
            "GENESYSCLOUD_OAUTHCLIENT_SECRET".to_owned(),
            secret.to_owned(),
        );
        self
    }

    /// The world of the platform.
    pub(crate) fn world(&self) -> &World {
        self.sandbox.world()
    }

    /// The queue with this name.
    pub(crate) fn queue(&self, name: &str) -> QueueId {
        self.world().queue(name).expect("a queue")
    }

    /// A callback to Support that waits from now on.
    pub(crate) fn callback(&self) -> ConversationId {
        self.world()
            .add_callback(Callback::to(&self.queue("Support")))
    }

    /// Its priority now.
    pub(crate) fn priority(&self, id: &ConversationId) -> i64 {
        self.world().priority(id).expect("a conversation").points()
    }

    /// What was written to it: the priorities, in order.
    pub(crate) fn writes(&self, id: &ConversationId) -> Vec<i64> {
        let writes = self.world().writes().into_iter();
        writes
            .filter(|write| write.conversation == *id)
            .map(|write| write.to.points())
            .collect()
    }

    /// How many requests with this method had a path that begins so.
    pub(crate) fn requests(&self, method: &str, path: &str) -> usize {
        let requests = self.sandbox.requests().into_iter();
        requests
            .filter(|request| request.method == method && request.path.starts_with(path))
            .count()
    }

    /// How many requests were answered with one of these.
    pub(crate) fn answered(&self, statuses: &[u16]) -> usize {
        let requests = self.sandbox.requests().into_iter();
        let so = |status: u16| statuses.contains(&status);
        requests.filter(|one| one.status.is_some_and(so)).count()
    }

    /// How often the conversation was read.
    pub(crate) fn looks(&self, id: &ConversationId) -> usize {
        self.requests("GET", &format!("/api/v2/conversations/{id}"))
    }

    /// Starts a daemon.
    pub(crate) fn start(&self) -> Running {
        let status = Status::default();
        let shutdown = Shutdown::default();
        let reload = Reload::new(Again {
            settings: Arc::clone(&self.settings),
            file: self.file.clone(),
            journal: Arc::clone(&self.journal),
        });
        let settings = self.settings.lock().expect("no panic").clone();
        let daemon = Daemon {
            settings: settings::load(self.file.as_deref(), &settings).expect("good settings"),
            journal: Arc::clone(&self.journal),
            clock: self.clock,
            status: status.clone(),
            supervisor: self.supervisor.clone(),
            operator: Operator {
                socket: self.socket.clone(),
                reload: Some(reload.clone()),
            },
        };
        let mut task = JoinSet::new();
        let switch = shutdown.clone();
        task.spawn(async move { daemon.run(&switch).await });
        Running {
            status,
            shutdown,
            reload,
            task,
        }
    }

    /// Starts a daemon and waits until its first sweep is done and its socket is up.
    pub(crate) async fn start_ready(&self) -> Running {
        let daemon = self.start();
        daemon
            .until(|now| now.ready && now.sockets > 0 && now.sweeps > 1)
            .await;
        daemon
    }
}

/// Where the settings of a daemon are read again.
struct Again {
    /// Environment variables.
    settings: Arc<Mutex<BTreeMap<String, String>>>,
    /// The settings file.
    file: Option<PathBuf>,
    /// What daemons remember.
    journal: Arc<dyn Journal>,
}

impl Source for Again {
    fn read(&self) -> Result<Vec<Settings>, Box<dyn Error + Send + Sync>> {
        let settings = self.settings.lock().expect("no panic").clone();
        Ok(settings::load_all(self.file.as_deref(), &settings)?)
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

/// A daemon that runs.
pub(crate) struct Running {
    /// What it says of itself.
    pub(crate) status: Status,
    /// Stops it.
    pub(crate) shutdown: Shutdown,
    /// Makes it read its settings again.
    pub(crate) reload: Reload,
    /// It.
    task: JoinSet<Result<(), DaemonError>>,
}

impl Running {
    /// Waits until it says so.
    pub(crate) async fn until(&self, wanted: impl FnMut(&Snapshot) -> bool) -> Snapshot {
        let waiting = timeout(PATIENCE, self.status.until(wanted)).await;
        waiting.unwrap_or_else(|_| panic!("never came: {:?}", self.status.snapshot()))
    }

    /// What it says now.
    pub(crate) fn now(&self) -> Snapshot {
        self.status.snapshot()
    }

    /// Waits until so many are tracked.
    pub(crate) async fn tracks(&self, number: usize) {
        self.until(|now| now.tracked == number).await;
    }

    /// Stops it in good order.
    pub(crate) async fn stop(self) {
        self.shutdown.request();
        self.ended().await.expect("an orderly stop");
    }

    /// How it ended.
    pub(crate) async fn ended(mut self) -> Result<(), DaemonError> {
        let ended = self.task.join_next().await.expect("one task");
        ended.expect("no panic")
    }

    /// Ends it at once, as a kill does.
    pub(crate) fn kill(self) {
        drop(self);
    }
}

/// Waits for a condition of the world, with patience.
pub(crate) async fn until(world: &World, condition: impl FnMut(&World) -> bool) {
    timeout(PATIENCE, world.until(condition))
        .await
        .expect("the world never came to it");
}
