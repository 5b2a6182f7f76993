//! Genesys Cloud as this daemon needs it. Nothing outside this module names an HTTP status or a JSON field.
//!
//! Every request takes the same path (`rest`): a permit, a token, the request under a deadline, a classification, and
//! back to the limiter what was learned. A failure is classified here, once, into the five things a caller can do about
//! it; callers decide by [`FailureKind`] alone.

mod answer;

mod background;

mod channel;

pub(crate) mod event;

mod failure;

pub(crate) mod legs;

mod limiter;

mod oauth;

mod rest;

mod socket;

mod time;

pub(crate) mod tls;

#[doc(hidden)]
pub mod untrusted;

pub(crate) mod wire;

pub(crate) use answer::DEADLINE;
pub(crate) use channel::{Channel, MAX_CHANNELS, MAX_TOPICS, Topic, TopicOutcome};
pub(crate) use event::Event;
pub use failure::{Failure, FailureKind};
pub(crate) use limiter::{Permit, Place, Turn};
pub(crate) use rest::Genesys;
pub(crate) use rest::{MAX_PAGES, NameList, SendBy, Sighting, VisitKey};
pub(crate) use socket::{EndReason, Incoming, Socket};
pub use tls::NoTls;
#[cfg(feature = "aws")]
pub(crate) use tls::http_client;
pub(crate) use tls::loopback_client;
