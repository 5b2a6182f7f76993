//! The parts of a daemon while they run.

use tokio::{task::JoinSet, time::timeout};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::GOODBYE;

/// The parts while they run.
pub(super) struct Parts {
    /// What feeds the fleet, and the status page; each returns its name when it ends.
    pub(super) sources: JoinSet<&'static str>,
    /// The fleet; returns how many trackers did not finish in time.
    pub(super) fleet: JoinSet<usize>,
    /// Ends them all.
    pub(super) stop: CancellationToken,
}

impl Parts {
    /// None yet; this ends them all.
    pub(super) fn new(stop: CancellationToken) -> Self {
        Self {
            sources: JoinSet::new(),
            fleet: JoinSet::new(),
            stop,
        }
    }

    /// Starts a part whose end is the daemon's.
    pub(super) fn spawn(
        &mut self,
        name: &'static str,
        part: impl Future<Output = ()> + Send + 'static,
    ) {
        let part = async move {
            part.await;
            name
        };
        self.sources.spawn(part.in_current_span());
    }

    /// Waits for all parts; how many trackers did not finish in time.
    pub(super) async fn drain(&mut self) -> usize {
        let left = match self.fleet.join_next().await {
            Some(Ok(left)) => left,
            Some(Err(_)) | None => 0,
        };
        let goodbye = async { while self.sources.join_next().await.is_some() {} };
        let _timely = timeout(GOODBYE, goodbye).await;
        left
    }
}
