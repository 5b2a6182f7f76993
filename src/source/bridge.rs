//! The bridge from EventBridge: reads the SQS queue that it fills, and deletes a message once its callback is noted.
//!
//! The queue keeps what nobody has read, so nothing is lost while the daemon is down; it delivers at least once and in no
//! order, which is no different from what notifications do. A message that was delivered stays in the queue, hidden from
//! other readers, until the callback is in the journal (`tracker::receipts`); until then it is kept hidden, and if this
//! process ends, the queue delivers it again. What is not understood is left alone: the queue's own policy moves it to
//! the dead letters. While the journal does not work nothing more is read.

mod envelope;

mod health;

mod held;

mod http;

mod sqs;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinSet,
    time::{MissedTickBehavior, interval, sleep},
};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, debug, info, warn};

use self::{
    envelope::Letter,
    health::Health,
    held::{Delivery, Held, Message},
};
pub(crate) use self::{health::remedy, sqs::Sqs};
use super::{Notice, line::notice, queues::Queues};
use crate::{
    conversation::ConversationId,
    genesys::{Event, Failure},
    status::Status,
};

/// Messages in one request, by SQS's own limit.
const BATCH: usize = 10;
/// Messages held at most. As many looks take half a minute of the request budget; the queue keeps the rest better.
const MOST_HELD: usize = 100;
/// Delay after an answer without a message: a queue that does not wait before it says so is not hammered.
const BREATH: Duration = Duration::from_secs(1);
/// How often held messages are hidden anew in the time for which the queue hides them.
const KEPT: u32 = 3;
/// Least time between that.
const LEAST_KEEP: Duration = Duration::from_millis(500);

/// How the queue is set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Manner {
    /// For how long it hides a message that was delivered.
    pub(crate) hides: Duration,
    /// Whether it moves what nobody deletes to a dead-letter queue.
    pub(crate) has_dead_letters: bool,
    /// Messages in it that nobody has read, about.
    pub(crate) waiting: u64,
}

/// A queue of messages. The one of SQS, or a test's.
#[async_trait]
pub(crate) trait Mailbox: Send + Sync {
    /// How it is set up.
    async fn manner(&self) -> Result<Manner, Failure>;

    /// Waits for messages, for a while, and hides them for this time.
    async fn receive(&self, hide: Duration) -> Result<Vec<Message>, Failure>;

    /// Deletes these messages.
    async fn delete(&self, deliveries: &[Delivery]) -> Result<(), Failure>;

    /// Hides these messages for this time from now on.
    async fn keep(&self, deliveries: &[Delivery], hide: Duration) -> Result<(), Failure>;
}

/// The task that reads the queue.
pub(crate) struct Bridge<M> {
    /// The queue.
    pub(crate) mailbox: Arc<M>,
    /// Which of the platform's queues are ours.
    pub(crate) ours: Arc<Queues>,
    /// Where news go.
    pub(crate) notices: mpsc::Sender<Notice>,
    /// Where messages are counted.
    pub(crate) status: Status,
}

/// Something that was done.
enum Job {
    /// Messages were waited for.
    Received(Result<Vec<Message>, Failure>),
    /// This message's callback is noted, or cannot be.
    Noted(String, bool),
    /// These were to be deleted.
    Deleted(Vec<Delivery>, Result<(), Failure>),
    /// Messages were to be hidden anew.
    Kept(Result<(), Failure>),
}

/// What is under way.
struct Work {
    /// For how long the queue hides a message.
    hides: Duration,
    /// What was delivered.
    held: Held,
    /// What is being done.
    jobs: JoinSet<Job>,
    /// Whether messages are waited for.
    receiving: bool,
    /// Whether some are being deleted.
    deleting: bool,
    /// Whether some are being hidden anew.
    keeping: bool,
    /// How the reading goes.
    reading: Health,
    /// How the deleting goes.
    removal: Health,
    /// How the hiding goes.
    upkeep: Health,
}

impl<M: Mailbox + 'static> Bridge<M> {
    /// Reads the queue until stopped, from when the first sweep is known: what it shows needs no message.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let begin = async {
            self.status.until(|now| now.swept).await;
            self.first_manner().await
        };
        let Some(manner) = stop.run_until_cancelled(begin).await else {
            return;
        };
        let mut work = Work::new(manner.hides);
        let mut keep = interval((work.hides / KEPT).max(LEAST_KEEP));
        keep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.begin(&mut work);
            tokio::select! {
                () = stop.cancelled() => return,
                Some(done) = work.jobs.join_next() => match done {
                    Ok(job) => self.finish(&mut work, job).await,
                    Err(panic) => std::panic::resume_unwind(panic.into_panic()),
                },
                _ = keep.tick() => self.keep(&mut work),
            }
        }
    }

    /// How the queue is set up, once that can be read.
    async fn first_manner(&self) -> Manner {
        let mut reading = Health::new(
            "the event queue cannot be read: callbacks are found by other ways meanwhile",
        );
        loop {
            match self.mailbox.manner().await {
                Ok(manner) => {
                    reading.good();
                    self.status.update(|now| now.event_queue.read = true);
                    info!(
                        waiting = manner.waiting,
                        hidden_s = manner.hides.as_secs(),
                        "reading the event queue"
                    );
                    if !manner.has_dead_letters {
                        warn!(
                            "the event queue has no dead-letter queue: a message that is not understood comes again until it expires"
                        );
                    }
                    return manner;
                }
                Err(failure) => reading.bad(&failure),
            }
            sleep(reading.delay).await;
        }
    }

    /// Begins what can be begun.
    fn begin(&self, work: &mut Work) {
        if !work.receiving && work.held.len() + BATCH <= MOST_HELD {
            work.receiving = true;
            let (mailbox, status) = (Arc::clone(&self.mailbox), self.status.clone());
            let (delay, hide) = (work.reading.delay, work.hides);
            let job = async move {
                sleep(delay).await;
                status.until_journal_works(true).await;
                Job::Received(mailbox.receive(hide).await)
            };
            work.jobs.spawn(job.in_current_span());
        }
        if work.deleting {
            return;
        }
        let deliveries = work.held.next_to_delete(BATCH);
        if !deliveries.is_empty() {
            work.deleting = true;
            let (mailbox, delay) = (Arc::clone(&self.mailbox), work.removal.delay);
            let job = async move {
                sleep(delay).await;
                let deleted = mailbox.delete(&deliveries).await;
                Job::Deleted(deliveries, deleted)
            };
            work.jobs.spawn(job.in_current_span());
        }
    }

    /// Hides anew what is held.
    fn keep(&self, work: &mut Work) {
        let deliveries = work.held.to_keep();
        if work.keeping || deliveries.is_empty() {
            return;
        }
        work.keeping = true;
        let (mailbox, hide) = (Arc::clone(&self.mailbox), work.hides);
        let job = async move {
            for batch in deliveries.chunks(BATCH) {
                if let Err(failure) = mailbox.keep(batch, hide).await {
                    return Job::Kept(Err(failure));
                }
            }
            Job::Kept(Ok(()))
        };
        work.jobs.spawn(job.in_current_span());
    }

    /// Takes what was done.
    async fn finish(&self, work: &mut Work, job: Job) {
        match job {
            Job::Received(Ok(messages)) => {
                work.receiving = false;
                work.reading.good();
                if messages.is_empty() {
                    work.reading.delay = BREATH;
                }
                self.status.update(|now| {
                    now.event_queue.read = true;
                    now.event_queue.received += messages.len() as u64;
                });
                for message in messages {
                    self.take(work, message).await;
                }
            }
            Job::Received(Err(failure)) => {
                work.receiving = false;
                self.status.update(|now| now.event_queue.read = false);
                work.reading.bad(&failure);
            }
            Job::Noted(id, true) => work.held.done(&id),
            Job::Noted(id, false) => {
                work.held.let_go(&id);
                self.status.update(|now| now.event_queue.given_back += 1);
            }
            Job::Deleted(deliveries, Ok(())) => {
                work.deleting = false;
                work.removal.good();
                work.held.deleted(&deliveries);
                let number = deliveries.len() as u64;
                self.status.update(|now| now.event_queue.deleted += number);
            }
            Job::Deleted(deliveries, Err(failure)) => {
                work.deleting = false;
                work.removal.bad(&failure);
                work.held.not_deleted(&deliveries);
            }
            Job::Kept(kept) => {
                work.keeping = false;
                match kept {
                    Ok(()) => work.upkeep.good(),
                    Err(failure) => work.upkeep.bad(&failure),
                }
            }
        }
        let held = work.held.len();
        self.status.update(|now| now.event_queue.held = held);
    }

    /// Takes a message that was delivered.
    async fn take(&self, work: &mut Work, message: Message) {
        let Message { id, handle, body } = message;
        match envelope::open(&body) {
            Letter::Strange => {
                let mut first = false;
                self.status.update(|now| {
                    first = now.event_queue.strange == 0;
                    now.event_queue.strange += 1;
                });
                if first {
                    warn!(
                        message = id,
                        "a message of the event queue is not understood: it is left to the queue's dead-letter policy; said once"
                    );
                } else {
                    debug!(
                        message = id,
                        "a message of the event queue is not understood"
                    );
                }
            }
            Letter::NoConcern => {
                work.held.take(&id, &handle);
                work.held.done(&id);
            }
            Letter::News(event, happened) => {
                if work.held.take(&id, &handle) {
                    let (receipt, noted) = oneshot::channel();
                    work.jobs
                        .spawn(async move { Job::Noted(id, noted.await.is_ok()) });
                    let told = Notice::Told {
                        id: about(&event),
                        what: Box::new(notice(event, &self.ours)),
                        happened,
                        receipt,
                    };
                    // The receiver ends only with the daemon.
                    let _ended = self.notices.send(told).await;
                }
            }
        }
    }
}

impl Work {
    /// Nothing yet, of a queue that hides messages for so long.
    fn new(hides: Duration) -> Self {
        Self {
            hides,
            held: Held::default(),
            jobs: JoinSet::new(),
            receiving: false,
            deleting: false,
            keeping: false,
            reading: Health::new(
                "the event queue cannot be read: callbacks are found by other ways meanwhile",
            ),
            removal: Health::new(
                "messages of the event queue cannot be deleted: they will be delivered again, which does no harm",
            ),
            upkeep: Health::new(
                "messages of the event queue cannot be hidden any longer: they will be delivered again, which does no harm",
            ),
        }
    }
}

/// Which conversation an event is about.
fn about(event: &Event) -> ConversationId {
    match event {
        Event::Callback { id, .. } | Event::AcdStart { id, .. } | Event::AcdEnd { id, .. } => {
            id.clone()
        }
    }
}

#[cfg(test)]
mod tests;
