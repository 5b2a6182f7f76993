//! Notification channels: what they are subscribed to, who listens, and what becomes of an event.
//!
//! An event goes to sockets that are open at that moment and to nobody else; it is never kept and never repeated. A
//! channel outlives its sockets and keeps its topics for 24 hours from the last subscription. It has one socket at a
//! time: a second one takes the place of the first. There are 20 channels: for another, the one that was used longest
//! ago is removed, those without a socket first.
//!
//! See <https://developer.genesys.cloud/notificationsalerts/notifications/>.

mod topic;

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::mpsc;

pub(crate) use topic::{Forms, Topic, parse};

use super::{
    Limits,
    faults::{Fate, Plan},
    world::{Dice, plus},
};
use crate::clock::Clock;

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
#[derive(Clone, Debug)]
pub(crate) struct Channel {
    /// Its id: whoever knows it may listen.
    pub(crate) id: String,
    /// Token with which it was made.
    pub(crate) token: usize,
    /// When it will be gone.
    pub(crate) expires: Timestamp,
    /// Subscriptions as they were asked for, oldest first.
    pub(crate) subscriptions: Vec<String>,
    /// Names of the topics that these ask for.
    names: HashSet<String>,
    /// When it was last subscribed or connected.
    used: Timestamp,
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

/// Why a subscription fails as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotSubscribed {
    /// There is no such channel.
    NoChannel,
    /// It would have more topics than a channel may have.
    TooManyTopics,
}

/// All channels of the sandbox.
#[derive(Clone, Debug)]
pub(crate) struct Channels(Arc<Shared>);

/// What all handles share.
#[derive(Debug)]
struct Shared {
    /// Says what time it is.
    clock: Clock,
    /// How many, how long, how much.
    limits: Limits,
    /// What goes wrong with events.
    plan: Plan,
    /// The channels, and what is left to chance about them.
    list: Mutex<List>,
}

/// The channels.
#[derive(Debug)]
struct List {
    /// Makes their ids.
    dice: Dice,
    /// Sockets that were ever open.
    sockets: u64,
    /// Channels by id.
    channels: HashMap<String, Channel>,
}

impl Channels {
    /// No channels yet.
    pub(crate) fn new(clock: Clock, limits: Limits, plan: Plan, seed: u64) -> Self {
        Self(Arc::new(Shared {
            clock,
            limits,
            plan,
            list: Mutex::new(List {
                // Other dice than the world's, so that channels do not change what conversations there are.
                dice: Dice::seeded(!seed),
                sockets: 0,
                channels: HashMap::new(),
            }),
        }))
    }

    /// Makes a channel, and removes one where there would be too many.
    pub(crate) fn create(&self, token: usize) -> Channel {
        let now = self.0.clock.now();
        let mut list = self.list();
        while list.channels.len() >= self.0.limits.max_channels {
            let Some(oldest) = list.oldest() else { break };
            list.remove(&oldest, "the channel was replaced by a newer one");
        }
        let channel = Channel {
            id: list.dice.secret(),
            token,
            expires: plus(now, self.0.limits.channel_lifetime),
            subscriptions: Vec::new(),
            names: HashSet::new(),
            used: now,
            socket: None,
        };
        list.channels.insert(channel.id.clone(), channel.clone());
        channel
    }

    /// The channel with this id.
    pub(crate) fn get(&self, id: &str) -> Option<Channel> {
        self.list().channels.get(id).cloned()
    }

    /// All channels, the one that expires first first.
    pub(crate) fn all(&self) -> Vec<Channel> {
        let mut all: Vec<_> = self.list().channels.values().cloned().collect();
        all.sort_by(|a, b| (a.expires, &a.id).cmp(&(b.expires, &b.id)));
        all
    }

    /// Subscribes a channel to more topics, or to these and no others. Its life begins anew.
    pub(crate) fn subscribe(
        &self,
        id: &str,
        wanted: Vec<(String, Vec<Topic>)>,
        replace: bool,
    ) -> Result<(), NotSubscribed> {
        let now = self.0.clock.now();
        let mut list = self.list();
        let channel = list.channels.get_mut(id).ok_or(NotSubscribed::NoChannel)?;
        let (mut subscriptions, mut names) = if replace {
            (Vec::new(), HashSet::new())
        } else {
            (channel.subscriptions.clone(), channel.names.clone())
        };
        let mut known: HashSet<_> = subscriptions.iter().cloned().collect();
        for (text, topics) in wanted {
            if known.insert(text.clone()) {
                subscriptions.push(text);
                names.extend(topics.iter().map(Topic::name));
            }
        }
        if subscriptions.len() > self.0.limits.max_topics {
            return Err(NotSubscribed::TooManyTopics);
        }
        channel.subscriptions = subscriptions;
        channel.names = names;
        channel.used = now;
        channel.expires = plus(now, self.0.limits.channel_lifetime);
        channel.order(Order::Renewed);
        Ok(())
    }

    /// Ends all of a channel's subscriptions; whether there is such a channel.
    pub(crate) fn unsubscribe(&self, id: &str) -> bool {
        let mut list = self.list();
        let Some(channel) = list.channels.get_mut(id) else {
            return false;
        };
        channel.subscriptions.clear();
        channel.names.clear();
        true
    }

    /// Gives a channel's place to a new socket; whoever had it is closed.
    pub(crate) fn attach(&self, id: &str) -> Option<Attached> {
        let now = self.0.clock.now();
        let mut list = self.list();
        list.sockets += 1;
        let number = list.sockets;
        let channel = list.channels.get_mut(id)?;
        channel.order(Order::Close(
            1000,
            "another socket connected to the channel",
        ));
        channel.used = now;
        let (sender, orders) = mpsc::unbounded_channel();
        channel.socket = Some(Seat {
            number,
            orders: sender,
        });
        Some(Attached { number, orders })
    }

    /// A socket is gone.
    pub(crate) fn detach(&self, id: &str, number: u64) {
        let mut list = self.list();
        if let Some(channel) = list.channels.get_mut(id)
            && channel
                .socket
                .as_ref()
                .is_some_and(|seat| seat.number == number)
        {
            channel.socket = None;
        }
    }

    /// How many sockets are open.
    pub(crate) fn open_sockets(&self) -> usize {
        let list = self.list();
        let open = |channel: &&Channel| channel.socket.is_some();
        list.channels.values().filter(open).count()
    }

    /// Sends an event to every open socket whose channel is subscribed; the body is made only if there is one.
    pub(crate) fn publish(&self, topic: &str, body: impl FnOnce() -> Value) {
        let mut list = self.list();
        let bulk = topic::bulk_name(topic);
        let wants = |channel: &&Channel| {
            channel.socket.is_some()
                && (channel.names.contains(topic)
                    || bulk
                        .as_ref()
                        .is_some_and(|name| channel.names.contains(name)))
        };
        let mut listeners: Vec<_> = list.channels.values().filter(wants).cloned().collect();
        if listeners.is_empty() {
            return;
        }
        listeners.sort_by(|a, b| a.id.cmp(&b.id));
        let text = json!({
            "topicName": topic,
            "version": "2",
            "eventBody": body(),
            "metadata": {"CorrelationId": list.dice.uuid()},
        })
        .to_string();
        drop(list);
        for channel in listeners {
            self.deliver(&channel, topic, &text);
        }
    }

    /// Sends an event to one channel, unless something goes wrong with it.
    fn deliver(&self, channel: &Channel, topic: &str, text: &str) {
        let at_once = Order::Send(text.to_owned(), Duration::ZERO);
        match self.0.plan.fate(topic) {
            Fate::Arrives => channel.order(at_once),
            Fate::Lost => {}
            Fate::Twice => {
                channel.order(at_once.clone());
                channel.order(at_once);
            }
            Fate::Late(delay) => channel.order(Order::Send(text.to_owned(), delay)),
            Fate::Held => self.0.plan.hold(channel.id.clone(), text.to_owned()),
        }
    }

    /// Sends a text to a channel's socket, if one is open.
    pub(crate) fn send(&self, id: &str, text: String) {
        if let Some(channel) = self.list().channels.get(id) {
            channel.order(Order::Send(text, Duration::ZERO));
        }
    }

    /// Gives every open socket an order.
    pub(crate) fn order_all(&self, order: &Order) {
        for channel in self.list().channels.values() {
            channel.order(order.clone());
        }
    }

    /// Removes the channels for which this is so; their sockets are closed.
    pub(crate) fn remove_if(&self, gone: impl Fn(&Channel) -> bool, why: &'static str) {
        let mut list = self.list();
        let ids: Vec<_> = list
            .channels
            .values()
            .filter(|channel| gone(channel))
            .map(|channel| channel.id.clone())
            .collect();
        for id in ids {
            list.remove(&id, why);
        }
    }

    /// The list, without channels that have expired.
    fn list(&self) -> MutexGuard<'_, List> {
        let mut list = self.0.list.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.0.clock.now();
        list.channels.retain(|_, channel| {
            let lives = channel.expires > now;
            if !lives {
                channel.order(Order::Close(1000, "the channel expired"));
            }
            lives
        });
        list
    }
}

impl List {
    /// Removes a channel and closes its socket.
    fn remove(&mut self, id: &str, why: &'static str) {
        if let Some(channel) = self.channels.remove(id) {
            channel.order(Order::Close(1000, why));
        }
    }

    /// The channel to give up for another: without a socket if there is one, and used longest ago.
    fn oldest(&self) -> Option<String> {
        let oldest = self
            .channels
            .values()
            .min_by_key(|channel| (channel.socket.is_some(), channel.used, &channel.id));
        oldest.map(|channel| channel.id.clone())
    }
}

impl Channel {
    /// Tells its socket to do something; without one there is nobody to tell.
    fn order(&self, order: Order) {
        if let Some(seat) = &self.socket {
            // A socket that is just going takes no more orders.
            let _gone = seat.orders.send(order);
        }
    }
}
