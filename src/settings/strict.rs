//! Strict reading: every key must be known and every value of its own form, and a refusal knows the place.
//!
//! The `config` crate, which layers the sources afterwards, turns `true` into 1 and 7.9 into 8 without a word. So each
//! source is read here first, on its own, and only what passes is layered.

mod organizations;

use std::{collections::BTreeSet, ops::Range};

use toml::de::{DeTable, DeValue};

use super::{
    catalogue::{self, Form, Setting},
    nearest::did_you_mean,
    organizations::{ORGANIZATIONS, refuse_written_twins},
    secret,
    written::{self, Written},
};

/// Why a document is refused. Never holds a value of an unknown key: it might be a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// Where it begins, in bytes from the start.
    pub(super) offset: usize,
    /// The setting or section, where it is known.
    pub(super) key: Option<String>,
    /// What is wrong and what to write.
    pub(super) sentence: String,
}

/// The sentence for a secret that stands where everyone who sees the settings can read it.
pub(super) const NO_SECRET_HERE: &str = "the secret does not belong in the settings, which are copied and shown: put it into a file and name that in `client_secret_file`, or into the variable GENESYSCLOUD_OAUTHCLIENT_SECRET";

/// A key with its value and place.
type Entry<'a, 'd> = (
    &'a toml::Spanned<toml::de::DeString<'d>>,
    &'a toml::Spanned<DeValue<'d>>,
);

impl Refusal {
    /// A refusal of what stands at `span`.
    fn at(span: &Range<usize>, key: impl Into<String>, sentence: impl Into<String>) -> Self {
        Self {
            offset: span.start,
            key: Some(key.into()),
            sentence: sentence.into(),
        }
    }

    /// The same, where there are several organisations.
    fn among_several(self) -> Self {
        Self {
            sentence: secret::among_several(&self.sentence),
            ..self
        }
    }
}

/// Reads a document, and says which settings it mentions, by path. Refuses one that is not exactly as it should be.
pub(super) fn read(text: &str) -> Result<(BTreeSet<String>, Written), Refusal> {
    let document = DeTable::parse(text).map_err(|error| unparsed(text, &error))?;
    let mut places = Vec::new();
    let several = document.get_ref().contains_key(ORGANIZATIONS);
    for entry in document.get_ref() {
        places.extend(if entry.0.get_ref().as_ref() == ORGANIZATIONS {
            organizations::check(document.get_ref(), entry.1)?
        } else {
            check_section("", entry).map_err(|refusal| {
                if several {
                    refusal.among_several()
                } else {
                    refusal
                }
            })?
        });
    }
    let written = written::read(text).map_err(|error| {
        let offset = error.span().map_or(0, |span| span.start);
        Refusal {
            offset,
            key: key_at(&places, offset),
            sentence: error.message().to_owned(),
        }
    })?;
    refuse_written_twins(&written.organizations, |key| {
        let there = places.iter().find(|(path, _)| path == key);
        there.map_or(0, |(_, span)| span.start)
    })?;
    Ok((places.into_iter().map(|(path, _)| path).collect(), written))
}

/// The refusal of what is no TOML, with a hint at its commonest cause.
fn unparsed(text: &str, error: &toml::de::Error) -> Refusal {
    let offset = error.span().map_or(0, |span| span.start);
    let line = text[..offset].rfind('\n').map_or(0, |end| end + 1);
    let line = text[line..].lines().next().unwrap_or_default();
    let hint = if line.contains('\\') {
        "; a backslash begins an escape in double quotes: write a Windows path in single quotes"
    } else if error.message().contains("duplicate") {
        "; this stands further up already: remove one of the two"
    } else {
        ""
    };
    Refusal {
        offset,
        key: None,
        sentence: format!("this is not TOML: {}{hint}", error.message()),
    }
}

/// The path of the setting whose value covers this place.
fn key_at(places: &[(String, Range<usize>)], offset: usize) -> Option<String> {
    places
        .iter()
        .find(|(_, span)| span.contains(&offset))
        .map(|(path, _)| path.clone())
}

/// Settings that are mentioned, each with its place in the text.
type Places = Vec<(String, Range<usize>)>;

/// Checks one section, which stands under this, and says which settings it mentions, and where.
fn check_section(under: &str, (name, body): Entry) -> Result<Places, Refusal> {
    let section = name.get_ref().as_ref();
    if section == "client_secret" {
        return Err(Refusal::at(&name.span(), section, NO_SECRET_HERE));
    }
    let sections = catalogue::sections();
    if !sections.contains(&section) {
        return Err(Refusal::at(&name.span(), section, unknown_section(section)));
    }
    if section == catalogue::RULES {
        return check_rules(under, body);
    }
    let place = format!("{under}{section}");
    let Some(table) = body.get_ref().as_table() else {
        return Err(Refusal::at(
            &body.span(),
            &place,
            format!(
                "this is a section: write `[{}]` on a line of its own and its settings below",
                in_brackets(under, section)
            ),
        ));
    };
    table
        .iter()
        .map(|entry| check_setting(section, &place, entry))
        .collect()
}

/// How a section stands in brackets: `policy`, or in an organisation `organizations.policy`.
fn in_brackets(under: &str, section: &str) -> String {
    let parent = if under.is_empty() {
        ""
    } else {
        "organizations."
    };
    format!("{parent}{section}")
}

/// Checks the list of rules and says which settings they mention, and where.
fn check_rules(under: &str, body: &toml::Spanned<DeValue>) -> Result<Places, Refusal> {
    let refused = |span: &Range<usize>| {
        let sentence = format!(
            "this is a list: write `[[{}]]` on a line of its own and the settings of one rule below",
            in_brackets(under, catalogue::RULES)
        );
        let key = format!("{under}{}", catalogue::RULES);
        Err(Refusal::at(span, key, sentence))
    };
    let Some(rules) = body.get_ref().as_array() else {
        return refused(&body.span());
    };
    let mut places = Vec::new();
    for (index, rule) in rules.iter().enumerate() {
        let Some(table) = rule.get_ref().as_table() else {
            return refused(&rule.span());
        };
        let place = format!("{under}{}[{}]", catalogue::RULES, index + 1);
        for entry in table {
            places.push(check_setting(catalogue::RULES, &place, entry)?);
        }
    }
    Ok(places)
}

/// Checks the name and the form of one setting, which stands at this place.
fn check_setting(
    section: &str,
    place: &str,
    (name, value): Entry,
) -> Result<(String, Range<usize>), Refusal> {
    let key = name.get_ref().as_ref();
    let path = format!("{place}.{key}");
    if key == "client_secret" {
        return Err(Refusal::at(&name.span(), path, NO_SECRET_HERE));
    }
    let Some(setting) = catalogue::find(section, key) else {
        return Err(Refusal::at(&name.span(), path, unknown_key(section, key)));
    };
    match form_mismatch(setting, value.get_ref()) {
        Some(sentence) => Err(Refusal::at(&value.span(), path, sentence)),
        None => Ok((path, value.span())),
    }
}

/// The sentence for a section that does not exist; a setting that lost its section is recognised.
fn unknown_section(name: &str) -> String {
    let home = catalogue::SETTINGS.iter().find(|setting| {
        setting.key == name && ![catalogue::RULES, ORGANIZATIONS].contains(&setting.section)
    });
    if let Some(setting) = home {
        return format!(
            "this setting belongs in the section `[{}]`",
            setting.section
        );
    }
    let sections = catalogue::sections();
    format!(
        "unknown section: allowed are {}{}",
        sections.join(", "),
        did_you_mean(name, sections.iter().copied())
    )
}

/// The sentence for a key that its section does not have.
pub(super) fn unknown_key(section: &str, key: &str) -> String {
    let keys = catalogue::keys_of(section);
    format!(
        "unknown setting: `[{section}]` has {}{}",
        keys.join(", "),
        did_you_mean(key, keys.iter().copied())
    )
}

/// What to say when a value has not its setting's form. The value itself is repeated only where it is a number.
fn form_mismatch(setting: Setting, value: &DeValue) -> Option<String> {
    let found = match value {
        DeValue::Integer(number) => format!("the whole number {number}"),
        DeValue::Float(number) => format!("the number {number}"),
        DeValue::String(_) => "text".to_owned(),
        DeValue::Boolean(flag) => flag.to_string(),
        DeValue::Datetime(_) => "a date".to_owned(),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    };
    let expected = match (setting.form, value) {
        (Form::Whole, DeValue::Integer(number)) => {
            let whole = i64::from_str_radix(number.as_str(), number.radix());
            return whole
                .is_err()
                .then(|| format!("{number} is out of range of all settings"));
        }
        (Form::Text | Form::Interval, DeValue::String(_)) | (Form::Flag, DeValue::Boolean(_)) => {
            return None;
        }
        (Form::Texts | Form::TextOrTexts, DeValue::Array(items))
            if items.iter().all(|item| item.get_ref().is_str()) =>
        {
            return None;
        }
        (Form::TextOrTexts, DeValue::String(_))
        | (Form::Tables, DeValue::Table(_) | DeValue::Array(_))
        | (Form::WholeOrTable, DeValue::Integer(_) | DeValue::Table(_)) => return None,
        (Form::Interval, DeValue::Integer(number)) => {
            return Some(format!(
                "{number} has no unit: write \"{number}s\" for seconds"
            ));
        }
        (Form::Text, _) => "text in quotes",
        (Form::Interval, _) => "a time with its unit in quotes, such as \"5m\"",
        (Form::Whole, _) => "a whole number without quotes or decimals",
        (Form::Flag, _) => "true or false, without quotes",
        (Form::Texts, _) => "a list of texts in brackets, such as [\"Support\", \"Sales*\"]",
        (Form::TextOrTexts, _) => "text in quotes, or a list of texts in brackets",
        (Form::Tables, _) => {
            "a table in braces, such as { every = \"1m\", add = 1 }, or a list of tables"
        }
        (Form::WholeOrTable, _) => "a whole number, or a table such as { min = 1, max = 9 }",
    };
    Some(format!("expected {expected}, found {found}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_manual_mentions_every_setting_commented_out_or_not() {
        let manual = super::super::DEFAULTS;
        let (active, _) = read(manual).unwrap();
        for setting in catalogue::SETTINGS {
            let commented = manual.contains(&format!("\n# {} = ", setting.key));
            assert!(
                active.contains(&setting.path()) != commented,
                "{} must stand there exactly once",
                setting.path()
            );
            let variable = setting.variable().unwrap_or_default();
            assert!(manual.contains(&variable), "{variable}");
        }
    }

    #[test]
    fn an_unknown_keys_value_is_never_repeated() {
        for text in [
            "client_secret = \"canary\"",
            "[genesys]\nclient_secret = \"canary\"",
            "[genesys]\nsecret = \"canary\"",
            "[genesys]\nclient_id = [\"canary\"]",
            "[genesys.client_secret]\nvalue = \"canary\"",
            "canary",
            "[genesys]\nclient_secret = canary",
        ] {
            let refusal = read(text).unwrap_err();
            assert!(!format!("{refusal:?}").contains("canary"), "{refusal:?}");
        }
    }
}
