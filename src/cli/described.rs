//! A callback that is described on the command line, as far as rules ask, and the rules that are asked.

use std::collections::BTreeMap;

use clap::Args;
use jiff::tz::TimeZone;

use crate::{
    conversation::{Kind, Priority},
    policy::rules::{Facts, Named, Rules},
};

/// What rules can ask about.
#[derive(Args, Debug)]
pub struct Described {
    /// The queue
    #[arg(long, value_name = "NAME")]
    pub queue: Option<String>,
    /// A skill that is asked for; may be repeated
    #[arg(long, value_name = "NAME")]
    pub skill: Vec<String>,
    /// The language that is asked for
    #[arg(long, value_name = "NAME")]
    pub language: Option<String>,
    /// A division that the callback belongs to; may be repeated
    #[arg(long, value_name = "NAME")]
    pub division: Vec<String>,
    /// A participant attribute; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = attribute)]
    pub attribute: Vec<(String, String)>,
}

impl Described {
    /// The same as rules are asked. What is named is name and id at once.
    pub(super) fn facts(&self, priority: Priority, kind: Kind) -> Facts {
        let named = |name: &String| Named {
            id: name.clone(),
            name: Some(name.clone()),
        };
        let attributes: BTreeMap<String, String> = self.attribute.iter().cloned().collect();
        Facts {
            queue: self.queue.as_ref().map(named),
            skills: self.skill.iter().map(named).collect(),
            language: self.language.as_ref().map(named),
            divisions: self.division.iter().map(named).collect(),
            priority,
            attributes,
            kind,
            first_entry: None,
        }
    }
}

/// The time zone of the first business hours that there are, else UTC.
pub(super) fn zone(rules: &Rules) -> TimeZone {
    let mut hours = rules
        .treatments()
        .filter_map(|treatment| treatment.policy.hours.as_ref());
    hours
        .next()
        .map_or(TimeZone::UTC, |hours| hours.zone.clone())
}

/// An attribute: `NAME=VALUE`.
fn attribute(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}
