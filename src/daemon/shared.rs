//! What parts share: most of it is changed by a reload, in its own place.

use std::{sync::Arc, time::Duration};

use tokio::sync::{Mutex, Notify, watch};

use super::{Daemon, DaemonError, last_word};
use crate::{
    control::Control,
    genesys::Genesys,
    journal::{Journal, Watched},
    orders::Orders,
    replicas::{Peers, Replicas},
    shutdown::Shutdown,
    source::{names::Names, queues::Queues, sweep::SweepRequests},
    status::Status,
    tracker::Pace,
};

/// What parts share.
#[derive(Clone)]
pub(super) struct Shared {
    /// What operators have ordered.
    pub(super) orders: Orders,
    /// The platform.
    pub(super) genesys: Arc<Genesys>,
    /// Which queues are ours.
    pub(super) queues: Arc<Queues>,
    /// What things are called.
    pub(super) names: Arc<Names>,
    /// What is shared with other replicas, where there may be any.
    pub(super) replicas: Option<Arc<dyn Replicas>>,
    /// Those that live.
    pub(super) peers: Arc<Peers>,
    /// Bases, claims and pauses.
    pub(super) journal: Arc<Watched>,
    /// What obeys operators.
    pub(super) control: Arc<Control>,
    /// Whether raises are kept on schedule.
    pub(super) pace: Arc<Pace>,
    /// Asks for sweeps.
    pub(super) sweeps: SweepRequests,
    /// Time between them.
    pub(super) every: watch::Sender<Duration>,
    /// Told when other queues are ours.
    pub(super) chosen: Arc<Notify>,
    /// What is known of the daemon.
    pub(super) status: Status,
}

impl Shared {
    /// All of it for this daemon, as its settings have it.
    pub(super) fn new(daemon: &Daemon, journal: Arc<Watched>) -> Result<Self, DaemonError> {
        let settings = &daemon.settings;
        let (status, callbacks) = (daemon.status.clone(), &settings.callbacks);
        let replicas = journal.replicas(&settings.genesys.client_id);
        let orders = Orders::new(settings.rules.clone(), callbacks.dry_run);
        let genesys = Arc::new(Genesys::new(
            &settings.genesys,
            orders.clone(),
            daemon.clock,
            status.clone(),
            replicas.clone(),
        )?);
        let names = Arc::new(Names::new(&settings.rules));
        let queues = Arc::new(Queues::new(&callbacks.queues));
        let control = Arc::new(Control {
            organization: settings.organization.clone(),
            orders: orders.clone(),
            queues: Arc::clone(&queues),
            names: Arc::clone(&names),
            genesys: Arc::clone(&genesys),
            journal: Arc::<Watched>::clone(&journal) as Arc<dyn Journal>,
            status: status.clone(),
            untold: Mutex::default(),
            turn: Mutex::default(),
        });
        Ok(Self {
            orders,
            genesys,
            queues,
            names,
            replicas,
            peers: Arc::default(),
            journal,
            control,
            pace: Arc::new(Pace::new(settings.genesys.budget)),
            sweeps: SweepRequests::default(),
            every: watch::Sender::new(callbacks.sweep),
            chosen: Arc::default(),
            status,
        })
    }

    /// Leaves the other replicas, where there may be any. Where that gets no answer, they find out that this one is gone.
    pub(super) async fn leave(&self, shutdown: &Shutdown) {
        if let Some(replicas) = &self.replicas {
            last_word(shutdown, replicas.leave()).await;
        }
    }
}
