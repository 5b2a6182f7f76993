//! The platform, a journal that can be out of order, and daemons that hear of callbacks by the queue.

use std::{
    collections::BTreeMap,
    process::Command,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use callback_prioritizer::{
    clock::Clock,
    conversation::{ConversationId, QueueId},
    daemon::{Daemon, DaemonError, Operator},
    journal::{Journal, JournalError},
    sandbox::{Callback, Options, Sandbox, World},
    settings,
    shutdown::Shutdown,
    status::{Snapshot, Status},
    supervisor::Supervisor,
};
use serde_json::json;
use tokio::{
    task::{JoinSet, spawn_blocking},
    time::timeout,
};

use crate::{
    obstacle::{Asked, Obstacle, Obstructed},
    server::{PATIENCE, Queue},
};

/// Nothing passes while it is down; which entries did pass.
#[derive(Default)]
struct Switch {
    down: AtomicBool,
    noted: Mutex<Vec<ConversationId>>,
}

#[async_trait]
impl Obstacle for Switch {
    async fn meet(&self, asked: Asked<'_>) -> Result<(), JournalError> {
        if self.down.load(Ordering::Relaxed) {
            return Err(JournalError::new("switched off"));
        }
        if let Asked::Entry(seen) = asked {
            let id = seen.visit.conversation.clone();
            self.noted.lock().unwrap().push(id);
        }
        if let Asked::NotePause(of) = asked {
            assert_eq!(of.name(), None, "there is but one");
        }
        Ok(())
    }
}

/// The platform and what daemons share.
pub(crate) struct Centre {
    sandbox: Sandbox,
    settings: BTreeMap<String, String>,
    journal: Arc<Obstructed<Switch>>,
}

impl Centre {
    /// One whose daemons listen to this queue and to no notifications, and sweep so often.
    pub(crate) async fn open(queue: &Queue, sweep: &str) -> Self {
        let sandbox = Sandbox::start(Options::default()).await.unwrap();
        let settings = [
            ("GENESYS__API_URL", sandbox.url()),
            ("GENESYS__LOGIN_URL", sandbox.url()),
            ("GENESYS__CLIENT_ID", "sandbox".to_owned()),
            ("CALLBACKS__SWEEP", sweep.to_owned()),
            ("POLICY__WAIT", "12h".to_owned()),
            ("EVENTS__SQS_QUEUE_URL", queue.url()),
            ("EVENTS__WEBSOCKET", "false".to_owned()),
            ("STATUS__LISTEN", "127.0.0.1:0".to_owned()),
        ];
        let ours = settings
            .into_iter()
            .map(|(name, value)| (format!("CALLBACK_PRIORITIZER__{name}"), value));
        let secret = ("GENESYSCLOUD_OAUTHCLIENT_SECRET", "sandbox");
        Self {
            sandbox,
            settings: ours
                .chain([(secret.0.to_owned(), secret.1.to_owned())])
                .collect(),
            journal: Arc::new(Obstructed::from(Switch::default())),
        }
    }

    pub(crate) fn world(&self) -> &World {
        self.sandbox.world()
    }

    pub(crate) fn queue(&self) -> QueueId {
        self.world().queue("Support").unwrap()
    }

    /// A callback that waits from now on.
    pub(crate) fn callback(&self) -> ConversationId {
        self.world().add_callback(Callback::to(&self.queue()))
    }

    /// Switches the journal on or off.
    pub(crate) fn journal_works(&self, works: bool) {
        let down = &self.journal.obstacle.down;
        down.store(!works, Ordering::Relaxed);
    }

    /// Whether a callback is in the journal.
    pub(crate) fn has_noted(&self, id: &ConversationId) -> bool {
        self.journal.obstacle.noted.lock().unwrap().contains(id)
    }

    /// How many conversations were looked at.
    pub(crate) fn looks(&self) -> usize {
        self.answers(|_| true)
    }

    /// How many of them were there no more.
    pub(crate) fn looks_in_vain(&self) -> usize {
        self.answers(|status| status == Some(404))
    }

    fn answers(&self, counts: impl Fn(Option<u16>) -> bool) -> usize {
        let requests = self.sandbox.requests().into_iter();
        let looks = requests
            .filter(|one| one.path.starts_with("/api/v2/conversations/") && counts(one.status));
        looks.count()
    }

    /// Starts a daemon and waits until it reads the queue.
    pub(crate) async fn start(&self) -> Running {
        let (status, shutdown) = (Status::default(), Shutdown::default());
        let daemon = Daemon {
            settings: settings::load(None, &self.settings).unwrap(),
            journal: Arc::clone(&self.journal) as Arc<dyn Journal>,
            clock: Clock::System,
            status: status.clone(),
            supervisor: Supervisor::default(),
            operator: Operator::default(),
        };
        let mut task = JoinSet::new();
        let switch = shutdown.clone();
        task.spawn(async move { daemon.run(&switch).await });
        let running = Running {
            status,
            shutdown,
            task,
        };
        running.until(|now| now.ready).await;
        running
    }

    /// What `check --online` says, with these variables besides; and its exit code.
    pub(crate) async fn check(&self, besides: &[(&str, &str)]) -> (Option<i32>, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_callback-prioritizer"));
        command.args(["check", "--online"]).envs(&self.settings);
        command.envs(besides.iter().copied());
        let ended = spawn_blocking(move || command.output().unwrap());
        let ended = ended.await.unwrap();
        let said = [ended.stdout, ended.stderr].concat();
        let said = String::from_utf8(said).unwrap();
        (ended.status.code(), said)
    }
}

/// A daemon that runs.
pub(crate) struct Running {
    status: Status,
    shutdown: Shutdown,
    task: JoinSet<Result<(), DaemonError>>,
}

impl Running {
    /// Waits until it says so.
    pub(crate) async fn until(&self, wanted: impl FnMut(&Snapshot) -> bool) -> Snapshot {
        let waiting = timeout(PATIENCE, self.status.until(wanted)).await;
        waiting.unwrap_or_else(|_| panic!("never came: {:?}", self.status.snapshot()))
    }

    /// Makes sure that it says so for that long; what it says then.
    pub(crate) async fn stays(
        &self,
        time: Duration,
        mut so: impl FnMut(&Snapshot) -> bool,
    ) -> Snapshot {
        self.until(&mut so).await;
        let otherwise = timeout(time, self.status.until(|now| !so(now))).await;
        assert!(otherwise.is_err(), "{:?}", self.status.snapshot());
        self.now()
    }

    /// Waits until a callback is in the journal.
    pub(crate) async fn until_noted(&self, centre: &Centre, id: &ConversationId) {
        self.until(|_| centre.has_noted(id)).await;
    }

    pub(crate) fn now(&self) -> Snapshot {
        self.status.snapshot()
    }

    /// Stops it in good order.
    pub(crate) async fn stop(mut self) {
        self.shutdown.request();
        let ended = timeout(PATIENCE, self.task.join_next()).await.unwrap();
        ended.unwrap().unwrap().unwrap();
    }

    /// Ends it at once, as a kill does.
    pub(crate) fn kill(self) {
        drop(self);
    }
}

/// A conversation that the platform does not know any more.
pub(crate) fn gone() -> ConversationId {
    ConversationId::from_random(rand::random())
}

/// An event of this conversation so long ago, as EventBridge passes it on.
pub(crate) fn message(id: &ConversationId, event: &str, ago: Duration) -> String {
    let happened = Clock::System.now().saturating_sub(ago).unwrap();
    json!({
        "version": "0",
        "detail-type": format!("v2.detail.events.conversation.{{id}}.{event}"),
        "source": "aws.partner/genesys.com/cloud/00000000-0000-0000-0000-000000000000/acme",
        "time": happened.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        "detail": {
            "topicName": format!("v2.detail.events.conversation.{id}.{event}"),
            "version": "2",
            "eventBody": {"conversationId": id.to_string(), "mediaType": "CALLBACK"},
        },
    })
    .to_string()
}
