//! A request before it is sent: what, how, and what it does to the world.

use std::time::Duration;

use reqwest::Method;
use serde_json::Value;
use tokio::time::Instant;

use crate::{conversation::QueueId, genesys::limiter::Turn};

/// One request, before it has a token.
pub(super) struct Call {
    /// Its name in failures and counts.
    pub(super) name: &'static str,
    /// How.
    pub(super) method: Method,
    /// What, below the base; built from checked ids only.
    pub(super) path: String,
    /// Parameters.
    pub(super) query: Vec<(&'static str, String)>,
    /// JSON to send.
    pub(super) body: Option<Value>,
    /// What it does to the world.
    pub(super) effect: Effect,
    /// Not to be sent any more after this.
    pub(super) by: Option<SendBy>,
    /// Where what it changes waits, as far as that is known.
    pub(super) queue: Option<QueueId>,
}

/// When a write is too late to be sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SendBy {
    /// It was decided for until then.
    pub(crate) at: Instant,
    /// The claim to it lasts until then, and for as long as the request may take. On a clock that counts sleep: another owner
    /// does not sleep.
    pub(crate) uptime: Duration,
}

/// What a call does to the world: decides when its turn comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// Changes something that others see.
    Writes,
    /// Only reads.
    Reads,
    /// Only reads, and so much at once that it can wait a little.
    Sweeps,
    /// Concerns our own notification channel, which must not wait behind a queue of raises.
    Upkeep,
}

impl Call {
    /// A call that writes, unless said otherwise.
    pub(super) fn new(name: &'static str, method: Method, path: impl Into<String>) -> Self {
        Self {
            name,
            method,
            path: path.into(),
            query: Vec::new(),
            body: None,
            effect: Effect::Writes,
            by: None,
            queue: None,
        }
    }

    /// A call that reads.
    pub(super) fn get(name: &'static str, path: impl Into<String>) -> Self {
        Self::new(name, Method::GET, path).which(Effect::Reads)
    }

    /// The same with this effect.
    pub(super) fn which(mut self, effect: Effect) -> Self {
        self.effect = effect;
        self
    }

    /// The same, to be sent by then or not at all.
    pub(super) fn by(mut self, by: SendBy) -> Self {
        self.by = Some(by);
        self
    }

    /// The same for something that waits in this queue.
    pub(super) fn in_queue(mut self, queue: Option<QueueId>) -> Self {
        self.queue = queue;
        self
    }

    /// The same with something to send.
    pub(super) fn sending(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }

    /// The same with one more parameter.
    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    /// When it has its turn, where it is not made for one conversation's sake.
    pub(super) fn turn(&self) -> Turn {
        match self.effect {
            // A write has waited in its turn already; it may be late as it is.
            Effect::Upkeep | Effect::Writes => Turn::Upkeep,
            Effect::Reads => Turn::Look,
            Effect::Sweeps => Turn::Sweep,
        }
    }
}
