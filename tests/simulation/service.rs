//! Whoever runs the daemon: starts it, starts it again when it has ended, and kills it when told to.

use std::{
    collections::BTreeMap,
    error::Error,
    fs,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use callback_prioritizer::{
    clock::Clock,
    daemon::{Daemon, DaemonError, Operator, Reload, Source},
    journal::{Journal, MemoryJournal, SqliteJournal},
    settings::{self, Settings},
    shutdown::Shutdown,
    status::Status,
    supervisor::Supervisor,
};
use jiff::{SignedDuration, Timestamp};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
    task::{JoinSet, spawn_blocking, yield_now},
    time::{Instant, sleep_until, timeout},
};

use crate::{
    gate::Gate,
    link::Link,
    model::Verdict,
    plan::Plan,
    wire::Wire,
    witness::{Notes, Witness},
};

/// How long it waits before starting a daemon again that has ended.
const RESTART: Duration = Duration::from_secs(1);
/// Attempts to open a journal that its last owner is about to let go.
const OPENINGS: u32 = 100_000;

/// What all replicas have in common.
#[derive(Default)]
pub(crate) struct Common {
    /// What their journals were asked and have answered.
    pub(crate) notes: Arc<Mutex<Notes>>,
    /// What they have sent and heard, where there are several.
    pub(crate) wire: Wire,
    /// The journal where it is no file.
    memory: Arc<MemoryJournal>,
}

/// Runs one daemon after the other on the same journal.
pub(crate) struct Service {
    /// What it is called among several.
    replica: Option<String>,
    /// What may stand between the daemon and all else.
    pub(crate) gate: Arc<Gate>,
    /// How the daemon reaches the platform, where there are several.
    pub(crate) link: Option<Link>,
    /// Whether it is never to start again.
    pub(crate) gone: bool,
    /// Settings of the daemons, as environment variables.
    settings: Arc<Mutex<BTreeMap<String, String>>>,
    /// Where daemons take orders.
    socket: PathBuf,
    /// The machine's clock.
    pub(crate) clock: MachineClock,
    /// The clock that is right.
    platform_clock: Clock,
    /// What daemons remember.
    pub(crate) witness: Arc<Witness>,
    /// The journal where it is no file.
    memory: Arc<MemoryJournal>,
    /// The file of the journal where it is one.
    file: Option<PathBuf>,
    /// The daemon, while one runs.
    pub(crate) daemon: Option<Running>,
    /// When the next one is to be started, where none runs.
    start_at: Instant,
    /// When daemons were started.
    pub(crate) starts: Vec<Timestamp>,
}

/// A daemon that runs.
pub(crate) struct Running {
    /// What it says of itself.
    pub(crate) status: Status,
    /// Stops it.
    pub(crate) shutdown: Shutdown,
    /// Makes it read its settings again.
    reload: Reload,
    /// It.
    task: JoinSet<Result<(), DaemonError>>,
}

/// Where the settings of daemons are read again.
#[derive(Clone)]
struct Again(Arc<Mutex<BTreeMap<String, String>>>);

impl Source for Again {
    fn read(&self) -> Result<Vec<Settings>, Box<dyn Error + Send + Sync>> {
        let settings = self.0.lock().expect("no panic");
        Ok(settings::load_all(None, &settings)?)
    }

    fn journal(
        &self,
        _settings: &Settings,
        _now: Timestamp,
    ) -> Result<Arc<dyn Journal>, Box<dyn Error + Send + Sync>> {
        Err("no daemon here begins with a dry run".into())
    }

    fn log(&self, _level: &str) {}
}

/// The clock of the machine that daemons run on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MachineClock(Clock);

impl MachineClock {
    /// One that agrees with this one, as long as nobody sets it.
    fn right(clock: Clock) -> Self {
        Self(clock.settable())
    }

    /// Sets it by so many minutes.
    pub(crate) fn set(self, by: i64) {
        self.0.set(SignedDuration::from_mins(by));
    }
}

impl Service {
    /// Nothing runs yet. A journal that is a file is in a folder of this name.
    pub(crate) async fn new(
        plan: &Plan,
        url: &str,
        clock: Clock,
        name: &str,
        (number, common): (usize, &Common),
    ) -> Self {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
            .join("simulation")
            .join(format!("{name}-{number}"));
        let _absent = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("a folder");
        let gate = Arc::<Gate>::default();
        let mut service = Self {
            replica: None,
            link: None,
            gone: false,
            settings: Arc::new(Mutex::new(settings_of(plan, url))),
            socket: folder.join("control.sock"),
            clock: MachineClock::right(clock),
            platform_clock: clock,
            witness: Arc::new(Witness::new(
                number,
                Arc::clone(&common.notes),
                Arc::clone(&gate),
                clock,
            )),
            gate,
            memory: Arc::clone(&common.memory),
            file: plan.durable.then(|| folder.join("journal.db")),
            daemon: None,
            start_at: Instant::now(),
            starts: Vec::new(),
        };
        if plan.replicas > 1 {
            let (gate, wire) = (Arc::clone(&service.gate), common.wire.clone());
            let link = Link::new(number, url, gate, wire, clock).await;
            service.settings = Arc::new(Mutex::new(settings_of(plan, &link.url)));
            service.replica = Some(format!("replica-{number}"));
            service.link = Some(link);
        }
        service
    }

    /// Lets time pass; whoever runs the daemon starts it again when it has ended.
    pub(crate) async fn pass(&mut self, time: Duration) -> Verdict {
        let until = Instant::now() + time;
        loop {
            match &mut self.daemon {
                Some(daemon) => {
                    let left = until.saturating_duration_since(Instant::now());
                    match timeout(left, daemon.task.join_next()).await {
                        Err(_passed) => return Ok(()),
                        Ok(Some(Ok(Err(
                            DaemonError::Denied { .. } | DaemonError::Unreachable(_),
                        )))) => {
                            self.kill().await;
                            self.start_at = Instant::now() + RESTART;
                        }
                        Ok(ended) => return Err(format!("the daemon ended: {ended:?}")),
                    }
                }
                None if self.gone || self.start_at > until => {
                    sleep_until(until).await;
                    return Ok(());
                }
                None => {
                    sleep_until(self.start_at).await;
                    self.start().await;
                }
            }
        }
    }

    /// Starts a daemon, soon if none runs.
    pub(crate) fn start_by(&mut self, at: Instant) {
        if !self.gone {
            self.start_at = self.start_at.min(at);
        }
    }

    /// Ends the daemon at once and for ever.
    pub(crate) async fn end(&mut self) {
        self.kill().await;
        self.gone = true;
    }

    /// Ends the daemon at once, and starts the next one after this time.
    pub(crate) async fn restart_after(&mut self, down: Duration) {
        self.kill().await;
        self.start_at = Instant::now() + down;
    }

    /// Starts a daemon.
    async fn start(&mut self) {
        let journal = self.journal().await;
        self.witness.replace(Some(journal));
        let status = Status::default();
        let shutdown = Shutdown::default();
        let again = Again(Arc::clone(&self.settings));
        let reload = Reload::new(again.clone());
        let daemon = Daemon {
            settings: again.read().expect("good settings").remove(0),
            journal: Arc::<Witness>::clone(&self.witness),
            clock: self.clock.0,
            status: status.clone(),
            supervisor: Supervisor::default(),
            operator: Operator {
                socket: Some(self.socket.clone()),
                reload: Some(reload.clone()),
            },
        };
        let mut task = JoinSet::new();
        let switch = shutdown.clone();
        task.spawn(async move { daemon.run(&switch).await });
        self.starts.push(self.platform_clock.now());
        self.daemon = Some(Running {
            status,
            shutdown,
            reload,
            task,
        });
    }

    /// Gives the daemon an order; whether it was heard, and whether it is kept.
    pub(crate) async fn order(&self, order: &str) -> (bool, bool) {
        let exchange = async {
            let mut stream = UnixStream::connect(&self.socket).await?;
            stream.write_all(format!("{order}\n").as_bytes()).await?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await?;
            std::io::Result::Ok(answer)
        };
        let answer = exchange.await.unwrap_or_default();
        let done = answer.contains(r#""answer":"done""#);
        (done, done && answer.contains(r#""kept":true"#))
    }

    /// Changes the rules to others that come to the same, and lets the daemon, if one runs, read them.
    pub(crate) fn reload(&self) {
        const VOICEMAIL: &str = "CALLBACK_PRIORITIZER__CALLBACKS__RAISE_VOICEMAIL";
        let mut settings = self.settings.lock().expect("no panic");
        if settings.remove(VOICEMAIL).is_none() {
            settings.insert(VOICEMAIL.to_owned(), "true".to_owned());
        }
        if let Some(daemon) = &self.daemon {
            daemon.reload.request();
        }
    }

    /// The journal for the next daemon.
    async fn journal(&self) -> Arc<dyn Journal> {
        if let Some(name) = &self.replica {
            return Arc::new(self.memory.replica(name));
        }
        let Some(path) = &self.file else {
            return Arc::<MemoryJournal>::clone(&self.memory);
        };
        let now = self.clock.0.now();
        for _ in 0..OPENINGS {
            let path = path.clone();
            // On a thread of its own: the last owner's operation may be under way, and virtual time stands still.
            let opened = spawn_blocking(move || {
                std::thread::yield_now();
                SqliteJournal::open(&path, now)
            });
            if let Ok(journal) = opened.await.expect("no panic") {
                return Arc::new(journal);
            }
        }
        panic!("the journal is held by nobody and cannot be opened");
    }

    /// Ends the daemon at once, as a kill does, and lets go of its journal.
    pub(crate) async fn kill(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            daemon.task.shutdown().await;
        }
        self.witness.replace(None);
        for _ in 0..3 {
            yield_now().await;
        }
    }

    /// The file of the journal, where it is one, when no daemon runs any more.
    pub(crate) async fn closed_file(&mut self) -> Option<PathBuf> {
        self.kill().await;
        self.file.clone()
    }

    /// Ends the daemon and removes its files.
    pub(crate) async fn clear_up(&mut self) {
        let _file = self.closed_file().await;
        if let Some(folder) = self.socket.parent() {
            let _kept_if_in_use = fs::remove_dir_all(folder);
        }
    }
}

/// Settings of the daemons of a plan.
fn settings_of(plan: &Plan, url: &str) -> BTreeMap<String, String> {
    let policy = plan.policy;
    let optional = [
        (
            "POLICY__MAX_RAISES",
            policy.max_raises.map(|most| most.to_string()),
        ),
        (
            "POLICY__MAX_PRIORITY",
            policy.max_priority.map(|most| most.to_string()),
        ),
        (
            "CALLBACKS__QUEUES",
            plan.one_queue.then(|| "Support".to_owned()),
        ),
    ];
    let settings = [
        ("GENESYS__API_URL", url.to_owned()),
        ("GENESYS__LOGIN_URL", url.to_owned()),
        ("GENESYS__CLIENT_ID", "sandbox".to_owned()),
        ("GENESYS__REQUESTS_PER_MINUTE", plan.rate.to_string()),
        ("STATUS__LISTEN", "127.0.0.1:0".to_owned()),
        ("POLICY__WAIT", format!("{}s", policy.wait.as_secs())),
        ("POLICY__INCREMENT", policy.increment.to_string()),
    ];
    let optional = optional
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)));
    let named = settings.into_iter().chain(optional);
    let named = named.map(|(name, value)| (format!("CALLBACK_PRIORITIZER__{name}"), value));
    let secret = "GENESYSCLOUD_OAUTHCLIENT_SECRET".to_owned();
    named.chain([(secret, "sandbox".to_owned())]).collect()
}
