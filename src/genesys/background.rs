//! What rules ask about, out of a whole conversation. Pure.

use std::collections::BTreeMap;

use super::wire::{Conversation, Member, Participant, Purpose, Reference, Whole};
use crate::conversation::{Background, Waiting};

/// What a conversation shows of its callback that waits, with the attributes that are `asked` for. `whole` is the rest of the
/// same conversation.
pub(crate) fn background(
    conversation: &Conversation,
    whole: Whole,
    waiting: &Waiting,
    asked: &[&str],
) -> Background {
    let legs = &conversation.participants;
    let entries = legs
        .iter()
        .filter(|leg| leg.purpose == Some(Purpose::Queue));
    let leg = legs
        .iter()
        .position(|leg| leg.id.as_ref() == Some(&waiting.visit.leg));
    let requirements = leg.and_then(|place| {
        whole
            .participants
            .get(place)?
            .conversation_routing_data
            .as_ref()
    });
    let skills = requirements.and_then(|requirements| requirements.skills.as_deref());
    let language = requirements.and_then(|requirements| requirements.language.as_ref());
    let memberships = whole.divisions.as_deref().unwrap_or_default();
    let divisions = memberships
        .iter()
        .filter_map(|membership| membership.division.as_ref());
    Background {
        first_entry: entries
            .filter_map(|leg| leg.connected_time.or(leg.start_time))
            .min(),
        skills: ids(skills.unwrap_or_default().iter()),
        language: language.and_then(|language| language.id.clone()),
        divisions: ids(divisions),
        attributes: attributes(legs, whole.participants, asked),
    }
}

/// The ids that there are.
fn ids<'a>(references: impl Iterator<Item = &'a Reference>) -> Vec<String> {
    references
        .filter_map(|reference| reference.id.clone())
        .collect()
}

/// The attributes that are asked for. Flows set them on the customer's leg, so that one comes first.
fn attributes(
    legs: &[Participant],
    members: Vec<Member>,
    asked: &[&str],
) -> BTreeMap<String, String> {
    let mut members: Vec<_> = legs.iter().zip(members).collect();
    members.sort_by_key(|(leg, _)| leg.purpose != Some(Purpose::Customer));
    let mut found = BTreeMap::new();
    for attributes in members
        .into_iter()
        .filter_map(|(_, member)| member.attributes)
    {
        for (name, value) in attributes {
            if asked.contains(&name.as_str()) {
                found.entry(name).or_insert(value);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        conversation::{ConversationId, Observed},
        genesys::legs::observe,
    };

    #[test]
    fn a_callback_made_of_a_call_that_waited_before() {
        let id: ConversationId = "c1".parse().unwrap();
        let body = json!({
            "id": "c1",
            "divisions": [{"division": {"id": "d1"}}, {"division": 7}, {}],
            "participants": [
                {"id": "a", "purpose": "customer", "attributes": {"tier": "gold", "secret": "canary", "number": 7},
                 "callbacks": [{"state": "connected"}]},
                {"id": "b", "purpose": "acd", "connectedTime": "2026-01-05T08:40:00Z", "endTime": "2026-01-05T08:59:00Z",
                 "calls": [{"state": "disconnected"}], "attributes": {"tier": "none"}},
                {"id": "c", "purpose": "acd", "connectedTime": "2026-01-05T09:00:00Z", "callbacks": [{"state": "connected"}],
                 "attributes": {"late": "yes"},
                 "conversationRoutingData": {"priority": 3, "skills": [{"id": "s1"}, {"id": "s2"}], "language": {"id": "l1"}}},
            ],
        })
        .to_string();
        let conversation: Conversation = serde_json::from_str(&body).unwrap();
        let Observed::Waiting(waiting) = observe(&id, &conversation) else {
            panic!("it waits");
        };
        let whole: Whole = serde_json::from_str(&body).unwrap();
        let found = background(
            &conversation,
            whole,
            &waiting,
            &["tier", "late", "absent", "number"],
        );
        assert_eq!(found.first_entry, "2026-01-05T08:40:00Z".parse().ok());
        assert_eq!(found.skills, ["s1", "s2"]);
        assert_eq!(found.language.as_deref(), Some("l1"));
        assert_eq!(found.divisions, ["d1"]);
        let attributes: Vec<_> = found
            .attributes
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        assert_eq!(attributes, [("late", "yes"), ("tier", "gold")]);
        assert!(!format!("{found:?}").contains("gold"), "never printed");
    }
}
