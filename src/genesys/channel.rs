//! A notification channel, its topics, and what became of subscribing to them.
//!
//! Whoever knows a channel's id can listen to it, so id and connect URI are secrets: they have no `Debug` and appear in
//! no log line. The connect URI comes from the network and is believed only if it leads to the platform.

pub(super) mod kept;

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;

use super::{failure::word, wire};
use crate::{
    clock::elapsed,
    conversation::{ConversationId, QueueId},
    settings::StreamingHost,
};

/// Life of a channel whose answer does not say: "Channels remain active for 24 hours", the notification service's page.
const DEFAULT_LIFE: Duration = Duration::from_hours(24);
/// Shortest life that is believed.
const SHORTEST_LIFE: Duration = Duration::from_mins(1);
/// A channel is used for this long at least: replacing it costs requests.
const LEAST_LIFE: Duration = Duration::from_secs(30);
/// How long before its end a channel is replaced; half of its life before, where it lives less than two hours.
const RENEW_AHEAD: Duration = Duration::from_hours(1);
/// Most topics of a channel: "Each WebSocket connection is limited to 1,000 topics", the notification service's page.
pub(crate) const MAX_TOPICS: usize = 1_000;
/// Most channels of an OAuth client; a 21st silently ends another one.
pub(crate) const MAX_CHANNELS: usize = 20;

/// A channel that exists.
pub(crate) struct Channel {
    /// Names it in requests.
    id: SecretString,
    /// Where a socket connects.
    uri: SecretString,
    /// When to have its successor up: before its own end, and before that of the token that made it.
    renew_at: Instant,
    /// How often it was taken up again after a restart.
    uses: u32,
}

impl Channel {
    /// The channel in an answer, if its address is one of the platform's. A channel is said to end with the token that
    /// made it, so it is replaced once that token is due to be.
    pub(super) fn accept(
        channel: wire::Channel,
        hosts: &StreamingHost,
        wall: Timestamp,
        token_ends: Instant,
    ) -> Result<Self, String> {
        let uri: Url = hosts
            .accepts(&channel.connect_uri)
            .map_err(|refused| refused.to_string())?;
        let now = Instant::now();
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if channel.id.is_empty() || !channel.id.bytes().all(plain) {
            return Err("its id is no word".to_owned());
        }
        Ok(Self {
            id: channel.id.into(),
            uri: String::from(uri).into(),
            renew_at: (now + life(wall, channel.expires))
                .min(token_ends)
                .max(now + LEAST_LIFE),
            uses: 0,
        })
    }

    /// Whether it was taken up again, and may have ended meanwhile.
    pub(crate) fn is_taken_up(&self) -> bool {
        self.uses > 0
    }

    /// Its id, for the path of a request.
    pub(super) fn id(&self) -> &str {
        self.id.expose_secret()
    }

    /// Its address, for the socket.
    pub(super) fn uri(&self) -> &str {
        self.uri.expose_secret()
    }

    /// When to have its successor up.
    pub(crate) fn renew_at(&self) -> Instant {
        self.renew_at
    }
}

/// How long to use a channel that ends at `expires`. An end that has passed already says more about the clocks than about
/// the channel.
fn life(now: Timestamp, expires: Option<Timestamp>) -> Duration {
    let left = expires
        .map(|expires| elapsed(now, expires))
        .filter(|left| *left > SHORTEST_LIFE)
        .unwrap_or(DEFAULT_LIFE);
    left.saturating_sub(RENEW_AHEAD).max(left / 2)
}

/// The name of a topic.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Topic(Arc<str>);

impl Topic {
    /// Callbacks of a queue, with placeholder: as `availabletopics` lists it.
    pub(crate) const QUEUE_CALLBACKS: &str = "v2.routing.queues.{id}.conversations.callbacks";
    /// Queue entry of a conversation, with placeholder.
    pub(crate) const ACD_START: &str = "v2.detail.events.conversation.{id}.acd.start";

    /// Every change of the callbacks in a queue: this is what discovers them.
    pub(crate) fn queue_callbacks(queue: &QueueId) -> Self {
        Self(
            Self::QUEUE_CALLBACKS
                .replace("{id}", &queue.to_string())
                .into(),
        )
    }

    /// Queue entry and queue exit of one conversation, as one topic: "`{prefix}?{suffix1}&{suffix2}`".
    pub(crate) fn acd(id: &ConversationId) -> Self {
        Self(format!("v2.detail.events.conversation.{id}.acd?start&end").into())
    }

    /// The same as two topics, where the combined form is refused.
    pub(crate) fn acd_apart(id: &ConversationId) -> [Self; 2] {
        ["start", "end"]
            .map(|what| Self(format!("v2.detail.events.conversation.{id}.acd.{what}").into()))
    }

    /// Queue entry of all conversations: refused on sockets as a rule, allowed perhaps in some organisation.
    pub(crate) fn bulk_acd_start() -> [Self; 2] {
        ["{id}", "*"].map(|any| Self(Self::ACD_START.replace("{id}", any).into()))
    }

    /// Its name on the wire.
    pub(crate) fn name(&self) -> &str {
        &self.0
    }

    /// What the platform's answer says of this topic.
    pub(super) fn outcome(&self, states: &[wire::TopicState]) -> TopicOutcome {
        if states.is_empty() {
            return TopicOutcome::Accepted;
        }
        let mut mine = states
            .iter()
            .filter(|state| self.covers(&state.id))
            .peekable();
        if mine.peek().is_none() {
            return TopicOutcome::Refused("not in the platform's answer".to_owned());
        }
        let rejected = mine.find(|state| {
            state
                .state
                .as_deref()
                .is_some_and(|word| word.eq_ignore_ascii_case("rejected"))
        });
        rejected.map_or(TopicOutcome::Accepted, |state| {
            TopicOutcome::Refused(reason(state))
        })
    }

    /// Whether a row of an answer is about this topic; a combined one may come back as its parts.
    fn covers(&self, name: &str) -> bool {
        if self.0.eq_ignore_ascii_case(name) {
            return true;
        }
        let Some((prefix, suffixes)) = self.0.split_once('?') else {
            return false;
        };
        name.strip_prefix(prefix)
            .and_then(|rest| rest.strip_prefix('.'))
            .is_some_and(|suffix| suffixes.split('&').any(|one| one == suffix))
    }
}

/// What became of a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TopicOutcome {
    /// Events will come.
    Accepted,
    /// None will; why, in words.
    Refused(String),
}

impl TopicOutcome {
    /// Whether events will come.
    pub(crate) fn is_accepted(&self) -> bool {
        matches!(self, Self::Accepted)
    }
}

/// Why a topic was rejected: the permissions that are missing, or the platform's word for it. Its sentences stay out, as
/// everywhere: nobody knows what they quote.
fn reason(state: &wire::TopicState) -> String {
    let permissions = state.missing_permissions.as_deref().unwrap_or_default();
    let permission = |text: &String| text.split(':').all(|part| word(part).is_some());
    let missing: Vec<&str> = permissions
        .iter()
        .filter(|text| permission(text))
        .map(String::as_str)
        .collect();
    if !missing.is_empty() {
        return format!("missing permissions {}", missing.join(", "));
    }
    state
        .rejection_reason
        .as_deref()
        .and_then(word)
        .unwrap_or_else(|| "rejected by the platform".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn outcome(topic: &Topic, rows: &serde_json::Value) -> TopicOutcome {
        topic.outcome(&serde_json::from_str::<Vec<_>>(&rows.to_string()).unwrap())
    }

    #[test]
    fn each_topic_finds_its_row() {
        let queue = Topic::queue_callbacks(&"q1".parse().unwrap());
        let name = queue.name();
        for (rows, accepted) in [
            (json!([]), true),
            (json!([{"id": name}]), true),
            (json!([{"id": name, "state": "Permitted"}]), true),
            (
                json!([{"id": name, "state": "Rejected", "rejectionReason": "no"}]),
                false,
            ),
            (json!([{"id": "v2.other"}]), false),
        ] {
            assert_eq!(outcome(&queue, &rows).is_accepted(), accepted, "{rows}");
        }
    }

    #[test]
    fn a_combined_topic_is_refused_with_any_of_its_parts() {
        let combined = Topic::acd(&"c1".parse().unwrap());
        let [start, end] = Topic::acd_apart(&"c1".parse().unwrap());
        for (rows, accepted) in [
            (json!([{"id": combined.name()}]), true),
            (
                json!([{"id": start.name()}, {"id": end.name(), "state": "Permitted"}]),
                true,
            ),
            (
                json!([{"id": start.name()}, {"id": end.name(), "state": "Rejected"}]),
                false,
            ),
        ] {
            assert_eq!(outcome(&combined, &rows).is_accepted(), accepted, "{rows}");
        }
        assert!(
            combined.name().len() < 200,
            "the platform's limit for a combined topic"
        );
    }

    #[test]
    fn missing_permissions_are_named() {
        let topic = Topic::queue_callbacks(&"q1".parse().unwrap());
        let rows =
            json!([{"id": topic.name(), "state": "Rejected", "missingPermissions": ["a:b:c"]}]);
        assert_eq!(
            outcome(&topic, &rows),
            TopicOutcome::Refused("missing permissions a:b:c".to_owned())
        );
    }

    #[test]
    fn a_channel_is_replaced_an_hour_before_its_end() {
        let now: Timestamp = "2026-01-05T09:00:00Z".parse().unwrap();
        for (expires, minutes) in [
            (None, 23 * 60),
            (Some("2026-01-06T09:00:00Z"), 23 * 60),
            (Some("2026-01-05T12:00:00Z"), 120),
            (Some("2026-01-05T10:00:00Z"), 30),
            (Some("2026-01-05T09:10:00Z"), 5),
            (Some("2026-01-05T08:00:00Z"), 23 * 60),
        ] {
            let expires = expires.map(|text| text.parse().unwrap());
            assert_eq!(
                life(now, expires),
                Duration::from_mins(minutes),
                "{expires:?}"
            );
        }
    }
}
