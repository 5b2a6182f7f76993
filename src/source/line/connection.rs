//! One connection of a line: how it comes up, and what is said when it does not.

use std::{collections::HashSet, sync::Arc, time::Duration};

use tracing::debug;

use crate::{
    backoff::Backoff,
    conversation::ConversationId,
    genesys::{Channel, EndReason, Failure, Genesys, Socket},
    source::subscription::{self, Subscribed, Wanted},
    status::Status,
};

/// A channel with its socket.
pub(super) struct Connection {
    /// The channel.
    pub(super) channel: Arc<Channel>,
    /// Its socket.
    pub(super) socket: Socket,
    /// What came of subscribing.
    pub(super) subscribed: Subscribed,
    /// Queue topics that were asked for.
    pub(super) queues: usize,
    /// Conversations among that.
    pub(super) conversations: HashSet<ConversationId>,
}

impl Connection {
    /// Takes in what was subscribed to later; a list that was put whole takes the place of all before.
    pub(super) fn add(&mut self, wanted: Wanted, subscribed: Subscribed) {
        if wanted.replace {
            self.conversations.clear();
            self.queues = 0;
            self.subscribed = subscribed;
        } else {
            self.subscribed.add(&subscribed);
        }
        self.conversations.extend(wanted.conversations);
        self.queues += wanted.queues.len();
    }
}

/// Why no connection came up.
pub(super) enum NoConnection {
    /// A request failed.
    Request(Failure),
    /// The socket failed.
    Socket(EndReason),
}

impl NoConnection {
    /// How long to wait before the next attempt.
    pub(super) fn delay(&self, backoff: &mut Backoff) -> Duration {
        match self {
            Self::Request(failure) => failure.delay(backoff),
            Self::Socket(_) => backoff.next(),
        }
    }
}

/// Brings up a channel, its topics and its socket, in this order: when the socket is up, every topic is on. The channel is
/// the one that was kept for this line where `resumes` and that is possible, else a new one.
pub(super) async fn open(
    genesys: Arc<Genesys>,
    line: usize,
    resumes: bool,
    wanted: Wanted,
    status: Status,
) -> Result<Connection, NoConnection> {
    let mut channel = genesys
        .channel(line, resumes)
        .await
        .map_err(NoConnection::Request)?;
    let mut subscribed = subscription::subscribe(&genesys, &channel, &wanted, &status).await;
    if subscribed.is_err() && channel.is_taken_up() {
        debug!(
            line,
            "the channel from before the restart is no more: making a new one"
        );
        let made = genesys.new_channel(line).await;
        channel = made.map_err(NoConnection::Request)?;
        subscribed = subscription::subscribe(&genesys, &channel, &wanted, &status).await;
    }
    let subscribed = subscribed.map_err(NoConnection::Request)?;
    let socket = Socket::connect(&genesys, &channel, status)
        .await
        .map_err(NoConnection::Socket)?;
    Ok(Connection {
        channel: Arc::new(channel),
        socket,
        subscribed,
        queues: wanted.queues.len(),
        conversations: wanted.conversations.into_iter().collect(),
    })
}
