//! Which topics there are, and what a subscription to one asks for.
//!
//! A topic names one queue or one conversation. Several that share a beginning may be combined into one,
//! `{beginning}?{end}&{end}`, which counts once and is told under its parts. The bulk form of detail topics, `{id}` or
//! `*` in place of a conversation, is for `EventBridge`; on a WebSocket it is not valid, unless the sandbox is
//! told to allow it.

use crate::{
    conversation::{ConversationId, QueueId},
    sandbox::Options,
};

/// Longest combined topic, in bytes: the platform wants less than 200.
const COMBINED_MAX: usize = 199;

/// One topic, not combined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Topic {
    /// What happens in a queue: `v2.routing.queues.{id}.conversations`, or one medium of it.
    Queue(QueueId, String),
    /// What happens to a conversation: `v2.detail.events.conversation.{id}.acd.start` or `.end`.
    Detail(ConversationId, String),
    /// What happens to all conversations, where that is allowed. Holds the end, such as `acd.start`.
    Bulk(String),
}

/// Which forms are allowed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Forms {
    /// Detail topics for all conversations.
    pub(crate) bulk: bool,
    /// Several topics combined into one.
    pub(crate) combined: bool,
}

impl From<&Options> for Forms {
    fn from(options: &Options) -> Self {
        Self {
            bulk: options.bulk_topics,
            combined: options.combined_topics,
        }
    }
}

/// The topics that a subscription's text asks for; nothing if it is not a valid topic.
pub(crate) fn parse(text: &str, forms: Forms) -> Option<Vec<Topic>> {
    let Some((beginning, ends)) = text.split_once('?') else {
        return single(text, forms).map(|topic| vec![topic]);
    };
    if !forms.combined || text.len() > COMBINED_MAX {
        return None;
    }
    ends.split('&')
        .map(|end| single(&format!("{beginning}.{end}"), forms))
        .collect()
}

/// The topic with this text.
fn single(text: &str, forms: Forms) -> Option<Topic> {
    if let Some(rest) = text.strip_prefix("v2.routing.queues.") {
        let (id, end) = rest.split_once('.')?;
        let known = matches!(
            end,
            "conversations" | "conversations.calls" | "conversations.callbacks"
        );
        return known.then(|| Some(Topic::Queue(id.parse().ok()?, end.to_owned())))?;
    }
    let rest = text.strip_prefix("v2.detail.events.conversation.")?;
    let (id, end) = rest.split_once('.')?;
    if !matches!(end, "acd.start" | "acd.end") {
        return None;
    }
    match id {
        "{id}" | "*" => forms.bulk.then(|| Topic::Bulk(end.to_owned())),
        _ => Some(Topic::Detail(id.parse().ok()?, end.to_owned())),
    }
}

impl Topic {
    /// The name under which its events come; for the bulk form the one they are matched by.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Queue(id, end) => format!("v2.routing.queues.{id}.{end}"),
            Self::Detail(id, end) => format!("v2.detail.events.conversation.{id}.{end}"),
            Self::Bulk(end) => format!("v2.detail.events.conversation.{{id}}.{end}"),
        }
    }
}

/// The name by which a detail topic of one conversation is matched to the bulk form, if it is a detail topic.
pub(crate) fn bulk_name(topic: &str) -> Option<String> {
    let rest = topic.strip_prefix("v2.detail.events.conversation.")?;
    let (_, end) = rest.split_once('.')?;
    Some(Topic::Bulk(end.to_owned()).name())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The plain platform.
    const PLAIN: Forms = Forms {
        bulk: false,
        combined: true,
    };

    /// Names of the topics that a text asks for.
    fn names(text: &str, forms: Forms) -> Option<Vec<String>> {
        Some(parse(text, forms)?.iter().map(Topic::name).collect())
    }

    #[test]
    fn plain_topics_name_themselves() {
        for text in [
            "v2.routing.queues.q1.conversations",
            "v2.routing.queues.q1.conversations.callbacks",
            "v2.detail.events.conversation.c1.acd.start",
            "v2.detail.events.conversation.c1.acd.end",
        ] {
            assert_eq!(names(text, PLAIN), Some(vec![text.to_owned()]));
        }
    }

    #[test]
    fn a_combined_topic_is_told_under_its_parts() {
        let parts = |start: &str| Some(vec![format!("{start}.start"), format!("{start}.end")]);
        let start = "v2.detail.events.conversation.c1.acd";
        assert_eq!(names(&format!("{start}?start&end"), PLAIN), parts(start));
        let plain = Forms {
            combined: false,
            ..PLAIN
        };
        assert_eq!(names(&format!("{start}?start&end"), plain), None);
        assert_eq!(
            names(&format!("{start}?start&{}", "x".repeat(200)), PLAIN),
            None
        );
    }

    #[test]
    fn the_bulk_form_is_valid_only_where_it_is_allowed() {
        let bulk = Forms {
            bulk: true,
            ..PLAIN
        };
        for id in ["{id}", "*"] {
            let text = format!("v2.detail.events.conversation.{id}.acd.start");
            assert_eq!(names(&text, PLAIN), None);
            let name = "v2.detail.events.conversation.{id}.acd.start";
            assert_eq!(names(&text, bulk), Some(vec![name.to_owned()]));
            let told = "v2.detail.events.conversation.c1.acd.start";
            assert_eq!(bulk_name(told).as_deref(), Some(name));
        }
    }

    #[test]
    fn whatever_else_is_no_topic() {
        for text in [
            "",
            "v2.conversations.c1",
            "v2.routing.queues.q1",
            "v2.routing.queues.*.conversations",
            "v2.routing.queues.q1.conversations.nonsense",
            "v2.detail.events.conversation.c1",
            "v2.detail.events.conversation.c1.acd.middle",
            "v2.detail.events.conversation.c1.acd?",
        ] {
            assert_eq!(parse(text, PLAIN), None, "{text}");
        }
    }
}
