//! The calls that find callbacks and keep notifications alive. All of them only read, or concern this daemon's own
//! notification channel.

use jiff::Timestamp;
use reqwest::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Call, Effect, FIRST, Genesys, Page};
use crate::{
    conversation::{ConversationId, Priority, QueueId, SessionId},
    genesys::{
        channel::{Channel, Topic, TopicOutcome},
        failure::{Failure, FailureKind},
        oauth::NoToken,
        wire,
    },
};

/// Rows asked for on each page of a list.
pub(crate) const PAGE_SIZE: usize = 100;
/// Requests spent on finding refused topics in one list; what is left then counts as refused.
const MAX_SUBSCRIBE_REQUESTS: usize = 32;
/// Pages after which a list is taken to have no end: 20,000 rows.
pub(crate) const MAX_PAGES: u32 = 200;

/// A callback found waiting by the activity query.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sighting {
    /// Which conversation.
    pub(crate) id: ConversationId,
    /// Differs from visit to visit.
    pub(crate) visit_key: VisitKey,
    /// Its priority, where the row says so.
    pub(crate) priority: Option<Priority>,
}

/// What tells one visit of a conversation from the next in the activity query, which does not name the leg.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct VisitKey {
    /// The callback of the leg, where the row says so.
    session: Option<SessionId>,
    /// Where it waits.
    pub(crate) queue: Option<QueueId>,
    /// When it entered, as the platform says it here.
    since: Option<Timestamp>,
}

impl VisitKey {
    /// One of which only queue and time of entry are known.
    #[cfg(test)]
    pub(crate) fn of(queue: QueueId, entered: Timestamp) -> Self {
        Self {
            session: None,
            queue: Some(queue),
            since: Some(entered),
        }
    }

    /// When it entered, where the row says so.
    pub(crate) fn entered(&self) -> Option<Timestamp> {
        self.since
    }

    /// Whether both are of one visit: by the session, else by queue and time.
    pub(crate) fn is_of_same_visit(&self, other: &Self) -> bool {
        match (&self.session, &other.session) {
            (Some(one), Some(other)) => one == other,
            _ => self.queue == other.queue && self.since == other.since,
        }
    }
}

/// One page of the activity query.
#[derive(Debug, Default)]
pub(crate) struct SweepPage {
    /// Callbacks that wait.
    pub(crate) sightings: Vec<Sighting>,
    /// Rows on the page, of whatever kind: a page without any is the last.
    pub(crate) rows: usize,
    /// Rows on all pages together, where the platform says so.
    pub(crate) of_all: Option<usize>,
    /// Whether rows were left out, by the platform or because they could not be read.
    pub(crate) truncated: bool,
}

/// Topics that the platform offers, as far as this daemon asks.
#[derive(Debug, Default)]
pub(crate) struct AvailableTopics(Vec<wire::AvailableTopic>);

impl AvailableTopics {
    /// The transports of a topic with placeholders; nothing where the platform does not say.
    pub(crate) fn transports(&self, topic: &str) -> Option<&[String]> {
        self.find(topic)?.transports.as_deref()
    }

    /// The permissions a subscriber to this topic needs.
    pub(crate) fn permissions(&self, topic: &str) -> &[String] {
        self.find(topic)
            .and_then(|found| found.requires_permissions.as_deref())
            .unwrap_or_default()
    }

    /// Whether a topic is delivered to sockets; nothing where the platform does not say.
    pub(crate) fn on_socket(&self, topic: &str) -> Option<bool> {
        let transports = self.transports(topic)?;
        Some(
            transports.iter().any(|one| {
                one.eq_ignore_ascii_case("websocket") || one.eq_ignore_ascii_case("all")
            }),
        )
    }

    /// The row of a topic.
    fn find(&self, topic: &str) -> Option<&wire::AvailableTopic> {
        self.0.iter().find(|row| row.id == topic)
    }
}

impl Genesys {
    /// Callbacks that wait now in these queues, or in any where none is named.
    ///
    /// `POST /api/v2/analytics/conversations/activity/query`, permission `analytics:queueObservation:view`. Whether a
    /// callback counts as waiting while an agent's phone rings is not documented, so alerting ones are asked for too.
    /// Where the sweep has `begun`, this page of it waits no more for others: pages far apart would not fit together.
    pub(crate) async fn waiting(
        &self,
        queues: &[QueueId],
        size: usize,
        page: u32,
        begun: bool,
    ) -> Result<SweepPage, Failure> {
        let path = "api/v2/analytics/conversations/activity/query";
        let call = Call::new("sweep", Method::POST, path)
            .which(if begun {
                Effect::Upkeep
            } else {
                Effect::Sweeps
            })
            .sending(activity_query(queues))
            .with("pageSize", size.to_string())
            .with("pageNumber", page.to_string());
        let answer: wire::ActivityAnswer = self.ask(&call).await?;
        Ok(sweep_page(answer))
    }

    /// The topics on offer, with transports and permissions. `GET /api/v2/notifications/availabletopics`.
    pub(crate) async fn available_topics(&self) -> Result<AvailableTopics, Failure> {
        let call = Call::get("available_topics", "api/v2/notifications/availabletopics")
            .with("expand", "transports")
            .with("expand", "requiresPermissions")
            .with("expand", "topicParameters");
        let page: Page<wire::AvailableTopic> = self.ask(&call).await?;
        Ok(AvailableTopics(page.entities.read))
    }

    /// A new notification channel. `POST /api/v2/notifications/channels`.
    pub(crate) async fn create_channel(&self) -> Result<Channel, Failure> {
        let call = Call::new(
            "create_channel",
            Method::POST,
            "api/v2/notifications/channels",
        )
        .which(Effect::Upkeep)
        .sending(json!({}));
        let channel: wire::Channel = self.ask(&call).await?;
        // From the cache: the request that was just made had a token.
        let token = self.tokens[FIRST]
            .bearer()
            .await
            .map_err(NoToken::of_request)?;
        let token_ends = token.renew_at;
        Channel::accept(channel, &self.streaming, self.now(), token_ends).map_err(|reason| {
            let what = format!("the channel is not used: {reason}");
            Failure::local(FailureKind::Unexpected, "create_channel", what, None)
        })
    }

    /// Makes these the channel's topics (`PUT`) or adds them (`POST`); says what became of each.
    ///
    /// With `ignoreErrors=true`, so that one refused topic does not refuse them all; where it does so nevertheless, the
    /// list is halved until the culprit is found.
    pub(crate) async fn subscribe(
        &self,
        channel: &Channel,
        topics: &[Topic],
        replace: bool,
    ) -> Result<Vec<(Topic, TopicOutcome)>, Failure> {
        let mut outcomes = Vec::with_capacity(topics.len());
        let mut replace = replace;
        let mut parts = vec![topics];
        let mut requests = 0;
        while let Some(part) = parts.pop() {
            if part.is_empty() {
                // A new channel has no topics to take away.
                continue;
            }
            requests += 1;
            if requests > MAX_SUBSCRIBE_REQUESTS {
                let outcome =
                    TopicOutcome::Refused("not tried: too many topics are refused".to_owned());
                outcomes.extend(part.iter().map(|topic| (topic.clone(), outcome.clone())));
                continue;
            }
            match self.put_topics(channel, part, replace).await {
                Ok(states) => {
                    replace = false;
                    outcomes.extend(
                        part.iter()
                            .map(|topic| (topic.clone(), topic.outcome(&states))),
                    );
                }
                Err(failure) if !refuses_topics(&failure) || part.is_empty() => {
                    return Err(failure);
                }
                Err(failure) if part.len() == 1 => {
                    let outcome = TopicOutcome::Refused(failure.to_string());
                    outcomes.extend(part.iter().map(|topic| (topic.clone(), outcome.clone())));
                }
                Err(_one_of_them) => {
                    let (first, second) = part.split_at(part.len() / 2);
                    parts.extend([second, first]);
                }
            }
        }
        Ok(outcomes)
    }

    /// One request with topics.
    async fn put_topics(
        &self,
        channel: &Channel,
        topics: &[Topic],
        replace: bool,
    ) -> Result<Vec<wire::TopicState>, Failure> {
        let body: Vec<_> = topics
            .iter()
            .map(|topic| wire::TopicRequest { id: topic.name() })
            .collect();
        let method = if replace { Method::PUT } else { Method::POST };
        let path = format!(
            "api/v2/notifications/channels/{}/subscriptions",
            channel.id()
        );
        let call = Call::new("subscribe", method, path)
            .which(Effect::Upkeep)
            .sending(json!(body))
            .with("ignoreErrors", "true");
        match self.ask::<Page<wire::TopicState>>(&call).await {
            Ok(page) => Ok(page.entities.read),
            // It was answered with success, in words that say nothing of the topics.
            Err(failure)
                if failure.kind == FailureKind::Unexpected && failure.status().is_none() =>
            {
                Ok(Vec::new())
            }
            Err(failure) => Err(failure),
        }
    }
}

/// Whether a failed subscription means that a topic was refused, and not that the token or the channel is lost.
fn refuses_topics(failure: &Failure) -> bool {
    matches!(
        failure.status(),
        Some(StatusCode::BAD_REQUEST | StatusCode::FORBIDDEN)
    )
}

/// The activity query for callbacks in these queues.
fn activity_query(queues: &[QueueId]) -> Value {
    let mut filter = json!({
        "type": "and",
        "predicates": [
            {"type": "dimension", "dimension": "mediaType", "operator": "matches", "value": "callback"},
        ],
    });
    if !queues.is_empty() {
        let predicates: Vec<Value> = queues
            .iter()
            .map(|id| json!({"type": "dimension", "dimension": "queueId", "operator": "matches", "value": id}))
            .collect();
        filter["clauses"] = json!([{"type": "or", "predicates": predicates}]);
    }
    json!({
        "metrics": [
            {"metric": "oWaiting", "details": true},
            {"metric": "oAlerting", "details": true},
        ],
        "groupBy": ["queueId"],
        "order": "asc",
        "filter": filter,
    })
}

/// What a page shows.
pub(in crate::genesys) fn sweep_page(answer: wire::ActivityAnswer) -> SweepPage {
    let results = answer.results;
    let counted = results.read.iter().map(wire::ActivityResult::rows);
    let mut page = SweepPage {
        of_all: counted
            .sum::<Option<usize>>()
            .filter(|_| results.unread == 0),
        truncated: results.unread > 0,
        ..SweepPage::default()
    };
    for result in results.read {
        page.rows += result.entities.read.len();
        page.truncated |= result.truncated == Some(true) || result.entities.unread > 0;
        let group = result.group.and_then(|group| group.queue_id);
        for row in result.entities.read {
            let callback = |media: &str| media.eq_ignore_ascii_case("callback");
            if let (Some(id), true) = (
                row.conversation_id,
                row.media_type.as_deref().is_none_or(callback),
            ) {
                let visit_key = VisitKey {
                    session: row.session_id,
                    queue: row.queue_id.or_else(|| group.clone()),
                    since: row.activity_date,
                };
                page.sightings.push(Sighting {
                    id,
                    visit_key,
                    priority: row.routing_priority.map(Priority::clamped),
                });
            }
        }
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(answer: &Value) -> wire::ActivityAnswer {
        serde_json::from_str(&answer.to_string()).unwrap()
    }

    #[test]
    fn the_recorded_answer_is_understood() {
        let recorded = include_str!("../../../tests/fixtures/activity-query.oWaiting.json");
        let recorded: Value = serde_json::from_str(recorded).unwrap();
        let answer = read(&recorded["response_shape_CONSTRUCTED"]);
        let page = sweep_page(answer);
        let [sighting] = page.sightings.as_slice() else {
            panic!("one waits");
        };
        assert_eq!(
            sighting.id.to_string(),
            "7cf1beb6-0e9d-43ea-a2fa-fd5e97a80f86"
        );
        assert!(page.rows == 1 && !page.truncated);
    }

    #[test]
    fn rows_of_other_media_and_broken_rows_are_passed_over() {
        let answer = read(&json!({"results": [{"entities": [
            {"conversationId": "a", "mediaType": "voice"},
            {"conversationId": "../b", "mediaType": "callback"},
            {"mediaType": "callback"},
            {"conversationId": "c"},
        ]}]}));
        let ids: Vec<String> = sweep_page(answer)
            .sightings
            .iter()
            .map(|row| row.id.to_string())
            .collect();
        assert_eq!(ids, ["c"]);
    }

    #[test]
    fn one_odd_group_or_row_costs_itself_only() {
        let row = json!({"conversationId": "a"});
        for odd in [
            json!({"entities": null}),
            json!({"group": null, "truncated": null, "entities": [row]}),
            json!({"entities": [7, row]}),
            json!("text"),
        ] {
            let answer = json!({"results": [odd, {"entities": [row]}]});
            let page = sweep_page(read(&answer));
            assert!(page.sightings.len() == page.rows && page.rows > 0, "{odd}");
        }
        let unread = json!({"results": [{"entities": [7]}]});
        assert!(sweep_page(read(&unread)).truncated);
        let nothing = read(&json!({"results": null}));
        assert_eq!(sweep_page(nothing).rows, 0);
    }
}
