//! How a conversation looks from outside: in REST answers, in queue topics and in detail events.
//!
//! Keys are those of recorded JSON and of the official SDK's models. One conversation has three forms:
//! nested (a participant has `calls` and `callbacks`), flat (a participant *is* its callback), and single detail events
//! (upper-case words, times in epoch milliseconds). Personal data stands everywhere the platform has it.

mod detail;
mod flat;
mod nested;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::world::{Conversation, Leg, Media};

pub(crate) use detail::{acd_end, acd_start};
pub(crate) use flat::{flat, flat_event};
pub(crate) use nested::{event, nested};

/// Division that everything in the sandbox belongs to, "Home" as in a new organisation.
pub(crate) const DIVISION: &str = "00000000-0000-0000-0000-0000000000d1";

/// Script that agents see; the platform wants one on every callback.
const SCRIPT: &str = "00000000-0000-0000-0000-00000000005c";

/// A time as the platform writes it: milliseconds, left out when they are zero.
pub(crate) fn time(at: Timestamp) -> String {
    if at.subsec_millisecond() == 0 {
        format!("{at:.0}")
    } else {
        format!("{at:.3}")
    }
}

/// A time that may be absent.
pub(crate) fn time_if(at: Option<Timestamp>) -> Option<String> {
    at.map(time)
}

/// The word for where a conversation comes from.
fn provider(media: Media) -> &'static str {
    match media {
        Media::Call => "Edge",
        Media::Callback => "PureCloud Callback",
    }
}

/// Which way a conversation goes: an agent calls a callback's customer.
pub(crate) fn direction(media: Media) -> &'static str {
    match media {
        Media::Call => "inbound",
        Media::Callback => "outbound",
    }
}

/// The priority that a leg shows: an ACD leg its own, every other 0 as recorded.
fn shown_priority(conversation: &Conversation, leg: &Leg, now: Timestamp) -> i64 {
    match leg.purpose {
        super::world::Purpose::Acd => conversation.priority(leg, now).points(),
        _ => 0,
    }
}

/// A reference to a queue, as entities are referred to.
fn queue_reference(leg: &Leg, with_link: bool) -> Value {
    let id = &leg.queue;
    let link = with_link.then(|| format!("/api/v2/routing/queues/{id}"));
    without_nulls(json!({ "id": id, "selfUri": link }))
}

/// Takes out everything that is null: the platform leaves out what it has no value for.
pub(crate) fn without_nulls(mut value: Value) -> Value {
    prune(&mut value);
    value
}

/// Takes nulls out of objects, all the way down.
fn prune(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, field| !field.is_null());
            fields.values_mut().for_each(prune);
        }
        Value::Array(items) => items.iter_mut().for_each(prune),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_look_like_the_platforms() {
        for (at, text) in [
            ("2022-07-04T11:00:00Z", "2022-07-04T11:00:00Z"),
            ("2022-07-04T11:00:01.09Z", "2022-07-04T11:00:01.090Z"),
            ("2022-07-04T11:00:01.092Z", "2022-07-04T11:00:01.092Z"),
        ] {
            assert_eq!(time(at.parse().unwrap()), text);
        }
    }

    #[test]
    fn what_has_no_value_is_left_out() {
        let value = without_nulls(json!({"a": null, "b": {"c": null, "d": 1}, "e": [{"f": null}]}));
        assert_eq!(value, json!({"b": {"d": 1}, "e": [{}]}));
    }
}
