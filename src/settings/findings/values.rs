//! What the values themselves show, section by section. Pure: the same settings always give the same findings.

use std::{collections::BTreeSet, time::Duration};

use super::{
    super::{
        Callbacks, Genesys, Settings,
        budget::{USUAL_LIMIT, USUAL_REQUESTS_PER_MINUTE},
        endpoint::is_loopback,
        interval::Spelled,
    },
    Finding,
    Severity::{Error, Note, Warning},
};
use crate::pattern::Pattern;
/// Callbacks waiting at once that any contact centre may have on a bad day. Room for fewer is worth a warning.
const BAD_DAY: u64 = 100;

/// Time between sweeps with which the last one is never older than the two minutes for which it vouches for what is known,
/// even where it lets raises go first for half a minute.
const OFTEN_ENOUGH: Duration = Duration::from_secs(85);

/// All findings about these settings.
pub(super) fn of(settings: &Settings) -> Vec<Finding> {
    let Settings {
        organization: _,
        genesys,
        callbacks,
        rules: _,
        events,
        journal,
        status: _,
        log,
        noticed: _,
        origin: _,
        written: _,
    } = settings;
    let mut findings = Vec::new();
    findings.extend(rate(genesys));
    findings.extend(tokens(genesys));
    findings.extend(hosts(genesys));
    findings.extend(queues(&callbacks.queues));
    findings.extend(looking(callbacks, settings.shortest_wait()));
    findings.extend(budget(settings));
    findings.extend(super::events::of(events, callbacks));
    if journal.path.is_relative() {
        findings.push(Finding::new(
            Note,
            "journal.path",
            format!(
                "{} counts from the working directory, and a start from another one knows nothing of earlier raises: write an absolute path",
                journal.path.display()
            ),
        ));
    }
    if ["off", "error", "warn"].contains(&log.level.as_str()) {
        findings.push(Finding::new(
            Note,
            "log.level",
            format!(
                "at `{}` the log does not say which callbacks were raised: write \"info\"",
                log.level
            ),
        ));
    }
    findings
}

/// Asking faster than the platform allows makes it refuse everything for up to a minute.
fn rate(genesys: &Genesys) -> Option<Finding> {
    let budget = genesys.budget;
    (budget.most_in_a_minute() > USUAL_LIMIT && !is_loopback(&genesys.api_url)).then(|| {
        Finding::new(
            Warning,
            "genesys.requests_per_minute",
            format!(
                "{} and bursts of {} exceed the usual limit of {USUAL_LIMIT} requests a minute, and what is refused comes late: write {USUAL_REQUESTS_PER_MINUTE} and leave `burst` out unless Genesys Cloud's support has raised the limit for this client",
                budget.requests_per_minute, budget.burst
            ),
        )
    })
}

/// Several tokens are a way around a limit, which may be held against the client.
fn tokens(genesys: &Genesys) -> Option<Finding> {
    let tokens = genesys.budget.tokens;
    (tokens > 1 && !is_loopback(&genesys.api_url)).then(|| {
        Finding::new(
            Warning,
            "genesys.tokens",
            format!(
                "each of the {tokens} tokens has a request budget of its own, and Genesys has said that it disables clients that abuse this to get around their limit: ask its support first, or write 1"
            ),
        )
    })
}

/// Where requests go, if not straight to the region.
fn hosts(genesys: &Genesys) -> Option<Finding> {
    let (api, login) = (
        is_loopback(&genesys.api_url),
        is_loopback(&genesys.login_url),
    );
    if api != login {
        let (here, there) = if api {
            ("api_url", "login_url")
        } else {
            ("login_url", "api_url")
        };
        return Some(Finding::new(
            Warning,
            format!("genesys.{there}"),
            format!(
                "`{here}` is on this machine and `{there}` is not, so one platform's sign-in is used for another: set both or none"
            ),
        ));
    }
    if api {
        return Some(Finding::new(
            Note,
            "genesys.api_url",
            format!(
                "requests go to {} on this machine, not to Genesys Cloud",
                genesys.api_url
            ),
        ));
    }
    let host = genesys.api_url.host_str().unwrap_or_default();
    (!host.ends_with(&format!(".{}", genesys.region.domain()))).then(|| {
        Finding::new(
            Note,
            "genesys.api_url",
            format!("requests and the tokens in them go to {host}, which must pass them on to Genesys Cloud"),
        )
    })
}

/// Patterns that match nothing, match twice, or are no patterns.
fn queues(patterns: &[String]) -> Vec<Finding> {
    let finding = |severity, sentence: String| Finding::new(severity, "callbacks.queues", sentence);
    if patterns.is_empty() {
        return vec![finding(
            Error,
            "the list is empty, so no callback would ever be raised: write [\"*\"] for every queue"
                .to_owned(),
        )];
    }
    let mut findings = Vec::new();
    let mut seen = BTreeSet::new();
    for pattern in patterns {
        let shown = pattern.escape_debug();
        if pattern.trim().is_empty() {
            findings.push(finding(
                Error,
                "a queue's name is blank and matches none: remove it".to_owned(),
            ));
        } else if let Some(refusal) = Pattern::refusal(pattern) {
            findings.push(finding(Error, refusal));
        } else if pattern.trim() != pattern {
            findings.push(finding(Warning, format!("`{shown}` begins or ends with a blank and matches no queue without it: remove the blank")));
        }
        if !seen.insert(pattern) {
            findings.push(finding(Warning, format!("`{shown}` stands there twice: remove one, or correct the one that was meant to be another queue")));
        }
    }
    if patterns.len() > 1 && seen.contains(&"*".to_owned()) {
        findings.push(finding(Warning, "\"*\" is every queue, so the others change nothing: remove \"*\" to look after those only".to_owned()));
    }
    findings
}

/// How callbacks are looked after, apart from the raises themselves.
fn looking(callbacks: &Callbacks, wait: Option<Duration>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if callbacks.dry_run {
        findings.push(Finding::new(
            Note,
            "callbacks.dry_run",
            "nothing is written to the platform, only logged: write false to raise priorities",
        ));
    }
    if let Some(wait) = wait.filter(|wait| callbacks.sweep > *wait) {
        findings.push(Finding::new(
            Note,
            "callbacks.sweep",
            format!(
                "a callback whose notification is lost gets its first raise after up to {} instead of {}: sweep as often as `policy.wait`, if it matters",
                Spelled(callbacks.sweep.saturating_add(wait)),
                Spelled(wait)
            ),
        ));
    }
    if callbacks.sweep > OFTEN_ENOUGH {
        findings.push(Finding::new(
            Note,
            "callbacks.sweep",
            format!(
                "two minutes after a sweep nothing is believed without asking, and raises cost two requests each until the next one: write \"{}\" or less, if the budget matters",
                Spelled(OFTEN_ENOUGH)
            ),
        ));
    }
    findings
}

/// How many callbacks the request budget is enough for.
fn budget(settings: &Settings) -> Option<Finding> {
    let (wait, capacity) = (settings.shortest_wait()?, settings.capacity()?);
    let severity = if is_loopback(&settings.genesys.api_url) {
        Note
    } else {
        Warning
    };
    (capacity < BAD_DAY).then(|| {
        Finding::new(
            severity,
            "policy.wait",
            format!(
                "at `requests_per_minute = {}` and one request a raise, more than {capacity} callbacks waiting at once will be raised late: wait longer than {} and raise by more each time",
                settings.genesys.budget.requests_per_minute,
                Spelled(wait)
            ),
        )
    })
}
