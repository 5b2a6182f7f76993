//! Several organisations: what is each one's own and what is common, and what cannot be meant.
//!
//! Nothing of an organisation has a default in another one, nor at the top of the file: credentials and rules that are
//! shared without anybody having said so would raise the wrong callbacks of the wrong company.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Finding, Settings, SettingsError, Severity,
    catalogue::PREFIX,
    endpoint::is_loopback,
    environment::refused,
    queue_url::QueueUrl,
    secret,
    strict::Refusal,
    written::{Genesys, OrganizationTable},
};
use crate::conversation::Organization;

/// The list of organisations.
pub(super) const ORGANIZATIONS: &str = "organizations";

/// The sections that are an organisation's own; all others are common.
pub(super) const OWN: [&str; 5] = ["genesys", "callbacks", "policy", "rules", "events"];

/// What each of an organisation's variables begins with.
pub(super) fn prefix(organization: &Organization) -> String {
    format!("{}{}__", prefix_of_all(), organization.in_variables())
}

/// What the variables of all organisations begin with.
pub(super) fn prefix_of_all() -> String {
    format!("{PREFIX}ORGANIZATIONS__")
}

/// Whether a finding or a change at this place is about what is an organisation's own.
fn is_own(setting: &str) -> bool {
    let section = setting.split(['.', '[', ' ']).next().unwrap_or_default();
    OWN.contains(&section)
}

/// Refuses variables of organisations that there are not.
pub(super) fn refuse_strangers(
    names: &[Organization],
    environment: &BTreeMap<String, String>,
) -> Result<(), SettingsError> {
    let prefixes: Vec<String> = names.iter().map(prefix).collect();
    let stray = environment.keys().find(|variable| {
        let known = prefixes.iter().any(|prefix| variable.starts_with(prefix));
        variable.starts_with(&prefix_of_all()) && !known
    });
    match stray {
        None => Ok(()),
        Some(variable) => Err(refused(
            variable,
            format!(
                "this is of none of the organisations, which are {}: their variables begin with {}",
                listed(names),
                prefixes.join(", ")
            ),
        )),
    }
}

/// What is to be said about variables that would say how to sign in, if there were but one organisation.
pub(super) fn unread(environment: &BTreeMap<String, String>) -> Vec<Finding> {
    let unread = [
        ("GENESYSCLOUD_REGION", "region"),
        ("GENESYSCLOUD_OAUTHCLIENT_ID", "client id"),
        (secret::VARIABLE, "secret"),
    ];
    unread
        .into_iter()
        .filter(|(variable, _)| environment.contains_key(*variable))
        .map(|(variable, what)| {
            Finding::new(
                Severity::Note,
                variable,
                format!(
                    "it is not read, because each of the organisations has a {what} of its own"
                ),
            )
        })
        .collect()
}

/// The refusal where it is not clear whose settings are meant.
pub(super) fn which(names: &[Organization], asked: Option<&Organization>) -> SettingsError {
    let known = listed(names);
    SettingsError::Which {
        sentence: match asked {
            None => {
                format!("there are several organisations: name one of {known} with --organization")
            }
            Some(name) if names.iter().any(|known| known.name().is_some()) => {
                format!("there is no organisation `{name}`: expected one of {known}")
            }
            Some(name) => format!(
                "there is no organisation `{name}`: the settings are of a single one, which has no name, so leave --organization out"
            ),
        },
    }
}

/// The refusal of an organisation without a client.
pub(super) fn no_client_id(organization: &Organization) -> SettingsError {
    let (section, variables) = match organization.name() {
        None => (
            "[genesys]",
            "GENESYSCLOUD_OAUTHCLIENT_ID, or CALLBACK_PRIORITIZER__GENESYS__CLIENT_ID".to_owned(),
        ),
        Some(_) => (
            "[organizations.genesys]",
            format!("{}GENESYS__CLIENT_ID", prefix(organization)),
        ),
    };
    SettingsError::Missing {
        setting: at(organization, "genesys.client_id"),
        sentence: format!(
            "it is missing, and without it nobody can sign in: set {variables}, or write `client_id` into the section `{section}` of the settings file"
        ),
    }
}

/// A setting of an organisation, as findings and refusals name it.
pub(super) fn at(organization: &Organization, setting: &str) -> String {
    match organization.name() {
        Some(name) if is_own(setting) => format!("{name}: {setting}"),
        _ => setting.to_owned(),
    }
}

/// Refuses a name, a client and an SQS queue that two have. `place` tells where a setting stands.
pub(super) fn refuse_written_twins(
    tables: &[OrganizationTable],
    place: impl Fn(&str) -> usize,
) -> Result<(), Refusal> {
    for (index, table) in tables.iter().enumerate() {
        let refused = |key: &str, sentence: String| {
            let key = format!("{ORGANIZATIONS}[{}].{key}", index + 1);
            Err(Refusal {
                offset: place(&key),
                key: Some(key),
                sentence,
            })
        };
        let before = &tables[..index];
        if before.iter().any(|other| other.name == table.name) {
            let sentence = format!(
                "another organisation is called `{}` already, and nobody could tell their callbacks apart: write another name",
                table.name
            );
            return refused("name", sentence);
        }
        if let Some(other) = before
            .iter()
            .find(|other| is_twin(&other.genesys, &table.genesys))
        {
            return refused("genesys.client_id", twins(&other.name));
        }
        let read = table.events.sqs_queue_url.as_ref();
        if let Some(other) = before
            .iter()
            .find(|other| is_one_queue(read, other.events.sqs_queue_url.as_ref()))
        {
            return refused("events.sqs_queue_url", read_twice(&other.name));
        }
    }
    Ok(())
}

/// Whether two sections sign in as the same client. A platform on this machine has clients of its own.
fn is_twin(one: &Genesys, other: &Genesys) -> bool {
    let here = |genesys: &Genesys| {
        let url = genesys.api_url.as_ref().map(|url| url.0.clone());
        url.filter(is_loopback)
    };
    one.client_id.is_some() && one.client_id == other.client_id && here(one) == here(other)
}

/// The same for what the environment says, where there is no line to name.
pub(super) fn refuse_twins(all: &[Settings]) -> Result<(), SettingsError> {
    let mut seen = BTreeMap::new();
    for (index, settings) in all.iter().enumerate() {
        let read = settings.events.sqs_queue_url.as_ref();
        if let Some(other) = all[..index]
            .iter()
            .find(|other| is_one_queue(read, other.events.sqs_queue_url.as_ref()))
        {
            return Err(SettingsError::Missing {
                setting: at(&settings.organization, "events.sqs_queue_url"),
                sentence: read_twice(&other.organization),
            });
        }
        let genesys = &settings.genesys;
        let here = Some(&genesys.api_url).filter(|url| is_loopback(url));
        let client = (&genesys.client_id, here.map(ToString::to_string));
        if let Some(other) = seen.insert(client, &settings.organization) {
            return Err(SettingsError::Missing {
                setting: at(&settings.organization, "genesys.client_id"),
                sentence: twins(other),
            });
        }
    }
    Ok(())
}

/// The sentence for a client that another organisation has.
fn twins(other: &Organization) -> String {
    format!(
        "`{other}` has the same client, so both would raise the callbacks of one organisation on one budget and take each other's channels away: write the id of a client in the organisation that is meant"
    )
}

/// Whether both read one SQS queue.
fn is_one_queue(one: Option<&QueueUrl>, other: Option<&QueueUrl>) -> bool {
    one.zip(other)
        .is_some_and(|(one, other)| one.is_queue_of(other))
}

/// The sentence for an SQS queue that another organisation reads.
fn read_twice(other: &Organization) -> String {
    format!(
        "`{other}` reads the same queue, and each would delete the messages that are for the other, whose callbacks would be found by sweeps only: write the URL of a queue that is of this organisation alone"
    )
}

/// Names in a row.
pub(super) fn listed(names: &[Organization]) -> String {
    let names: Vec<_> = names.iter().filter_map(Organization::name).collect();
    names.join(", ")
}

/// Everything there is to say about the settings of all organisations, the most serious first; what is common to all, once.
#[must_use]
pub fn findings_of_all(all: &[Settings]) -> Vec<Finding> {
    let mut said = BTreeSet::new();
    let findings = all.iter().flat_map(Settings::findings);
    let mut findings: Vec<Finding> = findings
        .filter(|finding| said.insert(finding.to_string()))
        .collect();
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    findings
}

/// What all these settings mean, a sentence each, for people: what is an organisation's own below its name, and then what is
/// common. Shows no secret.
#[must_use]
pub fn describe_all(all: &[Settings]) -> Vec<String> {
    let mut lines = Vec::new();
    for settings in all {
        match settings.organization.name() {
            None => lines.extend(settings.describe_own()),
            Some(name) => {
                lines.push(format!("organization {name}:"));
                let own = settings.describe_own().into_iter();
                lines.extend(own.map(|line| format!("  {line}")));
            }
        }
    }
    lines.extend(
        all.first()
            .map(Settings::describe_common)
            .unwrap_or_default(),
    );
    lines
}
