//! What may leave this process at this moment: the one place that every request passes, whoever has made it.
//!
//! A dry run is judged here by what a request is, not by what its maker calls it. What may leave is listed; whatever is added
//! to this program one day stays at home in a dry run until somebody puts it on the list. The token is on no list, because
//! it is not asked for at the API: its request is made by `oauth`, and can be nothing else.

use reqwest::{Method, Url};
use tokio::time::Instant;

use super::{Call, Effect, Genesys};
use crate::genesys::failure::{Failure, FailureKind};

/// Where our own notification channels are made and told what to bring.
const CHANNELS: &str = "api/v2/notifications/channels";
/// What the topics of a channel end in.
const SUBSCRIPTIONS: &str = "subscriptions";
/// The sweep: a question that is too long for a URL.
const SWEEP: &str = "api/v2/analytics/conversations/activity/query";

impl Genesys {
    /// Lets a request out, or says why not.
    pub(super) fn let_out(&self, call: &Call, url: &Url) -> Result<(), Failure> {
        let stays = |kind, why| Err(Failure::local(kind, call.name, why, None));
        let now = self.orders.now();
        if now.dry_run && !self.only_asks(&call.method, url) {
            return stays(
                FailureKind::Unexpected,
                "not sent: this is a dry run, which writes nothing",
            );
        }
        if call.effect == Effect::Writes {
            let queue = call.queue.as_ref();
            let pauses = now.pauses.as_ref();
            if pauses.is_none_or(|pauses| pauses.end_for(queue, self.now()).is_some()) {
                return stays(FailureKind::Transient, "not sent: raises are paused");
            }
        }
        if call.by.is_some_and(|by| by.at < Instant::now()) {
            return stays(
                FailureKind::Transient,
                "not sent: it was decided too long ago",
            );
        }
        if call.by.is_some_and(|by| by.uptime < self.uptime()) {
            return stays(
                FailureKind::Transient,
                "not sent: its claim may end before the answer comes",
            );
        }
        Ok(())
    }

    /// Whether a request changes nothing but our own notification channels.
    fn only_asks(&self, method: &Method, url: &Url) -> bool {
        // As it is sent: a path may have been made shorter by its dots.
        let base = self.api_url.path().trim_end_matches('/');
        let path = url.path().strip_prefix(base).unwrap_or_default();
        match (method.as_str(), path.trim_start_matches('/')) {
            ("GET", _) | ("POST", CHANNELS | SWEEP) => true,
            ("POST" | "PUT", path) => {
                let channel = path
                    .strip_prefix(CHANNELS)
                    .and_then(|rest| rest.strip_prefix('/'));
                let parts = channel.and_then(|channel| channel.split_once('/'));
                parts.is_some_and(|(id, rest)| !id.is_empty() && rest == SUBSCRIPTIONS)
            }
            _ => false,
        }
    }
}
