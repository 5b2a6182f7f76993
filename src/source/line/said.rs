//! What a line says of itself: that it is up or down, and trouble once, however often it is met.

use tracing::{debug, info, warn};

use super::{Connection, NoConnection, Subscribed};
use crate::{genesys::EndReason, trouble::Trouble};

/// Connections lost soon after they came up, in a row, that are no accident any more.
const CONTESTED: u32 = 5;

/// What a line has said.
#[derive(Debug, Default)]
pub(in crate::source) struct Said {
    /// That no connection comes up.
    down: Trouble,
    /// Connections lost soon after they came up, in a row.
    lost_soon: u32,
    /// That no topic discovers callbacks.
    blind: Trouble,
    /// That no conversation can be followed.
    deaf: Trouble,
}

impl Said {
    /// Whether connections are lost again and again. Then each of them is no news.
    pub(super) fn is_contested(&self) -> bool {
        self.lost_soon >= CONTESTED
    }

    /// No connection came up.
    pub(super) fn no_connection(&mut self, line: usize, why: &NoConnection) {
        let (kind, correlation_id) = match why {
            NoConnection::Request(failure) => (failure.to_string(), failure.correlation_id()),
            NoConnection::Socket(reason) => (reason.to_string(), None),
        };
        if !self.down.met(&kind) {
            debug!(line, reason = kind, "still no notifications");
            return;
        }
        match why {
            NoConnection::Request(failure) => {
                let error = failure as &dyn std::error::Error;
                warn!(
                    line,
                    error, correlation_id, "no notifications: trying again, sweeps go on"
                );
            }
            NoConnection::Socket(reason) => {
                warn!(line, %reason, "no notifications: trying again, sweeps go on");
            }
        }
    }

    /// A connection is up, and this is what it listens to.
    pub(super) fn connected(&mut self, line: usize, connection: &Connection) {
        let Subscribed {
            form,
            queues,
            refused,
            bulk,
            ..
        } = connection.subscribed;
        let attempts = 1 + self.down.over().map_or(0, |over| over.times);
        if self.is_contested() {
            debug!(line, attempts, "connected once more");
        } else {
            info!(
                line,
                queue_topics = queues,
                refused_topics = refused,
                conversation_topics = form.name(),
                bulk_acd_start = bulk,
                attempts,
                "connected"
            );
        }
        if line > 0 {
            return;
        }
        if queues > 0 || bulk {
            if let Some(over) = self.blind.over() {
                let after_s = over.after.as_secs();
                info!(after_s, "callbacks are discovered by events again");
            }
        } else if self.blind.met("") {
            warn!(
                "no topic discovers callbacks: each is found by the next sweep instead, up to a minute later"
            );
        }
    }

    /// A connection was lost after this many seconds; `healthy` says whether it had held for long enough.
    pub(super) fn disconnected(
        &mut self,
        line: usize,
        reason: EndReason,
        up_s: u64,
        healthy: bool,
    ) {
        if self.is_contested() && !healthy {
            debug!(line, %reason, up_s, "disconnected once more");
        } else {
            warn!(line, %reason, up_s, "disconnected");
        }
        self.lost_soon = if healthy { 0 } else { self.lost_soon + 1 };
        if self.lost_soon == CONTESTED {
            warn!(
                line,
                lost = self.lost_soon,
                "connections are lost again and again soon after they come up: most likely another program uses this OAuth client and takes the channels away; give this daemon a client of its own"
            );
        }
    }

    /// A connection holds.
    pub(super) fn holds(&mut self, line: usize) {
        if self.is_contested() {
            let lost = self.lost_soon;
            info!(line, lost, "connections hold again");
        }
        self.lost_soon = 0;
    }

    /// Conversations cannot be followed by topics of their own.
    pub(super) fn not_followed(&mut self) {
        if self.deaf.met("") {
            warn!(
                "acd.start and acd.end of conversations are refused: answers and transfers are seen by other events or by the next sweep"
            );
        }
    }

    /// They can.
    pub(super) fn followed(&mut self) {
        if let Some(over) = self.deaf.over() {
            let after_s = over.after.as_secs();
            info!(
                after_s,
                "acd.start and acd.end of conversations are accepted again"
            );
        }
    }
}
