//! What tells of callbacks besides the platform itself: the queue that EventBridge fills, where the settings name one.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{Daemon, Parts};
use crate::{
    genesys::NoTls,
    source::{Notice, queues::Queues},
};

#[cfg(feature = "aws")]
impl Daemon {
    /// Starts to read the queue. Not in a dry run: what it took would be missed by the daemon that raises.
    pub(super) fn start_events(
        &self,
        parts: &mut Parts,
        queues: &Arc<Queues>,
        notices: mpsc::Sender<Notice>,
        stop: CancellationToken,
    ) -> Result<(), NoTls> {
        use crate::source::bridge::{Bridge, Sqs};

        let Some(url) = &self.settings.events.sqs_queue_url else {
            return Ok(());
        };
        if self.settings.callbacks.dry_run {
            return Ok(());
        }
        let bridge = Bridge {
            mailbox: Arc::new(Sqs::new(url)?),
            ours: Arc::clone(queues),
            notices,
            status: self.status.clone(),
        };
        parts.spawn("event queue", bridge.run(stop));
        Ok(())
    }
}

#[cfg(not(feature = "aws"))]
impl Daemon {
    /// There is nothing to start: settings that name a queue are refused.
    #[expect(
        clippy::unused_self,
        clippy::unnecessary_wraps,
        reason = "takes what a program that reads queues takes"
    )]
    pub(super) fn start_events(
        &self,
        _parts: &mut Parts,
        _queues: &Arc<Queues>,
        _notices: mpsc::Sender<Notice>,
        _stop: CancellationToken,
    ) -> Result<(), NoTls> {
        Ok(())
    }
}
