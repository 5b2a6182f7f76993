//! Keeps the journal: signs of life, forgetting what is old, and finding out when trouble is over.
//!
//! The sign of life is a durable write. It dates a kill to the minute, and it finds a full disk even while no callback
//! asks for a raise.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::{clock::Clock, journal::Journal, status::Status};

/// Time between signs of life.
const SIGN_OF_LIFE: Duration = Duration::from_mins(1);
/// Time between attempts while the journal does not work.
const RETRY: Duration = Duration::from_secs(5);
/// Time between forgettings.
const PRUNE: Duration = Duration::from_hours(24);

/// What the upkeep needs.
pub(super) struct Upkeep {
    /// What is kept.
    pub(super) journal: Arc<dyn Journal>,
    /// How long it remembers.
    pub(super) keep: Duration,
    /// Wall time.
    pub(super) clock: Clock,
    /// Where trouble shows.
    pub(super) status: Status,
}

impl Upkeep {
    /// Keeps the journal until stopped.
    pub(super) async fn run(self, stop: CancellationToken) {
        let keeping = async {
            let mut pruned = None;
            loop {
                if self.journal.alive(self.clock.now()).await.is_ok() {
                    self.prune(&mut pruned).await;
                    self.rest().await;
                } else {
                    sleep(RETRY).await;
                }
            }
        };
        stop.run_until_cancelled(keeping).await;
    }

    /// Forgets what is old, once a day.
    async fn prune(&self, pruned: &mut Option<Instant>) {
        if pruned.is_some_and(|at| at.elapsed() < PRUNE) {
            return;
        }
        let now = self.clock.now();
        let before = now.checked_sub(self.keep).unwrap_or(Timestamp::MIN);
        if self.journal.prune(before, now).await.is_ok() {
            *pruned = Some(Instant::now());
        }
    }

    /// Waits for the next sign of life, which comes soon after trouble.
    async fn rest(&self) {
        let trouble = self.status.until_journal_works(false);
        tokio::select! {
            () = sleep(SIGN_OF_LIFE) => {}
            () = trouble => sleep(RETRY).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::{
        conversation::{Kind, Priority, Waiting},
        journal::{MemoryJournal, Watched},
    };

    /// A visit that entered its queue then.
    fn waiting(since: Timestamp, priority: i64) -> Waiting {
        Waiting {
            visit: crate::conversation::Visit {
                conversation: "c".parse().unwrap(),
                leg: "l".parse().unwrap(),
            },
            queue: None,
            since,
            origin: since,
            priority: Priority::clamped(priority),
            kind: Kind::default(),
            background: None,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_old_is_forgotten_once_a_day() {
        let start: Timestamp = "2026-01-05T09:00:00Z".parse().unwrap();
        let (clock, status) = (Clock::anchored(start), Status::default());
        let memory = Arc::new(MemoryJournal::default());
        let journal = Arc::new(Watched::new(memory, status.clone()));
        let upkeep = Upkeep {
            journal: Arc::clone(&journal) as Arc<dyn Journal>,
            keep: 2 * PRUNE,
            clock,
            status,
        };
        journal.entry(&waiting(start, 4), start).await.unwrap();
        let stop = CancellationToken::new();
        let mut running = tokio::task::JoinSet::new();
        running.spawn(upkeep.run(stop.clone()));

        for (days, expected) in [(1, 4), (2, 4), (4, 9)] {
            let then = start + SignedDuration::from_hours(24 * days + 1);
            tokio::time::sleep(clock.until(then)).await;
            let entry = journal.entry(&waiting(start, 9), start).await.unwrap();
            assert_eq!(entry.base.priority.points(), expected, "day {days}");
        }
        stop.cancel();
        running.join_next().await.unwrap().unwrap();
    }
}
