//! What the rules make of one callback, and why: which rule is for it, every raise to come, and what its score means. Pure.

mod text;

use jiff::Timestamp;
use serde::Serialize;

use crate::{
    clock::elapsed,
    conversation::{Priority, Waiting},
    policy::{
        Base, Climber, Limit, Policy, Step,
        rules::{Choice, Facts, Rules, Treatment},
    },
};

/// What the rules make of a callback.
#[derive(Debug, Serialize)]
pub struct Explanation {
    /// Each rule up to the one that counts, and why those before it do not.
    pub rules: Vec<Verdict>,
    /// What counts: a rule's name, `policy`, `agent-owned` or `voicemail`.
    pub choice: String,
    /// Why it is left alone, if it is.
    pub left_alone: Option<String>,
    /// The policy in words, where it is raised.
    pub policy: Option<String>,
    /// The moment that all of this is about.
    pub at: Timestamp,
    /// How long the callback has waited by then, seconds.
    pub waited_s: u64,
    /// How long its caller had waited before, as far as that counts, seconds.
    pub waited_before_s: u64,
    /// The priority that points are added to.
    pub base: Priority,
    /// Points at entry.
    pub offset: u32,
    /// Points for the wait before.
    pub credit: i64,
    /// The priority that is seen, or where none is, the one that it should have by now.
    pub priority: Priority,
    /// What that means in its queue.
    pub score: Score,
    /// The raises to come, as many as were asked for.
    pub raises: Vec<Planned>,
    /// What comes after those.
    pub then: Ending,
}

/// A rule, and whether it is for the callback.
#[derive(Debug, Serialize)]
pub struct Verdict {
    /// What it is called.
    pub rule: String,
    /// Why it is not; nothing where it is.
    pub mismatch: Option<String>,
}

/// A raise to come.
#[derive(Debug, Serialize)]
pub struct Planned {
    /// When.
    pub at: Timestamp,
    /// How long the callback has waited by then, seconds.
    pub waited_s: u64,
    /// To which priority.
    pub to: Priority,
}

/// What comes after the raises that are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// More of them.
    GoesOn,
    /// `max_raises` is reached.
    MaxRaises,
    /// `max_priority`, or the platform's own limit, is reached.
    MaxPriority,
    /// The schedule has no more steps.
    LastStep,
    /// None, because it is left alone.
    LeftAlone,
}

/// What a priority means: the platform serves first whose entry, less a minute a point, is earliest.
#[derive(Debug, Serialize)]
pub struct Score {
    /// The moment of entry that the priority makes of the one that it had.
    pub as_if_entered: Timestamp,
    /// Minutes ahead of a call that came when its caller did and has the priority 0; behind, where they are negative.
    pub ahead_of_a_call_without_priority_min: f64,
    /// The same of one that has climbed the ladder that is mirrored; absent where none is.
    pub ahead_of_a_call_that_climbs_min: Option<f64>,
}

/// A callback at a moment.
pub struct Case<'a> {
    /// What rules can ask about.
    pub facts: &'a Facts,
    /// The wait, with the priority that is seen.
    pub waiting: Waiting,
    /// What points are added to.
    pub base: Base,
    /// Whether its priority is seen; else it is taken to have been raised as it should be.
    pub seen: bool,
    /// The moment.
    pub at: Timestamp,
}

impl Case<'_> {
    /// What these rules make of it, with so many raises to come.
    #[must_use]
    pub fn explain(mut self, rules: &Rules, raises: usize) -> Explanation {
        let choice = rules.choose(self.facts);
        let treatment = rules.treatment(choice);
        if let Some(treatment) = treatment {
            let origin = treatment.origin(self.facts, self.waiting.since);
            self.waiting.origin = origin.unwrap_or(self.waiting.since);
            if !self.seen {
                self.catch_up(&treatment.policy);
            }
        }
        let usual = Treatment::default();
        let policy = &treatment.unwrap_or(&usual).policy;
        let score = self.score(treatment);
        let (priority, waiting) = (self.waiting.priority, self.waiting.clone());
        let (planned, then) = match treatment {
            Some(treatment) => self.plan(&treatment.policy, raises),
            None => (Vec::new(), Ending::LeftAlone),
        };
        Explanation {
            rules: verdicts(rules, self.facts, choice),
            choice: rules.name(choice).to_owned(),
            left_alone: treatment.is_none().then(|| why(choice)),
            policy: treatment.map(|treatment| treatment.policy.to_string()),
            at: self.at,
            waited_s: elapsed(waiting.since, self.at).as_secs(),
            waited_before_s: elapsed(waiting.origin, waiting.since).as_secs(),
            base: self.base.priority,
            offset: policy.offset,
            credit: policy.credit_of(&waiting),
            priority,
            score,
            raises: planned,
            then,
        }
    }

    /// Raises it as it should have been by now.
    fn catch_up(&mut self, policy: &Policy) {
        if let Step::Raise(raise) = policy.next(self.base, &self.waiting, self.at) {
            self.waiting.priority = raise.to;
        }
    }

    /// The raises to come, and what comes after them.
    fn plan(&mut self, policy: &Policy, most: usize) -> (Vec<Planned>, Ending) {
        let mut planned = Vec::new();
        let mut now = self.at;
        loop {
            match policy.next(self.base, &self.waiting, now) {
                Step::Done(limit) => return (planned, ending(limit)),
                Step::Wait { until } if until == Timestamp::MAX => {
                    return (planned, Ending::LastStep);
                }
                Step::Wait { until } => now = until,
                Step::Raise(_) if planned.len() == most => return (planned, Ending::GoesOn),
                Step::Raise(raise) => {
                    planned.push(Planned {
                        at: now,
                        waited_s: elapsed(self.waiting.since, now).as_secs(),
                        to: raise.to,
                    });
                    self.waiting.priority = raise.to;
                }
            }
        }
    }

    /// What its priority means.
    fn score(&self, treatment: Option<&Treatment>) -> Score {
        let waiting = &self.waiting;
        let fresh = treatment.is_none_or(|treatment| treatment.entry_reset);
        let entry = if fresh { waiting.since } else { waiting.origin };
        let less = |from: Timestamp, priority: Priority| {
            from.checked_sub(priority.worth()).unwrap_or(Timestamp::MIN)
        };
        let score = less(entry, waiting.priority);
        let ahead = |call: Timestamp| call.duration_since(score).as_secs_f64() / 60.0;
        let mirrored = treatment.filter(|treatment| treatment.policy.climber == Climber::Caller);
        let climbs = mirrored.map(|treatment| {
            let ladder = &treatment.policy.ladder;
            let climbed = ladder.rungs_after(elapsed(waiting.origin, self.at));
            ahead(less(
                waiting.origin,
                ladder.climb(self.base.priority, 0, climbed),
            ))
        });
        Score {
            as_if_entered: score,
            ahead_of_a_call_without_priority_min: ahead(waiting.origin),
            ahead_of_a_call_that_climbs_min: climbs,
        }
    }
}

/// Each rule up to the one that counts.
fn verdicts(rules: &Rules, facts: &Facts, choice: Choice) -> Vec<Verdict> {
    let asked = match choice {
        Choice::AgentOwned | Choice::Voicemail => 0,
        Choice::Rule(index) => usize::from(index) + 1,
        Choice::Otherwise => rules.rules.len(),
    };
    let asked = rules.rules.iter().take(asked);
    asked
        .map(|rule| Verdict {
            rule: rule.name.clone(),
            mismatch: rule
                .when
                .mismatch(facts)
                .map(|mismatch| mismatch.to_string()),
        })
        .collect()
}

/// Why a callback is left alone.
fn why(choice: Choice) -> String {
    match choice {
        Choice::AgentOwned => "it waits for one agent, whatever its priority; callbacks.raise_agent_owned = true raises it",
        Choice::Voicemail => "it is a voicemail, and nobody waits; callbacks.raise_voicemail = true raises it",
        Choice::Rule(_) | Choice::Otherwise => "skip = true",
    }
    .to_owned()
}

/// What a limit means for the raises to come.
fn ending(limit: Limit) -> Ending {
    match limit {
        Limit::MaxRaises => Ending::MaxRaises,
        Limit::MaxPriority => Ending::MaxPriority,
        Limit::LastStep => Ending::LastStep,
        Limit::LeftAlone => Ending::LeftAlone,
    }
}
