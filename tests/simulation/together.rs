//! What must be so of the requests of several replicas, as they have sent and heard them.
//!
//! Judged is when a request was sent, and not when it arrived: what the network or a freeze has held arrives late and all at
//! once, and nobody could keep it from that. So in any rolling minute there arrive at most as many as the budget allows, and
//! beside them those that were held.

use std::{
    collections::{BTreeSet, VecDeque},
    time::Duration,
};

use callback_prioritizer::clock::elapsed;
use jiff::Timestamp;

use crate::{
    model::{Model, Verdict, after},
    plan::Plan,
    traffic::{LATE, LOOK, MINUTE, SOCKET, judge_late},
    wire::Sent,
    witness::Notes,
};

/// Time after the question for a claim within which a write may be sent, and two seconds by which clocks may differ.
const SEND_WITHIN: Duration = Duration::from_secs(18 + 2);
/// Time after which others keep to a hold that one has met, with permits that they had in hand.
const WORD: Duration = Duration::from_secs(3);
/// Requests that were under way when a refusal came may still be sent for so long.
const UNDER_WAY: Duration = Duration::from_millis(20);
/// Time after which the database is asked again that was away: what hangs has failed by then.
const BACK: Duration = Duration::from_secs(10);
/// The path of the query that a sweep makes.
const SWEEP: &str = "/api/v2/analytics/conversations/activity/query";
/// Requests of one sweep come within this time.
const ONE_SWEEP: Duration = Duration::from_secs(12);
/// Time that all is well before sweeps are judged.
const SETTLED: Duration = Duration::from_secs(150);
/// Longest time from one sweep to the next in a calm, with what is left of a slow one.
const SWEEPS: Duration = Duration::from_secs(75);

/// A time from then to then.
pub(crate) type Span = (Timestamp, Timestamp);

/// What is judged.
pub(crate) struct Run<'a> {
    /// All requests, in the order in which they were sent.
    pub(crate) requests: Vec<Sent>,
    /// What was to happen.
    pub(crate) plan: &'a Plan,
    /// What must be so of callbacks.
    pub(crate) model: &'a Model,
    /// What the journal was asked.
    pub(crate) notes: &'a Notes,
    /// When each replica was started.
    pub(crate) starts: Vec<Vec<Timestamp>>,
    /// When somebody had no database.
    pub(crate) outages: Vec<Span>,
    /// When each was frozen or had no database.
    pub(crate) shut: Vec<Vec<Span>>,
    /// When all was well.
    pub(crate) calms: &'a [Span],
}

impl Run<'_> {
    /// Judges all of it.
    pub(crate) fn judge(&self) -> Verdict {
        self.rate()?;
        self.holds()?;
        self.guard()?;
        self.after_the_end()?;
        self.sweeps()
    }

    /// All replicas together send no more in a rolling minute than the platform allows one token, whoever of them is started
    /// again.
    ///
    /// Where somebody has no database it is more by what nobody can know of: a replica that is cut off keeps to a fifth of the
    /// rate by itself while the others have the whole, and what is sent meanwhile by all of them the keeper does not count, so
    /// that there is a burst more when it is back.
    fn rate(&self) -> Verdict {
        let allowed = self.plan.rate / 9 * 10;
        let alone = self.plan.rate / 5 * u32::try_from(self.plan.replicas).unwrap_or(u32::MAX);
        let unknown = alone.min(self.plan.rate) + self.plan.rate / 9;
        let mut minute = VecDeque::new();
        for request in self.requests.iter().filter(|one| !is_socket(one)) {
            minute.push_back(request.at);
            while minute
                .front()
                .is_some_and(|first| elapsed(*first, request.at) >= MINUTE)
            {
                minute.pop_front();
            }
            let from = request.at.saturating_sub(MINUTE + LATE);
            let counted = !touches(&self.outages, (from.unwrap_or_default(), request.at));
            let allowed = if counted { allowed } else { allowed + unknown };
            if minute.len() > allowed as usize {
                return Err(format!(
                    "{} requests of all in the minute before {}",
                    minute.len(),
                    request.at
                ));
            }
        }
        Ok(())
    }

    /// Never a request of whoever has heard that the platform asks to wait, nor of the others once they have the word; a replica
    /// that could not pass it on is none to have it from.
    fn holds(&self) -> Verdict {
        for refusal in self.requests.iter().filter(|one| !is_socket(one)) {
            let Some((heard, 429)) = refusal.answered else {
                continue;
            };
            let ends = after(heard, Duration::from_secs(self.plan.platform.retry_after));
            let told = !touches(&self.shut[refusal.replica], (heard, ends))
                && !touches(
                    &self.outages,
                    (heard.saturating_sub(BACK).unwrap_or(heard), ends),
                );
            let inside = self
                .requests
                .iter()
                .filter(|one| !is_socket(one))
                .find(|one| {
                    let ours = one.replica == refusal.replica;
                    let begins = after(heard, if ours { UNDER_WAY } else { WORD });
                    let mut starts = self.starts[one.replica].iter();
                    let knows = !starts.any(|start| (heard..=one.at).contains(start));
                    one.at > begins && one.at < ends && (told || (ours && knows))
                });
            if let Some(inside) = inside {
                return Err(format!("inside Retry-After: {inside:?} after {refusal:?}"));
            }
        }
        Ok(())
    }

    /// No write is sent that a claim of the sender's does not carry to its answer, however long the sender was frozen.
    fn guard(&self) -> Verdict {
        for write in &self.requests {
            let (Some(id), Some(to)) = (write.written(), write.to) else {
                continue;
            };
            let by = after(write.at, Duration::from_secs(2));
            let Some(claim) = self.notes.claim_of(write.replica, id, to, by) else {
                return Err(format!("sent without a claim: {write:?}"));
            };
            if elapsed(claim.at, write.at) > SEND_WITHIN {
                return Err(format!("sent when its claim may end: {write:?}, {claim:?}"));
            }
        }
        Ok(())
    }

    /// No write is sent after it is known that the wait is over: by an answer that its sender has heard, or by the time that
    /// has passed.
    fn after_the_end(&self) -> Verdict {
        let mut refused = BTreeSet::new();
        for write in &self.requests {
            let Some(id) = write.written() else { continue };
            let Some((end, unknown_for)) = self.model.out_since(id, write.at) else {
                continue;
            };
            let answered = write.answered.is_some_and(|(_, status)| status < 500);
            let start = self.start_before(write);
            let again = answered && !refused.insert((id, end, write.replica, start));
            let known = self.requests.iter().find(|look| {
                let heard = look.answered.filter(|(_, status)| *status == 200);
                look.replica == write.replica
                    && look.method == "GET"
                    && look.path.strip_prefix(LOOK) == Some(id)
                    && look.at > end
                    && Some(look.at) > start
                    && heard.is_some_and(|(heard, _)| heard < write.at)
            });
            judge_late((write, write.at), (end, unknown_for), again, known)?;
        }
        Ok(())
    }

    /// When the daemon was started that has sent this.
    fn start_before(&self, sent: &Sent) -> Option<Timestamp> {
        let starts = self.starts[sent.replica].iter();
        starts.filter(|start| **start <= sent.at).max().copied()
    }

    /// One sweep a round when all is well, whoever makes it; and one after each socket that was opened, which may come late after
    /// much trouble. Where tokens end, channels may end with them, and are opened anew all the time. Where there are few
    /// requests to spend, a sweep that waited long for its turn is too old for whoever asks half a round after it began.
    fn sweeps(&self) -> Verdict {
        if self.plan.platform.token_lifetime < Duration::from_hours(1) {
            return Ok(());
        }
        for (from, to) in self.calms {
            let from = after(*from, SETTLED);
            let sweeps = self
                .requests
                .iter()
                .filter(|one| one.path.starts_with(SWEEP));
            let mut last: Option<Timestamp> = None;
            for sweep in sweeps.filter(|sweep| sweep.at >= from && sweep.at <= *to) {
                let gap = last.map(|last| elapsed(last, sweep.at));
                let early =
                    !self.plan.tight && gap.is_some_and(|gap| gap > ONE_SWEEP && gap < MINUTE / 2);
                if early && !self.is_opened(last, sweep.at) {
                    return Err(format!("two sweeps in one round, {gap:?} apart: {sweep:?}"));
                }
                if gap.is_none_or(|gap| gap > ONE_SWEEP) {
                    last = Some(sweep.at);
                }
            }
            let since = last.unwrap_or(from);
            if *to > from && elapsed(since, *to) > SWEEPS {
                return Err(format!("no sweep from {since} to {to}"));
            }
        }
        Ok(())
    }

    /// Whether a socket was opened, or tried to be, a while before the first of these moments or in between.
    fn is_opened(&self, from: Option<Timestamp>, to: Timestamp) -> bool {
        let from = from.map(|from| from.saturating_sub(MINUTE).unwrap_or(from));
        let mut sockets = self.requests.iter().filter(|one| is_socket(one));
        sockets.any(|one| Some(one.at) >= from && one.at <= to)
    }
}

/// Whether it opens a socket, which is no request of a token's.
fn is_socket(sent: &Sent) -> bool {
    sent.path.starts_with(SOCKET)
}

/// Whether one of these times touches another one.
fn touches(spans: &[Span], (from, to): Span) -> bool {
    spans
        .iter()
        .any(|(begin, end)| *begin <= to && *end >= from)
}
