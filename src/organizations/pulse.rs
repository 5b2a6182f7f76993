//! Tells the supervisor how all are: ready when all that can be are, alive when the work of each that works goes on.
//!
//! One that cannot start is in nobody's way. One that has begun and is stuck is: whatever holds it up is not its platform,
//! whose trouble is an answer, and only a fresh process helps.

use std::sync::Arc;

use futures_util::future::join_all;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::{all_in_words, member::Member};
use crate::{daemon::between_rounds, logging::span_of, supervisor::Supervisor};

/// What beats.
pub(super) struct Pulse {
    /// Whose work it is.
    pub(super) members: Arc<[Arc<Member>]>,
    /// Who hears it.
    pub(super) supervisor: Supervisor,
}

impl Pulse {
    /// Beats until stopped.
    pub(super) async fn run(self, stop: CancellationToken) {
        if !self.supervisor.listens() {
            return stop.cancelled().await;
        }
        let delay = between_rounds(&self.supervisor);
        let beating = async {
            for member in &*self.members {
                member.has_settled().await;
                let can_be = |now: &crate::status::Snapshot| now.ready || now.down.is_some();
                member.status.until(can_be).await;
            }
            self.supervisor.ready(&all_in_words(&self.members)).await;
            loop {
                self.go_all_ways().await;
                self.supervisor.alive(&all_in_words(&self.members)).await;
                sleep(delay).await;
            }
        };
        stop.run_until_cancelled(beating).await;
    }

    /// Goes the way of each that works. All at once, because a journal that does not answer takes its time with each, and
    /// the supervisor waits no longer for many than for one.
    async fn go_all_ways(&self) {
        let ways = self.members.iter().filter_map(|member| {
            let way = member.seat.way()?;
            let going = async move { way.go().await };
            Some(going.instrument(span_of(&member.organization)))
        });
        join_all(ways).await;
    }
}
