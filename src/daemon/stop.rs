//! The stop: requests in flight may finish, and the journal and other replicas get a last word, each within a time.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
use tracing::{info, warn};

use super::{Daemon, GOODBYE, GRACE, parts::Parts};
use crate::{clock::millis, shutdown::Shutdown};

/// How long a last word may take, to the journal or to other replicas: whoever stops us has the patience of some seconds, and
/// the end is seen without it.
const LAST_WORD: Duration = Duration::from_secs(2);

impl Daemon {
    /// Lets the parts finish, for a while, or at once when told so a second time. Says which, how long it took, and what
    /// was done since the start.
    pub(super) async fn stop_parts(&self, mut parts: Parts, shutdown: &Shutdown) {
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

/// Says a last word, for a while; for a moment, once told to stop at once.
pub(crate) async fn last_word(shutdown: &Shutdown, word: impl Future) {
    let at_once = async {
        shutdown.abort().cancelled().await;
        sleep(GOODBYE).await;
    };
    tokio::select! {
        _timely = timeout(LAST_WORD, word) => {}
        () = at_once => {}
    }
}
