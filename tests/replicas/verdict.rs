//! What must hold of all that was written, and by how much it does not.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use callback_prioritizer::{
    conversation::ConversationId,
    sandbox::{Situation, Write},
};
use jiff::Timestamp;

use crate::centre::Centre;

/// What was found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Priorities that were set.
    pub(crate) writes: usize,
    /// Those of them that set what was there already.
    pub(crate) repeated: usize,
    /// Those that set less than was there.
    pub(crate) lowered: usize,
    /// Those of these that no later write has made good while the callback waited.
    pub(crate) left_low: usize,
    /// Writes above what was due at their moment.
    pub(crate) beyond_due: usize,
    /// Callbacks that wait and never came to what was due.
    pub(crate) lost: usize,
    /// Callbacks whose last value is below what was noted as done.
    pub(crate) below_committed: usize,
    /// Requests in the minute that had most.
    pub(crate) requests_a_minute: usize,
}

impl Verdict {
    /// What has become of a platform whose workers have noted these values as done, and have lost so many callbacks.
    pub(crate) fn on(
        centre: &Centre,
        committed: &HashMap<ConversationId, i64>,
        lost: usize,
    ) -> Self {
        let world = centre.sandbox.world();
        let (writes, entered) = (world.writes(), centre.entered());
        let lowered: Vec<_> = (0..writes.len())
            .filter(|&at| writes[at].to < writes[at].from)
            .collect();
        let waits = |id| world.situation(id) == Some(Situation::Waiting);
        let left_low = lowered.iter().filter(|&&at| {
            let low = &writes[at];
            let same = |later: &&Write| later.conversation == low.conversation;
            let mut later = writes[at + 1..].iter().filter(same);
            waits(&low.conversation) && !later.any(|later| later.to >= low.from)
        });
        let beyond = |write: &&Write| {
            write.to.points() > centre.target(entered[&write.conversation], write.at)
        };
        let is_below =
            |(id, value): &(&ConversationId, &i64)| world.priority(id).unwrap().points() < **value;
        Self {
            repeated: writes.iter().filter(|write| write.to == write.from).count(),
            left_low: left_low.count(),
            lowered: lowered.len(),
            beyond_due: writes.iter().filter(beyond).count(),
            lost,
            below_committed: committed.iter().filter(is_below).count(),
            requests_a_minute: most_in_a_minute(centre),
            writes: writes.len(),
        }
    }
}

/// The most requests that arrived within any minute. Sockets are counted apart from requests by the platform.
fn most_in_a_minute(centre: &Centre) -> usize {
    let mut requests = centre.sandbox.requests();
    requests.retain(|request| request.path.starts_with("/api/") || request.method == "POST");
    let mut times: Vec<Timestamp> = requests.iter().map(|request| request.at).collect();
    times.sort_unstable();
    let mut first = 0;
    let in_a_minute = times.iter().enumerate().map(|(last, at)| {
        while *at >= times[first] + Duration::from_mins(1) {
            first += 1;
        }
        last + 1 - first
    });
    in_a_minute.max().unwrap_or_default()
}

/// Those who wait and have not been seen at exactly what is due.
pub(crate) struct Missing {
    /// When each of them entered its queue.
    entered: HashMap<ConversationId, Timestamp>,
    /// Who they are.
    pub(crate) missing: HashSet<ConversationId>,
}

impl Missing {
    /// All who wait.
    pub(crate) fn all(centre: &Centre) -> Self {
        Self {
            entered: centre.entered(),
            missing: centre.line().into_iter().collect(),
        }
    }

    /// Looks once more; how many are missing still.
    pub(crate) fn look(&mut self, centre: &Centre) -> usize {
        let world = centre.sandbox.world();
        self.missing.retain(|id| {
            let points = world.priority(id).unwrap().points();
            points != centre.target(self.entered[id], world.now())
        });
        self.missing.len()
    }
}
