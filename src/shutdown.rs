//! Two signals, two meanings: the first drains, the second aborts.
//!
//! The daemon takes this as a value, so tests stop it without signals.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// How the daemon is told to stop. Clones are the same switch.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    /// No new work; what is in flight may finish.
    drain: CancellationToken,
    /// Nothing may finish.
    abort: CancellationToken,
}

impl Shutdown {
    /// Asks for an orderly stop; asked a second time, for one at once.
    pub fn request(&self) {
        if self.drain.is_cancelled() {
            self.abort.cancel();
        }
        self.drain.cancel();
    }

    /// Ends with the first request.
    pub(crate) fn drain(&self) -> &CancellationToken {
        &self.drain
    }

    /// Ends with the second request.
    pub(crate) fn abort(&self) -> &CancellationToken {
        &self.abort
    }

    /// Passes SIGTERM and SIGINT on as requests, for ever.
    ///
    /// # Errors
    /// Where this process may not catch signals.
    pub async fn follow_signals(&self) -> std::io::Result<()> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            self.request();
        }
    }
}
