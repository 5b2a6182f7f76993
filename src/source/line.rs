//! One line to the platform: a channel, its topics and its socket, kept alive.
//!
//! Every (re)connect of a line with queue topics asks for a sweep, because what happened without a socket is never
//! repeated. When the platform announces the end of a socket, or the channel's end comes near, a successor is brought up
//! *before* the old one is let go; for the moment in between both are heard, which does no harm. Delays between attempts
//! grow, and shrink again only after a healthy time: a peer that accepts and closes at once is not hammered.

mod connection;

mod news;

mod said;

mod topics;

use std::{
    collections::{BTreeSet, HashSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, info};

use self::connection::{Connection, NoConnection, open};
pub(crate) use self::news::notice;
pub(super) use self::said::Said;
use super::{
    Notice,
    queues::Queues,
    sight::Sight,
    subscription::{Form, Subscribed, Wanted},
    sweep::{SweepRequests, wait},
};
use crate::{
    backoff::Backoff,
    conversation::ConversationId,
    genesys::{Channel, EndReason, Failure, Genesys, Incoming, Topic},
    status::Status,
};

/// Time a connection must hold before earlier failures are forgotten.
const HEALTHY_AFTER: Duration = Duration::from_mins(2);
/// Time between the renewals of two lines.
const STAGGER: Duration = Duration::from_mins(1);
/// A change in what a line listens to.
#[derive(Clone, Debug)]
pub(super) enum Command {
    /// Follow this conversation.
    Follow(ConversationId),
    /// It is not tracked any more.
    Unfollow(ConversationId),
    /// A queue was found.
    AddQueue(Topic),
}

/// The task of one line.
pub(super) struct Line {
    /// Which line; 0 is the one that may try bulk topics.
    pub(super) number: usize,
    /// The platform.
    pub(super) genesys: Arc<Genesys>,
    /// Which queues are ours.
    pub(super) ours: Arc<Queues>,
    /// Where news go.
    pub(super) notices: mpsc::Sender<Notice>,
    /// Asked after every connect.
    pub(super) sweeps: SweepRequests,
    /// Told what can be believed.
    pub(super) sight: Arc<Sight>,
    /// Where sockets are counted.
    pub(super) status: Status,
    /// Whether all that is to be heard depends on this line too: not where it is there for conversations alone.
    pub(super) counted: bool,
    /// Queue topics of this line.
    pub(super) queues: Vec<Topic>,
    /// Conversations of this line.
    pub(super) followed: HashSet<ConversationId>,
    /// The form of their topics.
    pub(super) form: Form,
    /// Topics of queues that were refused when they were last asked for.
    pub(super) refused: Arc<Mutex<BTreeSet<String>>>,
    /// What it has said.
    pub(super) said: Said,
    /// What changes while it runs.
    pub(super) commands: mpsc::UnboundedReceiver<Command>,
}

/// Something done beside the reading of the socket.
enum Job {
    /// A successor was to be brought up.
    Replace(Box<Result<Connection, NoConnection>>),
    /// Topics were to be added to this channel.
    Subscribe(Arc<Channel>, Wanted, Result<Subscribed, Failure>),
}

/// State of a line while it is connected.
struct Served {
    /// The connection; its socket may be gone while a successor is coming up.
    connection: Connection,
    /// Why the socket is gone.
    ended: Option<EndReason>,
    /// Work beside the reading.
    jobs: JoinSet<Job>,
    /// Whether a successor is coming up.
    replacing: bool,
    /// When to bring one up.
    replace_at: Instant,
    /// When it has held for long enough.
    holds_at: Instant,
    /// Failures to bring up a successor.
    backoff: Backoff,
    /// When to subscribe to what was collected.
    flush_at: Option<Instant>,
    /// Whether a subscription is under way.
    subscribing: bool,
    /// Conversations that this channel refused in a row.
    refused_in_a_row: usize,
    /// Whether it brings all that it should, as was said last; nothing while it is down.
    good: Option<bool>,
}

impl Served {
    /// Plans to subscribe after this time, if it is not to be done sooner.
    fn flush_after(&mut self, time: Duration) {
        let at = Instant::now() + time;
        self.flush_at = Some(self.flush_at.map_or(at, |planned| planned.min(at)));
    }
}

impl Line {
    /// Keeps the line up until stopped.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        let mut backoff = Backoff::default();
        loop {
            let opening = open(
                Arc::clone(&self.genesys),
                self.wanted(),
                self.status.clone(),
            );
            let Some(opened) = Box::pin(stop.run_until_cancelled(opening)).await else {
                return;
            };
            let until_next = match opened {
                Ok(connection) => {
                    let up = Instant::now();
                    self.announce(&connection);
                    let Some(reason) = Box::pin(self.serve(connection, &stop)).await else {
                        return;
                    };
                    self.down(reason);
                    let words = format!("notifications: disconnected ({reason})");
                    self.status.tell(self.genesys.now(), true, words);
                    let (up, number) = (up.elapsed(), self.number);
                    let healthy = up >= HEALTHY_AFTER;
                    self.said
                        .disconnected(number, reason, up.as_secs(), healthy);
                    if healthy {
                        backoff.reset();
                    }
                    backoff.next()
                }
                Err(why) => {
                    self.said.no_connection(self.number, &why);
                    why.delay(&mut backoff)
                }
            };
            if !wait(&stop, until_next).await {
                return;
            }
        }
    }

    /// Serves a connection and its successors until the last one ends; nothing when stopped.
    async fn serve(
        &mut self,
        connection: Connection,
        stop: &CancellationToken,
    ) -> Option<EndReason> {
        let mut served = Served {
            replace_at: self.renew_at(&connection),
            holds_at: Instant::now() + HEALTHY_AFTER,
            connection,
            ended: None,
            jobs: JoinSet::new(),
            replacing: false,
            backoff: Backoff::default(),
            flush_at: None,
            subscribing: false,
            refused_in_a_row: 0,
            good: None,
        };
        self.reassess(&mut served);
        self.flush_missing(&mut served);
        loop {
            if let Some(reason) = served.ended.filter(|_| !served.replacing) {
                return Some(reason);
            }
            let flush_at = served.flush_at.filter(|_| !served.subscribing);
            tokio::select! {
                () = stop.cancelled() => {
                    self.status.update(|now| now.sockets -= 1);
                    served.connection.socket.close().await;
                    return None;
                }
                incoming = served.connection.socket.next(), if served.ended.is_none() => {
                    self.hear(&mut served, incoming).await;
                }
                Some(job) = served.jobs.join_next() => match job {
                    Ok(Job::Replace(result)) => self.replaced(&mut served, *result).await,
                    Ok(Job::Subscribe(channel, wanted, result)) => self.subscribed(&mut served, &channel, wanted, result),
                    Err(panic) => std::panic::resume_unwind(panic.into_panic()),
                },
                Some(command) = self.commands.recv() => self.obey(&mut served, command),
                () = sleep_until(served.replace_at), if !served.replacing => self.replace(&mut served),
                () = sleep_until(served.holds_at), if self.said.is_contested() => {
                    self.said.holds(self.number);
                }
                () = sleep_until(flush_at.unwrap_or(served.replace_at)), if flush_at.is_some() => {
                    self.flush(&mut served);
                }
            }
        }
    }

    /// Takes what the socket brought.
    async fn hear(&mut self, served: &mut Served, incoming: Result<Incoming, EndReason>) {
        match incoming {
            Ok(Incoming::Event(event)) => {
                // The receiver ends only with the daemon.
                let _ended = self.notices.send(notice(event, &self.ours)).await;
            }
            Ok(Incoming::Closing) if !served.replacing => {
                info!(
                    line = self.number,
                    "the platform will close this socket: bringing up its successor"
                );
                served.replace_at = Instant::now();
            }
            Ok(Incoming::Closing) => {}
            Err(reason) => {
                served.ended = Some(reason);
                self.reassess(served);
            }
        }
    }

    /// From now on what is to be heard depends on this line too.
    pub(super) fn count(&mut self) {
        if !std::mem::replace(&mut self.counted, true) {
            self.sight.line_begins();
        }
    }

    /// Says whether this line brings all that it should, where that has changed.
    fn reassess(&self, served: &mut Served) {
        if !self.counted {
            return;
        }
        let Subscribed {
            queues, refused, ..
        } = served.connection.subscribed;
        // Lines after the first may be there for conversations alone.
        let good = refused == 0 && (queues > 0 || self.number > 0);
        let now = served.ended.is_none().then_some(good);
        if now == served.good {
            return;
        }
        if let Some(before) = std::mem::replace(&mut served.good, now) {
            self.sight.line_is_down(before);
        }
        if let Some(good) = now {
            self.sight.line_is_up(good);
        }
    }

    /// When to bring up the successor: each line a little before the one after it, so that together with their successors
    /// they are never more channels than a client may have.
    fn renew_at(&self, connection: &Connection) -> Instant {
        let renew_at = connection.channel.renew_at();
        let earlier = STAGGER * u32::try_from(self.number).unwrap_or_default();
        renew_at.checked_sub(earlier).unwrap_or(renew_at)
    }

    /// Starts to bring up a successor.
    fn replace(&self, served: &mut Served) {
        served.replacing = true;
        let opening = open(
            Arc::clone(&self.genesys),
            self.wanted(),
            self.status.clone(),
        );
        let job = async { Job::Replace(Box::new(opening.await)) };
        served.jobs.spawn(job.in_current_span());
    }

    /// Takes the successor over, or tries again later.
    async fn replaced(&mut self, served: &mut Served, result: Result<Connection, NoConnection>) {
        served.replacing = false;
        match result {
            Ok(connection) => {
                served.replace_at = self.renew_at(&connection);
                let old = std::mem::replace(&mut served.connection, connection);
                let reason = served.ended.take().unwrap_or(EndReason::Replaced);
                served.backoff.reset();
                self.down(reason);
                self.reassess(served);
                self.announce(&served.connection);
                info!(line = self.number, %reason, "disconnected");
                served.refused_in_a_row = 0;
                self.flush_missing(served);
                old.socket.close().await;
            }
            Err(why) => {
                self.said.no_connection(self.number, &why);
                served.replace_at = Instant::now() + why.delay(&mut served.backoff);
            }
        }
    }

    /// Counts a socket that is up no more.
    fn down(&self, reason: EndReason) {
        self.status.update(|now| {
            now.sockets -= 1;
            *now.reconnects.entry(reason.name()).or_default() += 1;
        });
    }

    /// Says that a connection is up and what it listens to, and asks for a sweep.
    fn announce(&mut self, connection: &Connection) {
        self.form = connection.subscribed.form;
        self.said.connected(self.number, connection);
        self.status.update(|now| {
            now.sockets += 1;
            now.connects += 1;
        });
        let now = self.genesys.now();
        self.status.tell(now, false, "notifications: connected");
        if self.counted {
            self.sweeps.request();
        }
    }
}
