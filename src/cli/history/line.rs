//! An event as one JSON object on one line. The names are those of the daemon's log lines.

use std::io::{self, Write};

use jiff::Timestamp;
use serde::Serialize;

use super::table::late;
use crate::{
    conversation::{ConversationId, ParticipantId, Priority, QueueId},
    journal::{Change, Event, Outcome},
};

/// A line.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Line<'a> {
    /// A priority was written, or was to be.
    Write {
        /// When it was sent.
        at: Timestamp,
        /// Whose priority.
        conversation_id: &'a ConversationId,
        /// In which stay.
        visit: &'a ParticipantId,
        /// In which queue.
        queue_id: Option<&'a QueueId>,
        /// Priority before.
        from: Priority,
        /// Priority after.
        to: Priority,
        /// Newest step in it.
        step: u32,
        /// When that step was due.
        due: Timestamp,
        /// How much later it was sent.
        late_ms: u128,
        /// What became of it.
        outcome: &'static str,
        /// When that was known.
        settled: Option<Timestamp>,
        /// Whose write it was, where several daemons write.
        #[serde(skip_serializing_if = "Option::is_none")]
        replica: Option<&'a str>,
    },
    /// Something happened to the daemon.
    Daemon {
        /// When; of a kill, the last sign of life before it.
        at: Timestamp,
        /// What.
        event: &'static str,
        /// Which it is, where there are several.
        #[serde(skip_serializing_if = "Option::is_none")]
        replica: Option<&'a str>,
    },
}

/// Writes an event.
pub(super) fn write(to: &mut impl Write, event: &Event) -> io::Result<()> {
    let line = match event {
        Event::Write(written) => Line::Write {
            at: written.write.at,
            conversation_id: &written.visit.conversation,
            visit: &written.visit.leg,
            queue_id: written.queue.as_ref(),
            from: written.write.from,
            to: written.write.to,
            step: written.write.step,
            due: written.write.due,
            late_ms: late(written).as_millis(),
            outcome: outcome(written.outcome),
            settled: written.settled,
            replica: written.replica.as_deref(),
        },
        Event::Daemon { at, what, replica } => Line::Daemon {
            at: *at,
            event: change(*what),
            replica: replica.as_deref(),
        },
    };
    serde_json::to_writer(&mut *to, &line)?;
    writeln!(to)
}

/// What happened to the daemon in one word.
pub(super) fn change(what: Change) -> &'static str {
    match what {
        Change::Started => "started",
        Change::Killed => "killed",
        Change::Stopped => "stopped",
    }
}

/// An outcome in one word.
pub(super) fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Raised => "raised",
        Outcome::Arrived => "arrived",
        Outcome::NotMade => "not_made",
        Outcome::Unconfirmed => "unconfirmed",
        Outcome::Foreign => "foreign",
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::table::tests::{afternoon, lines, of_replica},
        *,
    };

    #[test]
    fn an_event_is_one_object_on_one_line() {
        let one = lines(write, &[of_replica()]);
        let expected =
            r#"{"kind":"daemon","at":"2026-01-05T14:00:00Z","event":"killed","replica":"r2"}"#;
        assert_eq!(one, [expected]);
        let lines = lines(write, &afternoon());
        assert_eq!(lines.len(), afternoon().len());
        assert_eq!(
            lines[..2],
            [
                r#"{"kind":"daemon","at":"2026-01-05T13:59:58Z","event":"started"}"#,
                r#"{"kind":"write","at":"2026-01-05T14:00:00.2Z","conversation_id":"7cf1beb6-0e9d-43ea-a2fa-fd5e97a80f86","visit":"leg","queue_id":"1a2b3c4d-0e9d-43ea-a2fa-fd5e97a80f86","from":0,"to":1,"step":1,"due":"2026-01-05T14:00:00Z","late_ms":200,"outcome":"raised","settled":"2026-01-05T14:00:00.3Z"}"#,
            ]
        );
    }
}
