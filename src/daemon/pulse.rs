//! Tells the supervisor that the work goes on, and only after it was shown to.
//!
//! A timer would go on while everything else hangs. So a round takes the way that a raise takes, but for the request: it
//! stands in the queue of the fleet like what happened out there, then asks for room at the journal like a tracker, and
//! for an answer of it. Whatever is stuck on the way, no sign of life follows, and the supervisor starts a fresh daemon,
//! which goes on where this one was.
//!
//! Trouble that is seen is no reason: a journal that answers that its disk is full, or a platform that is down, would be
//! the same after a restart. Nor is idleness: the round goes through when nobody waits.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{Semaphore, mpsc, oneshot},
    time::sleep,
};
use tokio_util::sync::CancellationToken;

use crate::{
    clock::Clock,
    journal::Journal,
    settings::plural,
    source::Notice,
    status::{Snapshot, Status},
    supervisor::Supervisor,
};

/// Rounds in the time that the supervisor waits for a sign of life: one may be late, and one lost.
const ROUNDS: u32 = 3;
/// Time between rounds where it does not wait for any: its line of status is as old as that.
const UNHURRIED: Duration = Duration::from_secs(10);

/// What a round goes through.
#[derive(Clone)]
pub(crate) struct Way {
    /// The queue of the fleet.
    pub(super) notices: mpsc::Sender<Notice>,
    /// The room at the journal, which trackers share.
    pub(super) at_journal: Arc<Semaphore>,
    /// The journal.
    pub(super) journal: Arc<dyn Journal>,
    /// Wall time.
    pub(super) clock: Clock,
}

/// What beats.
pub(super) struct Pulse {
    /// What each round goes through.
    pub(super) way: Way,
    /// What is said of the daemon.
    pub(super) status: Status,
    /// Who hears it.
    pub(super) supervisor: Supervisor,
}

impl Pulse {
    /// Says when the daemon is ready, and from then on after each round that it is alive, until stopped.
    pub(super) async fn run(self, stop: CancellationToken) {
        if !self.supervisor.listens() {
            return stop.cancelled().await;
        }
        let delay = between_rounds(&self.supervisor);
        let beating = async {
            let now = self.status.until(|now| now.ready).await;
            self.supervisor.ready(&in_words(&now)).await;
            loop {
                self.way.go().await;
                let now = self.status.snapshot();
                self.supervisor.alive(&in_words(&now)).await;
                sleep(delay).await;
            }
        };
        stop.run_until_cancelled(beating).await;
    }
}

/// Time between two rounds that are said to this supervisor.
pub(crate) fn between_rounds(supervisor: &Supervisor) -> Duration {
    let patience = supervisor.patience();
    patience.map_or(UNHURRIED, |patience| patience / ROUNDS)
}

impl Way {
    /// Goes the way of a raise. Ends when it was gone to its end.
    pub(crate) async fn go(&self) {
        let (back, answer) = oneshot::channel();
        // A fleet that is gone ends the daemon, and so this.
        let _gone = self.notices.send(Notice::Pulse(back)).await;
        let _gone = answer.await;
        let _room = self.at_journal.acquire().await;
        // That it does not work is seen by its watch; that it says so is an answer.
        let _said = self.journal.answers(self.clock.now()).await;
    }
}

/// The daemon in a line.
pub(crate) fn in_words(now: &Snapshot) -> String {
    if let Some(trouble) = &now.journal_trouble {
        return format!("nothing is raised: {trouble}");
    }
    let count = |number: u64, word| format!("{number} {}", plural(number, word));
    format!(
        "{} tracked, {} since the start",
        count(now.tracked as u64, "callback"),
        count(now.raises, "raise")
    )
}

#[cfg(test)]
mod tests {
    use tokio::{net::UnixDatagram, task::JoinSet, time::timeout};

    use super::*;
    use crate::{
        journal::{MemoryJournal, Watched},
        supervisor::tests::{heard, supervisor},
    };

    /// What systemd would wait.
    const PATIENCE: Duration = Duration::from_secs(30);

    /// A pulse that beats, the rest of its daemon, and who hears it.
    struct Beating {
        /// What happens to those who beat.
        _tasks: JoinSet<()>,
        /// The fleet's end of its queue.
        notices: mpsc::Receiver<Notice>,
        /// The room at the journal.
        at_journal: Arc<Semaphore>,
        /// What is said of the daemon.
        status: Status,
        /// The supervisor's ear.
        ear: UnixDatagram,
    }

    impl Beating {
        /// Starts one.
        fn start() -> Self {
            let (sender, notices) = mpsc::channel(1);
            let (supervisor, ear) = supervisor(PATIENCE);
            let (at_journal, status) = (Arc::new(Semaphore::new(1)), Status::default());
            let journal = Watched::new(Arc::new(MemoryJournal::default()), status.clone());
            let way = Way {
                notices: sender,
                at_journal: Arc::clone(&at_journal),
                journal: Arc::new(journal),
                clock: Clock::System,
            };
            let pulse = Pulse {
                way,
                status: status.clone(),
                supervisor,
            };
            let mut tasks = JoinSet::new();
            tasks.spawn(pulse.run(CancellationToken::new()));
            Self {
                _tasks: tasks,
                notices,
                at_journal,
                status,
                ear,
            }
        }

        /// Starts one that has said that it is ready.
        async fn ready() -> Self {
            let beating = Self::start();
            beating.status.update(|now| now.swept = true);
            let word = heard(&beating.ear).await;
            assert_eq!(
                word,
                "READY=1\nSTATUS=0 callbacks tracked, 0 raises since the start\n"
            );
            beating
        }

        /// Does the fleet's part of a round.
        async fn heed(&mut self) {
            match self.notices.recv().await {
                Some(Notice::Pulse(back)) => back.send(()).unwrap(),
                other => panic!("{other:?}"),
            }
        }

        /// Whether the supervisor hears nothing for as long as it waits.
        async fn is_silent(&self) -> bool {
            timeout(PATIENCE, heard(&self.ear)).await.is_err()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_ready_when_the_snapshot_is() {
        let beating = Beating::start();
        assert!(beating.is_silent().await);
        beating.status.update(|now| {
            now.swept = true;
            now.journal_trouble = Some("disk full".to_owned());
        });
        assert!(beating.is_silent().await);
        beating.status.update(|now| now.journal_trouble = None);
        assert!(heard(&beating.ear).await.starts_with("READY=1\n"));
    }

    #[tokio::test(start_paused = true)]
    async fn idle_is_alive_three_times_in_the_time_that_is_waited() {
        let mut beating = Beating::ready().await;
        let mut asked = tokio::time::Instant::now();
        for _ in 0..100 {
            beating.heed().await;
            assert!(heard(&beating.ear).await.starts_with("WATCHDOG=1\n"));
            assert!(asked.elapsed() <= PATIENCE / ROUNDS);
            asked = tokio::time::Instant::now();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_fleet_that_heeds_nothing_is_not_alive() {
        let mut beating = Beating::ready().await;
        assert!(beating.is_silent().await);
        beating.heed().await;
        assert!(heard(&beating.ear).await.starts_with("WATCHDOG=1\n"));
        assert!(beating.is_silent().await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_journal_at_which_nobody_has_his_turn_is_not_alive() {
        let mut beating = Beating::ready().await;
        let room = Arc::clone(&beating.at_journal);
        let taken = room.acquire().await.unwrap();
        beating.heed().await;
        assert!(beating.is_silent().await);
        drop(taken);
        assert!(heard(&beating.ear).await.starts_with("WATCHDOG=1\n"));
    }

    #[tokio::test(start_paused = true)]
    async fn trouble_that_is_seen_is_told_and_is_alive() {
        let mut beating = Beating::ready().await;
        let trouble = Some("the journal cannot be used: disk full".to_owned());
        beating.status.update(|now| now.journal_trouble = trouble);
        beating.heed().await;
        assert_eq!(
            heard(&beating.ear).await,
            "WATCHDOG=1\nSTATUS=nothing is raised: the journal cannot be used: disk full\n"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn where_nobody_listens_it_only_waits_for_the_end() {
        let mut beating = Beating::start();
        let (sender, notices) = mpsc::channel(1);
        beating.notices = notices;
        let way = Way {
            notices: sender,
            at_journal: Arc::clone(&beating.at_journal),
            journal: Arc::new(MemoryJournal::default()),
            clock: Clock::System,
        };
        let pulse = Pulse {
            way,
            status: beating.status.clone(),
            supervisor: Supervisor::default(),
        };
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        tasks.spawn(pulse.run(stop.clone()));
        beating.status.update(|now| now.swept = true);
        assert!(timeout(PATIENCE, beating.notices.recv()).await.is_err());
        stop.cancel();
        tasks.join_next().await.unwrap().unwrap();
    }
}
