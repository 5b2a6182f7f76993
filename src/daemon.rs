//! Composition: builds the parts, starts them in order, stops them together.
//!
//! Start: platform, token, queues, first sweep, fleet, and then what feeds it: sweeps and notifications. Stop: nothing
//! new is begun anywhere, and requests in flight may finish. A part that ends on its own ends the daemon, because
//! without it callbacks would be lost silently; whoever runs the daemon starts it again. That one is told when it is ready,
//! that it goes on, and when it stops.

mod events;

mod pulse;

mod start;

mod upkeep;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    sync::{Semaphore, mpsc},
    task::JoinSet,
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    clock::{Clock, millis},
    fleet::Fleet,
    genesys::{Failure, Genesys, NoTls},
    journal::{Journal, Watched},
    settings::Settings,
    shutdown::Shutdown,
    source::{
        Notice,
        names::Names,
        notifications::{Follow, Notifications},
        queues::Queues,
        sight::Sight,
        sweep::{First, Sweep, SweepRequests},
    },
    status::{Status, http},
    supervisor::Supervisor,
    tracker::{Context, Pace, Receipts},
};

use self::{pulse::Pulse, upkeep::Upkeep};

/// How long requests in flight may take to finish when the daemon stops.
const GRACE: Duration = Duration::from_secs(10);
/// How long saying goodbye may take: to sockets, and to a slow reader of the status page. No more than a courtesy.
const GOODBYE: Duration = Duration::from_millis(500);
/// Notices that may wait for the fleet; it takes each in microseconds.
const NOTICES: usize = 1_024;
/// Trackers that may ask the journal at once: enough that it never waits for the next.
const AT_JOURNAL: usize = 16;

/// Why the daemon could not start, or had to end.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// Credentials or permissions are refused.
    #[error("the platform refuses this OAuth client: {remedy}")]
    Denied {
        /// What to do about it.
        remedy: &'static str,
        /// What was refused.
        #[source]
        failure: Failure,
    },
    /// The platform did not answer while starting.
    #[error(
        "the platform cannot be reached: check genesys.region and the network, or try again later"
    )]
    Unreachable(#[source] Failure),
    /// TLS cannot be set up.
    #[error(transparent)]
    NoTls(#[from] NoTls),
    /// A part ended on its own.
    #[error("internal error: the {0} ended unexpectedly; the daemon cannot go on without it")]
    PartEnded(&'static str),
}

/// The daemon: everything it needs to run.
pub struct Daemon {
    /// Settings, checked.
    pub settings: Settings,
    /// Bases and claims.
    pub journal: Arc<dyn Journal>,
    /// Wall time.
    pub clock: Clock,
    /// Where it says what it does.
    pub status: Status,
    /// Who started it and wants to hear how it is; nobody, by default.
    pub supervisor: Supervisor,
}

/// The parts while they run.
struct Parts {
    /// What feeds the fleet, and the status page; each returns its name when it ends.
    sources: JoinSet<&'static str>,
    /// The fleet; returns how many trackers did not finish in time.
    fleet: JoinSet<usize>,
    /// Ends them all.
    stop: CancellationToken,
}

impl Daemon {
    /// Runs until it is told to stop, and notes in the journal when that was.
    ///
    /// # Errors
    /// Where it cannot start, or a part of it ended unexpectedly.
    pub async fn run(mut self, shutdown: &Shutdown) -> Result<(), DaemonError> {
        self.introduce();
        self.journal = Arc::new(Watched::new(self.journal, self.status.clone()));
        // Trouble is said by the watch, and mended by the upkeep.
        let _said = self.journal.alive(self.clock.now()).await;
        let ended = self.work(shutdown).await;
        let _said = self.journal.stopped(self.clock.now()).await;
        ended
    }

    /// Starts the parts and lets them work until told to stop.
    async fn work(&self, shutdown: &Shutdown) -> Result<(), DaemonError> {
        let genesys = Arc::new(Genesys::new(
            &self.settings.genesys,
            self.settings.callbacks.dry_run,
            self.background(),
            self.clock,
            self.status.clone(),
        )?);
        let names = Arc::new(Names::new(&self.settings.rules));
        let queues = Arc::new(Queues::new(&self.settings.callbacks.queues));
        let starting = start::start_up(&genesys, &queues, &names);
        let Some(started) = shutdown.drain().run_until_cancelled(starting).await else {
            self.supervisor.stopping().await;
            info!("stopped before the start was complete");
            return Ok(());
        };
        let stop = shutdown.drain().child_token();
        let mut parts = self.start_parts(&genesys, &queues, &names, started?, stop)?;
        let ended = tokio::select! {
            // First, because told to stop the parts end by themselves.
            biased;
            () = shutdown.drain().cancelled() => Ok(()),
            Some(part) = parts.sources.join_next() => {
                Err(DaemonError::PartEnded(part.unwrap_or("source of callbacks")))
            }
            Some(_left) = parts.fleet.join_next() => Err(DaemonError::PartEnded("fleet of trackers")),
        };
        self.stop_parts(parts, shutdown).await;
        ended
    }

    /// First line: what was started.
    fn introduce(&self) {
        let Settings {
            genesys,
            callbacks,
            rules,
            ..
        } = &self.settings;
        info!(
            version = env!("CARGO_PKG_VERSION"),
            api = genesys.api_url.as_str(),
            queues = ?callbacks.queues,
            policy = %rules.otherwise.policy,
            rules = rules.rules.len(),
            dry_run = callbacks.dry_run,
            "starting"
        );
    }

    /// Starts the fleet and what feeds it.
    fn start_parts(
        &self,
        genesys: &Arc<Genesys>,
        queues: &Arc<Queues>,
        names: &Arc<Names>,
        first: First,
        stop: CancellationToken,
    ) -> Result<Parts, NoTls> {
        let (notice_sender, notices) = mpsc::channel::<Notice>(NOTICES);
        let pulse_sender = notice_sender.clone();
        let (follow_sender, follows) = mpsc::unbounded_channel();
        let sight = Arc::new(Sight::new(self.status.clone()));
        let context = self.context(
            (genesys, queues, names),
            &sight,
            follow_sender,
            stop.clone(),
        );
        let sweeps = SweepRequests::default();
        let sweep = Sweep {
            genesys: Arc::clone(genesys),
            queues: Arc::clone(queues),
            manner: Arc::clone(&first.manner),
            every: self.settings.callbacks.sweep,
            requests: sweeps.clone(),
            notices: notice_sender.clone(),
            status: self.status.clone(),
        };
        let notifications = Notifications {
            genesys: Arc::clone(genesys),
            queues: Arc::clone(queues),
            names: Arc::clone(names),
            notices: notice_sender.clone(),
            sweeps,
            sight,
            status: self.status.clone(),
            listens: self.settings.events.websocket,
            follows,
        };
        let page = http::serve(
            self.settings.status.listen,
            self.status.clone(),
            stop.clone(),
        );
        let mut parts = Parts {
            sources: JoinSet::new(),
            fleet: JoinSet::new(),
            stop: stop.clone(),
        };
        let pulse = self.pulse(pulse_sender, &context);
        parts.fleet.spawn(Fleet::new(context).run(notices, GRACE));
        parts.spawn("sweep", sweep.run(first, stop.clone()));
        parts.spawn("notifications", notifications.run(stop.clone()));
        self.start_events(&mut parts, queues, notice_sender, stop.clone())?;
        parts.spawn("upkeep of the journal", self.upkeep().run(stop.clone()));
        parts.spawn("word to the supervisor", pulse.run(stop));
        parts.spawn("status page", page);
        Ok(parts)
    }

    /// What proves to the supervisor that the work goes on.
    fn pulse(&self, notices: mpsc::Sender<Notice>, context: &Context) -> Pulse {
        Pulse {
            notices,
            at_journal: Arc::clone(&context.at_journal),
            journal: Arc::clone(&self.journal),
            clock: self.clock,
            status: self.status.clone(),
            supervisor: self.supervisor.clone(),
        }
    }

    /// What keeps the journal.
    fn upkeep(&self) -> Upkeep {
        Upkeep {
            journal: Arc::clone(&self.journal),
            keep: self.settings.journal.keep,
            clock: self.clock,
            status: self.status.clone(),
        }
    }

    /// What all trackers share.
    fn context(
        &self,
        (genesys, queues, names): (&Arc<Genesys>, &Arc<Queues>, &Arc<Names>),
        sight: &Arc<Sight>,
        follows: mpsc::UnboundedSender<Follow>,
        stop: CancellationToken,
    ) -> Arc<Context> {
        Arc::new(Context {
            genesys: Arc::clone(genesys),
            journal: Arc::clone(&self.journal),
            rules: self.settings.rules.clone(),
            names: Arc::clone(names),
            queues: Arc::clone(queues),
            sight: Arc::clone(sight),
            status: self.status.clone(),
            pace: Pace::new(self.settings.genesys.budget),
            follows,
            receipts: Receipts::default(),
            stop,
            dry_run: self.settings.callbacks.dry_run,
            at_journal: Arc::new(Semaphore::new(AT_JOURNAL)),
            denied: Mutex::default(),
            timeless: Mutex::default(),
        })
    }

    /// The attributes that rules ask for, where they ask for what only the whole conversation shows.
    fn background(&self) -> Option<Vec<String>> {
        let rules = &self.settings.rules;
        let attributes = rules.attributes().map(str::to_owned).collect();
        rules.ask_for_the_whole().then_some(attributes)
    }

    /// Lets the parts finish, for a while, or at once when told so a second time. Says which, how long it took, and what
    /// was done since the start.
    async fn stop_parts(&self, mut parts: Parts, shutdown: &Shutdown) {
        let started = Instant::now();
        let tracked = self.status.snapshot().tracked;
        info!(
            tracked,
            grace_s = GRACE.as_secs(),
            "stopping: requests in flight may finish; signal again to stop at once"
        );
        self.supervisor.stopping().await;
        parts.stop.cancel();
        let drained = shutdown.abort().run_until_cancelled(parts.drain()).await;
        let (how, left) = match drained {
            Some(0) => ("drained", 0),
            Some(left) => ("out of time", left),
            None => ("aborted", self.status.snapshot().tracked),
        };
        let now = self.status.snapshot();
        info!(
            how,
            left,
            took_ms = millis(started.elapsed()),
            raises = now.raises,
            answered = now.answered,
            requests = now.requests,
            "stopped"
        );
        if left > 0 {
            warn!(
                left,
                "requests in flight were given up: their outcome is seen by the next look"
            );
        }
    }
}

impl Parts {
    /// Starts a part whose end is the daemon's.
    fn spawn(&mut self, name: &'static str, part: impl Future<Output = ()> + Send + 'static) {
        self.sources.spawn(async move {
            part.await;
            name
        });
    }

    /// Waits for all parts; how many trackers did not finish in time.
    async fn drain(&mut self) -> usize {
        let left = match self.fleet.join_next().await {
            Some(Ok(left)) => left,
            Some(Err(_)) | None => 0,
        };
        let goodbye = async { while self.sources.join_next().await.is_some() {} };
        let _timely = timeout(GOODBYE, goodbye).await;
        left
    }
}
