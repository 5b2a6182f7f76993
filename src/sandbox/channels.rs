//! Notification channels: what they are subscribed to, who listens, and what becomes of an event.
//!
//! An event goes to sockets that are open at that moment and to nobody else; it is never kept and never repeated. A
//! channel outlives its sockets and keeps its topics for 24 hours from the last subscription. It has one socket at a
//! time: a second one takes the place of the first. There are 20 channels: for another, the one that was used longest
//! ago is removed, those without a socket first.
//!
//! See <https://developer.genesys.cloud/notificationsalerts/notifications/>.

mod channel;
mod topic;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use tokio::sync::mpsc;

pub(crate) use channel::{Attached, Channel, Order};
pub(crate) use topic::{Forms, Topic, parse};

use super::{
    Limits,
    faults::{Fate, Plan},
    world::{Dice, plus},
};
use crate::clock::Clock;

/// Close code of a channel that is no more: a normal end.
pub(crate) const NORMAL: u16 = 1000;

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

/// An event as it is sent. The order of the fields is the platform's.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Frame<'a> {
    /// Topic that it is told under.
    topic_name: &'a str,
    /// Version of the form.
    version: &'static str,
    /// What happened.
    event_body: Value,
    /// How it can be traced.
    metadata: Metadata,
}

/// How an event can be traced.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metadata {
    /// Id that the platform's support can find it by.
    correlation_id: String,
}

impl Channels {
    /// No channels yet.
    pub(crate) fn new(clock: Clock, limits: Limits, plan: Plan, seed: u64) -> Self {
        let list = List {
            // Other dice than the world's, so that channels do not change what conversations there are.
            dice: Dice::seeded(!seed),
            sockets: 0,
            channels: HashMap::new(),
        };
        Self(Arc::new(Shared {
            clock,
            limits,
            plan,
            list: Mutex::new(list),
        }))
    }

    /// Makes a channel, removes one where there would be too many, and shows the new one.
    pub(crate) fn create<T>(
        &self,
        token: usize,
        token_ends: Option<Timestamp>,
        show: impl FnOnce(&Channel) -> T,
    ) -> T {
        let now = self.0.clock.now();
        let mut list = self.list();
        while list.channels.len() >= self.0.limits.max_channels {
            let Some(oldest) = list.oldest() else { break };
            list.remove(&oldest, "the channel was replaced by a newer one");
        }
        let expires = plus(now, self.0.limits.channel_lifetime);
        let channel = Channel::new(list.dice.secret(), token, token_ends, now, expires);
        let shown = show(&channel);
        list.channels.insert(channel.id.clone(), channel);
        shown
    }

    /// Shows the channel with this id.
    pub(crate) fn with<T>(&self, id: &str, show: impl FnOnce(&Channel) -> T) -> Option<T> {
        self.list().channels.get(id).map(show)
    }

    /// Shows all channels, the one that expires first first.
    pub(crate) fn each<T>(&self, show: impl Fn(&Channel) -> T) -> Vec<T> {
        let list = self.list();
        let mut all: Vec<_> = list.channels.values().collect();
        all.sort_by_key(|channel| (channel.expires, &channel.id));
        all.into_iter().map(show).collect()
    }

    /// When a channel will be gone; nothing if it is.
    pub(crate) fn ends(&self, id: &str) -> Option<Timestamp> {
        self.with(id, Channel::ends)
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
        if !channel.subscribe(wanted, replace, self.0.limits.max_topics) {
            return Err(NotSubscribed::TooManyTopics);
        }
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

    /// Gives a channel's place to a new socket, if there is such a channel.
    pub(crate) fn attach(&self, id: &str) -> Option<Attached> {
        let now = self.0.clock.now();
        let mut list = self.list();
        list.sockets += 1;
        let number = list.sockets;
        let channel = list.channels.get_mut(id)?;
        channel.used = now;
        Some(channel.attach(number))
    }

    /// A socket is gone.
    pub(crate) fn detach(&self, id: &str, number: u64) {
        if let Some(channel) = self.list().channels.get_mut(id) {
            channel.detach(number);
        }
    }

    /// How many sockets are open.
    pub(crate) fn open_sockets(&self) -> usize {
        let list = self.list();
        list.channels
            .values()
            .filter(|channel| channel.is_open())
            .count()
    }

    /// Sends an event to every open socket whose channel is subscribed; the body is made only if there is one.
    pub(crate) fn publish(&self, topic: &str, body: impl FnOnce() -> Value) {
        let mut list = self.list();
        let bulk = topic::bulk_name(topic);
        let mut listeners: Vec<_> = list
            .channels
            .values()
            .filter(|channel| channel.hears(topic, bulk.as_ref()))
            .filter_map(|channel| Some((channel.id.clone(), channel.orders()?)))
            .collect();
        if listeners.is_empty() {
            return;
        }
        // A fault strikes channels in an order that the seed alone decides.
        listeners.sort_by(|(a, _), (b, _)| a.cmp(b));
        let frame = Frame {
            topic_name: topic,
            version: "2",
            event_body: body(),
            metadata: Metadata {
                correlation_id: list.dice.uuid(),
            },
        };
        drop(list);
        // Maps with string keys can always be written.
        let text = serde_json::to_string(&frame).unwrap_or_default();
        for (channel, orders) in listeners {
            self.deliver(channel, &orders, topic, &text);
        }
    }

    /// Sends an event to one channel's socket, unless something goes wrong with it.
    fn deliver(
        &self,
        channel: String,
        socket: &mpsc::UnboundedSender<Order>,
        topic: &str,
        text: &str,
    ) {
        let send = |delay| {
            // A socket that is just going takes no more orders.
            let _gone = socket.send(Order::Send(text.to_owned(), delay));
        };
        match self.0.plan.fate(topic) {
            Fate::Arrives => send(Duration::ZERO),
            Fate::Lost => {}
            Fate::Twice => {
                send(Duration::ZERO);
                send(Duration::ZERO);
            }
            Fate::Late(delay) => send(delay),
            Fate::Held => self.0.plan.hold(channel, text.to_owned()),
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

    /// Removes all channels; their sockets are closed.
    pub(crate) fn remove_all(&self, why: &'static str) {
        for (_, channel) in self.list().channels.drain() {
            channel.order(Order::Close(NORMAL, why));
        }
    }

    /// The list, without channels that have expired.
    fn list(&self) -> MutexGuard<'_, List> {
        let mut list = self.0.list.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.0.clock.now();
        list.channels.retain(|_, channel| {
            let lives = channel.ends() > now;
            if !lives {
                channel.order(Order::Close(NORMAL, "the channel expired"));
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
            channel.order(Order::Close(NORMAL, why));
        }
    }

    /// The channel to give up for another: without a socket if there is one, and used longest ago.
    fn oldest(&self) -> Option<String> {
        let oldest = self
            .channels
            .values()
            .min_by_key(|channel| (channel.is_open(), channel.used, &channel.id));
        oldest.map(|channel| channel.id.clone())
    }
}
