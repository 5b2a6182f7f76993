//! What must be so of the requests, taken together.

use std::{
    collections::{BTreeSet, VecDeque},
    fmt::Debug,
    time::Duration,
};

use callback_prioritizer::{clock::elapsed, sandbox::Request};
use jiff::Timestamp;

use crate::{
    model::{Model, Verdict, after},
    plan::Plan,
};

/// The window in which the platform counts.
pub(crate) const MINUTE: Duration = Duration::from_mins(1);
/// Requests that were under way when a refusal came may still arrive for so long, besides the way itself.
const UNDER_WAY: Duration = Duration::from_millis(20);
/// The path of the writes.
const WRITE: &str = "/api/v2/routing/conversations/";
/// The path of the looks.
pub(crate) const LOOK: &str = "/api/v2/conversations/";
/// The path of sockets.
pub(crate) const SOCKET: &str = "/channels/";
/// Longest time that an answered look may be late.
pub(crate) const LATE: Duration = Duration::from_secs(10);

/// Judges all requests of a run. `starts` are the moments at which daemons were started.
pub(crate) fn judge(
    mut requests: Vec<Request>,
    plan: &Plan,
    model: &Model,
    starts: &[Timestamp],
) -> Verdict {
    requests.sort_by_key(|request| request.at);
    rate(&requests, plan, starts)?;
    holds(&requests, plan, starts)?;
    after_the_end(&requests, model)
}

/// Never over what the platform allows one token in a rolling minute. All tokens of one daemon are counted as one, and so are
/// the requests without any; a daemon that was started since has a token of its own.
fn rate(requests: &[Request], plan: &Plan, starts: &[Timestamp]) -> Verdict {
    let allowed = usize::try_from(plan.rate / 9 * 10).unwrap_or(usize::MAX);
    let mut minute = VecDeque::new();
    let mut starts = starts.iter().peekable();
    for request in requests {
        while starts.next_if(|start| **start <= request.at).is_some() {
            minute.clear();
        }
        minute.push_back(request.at);
        while minute
            .front()
            .is_some_and(|first| elapsed(*first, request.at) >= MINUTE)
        {
            minute.pop_front();
        }
        if minute.len() > allowed {
            return Err(format!(
                "{} requests in the minute before {}",
                minute.len(),
                request.at
            ));
        }
    }
    Ok(())
}

/// Never a request while the platform has asked to wait; a daemon that was started since cannot know. The opening of a socket is
/// no request of a token's, and so not counted.
fn holds(requests: &[Request], plan: &Plan, starts: &[Timestamp]) -> Verdict {
    let refusals = requests
        .iter()
        .filter(|request| request.status == Some(429) && !request.path.starts_with(SOCKET));
    for refusal in refusals {
        let begins = after(refusal.at, plan.platform.latency + UNDER_WAY);
        let ends = after(refusal.at, Duration::from_secs(plan.platform.retry_after));
        let restarted = starts.iter().find(|start| **start > refusal.at);
        let ends = restarted.map_or(ends, |start| ends.min(*start));
        let inside = requests
            .iter()
            .find(|one| one.at > begins && one.at < ends && !one.path.starts_with(SOCKET));
        if let Some(inside) = inside {
            return Err(format!("inside Retry-After: {inside:?} after {refusal:?}"));
        }
    }
    Ok(())
}

/// No write after it is known that the wait is over.
fn after_the_end(requests: &[Request], model: &Model) -> Verdict {
    let mut refused = BTreeSet::new();
    for write in requests.iter().filter(|request| request.method == "PATCH") {
        let id = write.path.strip_prefix(WRITE).unwrap_or_default();
        let Some((end, unknown_for)) = model.out_since(id, write.at) else {
            continue;
        };
        let answered = write.status.is_some_and(|status| status < 500);
        let again = answered && !refused.insert((id, end));
        let known = requests.iter().find(|look| {
            look.method == "GET"
                && look.path.strip_prefix(LOOK) == Some(id)
                && look.status == Some(200)
                && look.at > end
                && look.at < write.at
        });
        judge_late((write, write.at), (end, unknown_for), again, known)?;
    }
    Ok(())
}

/// Judges a write that was sent after the wait was over: whether it was refused before and is tried `again`, whether its sender
/// had `known` it by a look, and whether the end could be unknown for as long.
pub(crate) fn judge_late<T: Debug>(
    (write, at): (&T, Timestamp),
    (end, unknown_for): (Timestamp, Duration),
    again: bool,
    known: Option<&T>,
) -> Verdict {
    if again {
        return Err(format!(
            "over at {end}, refused, and tried again: {write:?}"
        ));
    }
    if let Some(look) = known {
        return Err(format!(
            "over at {end}, seen by {look:?}, and yet {write:?}"
        ));
    }
    if elapsed(end, at) > LATE.max(unknown_for) {
        return Err(format!(
            "over at {end}, which may be unknown for {unknown_for:?}, and yet {write:?}"
        ));
    }
    Ok(())
}
