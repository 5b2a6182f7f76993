//! What the policy promises, told without the daemon: the model that `interleavings` holds it against.
//!
//! A stay in a queue is known to the daemon once it has looked, and at the latest when an event that is sure to arrive
//! has arrived, or the next sweep is over. From a second after that, and a second after each due time, the priority is
//! `base + increment * steps due`; until then it is anything between base and that. Never is it more.
//!
//! A write may be decided on what is known, so one that belongs to the stay before may arrive in a stay of which nothing was
//! told yet. To that stay it is what somebody else has set: its base.

use std::{
    collections::{BTreeMap, BTreeSet},
    ptr,
    time::Duration,
};

use callback_prioritizer::{
    clock::elapsed,
    conversation::ConversationId,
    sandbox::{Fate, Request},
    status::Snapshot,
};
use jiff::Timestamp;
use proptest::{prelude::*, test_runner::TestCaseError};

use crate::harness::Centre;

/// Whether something is as it must be.
pub(crate) type Verdict = Result<(), TestCaseError>;

/// Time that the daemon is given for what is due or known.
const GRACE: Duration = Duration::from_secs(1);
/// Longest time until a sweep has seen what no event told.
const SWEEP: Duration = Duration::from_mins(1);

/// That much later.
pub(crate) fn after(at: Timestamp, time: Duration) -> Timestamp {
    at.saturating_add(time).unwrap()
}

/// How events fare: rules of a part of the topic, a fate, and how often it strikes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Weather(pub(crate) Vec<(&'static str, Fate, Option<u32>)>);

impl Weather {
    /// Longest time until something that happens now is known. Events of the queues' topics are sure to be sent; those
    /// of a conversation's own are not, because it may not be subscribed yet.
    fn delay(&self) -> Duration {
        let rules = self.0.iter().filter(|(topic, ..)| *topic != ".acd.");
        let delays = rules.map(|(_, fate, _)| match fate {
            Fate::Arrives | Fate::Twice => Duration::ZERO,
            Fate::Late(delay) => SWEEP.min(*delay),
            Fate::Lost | Fate::Held => SWEEP,
        });
        delays.max().unwrap_or_default()
    }
}

/// One stay in a queue.
#[derive(Clone, Debug)]
struct Stay {
    /// When it began to exist in the queue.
    began: Timestamp,
    /// From when the time waited counts.
    entered: Timestamp,
    /// What points may be added to: the priority it brought, or what a write of the stay before has made of it.
    bases: Vec<i64>,
    /// When the daemon knows of it at the latest.
    known_by: Timestamp,
    /// Whether there was another before.
    is_second: bool,
    /// Highest priority seen so far.
    seen: i64,
    /// When it ended, and when the daemon knows of that at the latest.
    left: Option<(Timestamp, Timestamp)>,
}

/// All callbacks and their stays, and what must be so.
pub(crate) struct Model {
    /// How events fare now.
    pub(crate) weather: Weather,
    /// Time from one raise to the next.
    wait: Duration,
    /// Points of one raise.
    increment: i64,
    /// Stays, oldest first.
    stays: BTreeMap<ConversationId, Vec<Stay>>,
    /// Writes read so far.
    read: usize,
}

impl Model {
    /// Nobody waits yet.
    pub(crate) fn new(wait: Duration, increment: i64) -> Self {
        Self {
            weather: Weather::default(),
            wait,
            increment,
            stays: BTreeMap::new(),
            read: 0,
        }
    }

    /// A stay begins.
    pub(crate) fn enter(
        &mut self,
        id: &ConversationId,
        now: Timestamp,
        waited: Duration,
        base: i64,
    ) {
        let known_by = after(now, self.weather.delay());
        let stays = self.stays.entry(id.clone()).or_default();
        let is_second = !stays.is_empty();
        stays.push(Stay {
            is_second,
            began: now,
            entered: now.saturating_sub(waited).unwrap(),
            bases: vec![base],
            known_by,
            seen: base,
            left: None,
        });
    }

    /// The stay, if there is one, ends.
    pub(crate) fn leave(&mut self, id: &ConversationId, now: Timestamp) {
        let known_by = after(now, self.weather.delay());
        let last = self.stays.get_mut(id).and_then(|stays| stays.last_mut());
        if let Some(stay) = last.filter(|stay| stay.left.is_none()) {
            stay.left = Some((now, known_by));
        }
    }

    /// The next moment to judge at: a second after somebody's due time, or the end of the time.
    pub(crate) fn next_moment(&self, now: Timestamp, until: Timestamp) -> Option<Timestamp> {
        let waiting = self.stays.values().filter_map(|stays| stays.last());
        let moments = waiting
            .filter(|stay| stay.left.is_none())
            .map(|stay| {
                let steps = self.steps(stay, now.saturating_sub(GRACE).unwrap()) + 1;
                let due = self.wait * u32::try_from(steps).unwrap();
                after(stay.entered, due + GRACE)
            })
            .filter(|moment| *moment < until);
        moments.chain([until]).filter(|at| *at > now).min()
    }

    /// Reads the writes that were made since the last time, and judges each.
    fn read_writes(&mut self, centre: &Centre) -> Verdict {
        let (requests, writes) = (centre.sandbox.requests(), centre.world().writes());
        let (wait, increment) = (self.wait, self.increment);
        for write in writes.iter().skip(self.read) {
            let id = &write.conversation;
            let stays = self.stays.get_mut(id).into_iter().flatten().rev();
            let stay = stays
                .filter(|stay| stay.began <= write.at)
                .find(|stay| stay.left.is_none_or(|(left, _)| write.at <= left));
            let Some(stay) = stay else {
                continue;
            };
            // A look in the very moment of the write may have come after it.
            let before = write.at.saturating_sub(Duration::from_millis(1)).unwrap();
            let sure = stay.known_by < write.at || looked(requests.iter(), id, stay.began, before);
            let (to, gained) = (
                write.to.points(),
                increment * steps(wait, stay.entered, write.at),
            );
            stay.bases.retain(|base| to <= base + gained);
            let of_the_stay_before = !sure && stay.is_second;
            if of_the_stay_before {
                stay.bases.push(to);
                stay.seen = to;
            } else {
                prop_assert!(write.to > write.from, "lowered: {write:?}");
            }
            prop_assert!(!stay.bases.is_empty(), "above target: {write:?}, {stay:?}");
        }
        self.read = writes.len();
        Ok(())
    }

    /// Judges every waiting callback, and who is tracked.
    pub(crate) fn judge(&mut self, centre: &Centre, status: &Snapshot) -> Verdict {
        self.read_writes(centre)?;
        let now = centre.world().now();
        let earlier = now.saturating_sub(GRACE).unwrap();
        let requests = centre.sandbox.requests();
        let (mut sure, mut possible) = (0, 0);
        let (wait, increment) = (self.wait, self.increment);
        for (id, stays) in &mut self.stays {
            let Some(stay) = stays.last_mut() else {
                continue;
            };
            if let Some((_, known_by)) = stay.left {
                possible += usize::from(known_by >= earlier);
                continue;
            }
            let known =
                stay.known_by <= earlier || looked(requests.iter(), id, stay.began, earlier);
            sure += usize::from(known);
            possible += 1;
            let lowest = stay.bases.iter().min().copied().unwrap_or_default();
            let highest = stay.bases.iter().max().copied().unwrap_or_default();
            let gained = |at| increment * steps(wait, stay.entered, at);
            let least = if known {
                lowest + gained(earlier)
            } else {
                lowest
            };
            let (most, priority) = (highest + gained(now), centre.priority(id));
            prop_assert!(
                (least.max(stay.seen)..=most).contains(&priority),
                "{id} at {now}: priority {priority}, expected {least} to {most}, not below {} ({stay:?})",
                stay.seen,
            );
            stay.seen = priority;
        }
        let tracked = status.tracked;
        prop_assert!(
            (sure..=possible).contains(&tracked),
            "at {now}: {tracked} are tracked, expected {sure} to {possible} ({:?})",
            self.stays,
        );
        Ok(())
    }

    /// Judges all that was ever asked of the platform.
    pub(crate) fn judge_all(&mut self, centre: &Centre, status: &Snapshot) -> Verdict {
        self.read_writes(centre)?;
        prop_assert_eq!(status.foreign_changes, 0, "nobody else writes here");
        prop_assert_eq!(status.panics, 0);
        let requests = centre.sandbox.requests();
        for request in &requests {
            prop_assert!(request.status != Some(429), "throttled: {request:?}");
        }
        for (id, stays) in &self.stays {
            let path = format!("/api/v2/routing/conversations/{id}");
            let attempts = requests
                .iter()
                .filter(|one| one.method == "PATCH" && one.path == path);
            let mut over = BTreeSet::new();
            for attempt in attempts.filter(|one| self.stay_at(id, one.at).is_none()) {
                let mut ends = stays.iter().filter_map(|stay| stay.left);
                let (left, known_by) = ends
                    .rfind(|(left, _)| *left < attempt.at)
                    .expect("no write comes before the arrival");
                let before = requests.iter().take_while(|one| !ptr::eq(*one, attempt));
                let known = known_by < attempt.at || looked(before, id, left, attempt.at);
                prop_assert!(
                    !known,
                    "{id} was over at {left}, and known to be: {attempt:?}"
                );
                prop_assert!(over.insert(left), "refused, and tried again: {attempt:?}");
            }
        }
        Ok(())
    }

    /// The stay that a callback was in at a time.
    fn stay_at(&self, id: &ConversationId, at: Timestamp) -> Option<&Stay> {
        let stays = self.stays.get(id)?.iter().rev();
        stays
            .filter(|stay| stay.began <= at)
            .find(|stay| stay.left.is_none_or(|(left, _)| at <= left))
    }

    /// Steps due in a stay at a time.
    fn steps(&self, stay: &Stay, at: Timestamp) -> i64 {
        steps(self.wait, stay.entered, at)
    }
}

/// Steps due at a time since the entry.
fn steps(wait: Duration, entered: Timestamp, at: Timestamp) -> i64 {
    i64::try_from(elapsed(entered, at).as_millis() / wait.as_millis()).unwrap()
}

/// Whether the daemon has read a conversation in this time.
fn looked<'a>(
    mut requests: impl Iterator<Item = &'a Request>,
    id: &ConversationId,
    from: Timestamp,
    until: Timestamp,
) -> bool {
    let path = format!("/api/v2/conversations/{id}");
    requests.any(|request| {
        request.method == "GET"
            && request.status == Some(200)
            && request.path == path
            && (from..=until).contains(&request.at)
    })
}
