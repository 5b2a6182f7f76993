//! Tells the supervisor how all are: ready when all that can be are, alive when the work of each that works goes on.
//!
//! One that cannot start is in nobody's way, nor for long is one whose start takes its time, as when its platform asks to
//! hold: the supervisor ends whatever is not ready in time, and that would be all of them. One that has begun and is stuck
//! is: whatever holds it up is not its platform, whose trouble is an answer, and only a fresh process helps.

use std::{sync::Arc, time::Duration};

use futures_util::{StreamExt, future::join_all, stream::FuturesUnordered};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::{all_in_words, member::Member};
use crate::{daemon::between_rounds, logging::span_of, status::Snapshot, supervisor::Supervisor};

/// How long those that are ready wait for the others before it is said. A start takes seconds, or half a minute where the
/// platform is silent; a supervisor waits for a minute and a half, if nobody has told it another time.
const HELD_UP: Duration = Duration::from_mins(1);

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
            self.until_ready().await;
            self.supervisor.ready(&all_in_words(&self.members)).await;
            loop {
                self.go_all_ways().await;
                self.supervisor.alive(&all_in_words(&self.members)).await;
                sleep(delay).await;
            }
        };
        stop.run_until_cancelled(beating).await;
    }

    /// Waits until all are ready that can be, for a while, and for one of them in any case: without any, this process is as
    /// little ready as one with a single organisation.
    async fn until_ready(&self) {
        let all = async {
            for member in &*self.members {
                member.has_settled().await;
                let can_be = |now: &Snapshot| now.ready || now.down.is_some();
                member.status.until(can_be).await;
            }
        };
        let _late = timeout(HELD_UP, all).await;
        let each = self.members.iter();
        let mut each: FuturesUnordered<_> = each
            .map(|member| member.status.until(|now| now.ready))
            .collect();
        each.next().await;
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
