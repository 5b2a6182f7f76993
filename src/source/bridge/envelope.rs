//! A message of the queue: what EventBridge wraps around an event. Pure.
//!
//! `{"source":"aws.partner/genesys.com/…","time":"…","detail":{…}, …}`, and `detail` is what a notification socket carries.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::genesys::{
    Event,
    event::{Reading, read},
};

/// What the names of the platform's event sources begin with.
const SOURCE: &str = "aws.partner/genesys.com";

/// What a message is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Letter {
    /// News of a callback, and when it happened.
    News(Event, Option<Timestamp>),
    /// An event of the platform's that does not concern callbacks: the rule on the event bus lets too much through.
    NoConcern,
    /// Not what EventBridge makes of the platform's events.
    Strange,
}

/// The wrapping, as far as it matters.
#[derive(Deserialize)]
struct Envelope<'a> {
    /// Who made the event.
    #[serde(borrow)]
    source: Cow<'a, str>,
    /// When, to the second.
    #[serde(borrow, default)]
    time: Option<&'a RawValue>,
    /// The event.
    #[serde(borrow)]
    detail: &'a RawValue,
}

/// Opens a message.
pub(super) fn open(text: &str) -> Letter {
    let Ok(envelope) = serde_json::from_str::<Envelope<'_>>(text) else {
        return Letter::Strange;
    };
    if !envelope.source.starts_with(SOURCE) {
        return Letter::Strange;
    }
    let time = envelope.time.and_then(|time| {
        let text: String = serde_json::from_str(time.get()).ok()?;
        text.parse().ok()
    });
    match read(envelope.detail.get()) {
        Reading::Event(event) => Letter::News(event, time),
        Reading::Malformed => Letter::Strange,
        Reading::Life | Reading::Closing | Reading::Lost | Reading::Other => Letter::NoConcern,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    const START: &str =
        include_str!("../../../tests/fixtures/eventbridge.acd.start.CONSTRUCTED.json");
    const FLOW: &str =
        include_str!("../../../tests/fixtures/eventbridge.flow.outcome.third-party-fixture.json");

    /// The constructed message, changed.
    fn changed(change: impl FnOnce(&mut Value)) -> Letter {
        let mut message: Value = serde_json::from_str(START).unwrap();
        change(&mut message);
        open(&message.to_string())
    }

    /// What the constructed message tells, at this time.
    fn arrival(time: Option<&str>) -> Letter {
        let event = Event::AcdStart {
            id: "7cf1beb6-0e9d-43ea-a2fa-fd5e97a80f86".parse().unwrap(),
            queue: "0e185c02-aca1-4a72-82ea-2e78684e2c89".parse().ok(),
        };
        Letter::News(event, time.map(|time| time.parse().unwrap()))
    }

    #[test]
    fn the_detail_is_read_as_a_socket_is() {
        assert_eq!(open(START), arrival(Some("2025-12-12T15:02:30Z")));
        let end = "v2.detail.events.conversation.c1.acd.end";
        let left = changed(|message| {
            message["detail"] = json!({"topicName": end, "eventBody":
                {"mediaType": "CALLBACK", "acdOutcome": "ANSWERED"}});
        });
        assert!(matches!(left, Letter::News(Event::AcdEnd { .. }, Some(_))));
    }

    #[test]
    fn a_time_that_is_none_is_passed_over() {
        for time in [json!(7), json!("soon"), json!(null), json!({})] {
            assert_eq!(changed(|message| message["time"] = time), arrival(None));
        }
        let without = |message: &mut Value| {
            message.as_object_mut().unwrap().remove("time");
        };
        assert_eq!(changed(without), arrival(None));
    }

    #[test]
    fn what_the_rule_should_have_kept_back_is_no_concern() {
        assert_eq!(open(FLOW), Letter::NoConcern);
        let voice =
            |message: &mut Value| message["detail"]["eventBody"]["mediaType"] = json!("VOICE");
        assert_eq!(changed(voice), Letter::NoConcern);
    }

    #[test]
    fn what_is_not_understood_is_strange() {
        for text in [
            "",
            "no JSON",
            "[]",
            "{}",
            r#"{"source":"aws.partner/genesys.com/x"}"#,
        ] {
            assert_eq!(open(text), Letter::Strange, "{text}");
        }
        assert_eq!(
            changed(|message| message["source"] = json!("aws.s3")),
            Letter::Strange
        );
        assert_eq!(
            changed(|message| message["detail"] = json!("text")),
            Letter::Strange
        );
        let nobody = |message: &mut Value| {
            message["detail"]["topicName"] = json!("v2.detail.events.conversation.{id}.acd.start");
            message["detail"]["eventBody"]["conversationId"] = json!(null);
        };
        assert_eq!(changed(nobody), Letter::Strange);
    }

    proptest! {
        #[test]
        fn no_detail_is_too_strange(detail in ".{0,200}") {
            let _letter = open(&format!("{{\"source\":\"{SOURCE}/x\",\"detail\":{detail}}}"));
        }
    }
}
