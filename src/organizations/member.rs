//! One organisation of several: its daemon, started again for as long as it takes.

use std::{
    error::Error,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use tokio::{
    sync::{Notify, mpsc, oneshot, watch},
    task::{JoinSet, spawn_blocking},
    time::{Instant, sleep},
};
use tracing::{Instrument, error, info};

use super::{
    First,
    reload::{Ballot, Ballots, Vote},
};
use crate::{
    backoff::Backoff,
    clock::{Clock, millis},
    conversation::Organization,
    daemon::{Daemon, DaemonError, Operator, Reload, Seat, Source},
    journal::{Journal, MemoryJournal},
    logging::span_of,
    settings::Settings,
    shutdown::Shutdown,
    status::Status,
    supervisor::Supervisor,
};

/// Delays between starts as multiples of those between requests: from some seconds to ten minutes. A client that is refused
/// again and again is soon held to be an attack, and a person has to mend it anyhow.
const UNHURRIED: u32 = 10;
/// Time after which a daemon that ended has not failed at the start, and the next one is started soon.
const SETTLED: Duration = Duration::from_mins(10);

/// Why a daemon ended that did not fail.
enum Ended {
    /// It was told to stop.
    ToldTo,
    /// Its settings became others before its work had begun.
    Outdated,
}

/// One organisation.
pub(super) struct Member {
    /// Which.
    pub(super) organization: Organization,
    /// Where it says what it does, from one daemon to the next.
    pub(super) status: Status,
    /// What is within its daemon.
    pub(super) seat: Seat,
    /// Makes its daemon read settings again, where there is a source of them.
    pub(super) reload: Option<Reload>,
    /// What is voted on now.
    pub(super) ballots: Arc<Mutex<Ballots>>,
    /// Its settings: those in force, and for the next daemon.
    settings: Arc<Mutex<Settings>>,
    /// Told when there are other settings to start with, and only while none works.
    again: Notify,
    /// Whether a first attempt has ended, one way or another.
    settled: watch::Sender<bool>,
    /// Where settings and the journal that lasts come from.
    source: Option<Arc<dyn Source>>,
    /// The journal of all of them.
    journal: Arc<dyn Journal>,
    /// Wall time.
    clock: Clock,
}

impl Member {
    /// An organisation with these settings, which come from this source.
    pub(super) fn new(
        settings: Settings,
        status: Status,
        journal: Arc<dyn Journal>,
        clock: Clock,
        source: Option<Arc<dyn Source>>,
    ) -> Self {
        let organization = settings.organization.clone();
        let settings = Arc::new(Mutex::new(settings));
        let ballots = Arc::<Mutex<Ballots>>::default();
        let reload = source.clone().map(|source| {
            let own = super::reload::Own {
                organization: organization.clone(),
                settings: Arc::clone(&settings),
                ballots: Arc::clone(&ballots),
                source,
            };
            Reload::new(own)
        });
        Self {
            organization,
            status,
            seat: Seat::default(),
            reload,
            ballots,
            settings,
            again: Notify::new(),
            settled: watch::Sender::new(false),
            source,
            journal,
            clock,
        }
    }

    /// The time at its platform, as far as that is known.
    pub(super) fn now(&self) -> Timestamp {
        let inside = self.seat.inside();
        inside.map_or_else(|| self.clock.now(), |inside| inside.genesys.now())
    }

    /// Its settings.
    pub(super) fn settings(&self) -> Settings {
        lock(&self.settings).clone()
    }

    /// Proposes settings to a daemon that works; one that does not has nothing to prepare. Returns what tells it the verdict.
    pub(super) fn ask(
        &self,
        settings: &Settings,
        votes: &mpsc::UnboundedSender<Vote>,
    ) -> Option<oneshot::Sender<bool>> {
        let reload = self.reload.as_ref()?;
        self.seat.way()?;
        let (verdict, hears) = oneshot::channel();
        lock(&self.ballots).proposed = Some(Ballot {
            settings: settings.clone(),
            votes: votes.clone(),
            verdict: hears,
        });
        reload.request();
        Some(verdict)
    }

    /// Puts other settings in the place of those it has, for the daemons that are started from here on. One that waits to be
    /// started is started at once, and one that is being started, anew. One that works puts them in force when it hears that
    /// all can; whether it does is said here. If not, because its work began while the others prepared, it is told to read them.
    pub(super) fn take(&self, settings: &Settings, hears: bool) {
        let before = std::mem::replace(&mut *lock(&self.settings), settings.clone());
        if hears {
            return;
        }
        let Some(inside) = self.seat.inside() else {
            return self.again.notify_one();
        };
        // What is no change for it does not disturb its start.
        if before.changes_to(settings).is_empty() {
            return;
        }
        if inside.way.is_none() {
            self.again.notify_one();
        } else if let Some(reload) = &self.reload {
            reload.request();
        }
    }

    /// Waits until a first attempt has ended.
    pub(super) async fn has_settled(&self) {
        let mut changes = self.settled.subscribe();
        // The sender is held by `self`.
        let _held = changes.wait_for(|settled| *settled).await;
    }

    /// Keeps a daemon at work until told to stop, and says how its first attempt ended.
    pub(super) async fn keep(
        self: Arc<Self>,
        shutdown: Shutdown,
        firsts: mpsc::UnboundedSender<First>,
    ) {
        let span = span_of(&self.organization);
        let mut first = Some(firsts);
        let keeping = async {
            let mut backoff = Backoff::default();
            loop {
                let begun = Instant::now();
                let failure = match self.attempt(&shutdown, &mut first).await {
                    Ok(Ended::ToldTo) => return,
                    Ok(Ended::Outdated) => {
                        info!("other settings are there: starting anew with them");
                        self.status.forget();
                        continue;
                    }
                    Err(failure) => failure,
                };
                if begun.elapsed() > SETTLED {
                    backoff.reset();
                }
                let delay = backoff.next() * UNHURRIED;
                // Another with the same name would be refused in turn, and so on: an operator decides which of them goes on.
                let for_good = matches!(failure, DaemonError::NoPlace(_));
                self.goes_down(failure, (!for_good).then_some(delay), &mut first);
                tokio::select! {
                    () = sleep(delay), if !for_good => {}
                    () = self.again.notified() => info!("other settings are there: trying again at once"),
                    () = shutdown.drain().cancelled() => return,
                }
            }
        };
        keeping.instrument(span).await;
    }

    /// One daemon, from its start to its end.
    async fn attempt(
        &self,
        shutdown: &Shutdown,
        first: &mut Option<mpsc::UnboundedSender<First>>,
    ) -> Result<Ended, DaemonError> {
        let settings = self.settings();
        let journal = self.journal_for(&settings).await?;
        let daemon = Daemon {
            settings,
            journal,
            clock: self.clock,
            status: self.status.clone(),
            // Whoever looks after all of them speaks to it.
            supervisor: Supervisor::default(),
            operator: Operator {
                socket: None,
                reload: self.reload.clone(),
            },
        };
        let (shutdown, seat) = (shutdown.clone(), self.seat.clone());
        // A task of its own, so that a panic is the end of this daemon and of nothing else.
        let mut running = JoinSet::new();
        let work = async move { daemon.run_beside_others(&shutdown, &seat).await };
        running.spawn(work.in_current_span());
        let up = async {
            tokio::select! {
                // First, so that none works by settings that are not in force.
                biased;
                () = self.again.notified() => return,
                () = self.seat.works() => {}
            }
            self.status.is_up();
            self.settled.send_replace(true);
            if let Some(first) = first.take() {
                // Nobody is told where all are stopping.
                let _told = first.send(Ok(()));
            }
            std::future::pending::<()>().await;
        };
        let ended = tokio::select! {
            ended = running.join_next() => match ended {
                Some(Ok(ended)) => ended.map(|()| Ended::ToldTo),
                Some(Err(_)) | None => Err(DaemonError::PartEnded("daemon")),
            },
            () = up => Ok(Ended::Outdated),
        };
        running.shutdown().await;
        self.seat.leave();
        // It has no vote any more.
        *lock(&self.ballots) = Ballots::default();
        ended
    }

    /// The journal for a daemon with these settings.
    async fn journal_for(&self, settings: &Settings) -> Result<Arc<dyn Journal>, DaemonError> {
        if settings.callbacks.dry_run {
            // Nothing is written, there neither.
            return Ok(Arc::new(MemoryJournal::default()));
        }
        let Some(source) = self.source.clone() else {
            return Ok(Arc::clone(&self.journal));
        };
        // Where all began with a dry run, the one that lasts is not open yet.
        let (settings, now) = (settings.clone(), self.clock.now());
        let opened = spawn_blocking(move || source.journal(&settings, now)).await;
        opened
            .unwrap_or_else(|panicked| Err(panicked.into()))
            .map_err(DaemonError::NoJournal)
    }

    /// Says that there is no daemon now, and why.
    fn goes_down(
        &self,
        failure: DaemonError,
        delay: Option<Duration>,
        first: &mut Option<mpsc::UnboundedSender<First>>,
    ) {
        let error = &failure as &dyn Error;
        if let Some(delay) = delay {
            error!(
                error,
                again_in_ms = millis(delay),
                "this organisation is not looked after: trying again, and the others go on"
            );
        } else {
            error!(
                error,
                "this organisation is not looked after until its settings are reloaded: the others go on"
            );
        }
        self.status
            .goes_down(self.clock.now(), &failure.to_string());
        self.settled.send_replace(true);
        if let Some(first) = first.take() {
            let _told = first.send(Err(failure));
        }
    }
}

/// What a lock guards. What is in there is sound after any single change, so a panic elsewhere is no reason to stop.
pub(super) fn lock<T>(guarded: &Mutex<T>) -> MutexGuard<'_, T> {
    guarded.lock().unwrap_or_else(PoisonError::into_inner)
}
