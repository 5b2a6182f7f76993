//! What is to go wrong from now on, until it is used up or taken back.
//!
//! Shared by the REST side, which asks about every request, and the channels, which ask about every event.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::RequestFault;
use crate::{conversation::QueueId, sandbox::faults::Effect};

/// What becomes of an event on its way to one socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It arrives as it should.
    Arrives,
    /// It never arrives.
    Lost,
    /// It arrives twice.
    Twice,
    /// It arrives this much later.
    Late(Duration),
    /// It is held back until [`Faults::release_events`](super::Faults::release_events).
    Held,
}

/// A handle on the plan; all clones are of one plan.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plan(Arc<Mutex<Entries>>);

/// Everything that is planned.
#[derive(Debug, Default)]
struct Entries {
    /// Faults of requests, asked in the order they were planned.
    requests: Vec<RequestFault>,
    /// Fate of events whose topic contains a text, and how often it strikes; absent for always.
    events: Vec<(String, Fate, Option<u32>)>,
    /// Events held back: the channel each was for, and its text.
    held: Vec<(String, String)>,
    /// How many socket upgrades are still to be refused, and with which status.
    refused_upgrades: Option<(u16, Option<u32>)>,
    /// How long a socket lives before it is cut.
    socket_life: Option<Duration>,
    /// Queues whose division the client may not write to.
    forbidden: HashSet<QueueId>,
    /// Beginnings of topics that are rejected for lack of permission.
    rejected: Vec<String>,
}

impl Plan {
    /// Plans a fault of requests.
    pub(super) fn add_request(&self, fault: RequestFault) {
        self.entries().requests.push(fault);
    }

    /// Plans a fate of events.
    pub(super) fn add_event(&self, topic: &str, fate: Fate, times: Option<u32>) {
        self.entries().events.push((topic.to_owned(), fate, times));
    }

    /// Refuses socket upgrades.
    pub(super) fn refuse_upgrades(&self, status: u16, times: Option<u32>) {
        self.entries().refused_upgrades = Some((status, times));
    }

    /// Limits the life of sockets opened from now on.
    pub(super) fn limit_sockets(&self, life: Option<Duration>) {
        self.entries().socket_life = life;
    }

    /// Forbids writes to a queue's conversations.
    pub(super) fn forbid(&self, queue: QueueId) {
        self.entries().forbidden.insert(queue);
    }

    /// Rejects topics that begin so.
    pub(super) fn reject(&self, beginning: &str) {
        self.entries().rejected.push(beginning.to_owned());
    }

    /// Forgets everything, and returns the events that were held back.
    pub(super) fn clear(&self) -> Vec<(String, String)> {
        std::mem::take(&mut *self.entries()).held
    }

    /// Takes the events that were held back.
    pub(super) fn take_held(&self) -> Vec<(String, String)> {
        let mut entries = self.entries();
        entries.events.retain(|(_, fate, _)| *fate != Fate::Held);
        std::mem::take(&mut entries.held)
    }

    /// What goes wrong with this request, if anything does.
    pub(crate) fn effect(&self, method: &str, path: &str) -> Option<Effect> {
        let mut entries = self.entries();
        let hit = entries
            .requests
            .iter()
            .position(|fault| fault.matches(method, path))?;
        let effect = entries.requests[hit].effect.clone();
        if use_up(&mut entries.requests[hit].times) {
            entries.requests.remove(hit);
        }
        Some(effect)
    }

    /// What becomes of an event.
    pub(crate) fn fate(&self, topic: &str) -> Fate {
        let mut entries = self.entries();
        let hit = entries
            .events
            .iter()
            .position(|(part, _, _)| topic.contains(part.as_str()));
        let Some(hit) = hit else {
            return Fate::Arrives;
        };
        let fate = entries.events[hit].1;
        if use_up(&mut entries.events[hit].2) {
            entries.events.remove(hit);
        }
        fate
    }

    /// Holds an event back.
    pub(crate) fn hold(&self, channel: String, text: String) {
        self.entries().held.push((channel, text));
    }

    /// The status with which this upgrade is refused, if it is.
    pub(crate) fn refused_upgrade(&self) -> Option<u16> {
        let mut entries = self.entries();
        let (status, mut times) = entries.refused_upgrades?;
        let last = use_up(&mut times);
        entries.refused_upgrades = (!last).then_some((status, times));
        Some(status)
    }

    /// How long a socket that opens now will live.
    pub(crate) fn socket_life(&self) -> Option<Duration> {
        self.entries().socket_life
    }

    /// Whether writes to a queue's conversations are forbidden.
    pub(crate) fn forbids(&self, queue: &QueueId) -> bool {
        self.entries().forbidden.contains(queue)
    }

    /// Whether a topic is rejected for lack of permission.
    pub(crate) fn rejects(&self, topic: &str) -> bool {
        let entries = self.entries();
        let begins = |beginning: &String| topic.starts_with(beginning.as_str());
        entries.rejected.iter().any(begins)
    }

    /// The entries, for one look or change.
    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts one use of something with so many left; whether that was the last.
fn use_up(times: &mut Option<u32>) -> bool {
    match times {
        None => false,
        Some(left) => {
            *left = left.saturating_sub(1);
            *left == 0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_strikes_as_often_as_it_was_asked_to() {
        let plan = Plan::default();
        let fault = RequestFault::to("PATCH", "/api/v2/routing", Effect::Cut);
        plan.add_request(fault.times(2));
        assert!(plan.effect("GET", "/api/v2/routing/queues").is_none());
        assert!(plan.effect("PATCH", "/api/v2/conversations").is_none());
        assert!(
            plan.effect("PATCH", "/api/v2/routing/conversations/x")
                .is_some()
        );
        assert!(
            plan.effect("PATCH", "/api/v2/routing/conversations/x")
                .is_some()
        );
        assert!(
            plan.effect("PATCH", "/api/v2/routing/conversations/x")
                .is_none()
        );
    }

    #[test]
    fn events_share_a_fate_until_it_is_used_up() {
        let plan = Plan::default();
        plan.add_event("acd.start", Fate::Lost, Some(1));
        plan.add_event("", Fate::Twice, None);
        assert_eq!(plan.fate("x.acd.end"), Fate::Twice);
        assert_eq!(plan.fate("x.acd.start"), Fate::Lost);
        assert_eq!(plan.fate("x.acd.start"), Fate::Twice);
        plan.clear();
        assert_eq!(plan.fate("x.acd.start"), Fate::Arrives);
    }
}
