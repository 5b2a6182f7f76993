//! What is unwise about where callbacks are heard of.

use super::{
    super::{Callbacks, Events, interval::Spelled},
    Finding,
    Severity::{Error, Note, Warning},
};

/// Whether this program can read queues.
const READS_QUEUES: bool = cfg!(feature = "aws");

/// All findings about these settings.
pub(super) fn of(events: &Events, callbacks: &Callbacks) -> Vec<Finding> {
    let Events {
        sqs_queue_url,
        websocket,
    } = events;
    let queue = sqs_queue_url.is_some();
    let finding = |severity, setting: &str, sentence: String| {
        Finding::new(severity, format!("events.{setting}"), sentence)
    };
    let mut findings = Vec::new();
    if queue && !READS_QUEUES {
        findings.push(finding(
            Error,
            "sqs_queue_url",
            "this program was built without what reads queues, so its messages would be left lying: build it with `--features aws`, or leave the setting out".to_owned(),
        ));
    }
    if queue && callbacks.dry_run {
        findings.push(finding(
            Note,
            "sqs_queue_url",
            "a dry run leaves the queue alone, because what it took would be missed by the daemon that raises: callbacks are found by the other ways".to_owned(),
        ));
    }
    match (queue, websocket) {
        (false, false) => findings.push(finding(
            Warning,
            "websocket",
            format!(
                "nothing but the sweep tells of callbacks, so each is found up to {} late, and every raise costs two requests: write true, or name a queue in `sqs_queue_url`",
                Spelled(callbacks.sweep)
            ),
        )),
        (true, false) => findings.push(finding(
            Note,
            "websocket",
            "nothing tells of changed priorities, so every raise is preceded by a look and costs two requests: write true if half as many callbacks are too few".to_owned(),
        )),
        (_, true) => {}
    }
    findings
}
