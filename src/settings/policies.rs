//! Makes policies of what is written of them, and refuses what contradicts itself.
//!
//! What a rule leaves out is as in `[policy]`, except that the settings of one kind of schedule replace those of another:
//! whoever writes `steps` in a rule does not mean the `wait` of `[policy]` as well.

use super::{
    findings::{Finding, Severity},
    written::{Callbacks, OneOrMany, Policy as Table, Rule as WrittenRule, USUAL_WAIT, Written},
};
use crate::policy::{
    Climber, Credit, Policy,
    hours::Hours,
    ladder::{Every, Ladder},
    rules::{CountFrom, Rule, Rules, Treatment, When},
};

/// The rules that are written, and what is wrong with them. `given` says whether a setting was written by somebody, and is
/// no default.
pub(super) fn rules(written: &Written, given: impl Fn(&str) -> bool) -> (Rules, Vec<Finding>) {
    let mut findings = Vec::new();
    let common = given_by_somebody(&written.policy, given);
    let otherwise = treatment(&common, "policy", &mut findings);
    let broken = findings
        .iter()
        .any(|finding| finding.severity == Severity::Error);
    let mut rules = Vec::new();
    for (index, rule) in written.rules.iter().enumerate() {
        let place = place(index, rule.name.as_deref());
        let merged = rule.policy().over(&common);
        // What contradicts itself in `[policy]` already was said there.
        let mut own = Vec::new();
        let treatment = treatment(&merged, &place, &mut own);
        findings.extend(
            own.into_iter()
                .filter(|finding| !broken || finding.severity != Severity::Error),
        );
        rules.push(Rule {
            name: rule
                .name
                .clone()
                .unwrap_or_else(|| format!("rule {}", index + 1)),
            when: when(rule),
            treatment,
        });
    }
    let Callbacks {
        raise_agent_owned,
        raise_voicemail,
        ..
    } = written.callbacks;
    let rules = Rules {
        rules,
        otherwise,
        raise_agent_owned,
        raise_voicemail,
    };
    (rules, findings)
}

/// How findings name a rule.
pub(super) fn place(index: usize, name: Option<&str>) -> String {
    match name {
        Some(name) => format!("rules[{}] ({})", index + 1, name.escape_debug()),
        None => format!("rules[{}]", index + 1),
    }
}

/// The table without its defaults, so that it can be told what contradicts what.
fn given_by_somebody(table: &Table, given: impl Fn(&str) -> bool) -> Table {
    let keep = |key: &str| given(&format!("policy.{key}"));
    Table {
        wait: table.wait.filter(|_| keep("wait")),
        increment: table.increment.filter(|_| keep("increment")),
        ..table.clone()
    }
}

impl Table {
    /// What holds where this is laid over another.
    fn over(self, other: &Self) -> Self {
        let other = other.clone();
        let below = if self.has_a_schedule_other_than(&other) {
            other.without_its_schedule()
        } else {
            other
        };
        self.laid_over(below)
    }

    /// Whether it says when to raise in another way than the one below it.
    fn has_a_schedule_other_than(&self, below: &Self) -> bool {
        let listed = |table: &Self| table.steps.is_some() || table.mirror.is_some();
        let repeats = self.wait.is_some() || self.increment.is_some();
        listed(self) || repeats && listed(below)
    }

    /// The same without anything that says when to raise.
    fn without_its_schedule(self) -> Self {
        Self {
            wait: None,
            increment: None,
            max_raises: None,
            steps: None,
            then: None,
            mirror: None,
            ..self
        }
    }
}

/// What cannot be meant.
fn contradictions(table: &Table, place: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut refuse = |key: &str, sentence: String| {
        findings.push(Finding::new(
            Severity::Error,
            format!("{place}.{key}"),
            sentence,
        ));
    };
    if table.steps.is_some() && table.mirror.is_some() {
        refuse(
            "mirror",
            "`steps` and `mirror` both say when to raise: remove one of them".to_owned(),
        );
    }
    let repeats = [
        ("wait", table.wait.is_some()),
        ("increment", table.increment.is_some()),
        ("max_raises", table.max_raises.is_some()),
    ];
    for (key, _) in repeats.into_iter().filter(|(_, given)| *given) {
        if let Some(other) = table
            .steps
            .as_ref()
            .map(|_| "steps")
            .or(table.mirror.as_ref().map(|_| "mirror"))
        {
            refuse(
                key,
                format!(
                    "`{key}` belongs to the schedule that repeats from the beginning, and `{other}` is another one: remove `{key}`, or `{other}`"
                ),
            );
        }
    }
    if table.then.is_some()
        && table.steps.is_none()
        && !matches!(table.mirror, Some(OneOrMany::Many(_)))
    {
        refuse("then", "it follows a list of steps, and there is none: write `steps`, or `wait` and `increment` instead".to_owned());
    }
    if let (Some(floor), Some(cap)) = (table.min_priority, table.max_priority)
        && floor > cap
    {
        refuse(
            "min_priority",
            format!(
                "{floor} is above `max_priority = {cap}`, so nothing could be between them: write less, or more there"
            ),
        );
    }
    findings
}

/// What does nothing beside the rest.
fn without_effect(table: &Table, place: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut note = |severity, key: &str, sentence: &str| {
        findings.push(Finding::new(severity, format!("{place}.{key}"), sentence));
    };
    if table.clock.is_some() && table.hours.is_none() {
        note(
            Severity::Warning,
            "clock",
            "it says whether waiting counts outside business hours, and there are none: write `hours`, or remove it",
        );
    }
    let credited = table
        .credit
        .is_some_and(|credit| credit.0 == Credit::Waited);
    if credited && table.entry_reset == Some(false) {
        note(
            Severity::Note,
            "credit",
            "with `entry_reset = false` the platform counts the time before by itself, so it is not credited again",
        );
    }
    findings
}

/// What becomes of callbacks by this table.
fn treatment(table: &Table, place: &str, findings: &mut Vec<Finding>) -> Treatment {
    findings.extend(contradictions(table, place));
    findings.extend(without_effect(table, place));
    let credited = table.credit.map_or(Credit::None, |credit| credit.0);
    // Where the platform counts from the caller's own entry, the time before is in the score already.
    let counted = table.entry_reset.unwrap_or(true);
    let mirrors = table.mirror.is_some();
    let count_from = table.count_from.clone().map(|from| from.0);
    let policy = Policy {
        ladder: ladder(table),
        climber: if mirrors {
            Climber::Caller
        } else {
            Climber::Callback
        },
        offset: table.offset.map_or(0, |offset| offset.0),
        credit: if counted { credited } else { Credit::None },
        min_priority: table.min_priority,
        max_priority: table.max_priority,
        max_raises: table.max_raises.map(|raises| raises.0),
        hours: table.hours.clone().map(|hours| Hours {
            spans: hours.spans,
            zone: hours.zone,
            outside: table.clock.map(|clock| clock.0).unwrap_or_default(),
        }),
    };
    Treatment {
        skip: table.skip.unwrap_or(false),
        policy,
        count_from: count_from.unwrap_or(CountFrom::Conversation),
        entry_reset: counted,
    }
}

/// When to raise, by this table.
fn ladder(table: &Table) -> Ladder {
    let then = table.then.map(Every::from);
    match (&table.steps, &table.mirror) {
        (Some(steps), _) | (None, Some(OneOrMany::Many(steps))) => Ladder {
            rungs: steps.0.clone(),
            then,
            top: None,
        },
        (None, Some(OneOrMany::One(repeated))) => Ladder {
            rungs: Vec::new(),
            then: Some(Every {
                every: repeated.every.0,
                add: repeated.add.0.get(),
            }),
            top: repeated.max,
        },
        (None, None) => {
            let wait = table.wait.map_or(USUAL_WAIT, |wait| wait.0);
            let increment = table.increment.unwrap_or_default();
            Policy::linear(wait, increment.0.get()).ladder
        }
    }
}

/// Which callbacks a rule is for.
fn when(rule: &WrittenRule) -> When {
    When {
        queue: rule.queue.0.clone(),
        skill: rule.skill.0.clone(),
        language: rule.language.0.clone(),
        division: rule.division.0.clone(),
        priority: rule.priority.map(|range| range.min..=range.max),
        attribute: rule
            .attribute
            .iter()
            .map(|(name, asked)| (name.clone(), asked.0.clone()))
            .collect(),
        scheduled: rule.scheduled,
        agent_owned: rule.agent_owned,
        voicemail: rule.voicemail,
    }
}
