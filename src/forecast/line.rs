//! Who waits, and who of them is first.

use std::collections::VecDeque;

use super::{NEVER, millis, schedule::Schedules, traffic::Caller};
use crate::{
    conversation::Priority,
    policy::{Climber, Credit, Policy},
};

/// Somebody who waits.
#[derive(Clone, Debug)]
pub(super) struct Item {
    /// Number of the caller, in order of arrival.
    pub(super) number: u64,
    /// The caller.
    pub(super) caller: Caller,
    /// When this stay in the queue began.
    pub(super) since: i64,
    /// The moment that the score counts from.
    entry: i64,
    /// Its priority.
    points: i64,
    /// When the next raise is due.
    due: i64,
    /// What raises it.
    schedule: usize,
    /// Raises so far.
    pub(super) raises: usize,
    /// By how much later the latest call came that was offered first, milliseconds; less than none where no later one was.
    pub(super) behind: i64,
    /// Calls that had been offered to agents when it last began to wait.
    pub(super) offers: u64,
    /// Which part of the run it is counted in; nothing where it is not counted.
    pub(super) batch: Option<u8>,
}

/// All that wait as calls, or all that wait as callbacks.
pub(super) struct Line {
    /// Who waits: in the order in which they began to, or in the order of their callers.
    waiting: VecDeque<Item>,
    /// What raises them.
    schedules: Schedules,
    /// How who is first is found.
    search: Search,
    /// Whether a stay begins with a time of entry of its own.
    entry_reset: bool,
    /// Whether the policy knows nothing of the time before the stay.
    forgets: bool,
    /// Whether they stand in the order of their callers.
    by_caller: bool,
    /// Longest time from a caller's arrival to their stay in this line, milliseconds.
    longest_before: i64,
    /// What happened minute by minute, where that is counted.
    pub(super) minutes: Option<Minutes>,
}

/// What happened minute by minute.
pub(super) struct Minutes {
    /// When the first minute begins, milliseconds.
    start: i64,
    /// What happened in each.
    pub(super) each: Vec<Minute>,
}

/// What happened in a minute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Minute {
    /// Raises that were due.
    pub(super) raises: u32,
    /// Callbacks that came.
    pub(super) came: u32,
}

impl Minutes {
    /// None yet, from this moment on.
    pub(super) fn from(start: i64) -> Self {
        Self {
            start,
            each: Vec::new(),
        }
    }

    /// The minute of this moment. All before it are there from now on.
    pub(super) fn of(&mut self, at: i64) -> &mut Minute {
        let minute = usize::try_from((at - self.start) / 60_000).unwrap_or_default();
        if self.each.len() <= minute {
            self.each.resize(minute + 1, Minute::default());
        }
        &mut self.each[minute]
    }
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
    /// later; and where the whole wait of the caller is counted, without bounds, whole minutes of credit are all that can turn
    /// two around.
    fn of(policy: &Policy, entry_reset: bool, forgets: bool) -> Self {
        let credited = policy.credit == Credit::Waited && !forgets;
        let bounded = policy.max_priority.is_some()
            || policy.min_priority.is_some()
            || policy.hours.is_some();
        let own = policy.climber == Climber::Callback || forgets;
        if own && entry_reset && !credited {
            Self::Head
        } else if !own && credited == entry_reset && !bounded {
            Self::WithinAPoint
        } else {
            Self::Everybody
        }
    }
}

impl Line {
    /// An empty line of calls.
    pub(super) fn of_calls(policy: &Policy) -> Self {
        Self {
            by_caller: true,
            ..Self::of_callbacks(policy, true, false)
        }
    }

    /// An empty line of callbacks. `forgets` says that waits count from the stay's own beginning, whatever the policy would count.
    pub(super) fn of_callbacks(policy: &Policy, entry_reset: bool, forgets: bool) -> Self {
        let search = Search::of(policy, entry_reset, forgets);
        Self {
            waiting: VecDeque::new(),
            schedules: Schedules::new(policy),
            entry_reset,
            forgets,
            by_caller: search == Search::WithinAPoint,
            longest_before: 0,
            minutes: None,
            search,
        }
    }

    /// Somebody begins to wait.
    pub(super) fn join(
        &mut self,
        number: u64,
        caller: Caller,
        since: i64,
        batch: Option<u8>,
        offers: u64,
    ) {
        if let Some(minutes) = &mut self.minutes {
            minutes.of(since).came += 1;
        }
        self.longest_before = self.longest_before.max(since - caller.arrives);
        let origin = if self.forgets { since } else { caller.arrives };
        let schedule = self.schedules.of(origin, since);
        let first = self.schedules.raise(schedule, 0);
        let item = Item {
            number,
            entry: if self.entry_reset {
                since
            } else {
                caller.arrives
            },
            points: 0,
            due: first.map_or(NEVER, |raise| since + raise.after),
            schedule,
            raises: 0,
            behind: i64::MIN,
            offers,
            batch,
            caller,
            since,
        };
        self.put(item);
    }

    /// Somebody takes the place that is theirs by the order of this line.
    pub(super) fn put(&mut self, item: Item) {
        let by_caller = self.by_caller;
        let place = |item: &Item| (if by_caller { 0 } else { item.since }, item.number);
        let own = place(&item);
        if self.waiting.back().is_none_or(|last| place(last) < own) {
            self.waiting.push_back(item);
            return;
        }
        let before = self.waiting.partition_point(|other| place(other) < own);
        self.waiting.insert(before, item);
    }

    /// Takes out the caller with this number, if they are still here. Only for a line whose order is that of its callers.
    pub(super) fn take(&mut self, number: u64) -> Option<Item> {
        let place = self
            .waiting
            .binary_search_by_key(&number, |item| item.number)
            .ok()?;
        self.waiting.remove(place)
    }

    /// Takes out who waits at this place.
    pub(super) fn remove(&mut self, place: usize) -> Option<Item> {
        if place == 0 {
            return self.waiting.pop_front();
        }
        self.waiting.remove(place)
    }

    /// Somebody who was taken out will not come back.
    pub(super) fn gone(&mut self, item: &Item) {
        self.schedules.done(item.schedule);
    }

    /// Who waits, in no order that matters.
    pub(super) fn everybody(&mut self) -> impl Iterator<Item = &mut Item> {
        self.waiting.iter_mut()
    }

    /// How many wait whose callers came before the one of this number, who came then.
    pub(super) fn earlier_than(&self, number: u64, came: i64) -> usize {
        if self.by_caller {
            return self.waiting.partition_point(|item| item.number < number);
        }
        // Whoever waits since before this caller came, came before; and whoever waits since long after came after.
        let surely = self.waiting.partition_point(|item| item.since < came);
        let latest = came.saturating_add(self.longest_before);
        let perhaps = self.waiting.iter().skip(surely);
        let perhaps = perhaps.take_while(|item| item.since <= latest);
        surely + perhaps.filter(|item| item.number < number).count()
    }

    /// The place and the rank of who is first now; nobody where nobody waits. The lowest rank is served first; equal scores
    /// keep the order of arrival.
    pub(super) fn first(&mut self, now: i64) -> Option<(usize, (i64, u64))> {
        let head = self.waiting.front()?;
        let within = match self.search {
            Search::Head => 1,
            Search::Everybody => self.waiting.len(),
            Search::WithinAPoint => {
                let last = head.caller.arrives + millis(Priority::WORTH);
                let within = |item: &&Item| item.caller.arrives <= last;
                self.waiting.iter().take_while(within).count()
            }
        };
        let mut first = None;
        for place in 0..within {
            let rank = self.rank(place, now);
            if first.is_none_or(|(_, best)| rank < best) {
                first = Some((place, rank));
            }
        }
        first
    }

    /// The ranks of all who wait, with the numbers of their callers.
    pub(super) fn ranks(&mut self, now: i64) -> Vec<(i64, u64)> {
        (0..self.waiting.len())
            .map(|place| self.rank(place, now))
            .collect()
    }

    /// The score of who waits at this place, with their number.
    fn rank(&mut self, place: usize, now: i64) -> (i64, u64) {
        let item = &mut self.waiting[place];
        while item.due <= now {
            let Some(raise) = self.schedules.raise(item.schedule, item.raises) else {
                item.due = NEVER;
                break;
            };
            if let Some(minutes) = &mut self.minutes {
                minutes.of(item.since + raise.after).raises += 1;
            }
            item.points = raise.to;
            item.raises += 1;
            let next = self.schedules.raise(item.schedule, item.raises);
            item.due = next.map_or(NEVER, |next| item.since + next.after);
        }
        let score = item.entry - millis(Priority::WORTH) * item.points;
        (score, item.number)
    }
}

#[cfg(test)]
mod tests {
    use jiff::{
        civil::{Weekday, time},
        tz::TimeZone,
    };
    use proptest::prelude::*;

    use super::*;
    use crate::policy::{
        hours::{Days, Hours, Outside, Span},
        ladder::tests::ladders,
    };

    /// Open from eight to nine in the morning of 1970, when these callers come.
    fn hours() -> Hours {
        Hours {
            spans: vec![Span {
                days: Days::default().and(Weekday::Thursday),
                from: time(0, 20, 0, 0),
                to: time(1, 0, 0, 0),
            }],
            zone: TimeZone::UTC,
            outside: Outside::Runs,
        }
    }

    /// Policies of every kind of search.
    fn policies() -> impl Strategy<Value = Policy> {
        let climber = prop_oneof![Just(Climber::Callback), Just(Climber::Caller)];
        let credit = prop_oneof![Just(Credit::None), Just(Credit::Waited)];
        let bound = || prop::option::of((0..12_i64).prop_map(Priority::clamped));
        let more = (
            0..4_u32,
            prop::option::of(0..6_u32),
            bound(),
            bound(),
            any::<bool>(),
        );
        (ladders(), climber, credit, more).prop_map(
            |(ladder, climber, credit, (offset, max_raises, min_priority, max_priority, open))| {
                Policy {
                    ladder,
                    climber,
                    offset,
                    credit,
                    min_priority,
                    max_priority,
                    max_raises,
                    hours: open.then(hours),
                }
            },
        )
    }

    proptest! {
        /// Whoever is said to be first is first of all.
        #[test]
        fn nobody_is_before_the_first(
            policy in policies(),
            entry_reset: bool,
            forgets: bool,
            stays in prop::collection::vec((1..120_i64, 0..200_i64), 1..40),
        ) {
            let mut line = Line::of_callbacks(&policy, entry_reset, forgets);
            let mut callers = Vec::new();
            let mut arrives = 0;
            for (number, (gap, before)) in (0..).zip(stays) {
                arrives += gap * 1_000;
                callers.push((arrives + before * 1_000, number, arrives));
            }
            callers.sort_unstable();
            for (since, number, arrives) in callers {
                let caller = Caller { arrives, handling: 0, decides: NEVER, patience: NEVER, missed: 0 };
                line.join(number, caller, since, None, 0);
                let first = line.first(since);
                let ranks = line.ranks(since);
                prop_assert_eq!(first.map(|(_, rank)| rank), ranks.iter().min().copied());
                if let Some((place, (_, number))) = first
                    && since % 2_000 == 0
                {
                    let item = line.remove(place);
                    prop_assert_eq!(item.as_ref().map(|item| item.number), Some(number));
                    // Some come back from an alert in vain.
                    if let Some(item) = item
                        && since % 4_000 == 0
                    {
                        line.put(item);
                    }
                }
            }
        }
    }
}
