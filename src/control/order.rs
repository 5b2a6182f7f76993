//! The words on the socket: one order in a line of JSON, one answer in another.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::orders::Pause;

/// What an operator orders.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "order", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Order {
    /// Raise nothing.
    Pause {
        /// In the queues that this name, glob or id means; absent: in all of them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        queue: Option<String>,
        /// For so many milliseconds; absent: until it is ended.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        for_ms: Option<u64>,
        /// Of this organisation, where there are several.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        organization: Option<String>,
    },
    /// Raise again, and make good what fell due meanwhile.
    Resume {
        /// In the queues that this means; absent: in all of them, whatever was paused by itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        queue: Option<String>,
        /// Of this organisation, where there are several.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        organization: Option<String>,
    },
}

impl Order {
    /// The organisation that it names.
    pub(crate) fn organization(&self) -> Option<&str> {
        let (Self::Pause { organization, .. } | Self::Resume { organization, .. }) = self;
        organization.as_deref()
    }

    /// The queue that it names.
    pub(crate) fn queue(&self) -> Option<&str> {
        let (Self::Pause { queue, .. } | Self::Resume { queue, .. }) = self;
        queue.as_deref()
    }
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub(crate) enum Answer {
    /// It is done.
    Done {
        /// Whether it was another way before.
        changed: bool,
        /// Whether the journal has it, so that it outlives the daemon.
        kept: bool,
        /// All that is paused now.
        paused: Vec<Paused>,
    },
    /// It cannot be done.
    Refused {
        /// Why, and what to do.
        sentence: String,
    },
    /// It is not this user's to order.
    Denied,
}

/// A pause, with the name of its queue where that is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Paused {
    /// Of which organisation, where there are several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) organization: Option<String>,
    /// It.
    #[serde(flatten)]
    pub(crate) pause: Pause,
    /// What its queue is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
}

impl Answer {
    /// A refusal in this sentence.
    pub(crate) fn refused(sentence: impl Into<String>) -> Self {
        Self::Refused {
            sentence: sentence.into(),
        }
    }
}

impl fmt::Display for Paused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(organization) = &self.organization {
            write!(f, "{organization}: ")?;
        }
        match (&self.name, &self.pause.queue) {
            (Some(name), _) => write!(f, "{}", name.escape_debug())?,
            (None, Some(id)) => write!(f, "queue {id}")?,
            (None, None) => f.write_str("all queues")?,
        }
        match self.pause.until {
            Some(until) => write!(f, ", until {}", until.strftime("%Y-%m-%d %H:%M:%S UTC")),
            None => f.write_str(", until `callback-prioritizer resume`"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_read_strictly() {
        let read = |text: &str| serde_json::from_str::<Order>(text).ok();
        assert_eq!(
            read(r#"{"order":"pause","queue":"Sales","for_ms":5}"#),
            Some(Order::Pause {
                queue: Some("Sales".to_owned()),
                for_ms: Some(5),
                organization: None
            })
        );
        assert_eq!(
            read(r#"{"order":"resume"}"#),
            Some(Order::Resume {
                queue: None,
                organization: None
            })
        );
        for strange in [
            "",
            "{}",
            "[]",
            r#"{"order":"stop"}"#,
            r#"{"order":"pause","for":"30m"}"#,
            r#"{"order":"pause","for_ms":-1}"#,
            r#"{"order":"resume","for_ms":1}"#,
        ] {
            assert_eq!(read(strange), None, "{strange}");
        }
    }

    #[test]
    fn a_pause_is_told_in_words() {
        let pause = |queue: Option<&str>, until: Option<&str>| Pause {
            queue: queue.map(|queue| queue.parse().unwrap()),
            since: jiff::Timestamp::UNIX_EPOCH,
            until: until.map(|until| until.parse().unwrap()),
        };
        let told = |name: Option<&str>, pause| {
            let name = name.map(str::to_owned);
            let organization = None;
            Paused {
                organization,
                pause,
                name,
            }
            .to_string()
        };
        assert_eq!(
            told(None, pause(None, None)),
            "all queues, until `callback-prioritizer resume`"
        );
        let until = Some("2026-01-05T09:30:00Z");
        assert_eq!(
            told(Some("Sales\u{1b}"), pause(Some("q"), until)),
            "Sales\\u{1b}, until 2026-01-05 09:30:00 UTC"
        );
        assert_eq!(
            told(None, pause(Some("q"), until)),
            "queue q, until 2026-01-05 09:30:00 UTC"
        );
    }
}
