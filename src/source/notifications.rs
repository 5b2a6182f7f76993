//! Owns the lines to the platform: decides which topic goes onto which channel.
//!
//! Queue topics first, spread over as many lines as they need; then the topics of tracked conversations, where there is
//! room. A channel takes 1,000 topics and an OAuth client 20 channels, one of which is kept free for a successor. What
//! finds no room is still found by the sweep.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::{Notify, mpsc},
    task::JoinSet,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, info, warn};

use super::{
    Notice,
    line::{Command, Line, Said},
    names::Names,
    queues::Queues,
    sight::Sight,
    subscription::Form,
    sweep::SweepRequests,
};
use crate::{
    conversation::ConversationId,
    genesys::{Genesys, MAX_CHANNELS, MAX_TOPICS, NameList, Topic},
    status::Status,
};

/// Most lines: one channel is kept free, because a successor is up before its predecessor goes.
const MAX_LINES: usize = MAX_CHANNELS - 1;
/// Time between readings of the platform's list of queues. Queues change a few times a week.
const REFRESH_QUEUES: Duration = Duration::from_mins(10);
/// Topics counted for a conversation, so that there is room for either form.
const ROOM: usize = 2;

/// A conversation to follow by topics of its own, or to follow no longer.
#[derive(Clone, Debug)]
pub(crate) enum Follow {
    /// It is tracked.
    Start(ConversationId),
    /// It is tracked no more.
    End(ConversationId),
}

/// The task that owns the lines.
pub(crate) struct Notifications {
    /// The platform.
    pub(crate) genesys: Arc<Genesys>,
    /// Which queues are ours.
    pub(crate) queues: Arc<Queues>,
    /// What things are called.
    pub(crate) names: Arc<Names>,
    /// Where news go.
    pub(crate) notices: mpsc::Sender<Notice>,
    /// Asked after every connect.
    pub(crate) sweeps: SweepRequests,
    /// Told what can be believed.
    pub(crate) sight: Arc<Sight>,
    /// Where sockets are counted.
    pub(crate) status: Status,
    /// Whether there are lines at all. Without them only the list of queues is kept up to date.
    pub(crate) listens: bool,
    /// What the trackers want followed.
    pub(crate) follows: mpsc::UnboundedReceiver<Follow>,
    /// Told when other queues are ours.
    pub(crate) chosen: Arc<Notify>,
}

/// A line and what is on it.
struct Held {
    /// Where its commands go.
    commands: mpsc::UnboundedSender<Command>,
    /// Topics on it, counting room for either form.
    topics: usize,
}

impl Held {
    /// Sends a command. The line ends only with its owner, which stops first.
    fn send(&self, command: Command) {
        let _ended = self.commands.send(command);
    }
}

/// Who is on which line. Pure, but for the sending.
#[derive(Default)]
struct Lines {
    /// All lines, by number.
    held: Vec<Held>,
    /// Which line follows a conversation.
    followed: HashMap<ConversationId, usize>,
    /// Queue topics that are on some line.
    queues: HashSet<Topic>,
    /// Whether it was said that there is no more room.
    full: bool,
}

impl Notifications {
    /// Keeps lines up until stopped.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut lines = Lines::default();
        let mut tasks = JoinSet::new();
        if self.listens {
            let Some(()) = stop.run_until_cancelled(self.look_at_topics()).await else {
                return;
            };
            self.add_queues(&mut lines, &mut tasks, &stop);
        }
        let mut refresh_at = Instant::now() + REFRESH_QUEUES;
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                Some(follow) = self.follows.recv() => if self.listens {
                    self.follow(follow, &mut lines, &mut tasks, &stop);
                },
                () = self.chosen.notified() => if self.listens {
                    self.add_queues(&mut lines, &mut tasks, &stop);
                },
                () = sleep_until(refresh_at) => {
                    refresh_at = Instant::now() + REFRESH_QUEUES;
                    let reading = refresh(&self.genesys, &self.queues, &self.names);
                    if stop.run_until_cancelled(reading).await == Some(true) && self.listens {
                        self.add_queues(&mut lines, &mut tasks, &stop);
                    }
                }
                Some(ended) = tasks.join_next() => {
                    if let Err(panic) = ended {
                        std::panic::resume_unwind(panic.into_panic());
                    }
                }
            }
        }
        while tasks.join_next().await.is_some() {}
    }

    /// Says which topics the platform does not offer on sockets. They are tried all the same: its answer to the
    /// subscription decides.
    async fn look_at_topics(&self) {
        match self.genesys.available_topics().await {
            Ok(topics) => {
                for topic in [Topic::QUEUE_CALLBACKS, Topic::ACD_START] {
                    if topics.on_socket(topic) == Some(false) {
                        info!(topic, transports = ?topics.transports(topic), "not offered on sockets: trying it all the same");
                    }
                }
            }
            Err(failure) => {
                info!(error = %failure, "the list of topics cannot be read: trying them unseen");
            }
        }
    }

    /// Puts the topics of our queues onto lines; the first call makes the first line in any case.
    fn add_queues(&self, lines: &mut Lines, tasks: &mut JoinSet<()>, stop: &CancellationToken) {
        let topics = self
            .queues
            .ids()
            .into_iter()
            .map(|id| Topic::queue_callbacks(&id));
        let new: Vec<Topic> = topics
            .filter(|topic| !lines.queues.contains(topic))
            .collect();
        if lines.held.is_empty() {
            let mut parts: Vec<Vec<Topic>> = new
                .chunks(MAX_TOPICS)
                .take(MAX_LINES)
                .map(<[Topic]>::to_vec)
                .collect();
            if parts.is_empty() {
                parts.push(Vec::new());
            }
            for part in parts {
                lines.queues.extend(part.iter().cloned());
                self.start_line(part, lines, tasks, stop);
            }
            return;
        }
        for topic in new {
            let Some(number) = self.room_for(1, lines, tasks, stop) else {
                return;
            };
            lines.held[number].topics += 1;
            lines.held[number].send(Command::AddQueue(topic.clone()));
            lines.queues.insert(topic);
        }
    }

    /// Follows a conversation, or stops following it.
    fn follow(
        &self,
        follow: Follow,
        lines: &mut Lines,
        tasks: &mut JoinSet<()>,
        stop: &CancellationToken,
    ) {
        match follow {
            Follow::Start(id) => {
                if lines.followed.contains_key(&id) {
                    return;
                }
                if let Some(number) = self.room_for(ROOM, lines, tasks, stop) {
                    lines.held[number].topics += ROOM;
                    lines.held[number].send(Command::Follow(id.clone()));
                    lines.followed.insert(id, number);
                }
            }
            Follow::End(id) => {
                if let Some(number) = lines.followed.remove(&id) {
                    lines.held[number].topics -= ROOM;
                    lines.held[number].send(Command::Unfollow(id));
                    lines.full = false;
                }
            }
        }
    }

    /// A line with room for so many topics; a new one where there is none and may be one more.
    fn room_for(
        &self,
        topics: usize,
        lines: &mut Lines,
        tasks: &mut JoinSet<()>,
        stop: &CancellationToken,
    ) -> Option<usize> {
        let roomy = |held: &Held| held.topics + topics <= MAX_TOPICS;
        if let Some(number) = lines.held.iter().position(roomy) {
            return Some(number);
        }
        if lines.held.len() < MAX_LINES {
            self.start_line(Vec::new(), lines, tasks, stop);
            return Some(lines.held.len() - 1);
        }
        if !lines.full {
            lines.full = true;
            warn!(
                "all channels are full: what finds no room is seen by the next sweep instead, up to a minute later"
            );
        }
        None
    }

    /// Starts one more line with these queue topics.
    fn start_line(
        &self,
        queues: Vec<Topic>,
        lines: &mut Lines,
        tasks: &mut JoinSet<()>,
        stop: &CancellationToken,
    ) {
        let (sender, commands) = mpsc::unbounded_channel();
        let mut line = Line {
            counted: false,
            number: lines.held.len(),
            genesys: Arc::clone(&self.genesys),
            ours: Arc::clone(&self.queues),
            notices: self.notices.clone(),
            sweeps: self.sweeps.clone(),
            sight: Arc::clone(&self.sight),
            status: self.status.clone(),
            followed: HashSet::new(),
            form: Form::Combined,
            refused: Arc::default(),
            said: Said::default(),
            commands,
            queues,
        };
        // The first is to find callbacks, by one topic or another.
        if line.number == 0 || !line.queues.is_empty() {
            line.count();
        }
        lines.held.push(Held {
            commands: sender,
            topics: line.queues.len(),
        });
        tasks.spawn(line.run(stop.clone()).in_current_span());
    }
}

/// Reads the platform's list of queues again; whether it could be read. Entries that mean no queue are named.
pub(crate) async fn refresh(genesys: &Genesys, queues: &Queues, names: &Names) -> bool {
    names.refresh(genesys).await;
    match genesys.queues().await {
        Ok(list) if list.is_empty() && !queues.ids().is_empty() => {
            if names.unread(NameList::Queues, "it is empty") {
                warn!("the list of queues is empty: going on with the queues that are known");
            }
            false
        }
        Ok(list) => {
            names.read(NameList::Queues);
            names.learn_queues(&list);
            names.say_idle(queues.resolve(&list));
            true
        }
        Err(failure) => {
            if names.unread(NameList::Queues, &failure.to_string()) {
                warn!(error = %failure, correlation_id = failure.correlation_id(), "the list of queues cannot be read: going on with the queues that are known");
            }
            false
        }
    }
}
