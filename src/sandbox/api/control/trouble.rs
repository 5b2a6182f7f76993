//! `POST /sandbox/faults`: trouble, asked for over HTTP by its name.

use axum::{extract::State, http::StatusCode};
use serde::Deserialize;

use super::{
    Refusal, Shared, parse, queue,
    span::{Span, span},
};
use crate::sandbox::faults::{Effect, Fate, Faults, RequestFault};

/// Trouble of one kind.
#[derive(Debug, Deserialize)]
#[serde(
    tag = "fault",
    rename_all = "snake_case",
    rename_all_fields = "camelCase"
)]
enum Trouble {
    /// Requests go wrong.
    Requests {
        /// Their method; any where it does not say.
        #[serde(default)]
        method: String,
        /// Beginning of their path; any where it does not say.
        #[serde(default)]
        path: String,
        /// How often; always where it does not say.
        times: Option<u32>,
        /// What goes wrong.
        #[serde(flatten)]
        effect: Asked,
    },
    /// Events go wrong.
    Events {
        /// Part of their topic; any where it does not say.
        #[serde(default)]
        topic: String,
        /// What becomes of them.
        fate: Word,
        /// For late ones: how late.
        delay: Option<Span>,
        /// How often; always where it does not say.
        times: Option<u32>,
    },
    /// Held events arrive, in this order; the last first where it does not say.
    ReleaseEvents {
        /// Positions in the order of being held, from 0.
        order: Option<Vec<usize>>,
    },
    /// Open connections are reset.
    CutSockets,
    /// Open sockets are closed with this code.
    CloseSockets {
        /// The close code.
        code: u16,
    },
    /// Open sockets fall silent.
    SilenceSockets,
    /// Sockets are refused.
    RefuseSockets {
        /// The status.
        status: u16,
        /// How often; always where it does not say.
        times: Option<u32>,
    },
    /// Sockets are cut after a while; never where it does not say.
    FlapSockets {
        /// How long they live.
        life: Option<Span>,
    },
    /// Maintenance is announced.
    AnnounceClosing,
    /// Open sockets get a text.
    SendText {
        /// The text.
        text: String,
    },
    /// Channels are removed.
    EvictChannels,
    /// Tokens are revoked.
    RevokeTokens,
    /// The client is disabled, or enabled.
    DisableClient {
        /// Which of the two.
        disabled: bool,
    },
    /// Writes to a queue's conversations are forbidden.
    ForbidQueue {
        /// Name or id of the queue.
        queue: String,
    },
    /// Topics are rejected.
    RejectTopics {
        /// How they begin.
        topic: String,
    },
}

/// What goes wrong with requests, by its name.
#[derive(Debug, Deserialize)]
#[serde(
    tag = "effect",
    rename_all = "snake_case",
    rename_all_fields = "camelCase"
)]
enum Asked {
    /// Answered with a status.
    Answer {
        /// The status.
        status: u16,
        /// Seconds after which to try again.
        retry_after: Option<u64>,
    },
    /// Done, and answered with a status.
    AppliedThenAnswer {
        /// The status.
        status: u16,
    },
    /// Done, and the connection reset.
    AppliedThenCut,
    /// The connection reset.
    Cut,
    /// Answered late.
    Delay {
        /// How late.
        delay: Span,
    },
    /// Answered with a body of one's own.
    Body {
        /// The body.
        body: String,
    },
    /// Refused as an unknown client.
    InvalidClient,
    /// Refused for too many token requests.
    TokenRateLimit,
}

/// What becomes of events, by its name.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Word {
    /// Never arrive.
    Lost,
    /// Arrive twice.
    Twice,
    /// Arrive late.
    Late,
    /// Are held back.
    Held,
}

impl Asked {
    /// The effect it means.
    fn effect(self) -> Result<Effect, Refusal> {
        Ok(match self {
            Self::Answer {
                status,
                retry_after,
            } => Effect::Answer(status, retry_after),
            Self::AppliedThenAnswer { status } => Effect::AppliedThenAnswer(status),
            Self::AppliedThenCut => Effect::AppliedThenCut,
            Self::Cut => Effect::Cut,
            Self::Delay { delay } => Effect::Delay(delay.duration()?),
            Self::Body { body } => Effect::Body(body),
            Self::InvalidClient => Effect::InvalidClient,
            Self::TokenRateLimit => Effect::TokenRateLimit,
        })
    }
}

/// Causes the trouble that is asked for.
pub(super) async fn ask(State(platform): Shared, body: String) -> Result<StatusCode, Refusal> {
    let trouble: Trouble = parse(&body)?;
    let faults = &platform.faults;
    match trouble {
        Trouble::ForbidQueue { queue: name } => faults.forbid_queue(&queue(&platform, &name)?),
        other => cause(faults, other)?,
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Takes everything back.
pub(super) async fn clear(State(platform): Shared) -> StatusCode {
    platform.faults.clear();
    StatusCode::NO_CONTENT
}

/// Causes trouble that is about no queue.
fn cause(faults: &Faults, trouble: Trouble) -> Result<(), Refusal> {
    match trouble {
        Trouble::Requests {
            method,
            path,
            times,
            effect,
        } => faults.requests(RequestFault {
            method,
            path,
            effect: effect.effect()?,
            times,
        }),
        Trouble::Events {
            topic,
            fate,
            delay,
            times,
        } => faults.events(&topic, fate_of(fate, delay.as_ref())?, times),
        Trouble::ReleaseEvents { order } => faults.release_events(order.as_deref()),
        Trouble::CutSockets => faults.cut_sockets(),
        Trouble::CloseSockets { code } => faults.close_sockets(code),
        Trouble::SilenceSockets => faults.silence_sockets(),
        Trouble::RefuseSockets { status, times } => faults.refuse_sockets(status, times),
        Trouble::FlapSockets { life } => faults.flap_sockets(span(life.as_ref())?),
        Trouble::AnnounceClosing => faults.announce_closing(),
        Trouble::SendText { text } => faults.send_text(&text),
        Trouble::EvictChannels => faults.evict_channels(),
        Trouble::RevokeTokens => faults.revoke_tokens(),
        Trouble::DisableClient { disabled } => faults.disable_client(disabled),
        Trouble::RejectTopics { topic } => faults.reject_topics(&topic),
        // Needs to know the queues, which `ask` does.
        Trouble::ForbidQueue { .. } => {}
    }
    Ok(())
}

/// The fate that a word means.
fn fate_of(word: Word, delay: Option<&Span>) -> Result<Fate, Refusal> {
    Ok(match word {
        Word::Lost => Fate::Lost,
        Word::Twice => Fate::Twice,
        Word::Held => Fate::Held,
        Word::Late => Fate::Late(
            span(delay)?.ok_or_else(|| Refusal::bad_request("late events need a delay"))?,
        ),
    })
}
