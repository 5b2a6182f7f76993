//! One line to the platform: a channel, its topics and its socket, kept alive.
//!
//! Every (re)connect asks for a sweep, because what happened without a socket is never repeated. When the platform
//! announces the end of a socket, or the channel's end comes near, a successor is brought up *before* the old one is
//! let go; for the moment in between both are heard, which does no harm. Delays between attempts grow, and shrink again
//! only after a healthy time: a peer that accepts and closes at once is not hammered.

mod connection;

use std::{collections::HashSet, sync::Arc, time::Duration};

use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use self::connection::{Connection, NoConnection, open};
use super::{
    Notice,
    queues::Queues,
    subscription::{self, Form, Subscribed, Wanted},
    sweep::{SweepRequests, pause},
};
use crate::{
    backoff::Backoff,
    conversation::{ConversationId, Observed},
    genesys::{EndReason, Event, Failure, Genesys, Incoming, Topic},
    status::Status,
};

/// Time a connection must hold before earlier failures are forgotten.
const HEALTHY_AFTER: Duration = Duration::from_mins(2);
/// How long new conversations are collected before they are subscribed to, so that a rush costs few requests.
const COLLECT: Duration = Duration::from_millis(500);

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
    /// Where sockets are counted.
    pub(super) status: Status,
    /// Queue topics of this line.
    pub(super) queues: Vec<Topic>,
    /// Conversations of this line.
    pub(super) followed: HashSet<ConversationId>,
    /// The form of their topics.
    pub(super) form: Form,
    /// What changes while it runs.
    pub(super) commands: mpsc::UnboundedReceiver<Command>,
}

/// Something done beside the reading of the socket.
enum Job {
    /// A successor was to be brought up.
    Replace(Box<Result<Connection, NoConnection>>),
    /// Topics were to be added.
    Subscribe(Vec<ConversationId>, Result<Subscribed, Failure>),
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
    /// Failures to do so.
    backoff: Backoff,
    /// When to subscribe to what was collected.
    flush_at: Option<Instant>,
    /// Whether a subscription is under way.
    subscribing: bool,
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
            match opened {
                Ok(connection) => {
                    let up = Instant::now();
                    self.announce(&connection, backoff.failures());
                    let Some(reason) = Box::pin(self.serve(connection, &stop)).await else {
                        return;
                    };
                    self.status.update(|now| now.sockets -= 1);
                    warn!(line = self.number, %reason, up_s = up.elapsed().as_secs(), "disconnected");
                    if up.elapsed() >= HEALTHY_AFTER {
                        backoff.reset();
                    }
                }
                Err(why) => why.say(self.number, backoff.failures()),
            }
            if !pause(&stop, backoff.next()).await {
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
            replace_at: connection.channel.renew_at(),
            connection,
            ended: None,
            jobs: JoinSet::new(),
            replacing: false,
            backoff: Backoff::default(),
            flush_at: None,
            subscribing: false,
        };
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
                    Ok(Job::Subscribe(ids, result)) => self.subscribed(&mut served, ids, result),
                    Err(panic) => std::panic::resume_unwind(panic.into_panic()),
                },
                Some(command) = self.commands.recv() => self.obey(&mut served, command),
                () = sleep_until(served.replace_at), if !served.replacing => self.replace(&mut served),
                () = sleep_until(flush_at.unwrap_or(served.replace_at)), if flush_at.is_some() => {
                    self.flush(&mut served);
                }
            }
        }
    }

    /// Takes what the socket brought.
    async fn hear(&self, served: &mut Served, incoming: Result<Incoming, EndReason>) {
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
            Err(reason) => served.ended = Some(reason),
        }
    }

    /// Starts to bring up a successor.
    fn replace(&self, served: &mut Served) {
        served.replacing = true;
        let opening = open(
            Arc::clone(&self.genesys),
            self.wanted(),
            self.status.clone(),
        );
        served
            .jobs
            .spawn(async { Job::Replace(Box::new(opening.await)) });
    }

    /// Takes the successor over, or tries again later.
    async fn replaced(&mut self, served: &mut Served, result: Result<Connection, NoConnection>) {
        served.replacing = false;
        match result {
            Ok(connection) => {
                served.replace_at = connection.channel.renew_at();
                let old = std::mem::replace(&mut served.connection, connection);
                let reason = served.ended.take().unwrap_or(EndReason::Replaced);
                served.backoff.reset();
                self.status.update(|now| now.sockets -= 1);
                self.announce(&served.connection, 0);
                info!(line = self.number, %reason, "disconnected");
                self.flush_missing(served);
                old.socket.close().await;
            }
            Err(why) => {
                why.say(self.number, served.backoff.failures());
                served.replace_at = Instant::now() + served.backoff.next();
            }
        }
    }

    /// Notes a change in what to listen to.
    fn obey(&mut self, served: &mut Served, command: Command) {
        match command {
            Command::Follow(id) => {
                self.followed.insert(id);
            }
            Command::Unfollow(id) => {
                // A single topic cannot be taken off a channel; it is left out when the list is next put whole.
                self.followed.remove(&id);
                return;
            }
            Command::AddQueue(topic) if !self.queues.contains(&topic) => self.queues.push(topic),
            Command::AddQueue(_) => return,
        }
        served.flush_at.get_or_insert(Instant::now() + COLLECT);
    }

    /// Subscribes to what was added since the connection came up.
    fn flush_missing(&self, served: &mut Served) {
        let missing = self
            .followed
            .difference(&served.connection.conversations)
            .next();
        if missing.is_some() && self.form != Form::Refused {
            served.flush_at.get_or_insert(Instant::now() + COLLECT);
        }
    }

    /// Subscribes to what was collected.
    fn flush(&self, served: &mut Served) {
        served.flush_at = None;
        let known = &served.connection.conversations;
        let conversations: Vec<ConversationId> = self.followed.difference(known).cloned().collect();
        let queues = self
            .queues
            .iter()
            .skip(served.connection.subscribed.queues_asked());
        let wanted = Wanted {
            queues: queues.cloned().collect(),
            conversations: if self.form == Form::Refused {
                Vec::new()
            } else {
                conversations
            },
            form: self.form,
            bulk: false,
            replace: false,
        };
        if wanted.queues.is_empty() && wanted.conversations.is_empty() {
            return;
        }
        served.subscribing = true;
        let (genesys, status) = (Arc::clone(&self.genesys), self.status.clone());
        let channel = Arc::clone(&served.connection.channel);
        served.jobs.spawn(async move {
            let result = subscription::subscribe(&genesys, &channel, &wanted, &status).await;
            Job::Subscribe(wanted.conversations, result)
        });
    }

    /// Notes which topics were added. A lost channel is found out by the socket or replaced at once.
    fn subscribed(
        &mut self,
        served: &mut Served,
        ids: Vec<ConversationId>,
        result: Result<Subscribed, Failure>,
    ) {
        served.subscribing = false;
        match result {
            Ok(subscribed) => {
                self.form = subscribed.form;
                served.connection.conversations.extend(ids);
                served.connection.subscribed.add(&subscribed);
                self.flush_missing(served);
            }
            Err(failure) if failure.is_passing() => {
                debug!(error = %failure, "topics not added: trying again");
                served.flush_at = Some(Instant::now() + served.backoff.next());
            }
            Err(failure) => {
                info!(line = self.number, error = %failure, "the channel takes no topics: replacing it");
                served.replace_at = Instant::now();
            }
        }
    }

    /// What a new channel is to be subscribed to.
    fn wanted(&self) -> Wanted {
        Wanted {
            queues: self.queues.clone(),
            conversations: match self.form {
                Form::Refused => Vec::new(),
                Form::Combined | Form::Apart => self.followed.iter().cloned().collect(),
            },
            form: self.form,
            bulk: self.number == 0,
            replace: true,
        }
    }

    /// Says that a connection is up and what it listens to, and asks for a sweep.
    fn announce(&mut self, connection: &Connection, attempts: u32) {
        let Subscribed {
            form,
            queues,
            refused,
            bulk,
        } = connection.subscribed;
        self.form = form;
        info!(
            line = self.number,
            queue_topics = queues,
            refused_topics = refused,
            conversation_topics = form.name(),
            bulk_acd_start = bulk,
            attempts = attempts + 1,
            "connected"
        );
        if queues == 0 && !bulk && self.number == 0 {
            warn!(
                "no topic discovers callbacks: each is found by the next sweep instead, up to a minute later"
            );
        }
        self.status.update(|now| {
            now.sockets += 1;
            now.connects += 1;
        });
        self.sweeps.request();
    }
}

/// The word for an event. A callback that entered a queue of somebody else's is gone as far as we are concerned.
fn notice(event: Event, ours: &Queues) -> Notice {
    match event {
        Event::AcdStart {
            id,
            queue: Some(queue),
        } if !ours.wants(Some(&queue)) => Notice::Gone(id),
        Event::Callback {
            id,
            seen: Observed::Over(_),
        }
        | Event::AcdEnd { id } => Notice::Gone(id),
        Event::Callback {
            id,
            seen: Observed::Waiting(waiting),
        } => Notice::Changed {
            id,
            seen: Some(waiting),
        },
        Event::Callback { id, .. } | Event::AcdStart { id, .. } => {
            Notice::Changed { id, seen: None }
        }
    }
}
