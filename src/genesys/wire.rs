//! The platform's JSON: only the fields this daemon acts on.
//!
//! Lenient on purpose. Enum values and fields appear with every SDK release, and half of what the platform documents
//! may be absent, so an unknown field is ignored and a field of an unexpected type counts as absent. What is then
//! missing is decided by `legs`, not here. Names, telephone numbers and attributes are never read, so they can never
//! be printed.

mod conversation;

mod lenient;

mod whole;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::value::RawValue;

pub(crate) use self::conversation::{
    Callback, Conversation, LegState, Participant, Purpose, RoutingData,
};
use self::lenient::lenient;
pub(crate) use self::whole::{Member, Reference, Whole};
use crate::conversation::{ConversationId, ParticipantId, QueueId, SessionId};

/// Answer to the priority PATCH.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct RoutingAttributes {
    /// The priority as it is now.
    #[serde(deserialize_with = "lenient")]
    pub(crate) priority: Option<i64>,
}

/// A page of any list: an object with `entities`, as documented; a bare list; or nothing.
#[derive(Debug)]
pub(crate) struct Page<T> {
    /// What the page holds.
    pub(crate) entities: Rows<T>,
    /// How many pages there are, where the list says so.
    pub(crate) page_count: Option<u32>,
}

/// A page as it is documented.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "T: Deserialize<'de>"))]
struct Documented<T> {
    /// What the page holds.
    #[serde(default)]
    entities: Rows<T>,
    /// How many pages there are.
    #[serde(default, deserialize_with = "lenient")]
    page_count: Option<u32>,
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Page<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = <&RawValue>::deserialize(from)?.get();
        let page = if text.starts_with('{') {
            serde_json::from_str(text)
        } else {
            // A bare list, or nothing.
            serde_json::from_str(text).map(|entities| Documented {
                entities,
                page_count: None,
            })
        };
        let Documented {
            entities,
            page_count,
        } = page.map_err(D::Error::custom)?;
        Ok(Self {
            entities,
            page_count,
        })
    }
}

/// The rows of a list that could be read, and how many could not. A row of an unexpected form costs itself, not the list.
#[derive(Debug)]
pub(crate) struct Rows<T> {
    /// Those that could be read.
    pub(crate) read: Vec<T>,
    /// How many could not.
    pub(crate) unread: usize,
}

impl<T> Default for Rows<T> {
    fn default() -> Self {
        Self {
            read: Vec::new(),
            unread: 0,
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Rows<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let rows = Option::<Vec<&RawValue>>::deserialize(from)?.unwrap_or_default();
        let read: Vec<T> = rows
            .iter()
            .filter_map(|row| serde_json::from_str(row.get()).ok())
            .collect();
        let unread = rows.len() - read.len();
        Ok(Self { read, unread })
    }
}

/// A row of `GET /api/v2/routing/queues` and of other lists of things that have names.
#[derive(Debug, Deserialize)]
pub(crate) struct Named<Id> {
    /// Its id.
    pub(crate) id: Id,
    /// Its name, as administrators know it.
    #[serde(default)]
    pub(crate) name: String,
}

/// A row of `GET /api/v2/notifications/availabletopics`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AvailableTopic {
    /// The topic with placeholders.
    #[serde(default)]
    pub(crate) id: String,
    /// Ways it is delivered, where the platform says so: `All`, `Websocket`, `EventBridge`, `ProcessAutomation`.
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) transports: Option<Vec<String>>,
    /// Permissions the subscriber needs.
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) requires_permissions: Option<Vec<String>>,
}

/// A notification channel as `POST /api/v2/notifications/channels` returns it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Channel {
    /// The channel's id: whoever knows it can listen, so it is a secret.
    pub(crate) id: String,
    /// Where to connect: holds the id, so it is a secret too.
    pub(crate) connect_uri: String,
    /// When the channel ends unless its topics are put again.
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) expires: Option<Timestamp>,
}

/// A topic to subscribe to.
#[derive(Debug, Serialize)]
pub(crate) struct TopicRequest<'a> {
    /// Its name.
    pub(crate) id: &'a str,
}

/// What became of a subscription.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TopicState {
    /// The topic's name.
    pub(crate) id: String,
    /// `Permitted` or `Rejected`; absent in older answers, which list only what was accepted.
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) state: Option<String>,
    /// Why it was rejected.
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) rejection_reason: Option<String>,
    /// Which permissions the OAuth client lacks for it.
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) missing_permissions: Option<Vec<String>>,
}

/// Answer to the activity query.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ActivityAnswer {
    /// One result a group; null where nothing waits.
    pub(crate) results: Rows<ActivityResult>,
}

/// One group of the activity query.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ActivityResult {
    /// What was grouped by: the queue.
    #[serde(deserialize_with = "lenient")]
    pub(crate) group: Option<ActivityGroup>,
    /// Whether rows were left out.
    #[serde(deserialize_with = "lenient")]
    pub(crate) truncated: Option<bool>,
    /// How many rows there are, metric by metric.
    pub(crate) data: Rows<ActivityCount>,
    /// Who waits.
    pub(crate) entities: Rows<ActivityEntity>,
}

impl ActivityResult {
    /// How many rows there are on all pages together, where that is said.
    pub(crate) fn rows(&self) -> Option<usize> {
        let counts = self.data.read.iter().map(|data| data.count);
        let all: Option<usize> = counts.sum();
        all.filter(|_| self.data.unread == 0 && !self.data.read.is_empty())
    }
}

/// How many rows there are of one metric.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ActivityCount {
    /// On all pages.
    #[serde(deserialize_with = "lenient")]
    pub(crate) count: Option<usize>,
}

/// The key of a group.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ActivityGroup {
    /// The queue of all rows in the group.
    #[serde(deserialize_with = "lenient")]
    pub(crate) queue_id: Option<QueueId>,
}

/// One conversation that waits.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ActivityEntity {
    /// Which one.
    #[serde(deserialize_with = "lenient")]
    pub(crate) conversation_id: Option<ConversationId>,
    /// The id of the ACD leg's callback: differs from visit to visit.
    #[serde(deserialize_with = "lenient")]
    pub(crate) session_id: Option<SessionId>,
    /// Where it waits.
    #[serde(deserialize_with = "lenient")]
    pub(crate) queue_id: Option<QueueId>,
    /// `callback`, in lower case here.
    #[serde(deserialize_with = "lenient")]
    pub(crate) media_type: Option<String>,
    /// When it entered the queue.
    #[serde(deserialize_with = "lenient")]
    pub(crate) activity_date: Option<Timestamp>,
    /// Its priority now.
    #[serde(deserialize_with = "lenient")]
    pub(crate) routing_priority: Option<i64>,
}

/// The body of an acd.start or acd.end event.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct AcdEvent {
    /// The conversation it tells of.
    #[serde(deserialize_with = "lenient")]
    pub(crate) conversation_id: Option<ConversationId>,
    /// `CALLBACK`, in upper case here.
    #[serde(deserialize_with = "lenient")]
    pub(crate) media_type: Option<String>,
    /// The queue entered or left.
    #[serde(deserialize_with = "lenient")]
    pub(crate) queue_id: Option<QueueId>,
    /// The ACD leg.
    #[serde(deserialize_with = "lenient")]
    pub(crate) participant_id: Option<ParticipantId>,
    /// Of acd.end: how the wait ended.
    #[serde(deserialize_with = "lenient")]
    pub(crate) acd_outcome: Option<String>,
}

/// The body of a `v2.system.*` message, SDK `SystemMessageSystemMessage`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct SystemMessage {
    /// `no_longer_subscribed`, `subscription_changed` or `token_revoked`.
    #[serde(deserialize_with = "lenient")]
    pub(crate) system_topic_type: Option<String>,
}

/// The platform's error body; any field may be absent.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ErrorBody {
    /// A stable word such as `too.many.requests`.
    #[serde(deserialize_with = "lenient")]
    pub(crate) code: Option<String>,
    /// A sentence; read for a retry time only, never printed.
    #[serde(deserialize_with = "lenient")]
    pub(crate) message: Option<String>,
    /// The platform's trace of the request.
    #[serde(deserialize_with = "lenient")]
    pub(crate) context_id: Option<String>,
}

/// Answer of the token endpoint.
#[derive(Deserialize)]
pub(crate) struct TokenAnswer {
    /// The bearer token: a secret.
    pub(crate) access_token: String,
    /// Its life in seconds.
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) expires_in: Option<u64>,
}
