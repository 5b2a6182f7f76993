//! What the platform says to the rules: whether what they name is there, and since when it takes callbacks to wait.

use std::time::Duration;

use jiff::Timestamp;

use super::Report;
use crate::{
    cli::printable,
    clock::elapsed,
    conversation::{Observed, Waiting},
    genesys::{Genesys, NameList, Sighting, Turn},
    pattern::Pattern,
    policy::rules::{Rules, Treatment},
    settings::Settings,
    source::names::asked_of,
};

/// Conversations read at most to find some that were made of calls.
const LOOKS: usize = 20;
/// Those that are enough.
const ENOUGH: usize = 5;
/// Times of entry that are as far apart are two.
const APART: Duration = Duration::from_mins(1);
/// How to find out what no request shows.
const BY_HAND: &str = "the score itself is shown nowhere: to be sure, let a caller wait, a second one call, and then the first take a callback, with no priority set; where the entry is reset, the second one is offered first";

/// Says which names in rules mean nothing.
pub(super) async fn names(genesys: &Genesys, rules: &Rules, report: &mut Report) {
    let lists = [
        NameList::Queues,
        NameList::Skills,
        NameList::Languages,
        NameList::Divisions,
    ];
    for list in lists {
        let named = rules.rules.iter().flat_map(|rule| {
            let by_name = asked_of(list, &rule.when)
                .iter()
                .filter(|pattern| !pattern.is_id());
            by_name.map(|pattern| (rule.name.as_str(), pattern))
        });
        let named: Vec<(&str, &Pattern)> = named.collect();
        if named.is_empty() {
            continue;
        }
        match genesys.names(list).await {
            Ok(known) => {
                let means = |pattern: &Pattern| known.iter().any(|(_, name)| pattern.matches(name));
                for (rule, pattern) in named.into_iter().filter(|(_, pattern)| !means(pattern)) {
                    let rule = printable(rule);
                    report.say(format!(
                        "warning: rules ({rule}): none of the {} is meant by {pattern}, so it is for nobody: check the name, and the divisions of the OAuth client's role",
                        list.word()
                    ));
                }
            }
            Err(failure) => report.failed(list.word(), list.permission(), &failure),
        }
    }
}

/// Says since when the platform takes callbacks to wait whose callers had waited before, where policies count that.
pub(super) async fn entries(
    genesys: &Genesys,
    settings: &Settings,
    sightings: &[Sighting],
    report: &mut Report,
) {
    let counting: Vec<&Treatment> = settings
        .rules
        .treatments()
        .filter(|treatment| !treatment.skip && treatment.policy.counts_the_callers_wait())
        .collect();
    let Some(treatment) = counting.first() else {
        return;
    };
    let (mut own, mut callers) = (0, 0);
    for sighting in sightings.iter().take(LOOKS) {
        if own + callers == ENOUGH {
            break;
        }
        let permit = genesys.permit(Turn::Look).await;
        let Ok(Observed::Waiting(waiting)) = genesys.look(permit, &sighting.id).await else {
            continue;
        };
        match told(sighting, &waiting) {
            Some(Entry::Own) => own += 1,
            Some(Entry::Callers) => callers += 1,
            None => {}
        }
    }
    report.say(sentence(own, callers, treatment.entry_reset));
}

/// Whose time of entry the platform tells of a callback.
enum Entry {
    /// The callback's own.
    Own,
    /// The first of the conversation.
    Callers,
}

/// Whose time of entry a row tells, where the two are far apart.
fn told(sighting: &Sighting, waiting: &Waiting) -> Option<Entry> {
    let first = waiting.background.as_ref()?.first_entry?;
    let told = sighting.visit_key.entered()?;
    if elapsed(first, waiting.since) < APART {
        return None;
    }
    let far = |one: Timestamp| one.duration_since(told).abs();
    Some(if far(waiting.since) <= far(first) {
        Entry::Own
    } else {
        Entry::Callers
    })
}

/// What was found, and whether the settings fit.
fn sentence(own: usize, callers: usize, entry_reset: bool) -> String {
    if own + callers == 0 {
        return format!(
            "Entry: no callback that waits now was made of a call that had waited, so nothing shows whether `entry_reset = {entry_reset}` is right; {BY_HAND}"
        );
    }
    let (whose, shown) = if own >= callers {
        ("their own entry", true)
    } else {
        ("their callers' first entry", false)
    };
    let found = format!(
        "{} callbacks were made of calls that had waited, and the platform lists {} of them as waiting since {whose}",
        own + callers,
        own.max(callers)
    );
    if shown == entry_reset {
        format!("Entry: {found}, which `entry_reset = {entry_reset}` says; {BY_HAND}")
    } else {
        format!(
            "warning: entry_reset: {found}: write `entry_reset = {shown}`, or callbacks are credited with the wrong wait; {BY_HAND}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_found_is_held_against_the_settings() {
        for (own, callers, entry_reset, expected) in [
            (0, 0, true, "Entry: no callback that waits now"),
            (
                3,
                0,
                true,
                "Entry: 3 callbacks were made of calls that had waited, and the platform lists 3 of them as waiting since their own entry, which `entry_reset = true` says",
            ),
            (3, 0, false, "warning: entry_reset: 3 callbacks"),
            (
                1,
                2,
                true,
                "since their callers' first entry: write `entry_reset = false`",
            ),
            (0, 2, false, "which `entry_reset = false` says"),
        ] {
            let said = sentence(own, callers, entry_reset);
            assert!(said.contains(expected), "{said}");
        }
    }
}
