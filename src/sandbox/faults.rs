//! Trouble on request.
//!
//! Everything a platform, a network or an administrator can do to a client, so that tests and demos can ask for it by
//! name: refusals, errors before and after a change was applied, connections that break or fall silent, events that
//! are lost, doubled, late or out of order, tokens and channels that vanish. What is asked for stays planned until
//! it has struck as often as it should, or [`Faults::clear`] takes it back; what is about sockets, tokens and channels
//! that exist happens at once.

mod plan;

use std::time::Duration;

use serde_json::json;

pub use plan::Fate;
pub(crate) use plan::Plan;

use super::{
    channels::{Channels, Order},
    tokens::Tokens,
    world::World,
};
use crate::conversation::QueueId;

/// What goes wrong with a request.
#[derive(Clone, Debug)]
pub enum Effect {
    /// It is answered with this status and `Retry-After`, in whole seconds, and nothing is done.
    Answer(u16, Option<u64>),
    /// It is done, and answered with this status.
    AppliedThenAnswer(u16),
    /// It is done, and the connection is reset before the answer.
    AppliedThenCut,
    /// Nothing is done, and the connection is reset.
    Cut,
    /// It is done and answered, but only after this time.
    Delay(Duration),
    /// It is answered 200 with this body, whatever it is, and nothing is done.
    Body(String),
    /// The token endpoint refuses the client: 401 `invalid_client`.
    InvalidClient,
    /// The token endpoint has had too many requests: 400 `rate limit exceeded`.
    TokenRateLimit,
}

/// A fault of requests: of which, what, and how often.
#[derive(Clone, Debug)]
pub struct RequestFault {
    /// Method of the requests; empty for any.
    pub method: String,
    /// Beginning of their path; empty for any.
    pub path: String,
    /// What goes wrong with them.
    pub effect: Effect,
    /// How many of them it strikes; absent for all.
    pub times: Option<u32>,
}

impl RequestFault {
    /// A fault of all requests with this method whose path begins so.
    #[must_use]
    pub fn to(method: &str, path: &str, effect: Effect) -> Self {
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            effect,
            times: None,
        }
    }

    /// Strikes so often and no more.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// Whether it is about this request.
    pub(super) fn matches(&self, method: &str, path: &str) -> bool {
        (self.method.is_empty() || self.method == method)
            && path.starts_with(&self.path)
            && self.times != Some(0)
    }
}

/// A handle for asking for trouble.
#[derive(Clone, Debug)]
pub struct Faults {
    /// What is planned.
    plan: Plan,
    /// Channels and sockets that trouble can come to.
    channels: Channels,
    /// Tokens that can be taken away.
    tokens: Tokens,
    /// Told of every trouble, for those who wait for it.
    world: World,
}

impl Faults {
    /// Trouble for these parts of the sandbox.
    pub(super) fn new(plan: Plan, channels: Channels, tokens: Tokens, world: World) -> Self {
        Self {
            plan,
            channels,
            tokens,
            world,
        }
    }

    /// Something goes wrong with requests from now on.
    pub fn requests(&self, fault: RequestFault) {
        self.plan.add_request(fault);
    }

    /// Events whose topic contains this text share a fate from now on, so many times or always.
    pub fn events(&self, topic: &str, fate: Fate, times: Option<u32>) {
        self.plan.add_event(topic, fate, times);
    }

    /// Events that were held back arrive, in this order of their positions; without one, the last first.
    pub fn release_events(&self, order: Option<&[usize]>) {
        let held = self.plan.take_held();
        let last_first: Vec<_> = (0..held.len()).rev().collect();
        for &position in order.unwrap_or(&last_first) {
            if let Some((channel, text)) = held.get(position) {
                self.channels.send(channel, text.clone());
            }
        }
    }

    /// Every open socket's connection is reset.
    pub fn cut_sockets(&self) {
        self.channels.order_all(&Order::Cut);
        self.world.touch();
    }

    /// Every open socket is closed in the protocol's way, with this code.
    pub fn close_sockets(&self, code: u16) {
        self.channels
            .order_all(&Order::Close(code, "closed on request"));
        self.world.touch();
    }

    /// Every open socket stays open and says and answers nothing more.
    pub fn silence_sockets(&self) {
        self.channels.order_all(&Order::Silence);
        self.world.touch();
    }

    /// Sockets are refused with this status from now on, so many times or always.
    pub fn refuse_sockets(&self, status: u16, times: Option<u32>) {
        self.plan.refuse_upgrades(status, times);
    }

    /// Sockets opened from now on are cut after this time; with none they live on.
    pub fn flap_sockets(&self, life: Option<Duration>) {
        self.plan.limit_sockets(life);
    }

    /// The platform announces maintenance: a notice now, and every socket open now closes a minute later.
    pub fn announce_closing(&self) {
        let notice = json!({
            "topicName": "v2.system.socket_closing",
            "eventBody": {"message": "The WebSocket will be closed in one minute for maintenance"},
        });
        self.channels.order_all(&Order::Closing(notice.to_string()));
    }

    /// Every open socket gets this text, whatever it is.
    pub fn send_text(&self, text: &str) {
        let order = Order::Send(text.to_owned(), Duration::ZERO);
        self.channels.order_all(&order);
    }

    /// Every open socket gets these bytes as a binary message.
    pub fn send_binary(&self, bytes: &[u8]) {
        self.channels.order_all(&Order::SendBinary(bytes.to_vec()));
    }

    /// All channels are removed, as for newer ones of the same client.
    pub fn evict_channels(&self) {
        self.channels
            .remove_all("the channel was replaced by a newer one");
        self.world.touch();
    }

    /// All tokens given out so far are worth nothing any more, and their channels end with them.
    pub fn revoke_tokens(&self) {
        self.tokens.revoke_all();
        self.channels
            .remove_all("the token of the channel was revoked");
        self.world.touch();
    }

    /// An administrator disables the client, or enables it again.
    pub fn disable_client(&self, disabled: bool) {
        self.tokens.disable(disabled);
        self.world.touch();
    }

    /// The client may not write to conversations of this queue: another division.
    pub fn forbid_queue(&self, queue: &QueueId) {
        self.plan.forbid(queue.clone());
    }

    /// Topics that begin so are rejected from now on for lack of permission.
    pub fn reject_topics(&self, beginning: &str) {
        self.plan.reject(beginning);
    }

    /// Everything that is planned is taken back. Events that are held back arrive.
    pub fn clear(&self) {
        for (channel, text) in self.plan.clear() {
            self.channels.send(&channel, text);
        }
        self.tokens.disable(false);
    }
}
