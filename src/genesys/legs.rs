//! Reads the legs of a conversation: does a callback wait, since when, and if not, why not.
//!
//! The rule, from recorded conversations: a callback waits while a participant with purpose `acd` has no end time and
//! its callback is `connected`. The newest such leg counts, because transfers leave ended ones behind. The customer's
//! leg is never asked: it stays `connected` after an agent has answered. There is no `waiting` state at all.

use std::time::Duration;

use jiff::Timestamp;

use super::wire::{Callback, Conversation, LegState, Participant, Purpose, RoutingData};
use crate::{
    clock::elapsed,
    conversation::{
        ConversationId, Ending, Kind, Observed, ParticipantId, Priority, QueueId, Visit, Waiting,
    },
};

/// Time within which a callback is due that was not planned: it is made and due at once, by clocks of different machines.
const AT_ONCE: Duration = Duration::from_mins(1);

/// What `conversation` shows of its callback.
pub(crate) fn observe(id: &ConversationId, conversation: &Conversation) -> Observed {
    let legs: Vec<Leg<'_>> = conversation
        .participants
        .iter()
        .filter_map(Leg::of)
        .collect();
    let queued = || legs.iter().filter(|leg| leg.is(Purpose::Queue));
    if conversation.end_time.is_none() {
        let waiting = queued()
            .filter_map(|leg| leg.waiting(id))
            .max_by_key(|waiting| waiting.since);
        if let Some(waiting) = waiting {
            return Observed::Waiting(waiting);
        }
        if let Some(leg) = queued().rfind(|leg| leg.is_pending()) {
            return Observed::Scheduled { due: leg.scheduled };
        }
    }
    Observed::Over(ending(conversation, &legs))
}

/// The ACD legs that are over. One that is does not come back, so this stays true however late it is heard of.
pub(crate) fn ended(conversation: &Conversation) -> Vec<ParticipantId> {
    let legs = conversation.participants.iter().filter_map(Leg::of);
    let queued = legs.filter(|leg| leg.is(Purpose::Queue));
    let over = queued.filter(|leg| conversation.end_time.is_some() || leg.is_over());
    over.filter_map(|leg| leg.participant.id.clone()).collect()
}

/// Why no leg waits.
fn ending(conversation: &Conversation, legs: &[Leg<'_>]) -> Ending {
    if legs.is_empty() {
        return Ending::NotACallback;
    }
    let entered = legs
        .iter()
        .filter(|leg| leg.is(Purpose::Queue))
        .filter_map(Leg::entered)
        .max();
    let answered = legs
        .iter()
        .filter(|leg| leg.is(Purpose::Agent))
        .filter_map(|leg| leg.participant.connected_time)
        .any(|answered| entered.is_none_or(|entered| entered <= answered));
    let mut customers = legs
        .iter()
        .filter(|leg| leg.is(Purpose::Customer))
        .peekable();
    let gone = customers.peek().is_some() && customers.all(Leg::is_over);
    match (answered, conversation.end_time.is_some() || gone) {
        (true, _) => Ending::Answered,
        (false, true) => Ending::Ended,
        (false, false) => Ending::LeftQueue,
    }
}

/// A participant that has a callback, whichever of the two forms it came in.
struct Leg<'a> {
    /// The participant itself.
    participant: &'a Participant,
    /// State of its newest callback; absent where that one has none.
    state: Option<LegState>,
    /// When that callback is due, if it was planned.
    scheduled: Option<Timestamp>,
    /// When that callback stopped being scheduled, in the REST form.
    connected: Option<Timestamp>,
    /// Whether it is a voicemail.
    voicemail: bool,
}

impl<'a> Leg<'a> {
    /// The leg of `participant`, if it has a callback.
    fn of(participant: &'a Participant) -> Option<Self> {
        let listed = participant.callbacks.as_deref();
        if let Some(callback) = listed.and_then(newest) {
            return Some(Self {
                participant,
                state: callback.state,
                scheduled: callback.due,
                connected: callback.connected_time,
                voicemail: callback.voicemail.is_some(),
            });
        }
        Some(Self {
            participant,
            state: Some(participant.state?),
            scheduled: participant.callback_scheduled_time,
            connected: None,
            voicemail: participant.voicemail.is_some(),
        })
    }

    /// Whether this is whose it is.
    fn is(&self, purpose: Purpose) -> bool {
        self.participant.purpose == Some(purpose)
    }

    /// Whether it has ended, by its end time or by its callback's state.
    fn is_over(&self) -> bool {
        self.participant.end_time.is_some() || self.state == Some(LegState::Finished)
    }

    /// Whether it may still come to wait: alive, but not connected yet.
    fn is_pending(&self) -> bool {
        !self.is_over()
    }

    /// Whether it was planned for later than when it was made. A time is told of others as well.
    fn was_planned(&self) -> bool {
        let made = self.participant.start_time.zip(self.scheduled);
        made.is_some_and(|(made, due)| elapsed(made, due) > AT_ONCE)
    }

    /// When it entered the queue.
    fn entered(&self) -> Option<Timestamp> {
        // Created is not yet in the queue: a planned one entered when it was due at the earliest.
        let created = self.participant.start_time.max(self.scheduled);
        self.participant
            .connected_time
            .or(self.connected)
            .or(created)
    }

    /// What waits here, if something does.
    fn waiting(&self, conversation: &ConversationId) -> Option<Waiting> {
        if self.is_over() || self.state != Some(LegState::Connected) {
            return None;
        }
        let routing = self.participant.conversation_routing_data.as_ref();
        let since = self.entered()?;
        Some(Waiting {
            visit: Visit {
                conversation: conversation.clone(),
                leg: self.participant.id.clone()?,
            },
            queue: self.queue(),
            since,
            origin: since,
            priority: Priority::clamped(routing.and_then(|data| data.priority).unwrap_or(0)),
            kind: Kind {
                scheduled: self.was_planned(),
                agent_owned: routing.is_some_and(is_for_one_agent),
                voicemail: self.voicemail,
            },
            background: None,
        })
    }

    /// Its queue, wherever this form says it.
    fn queue(&self) -> Option<QueueId> {
        let routing = self.participant.conversation_routing_data.as_ref();
        let references = [
            self.participant.queue.as_ref(),
            routing.and_then(|data| data.queue.as_ref()),
        ];
        let referred = || {
            references
                .into_iter()
                .flatten()
                .find_map(|queue| queue.id.clone())
        };
        self.participant.queue_id.clone().or_else(referred)
    }
}

/// Whether it waits for one agent and for nobody else. No field says so; such callbacks have one scored agent with the
/// highest score, by the SDK's `RoutingData` and `AgentOwnedRouting`.
fn is_for_one_agent(routing: &RoutingData) -> bool {
    let agents = routing.scored_agents.as_deref();
    agents.is_some_and(|agents| agents.len() == 1 && agents[0].score == Some(100))
}

/// The callback of a leg that counts: the last that is not over, else the last.
fn newest(callbacks: &[Callback]) -> Option<&Callback> {
    let alive = callbacks
        .iter()
        .rfind(|callback| callback.state != Some(LegState::Finished));
    alive.or(callbacks.last())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// A leg as REST shows it.
    fn leg(purpose: &str, state: &str, connected: Option<&str>, ended: Option<&str>) -> Value {
        json!({
            "id": format!("{purpose}-{}", connected.unwrap_or("x").replace(':', "-")),
            "purpose": purpose, "startTime": "2026-01-05T08:59:00Z",
            "connectedTime": connected, "endTime": ended, "queueId": "q1",
            "conversationRoutingData": {"priority": 7},
            "callbacks": [{"state": state, "callbackScheduledTime": "2026-01-05T10:00:00Z"}],
        })
    }

    fn seen(participants: &[Value]) -> Observed {
        let conversation = json!({"id": "c1", "participants": participants});
        let conversation: Conversation = serde_json::from_str(&conversation.to_string()).unwrap();
        observe(&"c1".parse().unwrap(), &conversation)
    }

    const T1: Option<&str> = Some("2026-01-05T09:00:00Z");
    const T2: Option<&str> = Some("2026-01-05T09:10:00Z");
    const T3: Option<&str> = Some("2026-01-05T09:20:00Z");

    #[test]
    fn a_connected_queue_leg_waits() {
        let Observed::Waiting(waiting) = seen(&[
            leg("customer", "connected", T1, None),
            leg("acd", "connected", T1, None),
        ]) else {
            panic!("it waits");
        };
        assert_eq!(waiting.since, T1.unwrap().parse().unwrap());
        assert_eq!(waiting.priority.points(), 7);
        assert_eq!(waiting.queue, Some("q1".parse().unwrap()));
    }

    #[test]
    fn after_a_transfer_the_newest_live_leg_counts() {
        let Observed::Waiting(waiting) = seen(&[
            leg("customer", "connected", T1, None),
            leg("acd", "disconnected", T1, T2),
            leg("acd", "connected", T2, None),
        ]) else {
            panic!("it waits");
        };
        assert_eq!(waiting.since, T2.unwrap().parse().unwrap());
    }

    #[test]
    fn how_a_wait_ended() {
        let customer = || leg("customer", "connected", T1, None);
        let left = || leg("acd", "disconnected", T1, T2);
        for (name, legs, expected) in [
            (
                "answered",
                vec![customer(), left(), leg("agent", "connected", T2, None)],
                Ending::Answered,
            ),
            (
                "answered and done",
                vec![customer(), left(), leg("agent", "disconnected", T2, T3)],
                Ending::Answered,
            ),
            (
                "missed alert, hung up",
                vec![
                    leg("customer", "disconnected", T1, T3),
                    left(),
                    leg("agent", "disconnected", None, T2),
                ],
                Ending::Ended,
            ),
            ("flow took it", vec![customer(), left()], Ending::LeftQueue),
            (
                "answered before, queued again, left",
                vec![
                    customer(),
                    leg("acd", "disconnected", T1, T2),
                    leg("agent", "disconnected", T2, T3),
                    leg("acd", "disconnected", T3, T3),
                ],
                Ending::LeftQueue,
            ),
            ("no queue yet", vec![customer()], Ending::LeftQueue),
            (
                "a call",
                vec![
                    json!({"id": "p", "purpose": "acd", "calls": [{"state": "connected"}], "callbacks": []}),
                ],
                Ending::NotACallback,
            ),
            ("nothing", vec![], Ending::NotACallback),
        ] {
            assert_eq!(seen(&legs), Observed::Over(expected), "{name}");
        }
    }

    /// Of which kind a callback is whose leg differs so: scheduled, for one agent, a voicemail.
    fn kind(more: &Value) -> (bool, bool, bool) {
        let mut acd = leg("acd", "connected", T1, None);
        acd["callbacks"][0]["callbackScheduledTime"] = Value::Null;
        for (place, value) in more.as_object().unwrap() {
            *acd.pointer_mut(place).unwrap() = value.clone();
        }
        let Observed::Waiting(waiting) = seen(&[acd]) else {
            panic!("it waits");
        };
        let kind = waiting.kind;
        (kind.scheduled, kind.agent_owned, kind.voicemail)
    }

    #[test]
    fn of_which_kind_it_is() {
        let routing = |agents: Value| json!({"/conversationRoutingData": {"scoredAgents": agents}});
        let callback = |more: Value| json!({"/callbacks/0": more});
        for (name, more, expected) in [
            ("usual", json!({}), (false, false, false)),
            (
                "one agent",
                routing(json!([{"agent": {}, "score": 100}])),
                (false, true, false),
            ),
            (
                "preferred",
                routing(json!([{"agent": {}, "score": 90}])),
                (false, false, false),
            ),
            (
                "two agents",
                routing(json!([{"score": 100}, {"score": 100}])),
                (false, false, false),
            ),
            ("strange", routing(json!("none")), (false, false, false)),
            (
                "planned",
                callback(
                    json!({"state": "connected", "callbackScheduledTime": "2026-01-05T10:00:00Z"}),
                ),
                (true, false, false),
            ),
            (
                "at once",
                callback(
                    json!({"state": "connected", "callbackScheduledTime": "2026-01-05T08:59:30Z"}),
                ),
                (false, false, false),
            ),
            (
                "voicemail",
                callback(json!({"state": "connected", "voicemail": {"id": "v"}})),
                (false, false, true),
            ),
            (
                "no voicemail",
                callback(json!({"state": "connected", "voicemail": null})),
                (false, false, false),
            ),
        ] {
            assert_eq!(kind(&more), expected, "{name}");
        }
    }

    #[test]
    fn before_its_time_it_is_scheduled() {
        let due = "2026-01-05T10:00:00Z".parse().ok();
        assert_eq!(
            seen(&[
                leg("customer", "scheduled", None, None),
                leg("acd", "scheduled", None, None)
            ]),
            Observed::Scheduled { due }
        );
    }

    #[test]
    fn the_flat_form_says_the_same() {
        let seen = seen(&[
            json!({"id": "a", "purpose": "customer", "state": "connected"}),
            json!({"id": "b", "purpose": "acd", "state": "connected", "connectedTime": T1.unwrap(),
                   "queue": {"id": "q2"}, "conversationRoutingData": {"priority": 3}}),
        ]);
        let Observed::Waiting(waiting) = seen else {
            panic!("it waits");
        };
        assert_eq!(waiting.queue, Some("q2".parse().unwrap()));
        assert_eq!(waiting.priority.points(), 3);
    }

    #[test]
    fn fields_of_an_unexpected_type_count_as_absent() {
        let conversation: Conversation = serde_json::from_str(
            r#"{"id": 5, "endTime": [], "participants": [{"purpose": {}, "callbacks": "none", "endTime": "soon"}]}"#,
        )
        .unwrap();
        let id = "c1".parse().unwrap();
        assert_eq!(
            observe(&id, &conversation),
            Observed::Over(Ending::NotACallback)
        );
    }
}
