//! What a policy does for somebody who waits, raise by raise: asked of `policy` itself, as the daemon asks it, and remembered.
//!
//! Without business hours nothing but the wait counts, so all who had waited as long before their stay began are raised alike,
//! and one schedule serves them all. That is what makes the model fast: the policy is asked once for each of its raises
//! instead of once for each of millions of callers.

use std::collections::HashMap;

use jiff::Timestamp;

use super::{NEVER, moment};
use crate::{
    conversation::{ConversationId, Kind, ParticipantId, Priority, Visit, Waiting},
    policy::{Base, Policy, Step},
};

/// The schedules of a policy.
pub(super) struct Schedules {
    /// The policy.
    policy: Policy,
    /// Those that serve all who had waited as long, by that time.
    shared: HashMap<i64, usize>,
    /// The last of those that was asked for, which is often asked for again.
    last: Option<(i64, usize)>,
    /// All of them.
    all: Vec<Schedule>,
    /// Those that nobody uses any more, and others may have.
    idle: Vec<usize>,
}

/// Raises of one stay after which those that follow each other within a second are made as one. Only a schedule without
/// sense has so many, and it is to cost neither memory nor time without end.
const MANY: usize = 2_000;
/// A second, milliseconds.
const SECOND: i64 = 1_000;

/// When somebody is raised, and to what.
struct Schedule {
    /// What the policy is asked about: the stay, and the priority that the raises so far give.
    waiting: Waiting,
    /// The raises so far: when, from the beginning of the stay, and the priority.
    raises: Vec<Rung>,
    /// When the policy is to be asked again; `NEVER` where it has nothing more to say.
    asked_next: i64,
}

/// A raise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rung {
    /// When it is due, milliseconds from the beginning of the stay.
    pub(super) after: i64,
    /// The priority that it gives.
    pub(super) to: i64,
}

impl Schedules {
    /// Those of this policy.
    pub(super) fn new(policy: &Policy) -> Self {
        Self {
            policy: policy.clone(),
            shared: HashMap::new(),
            last: None,
            all: Vec::new(),
            idle: Vec::new(),
        }
    }

    /// The schedule of somebody whose stay began at `since`, and their wait at `origin`.
    pub(super) fn of(&mut self, origin: i64, since: i64) -> usize {
        if self.policy.hours.is_some() {
            let fresh = Schedule::new(origin, since);
            if let Some(idle) = self.idle.pop() {
                self.all[idle] = fresh;
                return idle;
            }
            self.all.push(fresh);
            return self.all.len() - 1;
        }
        let all = &mut self.all;
        let before = since - origin;
        if let Some((waited, schedule)) = self.last
            && waited == before
        {
            return schedule;
        }
        let schedule = *self.shared.entry(before).or_insert_with(|| {
            all.push(Schedule::new(origin, since));
            all.len() - 1
        });
        self.last = Some((before, schedule));
        schedule
    }

    /// Somebody needs theirs no more.
    pub(super) fn done(&mut self, schedule: usize) {
        if self.policy.hours.is_some() {
            self.idle.push(schedule);
        }
    }

    /// The raise of this number, counted from none; nothing where there is none.
    pub(super) fn raise(&mut self, schedule: usize, number: usize) -> Option<Rung> {
        let schedule = &mut self.all[schedule];
        while schedule.raises.len() <= number && schedule.asked_next < NEVER {
            schedule.ask(&self.policy);
        }
        schedule.raises.get(number).copied()
    }
}

impl Schedule {
    /// Nothing was asked yet.
    fn new(origin: i64, since: i64) -> Self {
        Self {
            waiting: Waiting {
                visit: Visit {
                    conversation: ConversationId::from_random([0; 16]),
                    leg: ParticipantId::from_random([0; 16]),
                },
                queue: None,
                since: moment(since),
                origin: moment(origin),
                priority: Priority::default(),
                kind: Kind::default(),
                background: None,
            },
            raises: Vec::new(),
            asked_next: since,
        }
    }

    /// Asks the policy what is next.
    fn ask(&mut self, policy: &Policy) {
        let base = Base {
            priority: Priority::default(),
            until: None,
        };
        let now = moment(self.asked_next);
        match policy.next(base, &self.waiting, now) {
            Step::Raise(raise) => {
                self.waiting.priority = raise.to;
                self.raises.push(Rung {
                    after: self.asked_next - since(&self.waiting),
                    to: raise.to.points(),
                });
            }
            Step::Wait { until } => {
                let many = self.raises.len() >= MANY;
                let soonest = self.asked_next + if many { SECOND } else { 1 };
                self.asked_next = whole(until).max(soonest);
            }
            Step::Done(_) => self.asked_next = NEVER,
        }
    }
}

/// When a stay began, milliseconds.
fn since(waiting: &Waiting) -> i64 {
    waiting.since.as_millisecond()
}

/// A moment in milliseconds, not before it.
fn whole(moment: Timestamp) -> i64 {
    let millis = moment.as_millisecond();
    if super::moment(millis) < moment {
        millis + 1
    } else {
        millis
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::policy::{Climber, Credit};

    /// The first raises of somebody who waits since `since`, and whose caller since `origin`: seconds and priorities.
    fn raises(policy: &Policy, origin: i64, since: i64) -> Vec<(i64, i64)> {
        let mut schedules = Schedules::new(policy);
        let schedule = schedules.of(origin, since);
        (0..3)
            .map_while(|number| schedules.raise(schedule, number))
            .map(|rung| (rung.after / 1_000, rung.to))
            .collect()
    }

    #[test]
    fn raises_are_the_policys() {
        let linear = Policy::linear(Duration::from_mins(5), 2);
        let exactly = Policy {
            climber: Climber::Caller,
            credit: Credit::Waited,
            ..Policy::linear(Duration::from_mins(1), 1)
        };
        let twice = Policy {
            max_raises: Some(2),
            ..linear.clone()
        };
        for (policy, expected) in [
            (&Policy::default(), vec![]),
            (&linear, vec![(300, 2), (600, 4), (900, 6)]),
            (&twice, vec![(300, 2), (600, 4)]),
            (&exactly, vec![(0, 4), (30, 5), (90, 6)]),
        ] {
            assert_eq!(raises(policy, 0, 150_000), expected, "{policy}");
        }
    }

    #[test]
    fn who_waited_as_long_shares_a_schedule_unless_the_hour_matters() {
        let mut policy = Policy::linear(Duration::from_mins(5), 2);
        let mut schedules = Schedules::new(&policy);
        assert_eq!(schedules.of(0, 60_000), schedules.of(5_000, 65_000));
        assert_ne!(schedules.of(0, 60_000), schedules.of(0, 61_000));
        policy.hours = Some(crate::policy::hours::Hours {
            spans: vec![crate::policy::hours::Span {
                days: crate::policy::hours::Days::default().and(jiff::civil::Weekday::Monday),
                from: jiff::civil::time(8, 0, 0, 0),
                to: jiff::civil::time(18, 0, 0, 0),
            }],
            zone: jiff::tz::TimeZone::UTC,
            outside: crate::policy::hours::Outside::Runs,
        });
        let mut schedules = Schedules::new(&policy);
        let one = schedules.of(0, 60_000);
        assert_ne!(one, schedules.of(5_000, 65_000));
        schedules.done(one);
        assert_eq!(schedules.of(0, 60_000), one, "it is used again");
    }
}
