//! How requests to the queue go: said when it changes, and what to do about it.

use std::time::Duration;

use tracing::{debug, info, warn};

use crate::{
    backoff::Backoff,
    genesys::{Failure, FailureKind},
    trouble::Trouble,
};

/// How one kind of request goes: said when it changes.
pub(super) struct Health {
    /// What cannot be done, and what follows.
    sentence: &'static str,
    /// Failures in a row.
    backoff: Backoff,
    /// What was said of them.
    trouble: Trouble,
    /// How long to wait before the next attempt.
    pub(super) delay: Duration,
}

impl Health {
    /// Nothing has failed yet; `sentence` says what cannot be done otherwise.
    pub(super) fn new(sentence: &'static str) -> Self {
        Self {
            sentence,
            backoff: Backoff::default(),
            trouble: Trouble::default(),
            delay: Duration::ZERO,
        }
    }

    /// It worked.
    pub(super) fn good(&mut self) {
        if let Some(over) = self.trouble.over() {
            info!(
                attempts = over.times,
                after_s = over.after.as_secs(),
                what = self.sentence,
                "the event queue works again"
            );
        }
        self.backoff.reset();
        self.delay = Duration::ZERO;
    }

    /// It failed.
    pub(super) fn bad(&mut self, failure: &Failure) {
        let error = failure as &dyn std::error::Error;
        if self.trouble.met(&failure.to_string()) {
            let remedy = remedy(failure.kind);
            warn!(error, remedy, "{}", self.sentence);
        } else {
            debug!(error, "{}", self.sentence);
        }
        self.delay = failure.delay(&mut self.backoff);
    }
}

/// What to do about a failure.
pub(crate) fn remedy(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::Denied => {
            "check the AWS credentials, and that their policy allows sqs:ReceiveMessage, sqs:DeleteMessage, sqs:ChangeMessageVisibility and sqs:GetQueueAttributes on the queue"
        }
        FailureKind::Gone => {
            "check events.sqs_queue_url: there is no such queue in that account and region"
        }
        FailureKind::Transient | FailureKind::Throttled { .. } => {
            "nothing is to be done: the queue keeps what is in it, and it is tried again"
        }
        FailureKind::Unexpected => {
            "check events.sqs_queue_url, and what AWS says to the queue's name there"
        }
    }
}
