//! What the policies themselves show, and what one rule makes of another. Pure.

use std::time::Duration;

use super::{
    super::{Settings, describe::plural, interval::Spelled, policies},
    Finding,
    Severity::{Note, Warning},
};
use crate::{
    conversation::Priority,
    policy::{
        Climber, Credit, Policy,
        ladder::Every,
        rules::{CountFrom, Rules, Treatment},
    },
};

/// A limit that is reached within this time is reached by callbacks that people still wait for.
const SOON: Duration = Duration::from_hours(24);

/// All findings about the policies.
pub(super) fn of(settings: &Settings) -> Vec<Finding> {
    let rules = &settings.rules;
    let mut findings = about("policy", &rules.otherwise);
    for (index, rule) in rules.rules.iter().enumerate() {
        findings.extend(about(&place(rules, index), &rule.treatment));
        findings.extend(unreachable(rules, index));
    }
    if rules.treatments().all(|treatment| treatment.skip) {
        findings.push(Finding::new(
            Warning,
            "policy.skip",
            "no callback is raised: write false, or a rule that raises some",
        ));
    }
    if rules.ask_for_the_whole() {
        findings.push(Finding::new(
            Note,
            "rules",
            "what they ask about is in no event, so each callback is looked at once when it arrives: one request more for each",
        ));
    }
    findings
}

/// How findings name this rule.
fn place(rules: &Rules, index: usize) -> String {
    policies::place(index, Some(&rules.rules[index].name))
}

/// What one policy shows.
fn about(place: &str, treatment: &Treatment) -> Vec<Finding> {
    if treatment.skip {
        return Vec::new();
    }
    let policy = &treatment.policy;
    let mut findings = Vec::new();
    findings.extend(ends(place, policy));
    findings.extend(ceiling(place, policy));
    findings.extend(nothing_before(place, treatment));
    findings.extend(falls_behind(place, policy));
    if let Some(cap) = policy.max_priority
        && Priority::clamped(policy.offset.into()) >= cap
        && policy.offset > 0
    {
        findings.push(Finding::new(
            Warning,
            format!("{place}.offset"),
            format!("{} reaches `max_priority = {cap}` at once, so all callbacks are equal: write less, or a higher limit", policy.offset),
        ));
    }
    findings
}

/// The time before the callback's own entry is to count, and is not read.
fn nothing_before(place: &str, treatment: &Treatment) -> Option<Finding> {
    let counts = treatment.policy.counts_the_callers_wait();
    (counts && treatment.count_from == CountFrom::Callback).then(|| {
        Finding::new(
            Warning,
            format!("{place}.count_from"),
            "the caller's wait before the callback's own is to count, and \"callback\" says that there is none: write \"conversation\", or \"attribute:NAME\"",
        )
    })
}

/// The calls' ladder is climbed, but the minutes before are not in the score.
fn falls_behind(place: &str, policy: &Policy) -> Option<Finding> {
    (policy.climber == Climber::Caller && policy.credit == Credit::None).then(|| {
        Finding::new(
            Note,
            format!("{place}.credit"),
            "with the calls' ladder alone a callback is behind calls that came when its caller did, by the minutes before its own entry, unless `entry_reset = false` is true of this organisation: write credit = \"waited\" to keep its place",
        )
    })
}

/// A rule that is for nobody.
fn unreachable(rules: &Rules, index: usize) -> Option<Finding> {
    let when = &rules.rules[index].when;
    let finding = |sentence: String| Some(Finding::new(Warning, place(rules, index), sentence));
    if when.agent_owned == Some(true) && !rules.raise_agent_owned {
        return finding("it is for nobody, because callbacks that wait for one agent are left alone: write `raise_agent_owned = true` into `[callbacks]`".to_owned());
    }
    if when.voicemail == Some(true) && !rules.raise_voicemail {
        return finding("it is for nobody, because voicemails are left alone: write `raise_voicemail = true` into `[callbacks]`".to_owned());
    }
    let above = rules.rules[..index]
        .iter()
        .position(|above| above.when.covers(when))?;
    finding(format!(
        "it is for nobody, because {} is for all that it is for, and the first that matches counts: put it above that one, or remove it",
        place(rules, above)
    ))
}

/// The step that repeats from the beginning, where the ladder is nothing else.
fn repeated(policy: &Policy) -> Option<Every> {
    policy
        .ladder
        .then
        .filter(|_| policy.ladder.rungs.is_empty())
}

/// When a limited number of raises is used up.
fn ends(place: &str, policy: &Policy) -> Option<Finding> {
    let (raises, then) = (policy.max_raises?, repeated(policy)?);
    let total = u64::from(then.add) * u64::from(raises);
    Some(Finding::new(
        Note,
        format!("{place}.max_raises"),
        format!(
            "{raises} {} of {} every {}: after {} nothing more is raised; the total effect is {total} {} of queue time",
            plural(raises, "raise"),
            then.add,
            Spelled(then.every),
            Spelled(then.every.saturating_mul(raises)),
            plural(total, "minute"),
        ),
    ))
}

/// How soon the highest priority is reached by a callback that begins at 0.
fn ceiling(place: &str, policy: &Policy) -> Option<Finding> {
    let highest = policy.max_priority.unwrap_or(Priority::MAX);
    let start = Priority::clamped(policy.offset.into());
    let last = policy.ladder.first_above(highest.plus(-1), start, 0);
    if start >= highest && highest > Priority::default() {
        // Said of the offset.
        return None;
    }
    let finding = |severity, key: &str, sentence: String| {
        Some(Finding::new(severity, format!("{place}.{key}"), sentence))
    };
    if highest <= Priority::default() {
        return finding(
            Warning,
            "max_priority",
            format!(
                "{highest} is not above 0, where callbacks begin unless a flow says otherwise, so most are never raised: write more than 0, or leave it out"
            ),
        );
    }
    let last = last.filter(|last| policy.max_raises.is_none_or(|most| most >= *last))?;
    let reached = Spelled(policy.ladder.time_of(last)?);
    match (policy.max_priority, last) {
        (Some(_), 1) => finding(
            Warning,
            if repeated(policy).is_some() {
                "increment"
            } else {
                "max_priority"
            },
            format!(
                "the first raise after {reached} reaches `max_priority = {highest}`, so all callbacks that wait longer are equal: write a smaller increment"
            ),
        ),
        (Some(_), _) => finding(
            Note,
            "max_priority",
            format!(
                "a callback that begins at 0 reaches {highest} after {reached} and is raised no more"
            ),
        ),
        (None, _) if reached.0 <= SOON => finding(
            Warning,
            "increment",
            format!(
                "after {reached} a callback reaches the platform's highest priority {highest} and can be raised no more: write a smaller increment"
            ),
        ),
        (None, _) => None,
    }
}
