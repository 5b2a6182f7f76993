//! Composition: builds the parts, starts them in order, stops them together.
//!
//! Start: platform, token, queues, first sweep, fleet, and then what feeds it: sweeps and notifications. Stop: nothing
//! new is begun anywhere, and requests in flight may finish. A part that ends on its own ends the daemon, because
//! without it callbacks would be lost silently; whoever runs the daemon starts it again. That one is told when it is ready,
//! that it goes on, and when it stops.

mod error;

mod events;

mod membership;

mod parts;

mod pulse;

mod reload;

mod seat;

mod shared;

mod start;

mod stop;

mod upkeep;

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, info};

use crate::{
    clock::Clock,
    fleet::Fleet,
    genesys::{Genesys, NoTls},
    journal::{Journal, Watched},
    settings::Settings,
    shutdown::Shutdown,
    source::{
        Notice,
        notifications::{Follow, Notifications},
        sight::Sight,
        sweep::{First, Sweep},
    },
    status::{
        Status,
        http::{Page, Shown},
    },
    supervisor::Supervisor,
    tracker::{Context, Receipts},
};

use self::{
    membership::Membership,
    parts::Parts,
    pulse::{Pulse, Way},
    reload::Reloader,
    shared::Shared,
    upkeep::Upkeep,
};

pub use self::{
    error::DaemonError,
    reload::{Reload, Source},
};
pub(crate) use self::{
    pulse::{between_rounds, in_words},
    reload::{PATIENCE, Refusal, say_findings},
    seat::Seat,
    stop::last_word,
};

/// How long requests in flight may take to finish when the daemon stops.
const GRACE: Duration = Duration::from_secs(10);
/// How long saying goodbye may take: to sockets, and to a slow reader of the status page. No more than a courtesy.
pub(crate) const GOODBYE: Duration = Duration::from_millis(500);
/// Notices that may wait for the fleet; it takes each in microseconds.
const NOTICES: usize = 1_024;
/// Trackers that may ask the journal at once: enough that it never waits for the next.
const AT_JOURNAL: usize = 16;

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
    /// How operators reach it.
    pub operator: Operator,
}

/// How operators reach a daemon that runs; by nothing, unless it is said.
#[derive(Debug, Default)]
pub struct Operator {
    /// The socket that orders come over.
    pub socket: Option<PathBuf>,
    /// What makes it read its settings again.
    pub reload: Option<Reload>,
}

impl Daemon {
    /// Runs until it is told to stop, and notes in the journal when that was.
    ///
    /// # Errors
    /// Where it cannot start, or a part of it ended unexpectedly.
    pub async fn run(self, shutdown: &Shutdown) -> Result<(), DaemonError> {
        self.introduce();
        let journal = self.watched(shutdown).await;
        let ended = self.work(Arc::clone(&journal), shutdown, None).await;
        last_word(shutdown, journal.stopped(self.clock.now())).await;
        ended
    }

    /// Runs as one of several: whoever looks after them all has the page, the supervisor, the socket for orders and the last
    /// word to the journal, and finds in this seat what it takes.
    pub(crate) async fn run_beside_others(
        self,
        shutdown: &Shutdown,
        seat: &Seat,
    ) -> Result<(), DaemonError> {
        self.introduce();
        let journal = self.watched(shutdown).await;
        self.work(journal, shutdown, Some(seat)).await
    }

    /// The journal under watch, with a first sign of life in it.
    async fn watched(&self, shutdown: &Shutdown) -> Arc<Watched> {
        let inner = Arc::clone(&self.journal);
        let journal = Arc::new(Watched::new(inner, self.status.clone()));
        // Trouble is said by the watch, and mended by the upkeep.
        let sign = journal.alive(self.clock.now());
        let _said = shutdown.drain().run_until_cancelled(sign).await;
        journal
    }

    /// Starts the parts and lets them work until told to stop.
    async fn work(
        &self,
        journal: Arc<Watched>,
        shutdown: &Shutdown,
        seat: Option<&Seat>,
    ) -> Result<(), DaemonError> {
        let shared = Shared::new(self, journal)?;
        let stop = shutdown.drain().child_token();
        let mut parts = Parts::new(stop.clone());
        // From the first moment on, so that whoever asks is told what is being waited for.
        if let Some(seat) = seat {
            seat.take(&shared.genesys, &shared.control);
        } else {
            let page = self.page(&shared.genesys);
            parts.spawn(
                "status page",
                page.serve(self.settings.status.clone(), stop),
            );
        }
        let starting = self.start(&shared);
        let Some(started) = shutdown.drain().run_until_cancelled(starting).await else {
            self.supervisor.stopping().await;
            info!("stopped before the start was complete");
            shared.leave(shutdown).await;
            return Ok(());
        };
        let (started, membership) = started?;
        self.start_parts(&mut parts, &shared, started, seat)?;
        if let Some(membership) = membership {
            let signing = membership.run(parts.stop.clone());
            parts.place.spawn(signing.in_current_span());
        }
        let ended = tokio::select! {
            // First, because told to stop the parts end by themselves.
            biased;
            () = shutdown.drain().cancelled() => Ok(()),
            Some(part) = parts.sources.join_next() => {
                Err(DaemonError::PartEnded(part.unwrap_or("source of callbacks")))
            }
            Some(_left) = parts.fleet.join_next() => Err(DaemonError::PartEnded("fleet of trackers")),
            Some(lost) = parts.place.join_next() => match lost {
                Ok(Some(why)) => Err(DaemonError::NoPlace(why)),
                Ok(None) | Err(_) => Err(DaemonError::PartEnded("membership of the replicas")),
            },
        };
        self.stop_parts(parts, shutdown).await;
        shared.leave(shutdown).await;
        ended
    }

    /// Finds out what must be known before the parts can start: who waits, which place among the replicas is this one's, and
    /// what is paused.
    async fn start(&self, shared: &Shared) -> Result<(First, Option<Membership>), DaemonError> {
        let started = start::start_up(&shared.genesys, &shared.queues, &shared.names).await?;
        let mut membership = Membership::of(shared, self.clock);
        if let Some(membership) = &mut membership {
            membership.sign().await.map_err(DaemonError::NoPlace)?;
        }
        // Before the first tracker: what was paused stays paused.
        shared.control.learn().await;
        Ok((started, membership))
    }

    /// First line: what was started.
    fn introduce(&self) {
        let dry_run = self.settings.callbacks.dry_run;
        self.status.update(|now| now.dry_run = dry_run);
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
            dry_run,
            "starting"
        );
        self.status
            .update(|now| now.budget = genesys.budget.sustained());
    }

    /// Starts the fleet and what feeds it.
    fn start_parts(
        &self,
        parts: &mut Parts,
        shared: &Shared,
        first: First,
        seat: Option<&Seat>,
    ) -> Result<(), NoTls> {
        let stop = parts.stop.clone();
        let (notice_sender, notices) = mpsc::channel::<Notice>(NOTICES);
        let pulse_sender = notice_sender.clone();
        let (follow_sender, follows) = mpsc::unbounded_channel();
        let sight = Arc::new(Sight::new(self.status.clone()));
        let context = self.context(shared, &sight, follow_sender, stop.clone());
        let sweep = Sweep {
            genesys: Arc::clone(&shared.genesys),
            queues: Arc::clone(&shared.queues),
            manner: Arc::clone(&first.manner),
            every: shared.every.subscribe(),
            requests: shared.sweeps.clone(),
            notices: notice_sender.clone(),
            status: self.status.clone(),
            replicas: shared.replicas.clone(),
        };
        let notifications = Notifications {
            genesys: Arc::clone(&shared.genesys),
            queues: Arc::clone(&shared.queues),
            names: Arc::clone(&shared.names),
            notices: notice_sender.clone(),
            sweeps: shared.sweeps.clone(),
            sight,
            status: self.status.clone(),
            listens: self.settings.events.websocket,
            follows,
            chosen: Arc::clone(&shared.chosen),
        };
        let pulse = self.pulse(pulse_sender, &context);
        if let Some(seat) = seat {
            seat.work(pulse.way.clone());
        }
        let fleet = Fleet::new(context).run(notices, GRACE);
        parts.fleet.spawn(fleet.in_current_span());
        parts.spawn("sweep", sweep.run(first, stop.clone()));
        parts.spawn("notifications", notifications.run(stop.clone()));
        self.start_events(parts, &shared.queues, notice_sender, stop.clone())?;
        let upkeep = self.upkeep(shared).run(stop.clone());
        parts.spawn("upkeep of the journal", upkeep);
        parts.spawn("word to the supervisor", pulse.run(stop.clone()));
        self.start_obeying(shared, parts, &stop);
        Ok(())
    }

    /// What is shown of all this.
    fn page(&self, genesys: &Arc<Genesys>) -> Page {
        let genesys = Arc::clone(genesys);
        Page::from(vec![Shown {
            organization: self.settings.organization.clone(),
            status: self.status.clone(),
            clock: Arc::new(move || genesys.now()),
        }])
    }

    /// What proves to the supervisor that the work goes on.
    fn pulse(&self, notices: mpsc::Sender<Notice>, context: &Context) -> Pulse {
        let way = Way {
            notices,
            at_journal: Arc::clone(&context.at_journal),
            journal: Arc::<dyn Journal>::clone(&context.journal),
            clock: self.clock,
        };
        Pulse {
            way,
            status: self.status.clone(),
            supervisor: self.supervisor.clone(),
        }
    }

    /// Starts what obeys operators.
    fn start_obeying(&self, shared: &Shared, parts: &mut Parts, stop: &CancellationToken) {
        let Operator { socket, reload } = &self.operator;
        let control = Arc::clone(&shared.control);
        parts.spawn("control", control.run(socket.clone(), stop.clone()));
        if let Some(reload) = reload {
            let reloader = Reloader {
                reload: reload.clone(),
                running: self.settings.clone(),
                shared: shared.clone(),
                clock: self.clock,
                lasting: !self.settings.callbacks.dry_run,
                supervisor: self.supervisor.clone(),
            };
            parts.spawn("reload", reloader.run(stop.clone()));
        }
    }

    /// What keeps the journal.
    fn upkeep(&self, shared: &Shared) -> Upkeep {
        Upkeep {
            journal: Arc::<Watched>::clone(&shared.journal),
            keep: self.settings.journal.keep,
            clock: self.clock,
            status: self.status.clone(),
        }
    }

    /// What all trackers share.
    fn context(
        &self,
        shared: &Shared,
        sight: &Arc<Sight>,
        follows: mpsc::UnboundedSender<Follow>,
        stop: CancellationToken,
    ) -> Arc<Context> {
        Arc::new(Context {
            genesys: Arc::clone(&shared.genesys),
            journal: Arc::<Watched>::clone(&shared.journal),
            orders: shared.orders.clone(),
            names: Arc::clone(&shared.names),
            peers: Arc::clone(&shared.peers),
            queues: Arc::clone(&shared.queues),
            sight: Arc::clone(sight),
            status: self.status.clone(),
            pace: Arc::clone(&shared.pace),
            follows,
            receipts: Receipts::default(),
            stop,
            at_journal: Arc::new(Semaphore::new(AT_JOURNAL)),
            denied: Mutex::default(),
            unseen: Mutex::default(),
            timeless: Mutex::default(),
        })
    }
}
