//! What an operator tells a running daemon: to pause, and to resume.
//!
//! An order comes over a Unix socket, from the same user or root, and holds at once: it is looked at before every raise, and
//! by the request path itself. It is noted in the journal before it is answered, so that it outlives the daemon; where the
//! journal does not work, it holds all the same, and is noted as soon as that does. While it is not known what was paused
//! before a start, everything is.

mod client;

mod listener;

mod order;

use std::{collections::BTreeSet, path::PathBuf, sync::Arc, time::Duration};

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::{sync::Mutex, time::sleep};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

pub(crate) use self::{
    client::{NoAnswer, tell},
    listener::listen,
    order::{Answer, Order},
};
use crate::{
    clock::elapsed,
    conversation::{Organization, QueueId},
    genesys::Genesys,
    journal::Journal,
    orders::{Orders, Pause, Pauses},
    source::{names::Names, queues::Queues},
    status::Status,
};

/// Time between attempts to read or note pauses while the journal does not work.
const RETRY: Duration = Duration::from_secs(5);
/// Longest sleep until a pause is over. What the platform's time is may be learnt better meanwhile.
const LONGEST_SLEEP: Duration = Duration::from_mins(1);

/// Whoever does what operators order.
#[async_trait]
pub(crate) trait Obey: Send + Sync + 'static {
    /// Does it, or says why not.
    async fn obey(&self, order: Order) -> Answer;
}

#[async_trait]
impl Obey for Control {
    async fn obey(&self, order: Order) -> Answer {
        match order.organization() {
            Some(name) if self.organization.name() != Some(name) => Answer::refused(format!(
                "there is no organisation `{}` here: this daemon is for a single one, which has no name, so leave --organization out",
                name.escape_debug()
            )),
            _ => self.done_as_ordered(order).await,
        }
    }
}

/// Obeys operators.
pub(crate) struct Control {
    /// Whose callbacks these are.
    pub(crate) organization: Organization,
    /// What is changed.
    pub(crate) orders: Orders,
    /// Which queues are ours.
    pub(crate) queues: Arc<Queues>,
    /// What they are called.
    pub(crate) names: Arc<Names>,
    /// The platform, which says what time it is.
    pub(crate) genesys: Arc<Genesys>,
    /// Where pauses are kept.
    pub(crate) journal: Arc<dyn Journal>,
    /// Where they show.
    pub(crate) status: Status,
    /// Queues of which the journal is still to be told whether they are paused; none: all of them. Held while it is told.
    pub(crate) untold: Mutex<BTreeSet<Option<QueueId>>>,
    /// Held from a change until its note, and while others' are learnt.
    pub(crate) turn: Mutex<()>,
}

impl Control {
    /// Learns what was paused before this start, and says so; whether it is known.
    pub(crate) async fn learn(&self) -> bool {
        let now = self.genesys.now();
        let Ok(pauses) = self.journal.pauses(&self.organization, now).await else {
            // It is said by the journal's watch, and tried again.
            return false;
        };
        for pause in &pauses {
            warn!(
                queue_id = pause.queue.as_ref().map(display),
                since = %pause.since,
                until = pause.until.map(display),
                "raises are paused since before this start"
            );
        }
        self.orders.know_pauses(Pauses::of(pauses));
        self.publish();
        true
    }

    /// Obeys what was ordered of another replica, which is known by the journal alone.
    pub(crate) async fn heed_others(&self) {
        let _turn = self.turn.lock().await;
        self.learn_of_others().await;
    }

    /// Learns what was ordered of another replica. Not between a change of ours and its note.
    async fn learn_of_others(&self) {
        let known = self.orders.now().pauses.is_some();
        if !known || !self.untold.lock().await.is_empty() {
            // What was there before the start is to be learnt first, and what was ordered here told.
            return;
        }
        let now = self.genesys.now();
        let Ok(theirs) = self.journal.pauses(&self.organization, now).await else {
            return;
        };
        let theirs = Pauses::of(theirs);
        let known = self.orders.now().pauses.clone().unwrap_or_default();
        if known.agree_with(&theirs, now) {
            return;
        }
        let paused = theirs.list().len();
        info!(paused, "pauses changed by the order of another replica");
        self.orders.know_pauses(theirs);
        self.publish();
    }

    /// Obeys until stopped: orders that come over this socket, and the ends of pauses.
    pub(crate) async fn run(self: Arc<Self>, socket: Option<PathBuf>, stop: CancellationToken) {
        let listening = async {
            match socket {
                Some(path) => listen(&self, path, &stop).await,
                None => stop.cancelled().await,
            }
        };
        let keeping = stop.run_until_cancelled(self.keep_times());
        tokio::join!(listening, keeping);
    }

    /// Ends pauses that are over, and tells the journal what it could not be told before.
    async fn keep_times(&self) {
        let mut changes = self.orders.changes();
        loop {
            let known = self.orders.now().pauses.is_some();
            if known {
                self.note(&[]).await;
            } else {
                self.learn().await;
            }
            let until_next = self.until_next().await;
            tokio::select! {
                () = sleep(until_next) => {}
                _ = changes.changed() => {}
            }
            self.end_those_that_are_over();
        }
    }

    /// Time until something is to be done.
    async fn until_next(&self) -> Duration {
        let now = self.genesys.now();
        let first_end = self.orders.now().pauses.as_ref().map(Pauses::first_end);
        let kept = self.untold.lock().await.is_empty();
        match first_end {
            Some(end) if kept => {
                end.map_or(LONGEST_SLEEP, |end| elapsed(now, end).min(LONGEST_SLEEP))
            }
            _ => RETRY,
        }
    }

    /// Ends pauses that are over. The journal needs no word of it, and what another replica has ordered of them stays there.
    fn end_those_that_are_over(&self) {
        let now = self.genesys.now();
        let over = self.orders.pauses(|pauses| pauses.take_over(now));
        if over.is_empty() {
            return;
        }
        for pause in &over {
            say_resumed(pause.queue.as_ref(), "the time is over");
        }
        self.publish();
    }

    /// Does what an operator orders.
    async fn done_as_ordered(&self, order: Order) -> Answer {
        let _turn = self.turn.lock().await;
        if self.genesys.has_replicas() {
            // What is changed is what holds for all.
            self.learn_of_others().await;
        }
        match order {
            Order::Pause { queue, for_ms, .. } => {
                let time = for_ms.map(Duration::from_millis);
                self.pause(queue.as_deref(), time).await
            }
            Order::Resume { queue, .. } => self.resume(queue.as_deref()).await,
        }
    }

    /// Pauses a queue or all, for a time or until it is ended.
    async fn pause(&self, queue: Option<&str>, time: Option<Duration>) -> Answer {
        let queues = match self.meant(queue) {
            Ok(queues) => queues,
            Err(sentence) => return Answer::refused(sentence),
        };
        let now = self.genesys.now();
        let until = time.map(|time| now.saturating_add(time).unwrap_or(Timestamp::MAX));
        for queue in &queues {
            let pause = Pause {
                queue: queue.clone(),
                since: now,
                until,
            };
            if self.orders.pauses(|pauses| pauses.begin(pause)) {
                info!(
                    queue_id = queue.as_ref().map(display),
                    until = until.map(display),
                    "raises paused"
                );
            }
        }
        self.done(true, &queues).await
    }

    /// Ends the pause of a queue, or all pauses.
    async fn resume(&self, queue: Option<&str>) -> Answer {
        let ended = match self.meant(queue) {
            Ok(_) if queue.is_none() => self.orders.pauses(Pauses::take_all),
            Ok(queues) => queues
                .into_iter()
                .filter(|queue| self.orders.pauses(|pauses| pauses.end(queue.as_ref())))
                .collect(),
            Err(sentence) => return Answer::refused(sentence),
        };
        for queue in &ended {
            say_resumed(queue.as_ref(), "ordered");
        }
        self.done(!ended.is_empty(), &ended).await
    }

    /// The queues that a name, a glob or an id means; nothing in particular where none is given.
    fn meant(&self, queue: Option<&str>) -> Result<Vec<Option<QueueId>>, String> {
        if self.orders.now().pauses.is_none() {
            return Err("the journal does not work, and so it is not known what is paused: nothing is raised until it does; see the log".to_owned());
        }
        let Some(name) = queue else {
            return Ok(vec![None]);
        };
        let meant = self.names.queues_meant_by(name);
        let ours: Vec<_> = meant
            .into_iter()
            .filter(|id| self.queues.wants(Some(id)))
            .map(Some)
            .collect();
        if ours.is_empty() {
            return Err(format!(
                "no queue of ours is meant by `{}`: check the name, and callbacks.queues",
                name.escape_debug()
            ));
        }
        Ok(ours)
    }

    /// Whether a queue of ours that is known by its name is meant. An id alone would be believed to be anybody's.
    pub(crate) fn has(&self, queue: &str) -> bool {
        let meant = self.meant(Some(queue)).unwrap_or_default();
        let mut known = meant.iter().flatten();
        known.any(|id| self.names.of_queue(id).is_some())
    }

    /// The answer to an order, whether or not it has `changed` anything, after the journal has been told of these queues.
    async fn done(&self, changed: bool, queues: &[Option<QueueId>]) -> Answer {
        let kept = self.note(queues).await;
        let paused = self.list();
        Answer::Done {
            changed,
            kept,
            paused: paused
                .into_iter()
                .map(|pause| {
                    let name = pause.queue.as_ref().and_then(|id| self.names.of_queue(id));
                    let organization = self.organization.name().map(str::to_owned);
                    order::Paused {
                        organization,
                        pause,
                        name,
                    }
                })
                .collect(),
        }
    }

    /// Shows what is paused, and tells all of it to the journal, which is another now.
    pub(crate) async fn keep(&self) {
        let paused = self.list().into_iter();
        let queues: Vec<_> = paused.map(|pause| pause.queue).collect();
        self.note(&queues).await;
    }

    /// Shows what is paused, and tells the journal of these queues and of those that it could not be told of before; whether it
    /// has them all. Of others it is told nothing: another replica may have been ordered otherwise a moment ago.
    async fn note(&self, queues: &[Option<QueueId>]) -> bool {
        self.publish();
        let mut untold = self.untold.lock().await;
        untold.extend(queues.iter().cloned());
        while let Some(queue) = untold.first().cloned() {
            // As it is when it is our turn, which may be another way than it was ordered.
            let pause = self.paused(queue.as_ref());
            let (of, now) = (&self.organization, self.genesys.now());
            let noted = self
                .journal
                .note_pause(of, queue.as_ref(), pause.as_ref(), now);
            if noted.await.is_err() {
                return false;
            }
            untold.remove(&queue);
        }
        true
    }

    /// The pause of this queue, or the one of all.
    fn paused(&self, queue: Option<&QueueId>) -> Option<Pause> {
        let orders = self.orders.now();
        orders.pauses.as_ref()?.of_queue(queue).cloned()
    }

    /// Shows what is paused.
    fn publish(&self) {
        let paused = self.list();
        self.status.update(|now| now.paused = paused);
    }

    /// What is paused.
    fn list(&self) -> Vec<Pause> {
        let orders = self.orders.now();
        orders.pauses.as_ref().map(Pauses::list).unwrap_or_default()
    }
}

/// Says that a pause is over, and why.
fn say_resumed(queue: Option<&QueueId>, why: &str) {
    info!(queue_id = queue.map(display), why, "raises resumed");
}
