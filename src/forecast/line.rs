//! Who waits, and who of them is first.

use std::collections::VecDeque;

use jiff::Timestamp;

use super::millis;
use crate::{
    conversation::{Kind, Priority, Visit, Waiting},
    policy::{Base, Climber, Credit, Policy, Raise, Step},
};

/// A step that will never be due.
const NEVER: i64 = i64::MAX;

/// Somebody who waits.
#[derive(Clone, Debug)]
pub(super) struct Item {
    /// Number of the caller, in order of arrival.
    pub(super) number: u64,
    /// When the caller came.
    pub(super) origin: i64,
    /// When this stay in the queue began.
    pub(super) since: i64,
    /// The moment that the score counts from.
    entry: i64,
    /// Its priority.
    priority: Priority,
    /// When the next raise is due.
    due: i64,
    /// Rungs that are in its priority.
    step: u32,
    /// Raises that it took to come there, one by one.
    pub(super) raises: u64,
    /// How long an agent will need.
    pub(super) handling: i64,
    /// Whether a call that came a minute or more later was served first.
    pub(super) overtaken: bool,
}

/// All that wait as calls, or all that wait as callbacks.
pub(super) struct Line {
    /// Who waits, in the order in which they began to.
    pub(super) waiting: VecDeque<Item>,
    /// What raises them.
    policy: Policy,
    /// How who is first is found.
    search: Search,
    /// Whether a stay begins with a time of entry of its own.
    entry_reset: bool,
    /// What the policy is asked about, filled in anew each time.
    asked: Waiting,
}

/// How who is first in a line is found.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Search {
    /// Nobody is overtaken by somebody who began to wait later.
    Head,
    /// Only by somebody whose caller came less than a point later.
    WithinAPoint,
    /// By anybody.
    Everybody,
}

impl Search {
    /// What this policy takes. Who waits under a policy that counts their own wait alone is never raised less than who began
    /// later; and where the whole wait of the caller is counted, whole minutes of credit are all that can turn two around.
    fn of(policy: &Policy, entry_reset: bool) -> Self {
        let credited = policy.credit == Credit::Waited;
        match (policy.climber, credited == entry_reset) {
            (Climber::Callback, _) if !credited => Self::Head,
            (Climber::Caller, true) => Self::WithinAPoint,
            _ => Self::Everybody,
        }
    }
}

impl Line {
    /// An empty line.
    pub(super) fn new(policy: &Policy, entry_reset: bool) -> Self {
        Self {
            waiting: VecDeque::new(),
            search: Search::of(policy, entry_reset),
            policy: policy.clone(),
            entry_reset,
            asked: Waiting {
                visit: Visit {
                    conversation: crate::conversation::ConversationId::from_random([0; 16]),
                    leg: crate::conversation::ParticipantId::from_random([0; 16]),
                },
                queue: None,
                since: Timestamp::UNIX_EPOCH,
                origin: Timestamp::UNIX_EPOCH,
                priority: Priority::default(),
                kind: Kind::default(),
                background: None,
            },
        }
    }

    /// Somebody begins to wait.
    pub(super) fn join(&mut self, number: u64, origin: i64, since: i64, handling: i64) {
        self.waiting.push_back(Item {
            number,
            origin,
            since,
            entry: if self.entry_reset { since } else { origin },
            priority: Priority::default(),
            due: since,
            step: 0,
            raises: 0,
            handling,
            overtaken: false,
        });
    }

    /// Somebody who was offered in vain waits on where they were.
    pub(super) fn put_back(&mut self, item: Item) {
        let place = self
            .waiting
            .partition_point(|other| (other.since, other.number) < (item.since, item.number));
        self.waiting.insert(place, item);
    }

    /// Takes out the caller with this number, if they are still here.
    pub(super) fn take(&mut self, number: u64) -> Option<Item> {
        let place = self
            .waiting
            .binary_search_by_key(&number, |item| item.number)
            .ok()?;
        self.waiting.remove(place)
    }

    /// The place and the score of who is first now; nobody where nobody waits.
    pub(super) fn first(&mut self, now: i64) -> Option<(usize, i64)> {
        let head = self.waiting.front()?;
        let within = match self.search {
            Search::Head => 1,
            Search::Everybody => self.waiting.len(),
            Search::WithinAPoint => {
                let last = head.origin + millis(Priority::WORTH);
                self.waiting.partition_point(|item| item.origin <= last)
            }
        };
        let mut first = None;
        for place in 0..within {
            let score = self.score(place, now);
            if first.is_none_or(|(_, best)| score < best) {
                first = Some((place, score));
            }
        }
        first
    }

    /// The score of who waits at this place: the lowest is served first.
    fn score(&mut self, place: usize, now: i64) -> i64 {
        let item = &mut self.waiting[place];
        while item.due <= now {
            self.asked.since = moment(item.since);
            self.asked.origin = moment(item.origin);
            self.asked.priority = item.priority;
            let base = Base {
                priority: Priority::default(),
                until: None,
            };
            match self.policy.next(base, &self.asked, moment(now)) {
                Step::Raise(raise) => {
                    item.raises += raises(&raise, item);
                    item.priority = raise.to;
                    item.step = raise.step;
                }
                Step::Wait { until } => item.due = until.as_millisecond().max(now + 1),
                Step::Done(_) => item.due = NEVER,
            }
        }
        item.entry - millis(Priority::WORTH) * item.priority.points()
    }
}

/// How many raises it takes to come there one by one: what is due at entry is one, each later step is another, and none
/// gains nothing.
fn raises(raise: &Raise, item: &Item) -> u64 {
    if item.raises == 0 && raise.due <= moment(item.since) {
        return 1;
    }
    let gained = (raise.to.points() - item.priority.points()).unsigned_abs();
    u64::from(raise.step.saturating_sub(item.step)).clamp(1, gained.max(1))
}

/// A time of the model as one of the calendar.
fn moment(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(millis).unwrap_or(Timestamp::MAX)
}
