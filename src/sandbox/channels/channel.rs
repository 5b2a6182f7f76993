//! One channel: its topics, its life, and the place of its one socket.

use std::{collections::HashSet, time::Duration};

use jiff::Timestamp;
use tokio::sync::mpsc;

use super::{NORMAL, Topic};

/// What a socket is told to do.
#[derive(Clone, Debug)]
pub(crate) enum Order {
    /// Send this text, this much later.
    Send(String, Duration),
    /// Send these bytes as a binary message.
    SendBinary(Vec<u8>),
    /// Say goodbye in the protocol's way, with this code and reason, and close.
    Close(u16, &'static str),
    /// Send this notice, and close a minute later.
    Closing(String),
    /// Reset the connection without a word.
    Cut,
    /// Keep the connection open, and say and hear nothing more.
    Silence,
    /// The channel lives longer than it did.
    Renewed,
}

/// A channel as its owner sees it.
#[derive(Debug)]
pub(crate) struct Channel {
    /// Its id: whoever knows it may listen.
    pub(crate) id: String,
    /// Token with which it was made.
    pub(crate) token: usize,
    /// When it will be gone, as its owner is told.
    pub(crate) expires: Timestamp,
    /// When its token ends, if it ends with it.
    pub(super) token_ends: Option<Timestamp>,
    /// Subscriptions as they were asked for, oldest first.
    pub(crate) subscriptions: Vec<String>,
    /// Names of the topics that these ask for.
    pub(super) names: HashSet<String>,
    /// When it was last subscribed or connected.
    pub(super) used: Timestamp,
    /// Its socket, if one is open.
    socket: Option<Seat>,
}

/// Where a channel's socket sits.
#[derive(Clone, Debug)]
struct Seat {
    /// Which of all sockets it is, so that a late goodbye of an earlier one does no harm.
    number: u64,
    /// Where it takes its orders.
    orders: mpsc::UnboundedSender<Order>,
}

/// A socket's place at a channel.
#[derive(Debug)]
pub(crate) struct Attached {
    /// Which of all sockets it is.
    pub(crate) number: u64,
    /// What it is told to do.
    pub(crate) orders: mpsc::UnboundedReceiver<Order>,
}

impl Channel {
    /// A channel without topics and socket.
    pub(super) fn new(
        id: String,
        token: usize,
        token_ends: Option<Timestamp>,
        now: Timestamp,
        expires: Timestamp,
    ) -> Self {
        Self {
            id,
            token,
            expires,
            token_ends,
            subscriptions: Vec::new(),
            names: HashSet::new(),
            used: now,
            socket: None,
        }
    }

    /// When it will really be gone.
    pub(super) fn ends(&self) -> Timestamp {
        self.token_ends
            .map_or(self.expires, |ends| ends.min(self.expires))
    }

    /// Whether a socket is open.
    pub(super) fn is_open(&self) -> bool {
        self.socket.is_some()
    }

    /// Whether somebody hears what is told under one of these names.
    pub(super) fn hears(&self, topic: &str, bulk: Option<&String>) -> bool {
        self.is_open()
            && (self.names.contains(topic) || bulk.is_some_and(|name| self.names.contains(name)))
    }

    /// Subscribes to more topics, or to these and no others; whether that is not too many.
    pub(super) fn subscribe(
        &mut self,
        wanted: Vec<(String, Vec<Topic>)>,
        replace: bool,
        most: usize,
    ) -> bool {
        let (mut subscriptions, mut names) = if replace {
            (Vec::new(), HashSet::new())
        } else {
            (self.subscriptions.clone(), self.names.clone())
        };
        let mut known: HashSet<_> = subscriptions.iter().cloned().collect();
        for (text, topics) in wanted {
            if known.insert(text.clone()) {
                subscriptions.push(text);
                names.extend(topics.iter().map(Topic::name));
            }
        }
        let fits = subscriptions.len() <= most;
        if fits {
            self.subscriptions = subscriptions;
            self.names = names;
        }
        fits
    }

    /// Gives its place to a new socket; whoever had it is closed.
    pub(super) fn attach(&mut self, number: u64) -> Attached {
        let why = "another socket connected to the channel";
        self.order(Order::Close(NORMAL, why));
        let (sender, orders) = mpsc::unbounded_channel();
        self.socket = Some(Seat {
            number,
            orders: sender,
        });
        Attached { number, orders }
    }

    /// This socket is gone; another that has taken its place stays.
    pub(super) fn detach(&mut self, number: u64) {
        self.socket.take_if(|seat| seat.number == number);
    }

    /// Where its socket takes orders.
    pub(super) fn orders(&self) -> Option<mpsc::UnboundedSender<Order>> {
        self.socket.as_ref().map(|seat| seat.orders.clone())
    }

    /// Tells its socket to do something; without one there is nobody to tell.
    pub(super) fn order(&self, order: Order) {
        if let Some(seat) = &self.socket {
            // A socket that is just going takes no more orders.
            let _gone = seat.orders.send(order);
        }
    }
}
