//! The calls that find callbacks and keep notifications alive. All of them only read, or concern this daemon's own
//! notification channel.

use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Call, Genesys, Page};
use crate::{
    conversation::{ConversationId, QueueId},
    genesys::{
        channel::{Channel, Topic, TopicOutcome},
        failure::{Failure, FailureKind},
        wire,
    },
};

/// Rows asked for on each page of a list.
pub(crate) const PAGE_SIZE: usize = 100;
/// Requests spent on finding refused topics in one list; what is left then counts as refused.
const MAX_SUBSCRIBE_REQUESTS: usize = 32;
/// Pages after which a list is taken to have no end: 20,000 rows.
const MAX_PAGES: u32 = 200;

/// A callback found waiting by the activity query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sighting {
    /// Which conversation.
    pub(crate) id: ConversationId,
    /// Differs from visit to visit: the queue, and when or as what it was entered.
    pub(crate) visit_key: VisitKey,
}

/// What tells one visit of a conversation from the next in the activity query, which does not name the leg.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct VisitKey {
    /// Where it waits.
    pub(crate) queue: Option<QueueId>,
    /// When it entered, as the platform says it here.
    pub(crate) since: Option<Timestamp>,
}

/// One page of the activity query.
#[derive(Debug, Default)]
pub(crate) struct SweepPage {
    /// Callbacks that wait.
    pub(crate) sightings: Vec<Sighting>,
    /// Whether more pages may follow.
    pub(crate) more: bool,
    /// Whether the platform left rows out.
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
    /// All queues: id and name. `GET /api/v2/routing/queues`, permission `routing:queue:view`.
    pub(crate) async fn queues(&self) -> Result<Vec<(QueueId, String)>, Failure> {
        let mut queues: Vec<(QueueId, String)> = Vec::new();
        for number in 1..=MAX_PAGES {
            let call = Call::get("queues", "api/v2/routing/queues")
                .with("pageSize", PAGE_SIZE.to_string())
                .with("pageNumber", number.to_string());
            let page: Page<wire::Queue> = self.ask(&call).await?;
            let rows = page.entities.len();
            let known = queues.len();
            for queue in page.entities {
                if !queues.iter().any(|(id, _)| *id == queue.id) {
                    queues.push((queue.id, queue.name));
                }
            }
            let last = page
                .page_count
                .map_or(rows < PAGE_SIZE, |count| number >= count);
            if last || queues.len() == known {
                break;
            }
        }
        Ok(queues)
    }

    /// Callbacks that wait now in these queues, or in any where none is named.
    ///
    /// `POST /api/v2/analytics/conversations/activity/query`, permission `analytics:queueObservation:view`. Whether a
    /// callback counts as waiting while an agent's phone rings is not documented, so alerting ones are asked for too.
    pub(crate) async fn waiting(
        &self,
        queues: &[QueueId],
        page: u32,
    ) -> Result<SweepPage, Failure> {
        let call = Call::get("sweep", "api/v2/analytics/conversations/activity/query")
            .sending(Method::POST, activity_query(queues))
            .with("pageSize", PAGE_SIZE.to_string())
            .with("pageNumber", page.to_string());
        let answer: wire::ActivityAnswer = self.ask(&call).await?;
        Ok(sweep_page(answer, page))
    }

    /// The topics on offer, with transports and permissions. `GET /api/v2/notifications/availabletopics`.
    pub(crate) async fn available_topics(&self) -> Result<AvailableTopics, Failure> {
        let call = Call::get("available_topics", "api/v2/notifications/availabletopics")
            .with("expand", "transports")
            .with("expand", "requiresPermissions")
            .with("expand", "topicParameters");
        let page: Page<wire::AvailableTopic> = self.ask(&call).await?;
        Ok(AvailableTopics(page.entities))
    }

    /// A new notification channel. `POST /api/v2/notifications/channels`.
    pub(crate) async fn create_channel(&self) -> Result<Channel, Failure> {
        let call = Call::get("create_channel", "api/v2/notifications/channels")
            .sending(Method::POST, json!({}));
        let channel: wire::Channel = self.ask(&call).await?;
        // From the cache: the request that was just made had a token.
        let token_ends = self.tokens.bearer().await?.renew_at;
        Channel::accept(channel, &self.streaming, self.clock, token_ends).map_err(|reason| {
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
            if part.is_empty() && !replace {
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
        let call = Call::get("subscribe", path)
            .sending(method, json!(body))
            .with("ignoreErrors", "true");
        let page: Page<wire::TopicState> = self.ask(&call).await?;
        Ok(page.entities)
    }
}

/// Whether a failed subscription means that a topic was refused, and not that the channel is lost.
fn refuses_topics(failure: &Failure) -> bool {
    matches!(failure.kind, FailureKind::Unexpected | FailureKind::Denied)
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

/// What a page shows. Whether more follow is read from how full it is: the answer has no page count, and whether rows or
/// groups are counted is not documented, so either being full means that there may be more.
fn sweep_page(answer: wire::ActivityAnswer, number: u32) -> SweepPage {
    let results = answer.results.unwrap_or_default();
    let rows: usize = results.iter().map(|result| result.entities.len()).sum();
    let mut page = SweepPage {
        more: number < MAX_PAGES && (rows >= PAGE_SIZE || results.len() >= PAGE_SIZE),
        truncated: results.iter().any(|result| result.truncated),
        sightings: Vec::with_capacity(rows),
    };
    for result in results {
        for row in result.entities {
            let callback = row
                .media_type
                .as_deref()
                .is_none_or(|media| media.eq_ignore_ascii_case("callback"));
            if let (Some(id), true) = (row.conversation_id, callback) {
                let visit_key = VisitKey {
                    queue: row.queue_id.or_else(|| result.group.queue_id.clone()),
                    since: row.activity_date,
                };
                page.sightings.push(Sighting { id, visit_key });
            }
        }
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_recorded_answer_is_understood() {
        let recorded = include_str!("../../../tests/fixtures/activity-query.oWaiting.json");
        let recorded: Value = serde_json::from_str(recorded).unwrap();
        let answer =
            serde_json::from_value(recorded["response_shape_CONSTRUCTED"].clone()).unwrap();
        let page = sweep_page(answer, 1);
        let [sighting] = page.sightings.as_slice() else {
            panic!("one waits");
        };
        assert_eq!(
            sighting.id.to_string(),
            "7cf1beb6-0e9d-43ea-a2fa-fd5e97a80f86"
        );
        assert!(!page.more && !page.truncated);
    }

    #[test]
    fn rows_of_other_media_and_broken_rows_are_passed_over() {
        let answer = serde_json::from_value(json!({"results": [{"entities": [
            {"conversationId": "a", "mediaType": "voice"},
            {"conversationId": "../b", "mediaType": "callback"},
            {"mediaType": "callback"},
            {"conversationId": "c"},
        ]}]}))
        .unwrap();
        let ids: Vec<String> = sweep_page(answer, 1)
            .sightings
            .iter()
            .map(|row| row.id.to_string())
            .collect();
        assert_eq!(ids, ["c"]);
    }

    #[test]
    fn a_full_page_of_rows_or_groups_means_more() {
        let row = json!({"conversationId": "a"});
        let rows = json!({"results": [{"entities": vec![row; PAGE_SIZE]}]});
        let groups = json!({"results": vec![json!({}); PAGE_SIZE]});
        for full in [rows, groups] {
            let answer = || serde_json::from_value(full.clone()).unwrap();
            assert!(sweep_page(answer(), 1).more);
            assert!(!sweep_page(answer(), MAX_PAGES).more);
        }
        assert!(!sweep_page(wire::ActivityAnswer::default(), 1).more);
    }
}
