//! The environment as a layer of settings: `CALLBACK_PRIORITIZER__POLICY__WAIT=30s`, the variables that users of the
//! platform's own tools have set already, and the one that programs in Rust take their log level from.
//!
//! A variable is text whatever it means, so here, and only here, text is turned into numbers, flags and lists. What
//! begins with the prefix and is no setting is refused: a mistyped override that silently does nothing is found only
//! when callbacks are late.

use std::{collections::BTreeMap, ffi::OsString};

use toml::{Table, Value};

use super::{
    catalogue::{self, Form, PREFIX, SETTINGS, Setting},
    error::SettingsError,
    nearest::did_you_mean,
    organizations::{self, OWN},
    secret,
    strict::NO_SECRET_HERE,
    written,
};
use crate::conversation::Organization;

/// The variables that other programs read as well and that stand for settings. The secret is not among them: see `secret`.
const SHARED: [(&str, &str, &str); 3] = [
    ("GENESYSCLOUD_REGION", "genesys", "region"),
    ("GENESYSCLOUD_OAUTHCLIENT_ID", "genesys", "client_id"),
    (LOG_LEVEL, "log", "level"),
];

/// The variable of the log level. Empty, it says nothing, as everywhere else.
const LOG_LEVEL: &str = "RUST_LOG";

/// The settings that the environment gives.
#[derive(Clone, Debug, Default)]
pub(super) struct Overrides {
    /// As a document, to be laid over the file.
    pub(super) table: Table,
    /// Which variable gave which setting, by the setting's path.
    pub(super) variables: BTreeMap<String, String>,
}

/// The process's variables as text.
///
/// Refuses one of ours that is not UTF-8; all others that are not are none of our business and left out.
pub fn environment(
    variables: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<BTreeMap<String, String>, SettingsError> {
    let mut texts = BTreeMap::new();
    for (name, value) in variables {
        let Ok(name) = name.into_string() else {
            continue;
        };
        match value.into_string() {
            Ok(value) => {
                texts.insert(name, value);
            }
            Err(_) if name.starts_with(PREFIX) || name.starts_with("GENESYSCLOUD_") => {
                return Err(refused(&name, "the value is not UTF-8 text"));
            }
            Err(_) => {}
        }
    }
    Ok(texts)
}

impl Overrides {
    /// Takes the settings out of the environment. A variable with our prefix wins over a shared one.
    pub(super) fn read(environment: &BTreeMap<String, String>) -> Result<Self, SettingsError> {
        let mut overrides = Self::default();
        for (variable, section, key) in SHARED {
            let text = environment.get(variable);
            let text = text.filter(|text| variable != LOG_LEVEL || !text.trim().is_empty());
            if let (Some(text), Some(setting)) = (text, catalogue::find(section, key)) {
                overrides.set(setting, variable, text)?;
            }
        }
        for (variable, text) in environment {
            if let Some(setting) = meant_by(variable)? {
                overrides.set(setting, variable, text)?;
            }
        }
        Ok(overrides)
    }

    /// Takes the settings of one organisation of several out of the environment, and those that are common to all. What could
    /// be meant for any of them is refused.
    pub(super) fn of_organization(
        environment: &BTreeMap<String, String>,
        organization: &Organization,
    ) -> Result<Self, SettingsError> {
        let mut overrides = Self::default();
        let level = environment.get(LOG_LEVEL);
        let level = level.filter(|text| !text.trim().is_empty());
        if let (Some(text), Some(setting)) = (level, catalogue::find("log", "level")) {
            overrides.set(setting, LOG_LEVEL, text)?;
        }
        let own = organizations::prefix(organization);
        for (variable, text) in environment {
            if let Some(rest) = variable.strip_prefix(&own) {
                let setting = own_setting(variable, rest, &own).map_err(among_several)?;
                overrides.set(setting, variable, text)?;
            } else if !variable.starts_with(&organizations::prefix_of_all())
                && let Some(setting) = meant_by(variable).map_err(among_several)?
            {
                if OWN.contains(&setting.section) {
                    let meant = variable.replacen(PREFIX, &own, 1);
                    return Err(refused(
                        variable,
                        format!(
                            "there are several organisations, and this does not say which is meant: write {meant}, or into the settings file"
                        ),
                    ));
                }
                overrides.set(setting, variable, text)?;
            }
        }
        Ok(overrides)
    }

    /// Whether the environment gives this setting.
    pub(super) fn gives(&self, path: &str) -> bool {
        self.variables.contains_key(path)
    }

    /// Takes one variable's value, read as strictly as if it stood in a file.
    fn set(&mut self, setting: Setting, variable: &str, text: &str) -> Result<(), SettingsError> {
        let value = value_of(setting.form, text).map_err(|sentence| refused(variable, sentence))?;
        let section = Table::from_iter([(setting.key.to_owned(), value.clone())]);
        let alone = Table::from_iter([(setting.section.to_owned(), Value::Table(section))]);
        written::read(&alone.to_string()).map_err(|error| refused(variable, error.message()))?;
        self.table
            .entry(setting.section)
            .or_insert_with(|| Value::Table(Table::new()))
            .as_table_mut()
            .map(|section| section.insert(setting.key.to_owned(), value));
        self.variables.insert(setting.path(), variable.to_owned());
        Ok(())
    }
}

/// A refusal of a variable, where there are several organisations.
fn among_several(refusal: SettingsError) -> SettingsError {
    match refusal {
        SettingsError::InEnvironment { variable, sentence } => SettingsError::InEnvironment {
            sentence: secret::among_several(&sentence),
            variable,
        },
        other => other,
    }
}

/// A refusal of a variable.
pub(super) fn refused(variable: &str, sentence: impl Into<String>) -> SettingsError {
    SettingsError::InEnvironment {
        variable: variable.to_owned(),
        sentence: sentence.into(),
    }
}

/// The setting that a variable sets, where it is one of ours.
///
/// One underscore instead of two is refused where it spells a setting, for nothing else would read it. Other variables
/// with a single underscore are left alone: Kubernetes makes some of a service's name.
fn meant_by(variable: &str) -> Result<Option<Setting>, SettingsError> {
    let known = SETTINGS
        .into_iter()
        .find(|setting| setting.variable().as_deref() == Some(variable));
    if known.is_some() {
        return Ok(known);
    }
    let squeezed = |name: &str| name.replace("__", "_");
    let slip = SETTINGS
        .iter()
        .filter_map(|setting| setting.variable())
        .find(|name| squeezed(name) == squeezed(&variable.to_uppercase()));
    if let Some(name) = slip {
        return Err(refused(variable, format!("this is not read: write {name}")));
    }
    if variable == "CALLBACK_PRIORITIZER__GENESYS__CLIENT_SECRET" {
        return Err(refused(variable, NO_SECRET_HERE));
    }
    if !variable.starts_with(PREFIX) {
        return Ok(None);
    }
    if variable.starts_with(&format!("{PREFIX}RULES")) {
        return Err(refused(
            variable,
            "rules have no variables: write them into the settings file",
        ));
    }
    let names: Vec<_> = SETTINGS
        .iter()
        .filter_map(|setting| setting.variable())
        .collect();
    let hint = did_you_mean(variable, names.iter().map(String::as_str));
    Err(refused(
        variable,
        format!(
            "no setting has this name{hint}; settings are {PREFIX}SECTION__KEY, as config/default.toml lists them"
        ),
    ))
}

/// The setting that a variable of an organisation sets, which has this name without what such variables begin with.
fn own_setting(variable: &str, name: &str, own: &str) -> Result<Setting, SettingsError> {
    let refusal = match meant_by(&format!("{PREFIX}{name}")) {
        Ok(Some(setting)) if OWN.contains(&setting.section) => return Ok(setting),
        Ok(_) => format!(
            "no organisation has a setting of this name: those that it has are in {}",
            OWN.join(", ")
        ),
        Err(SettingsError::InEnvironment { sentence, .. }) => sentence.replace(PREFIX, own),
        Err(other) => return Err(other),
    };
    Err(refused(variable, refusal))
}

/// The text of a variable as the value it means.
fn value_of(form: Form, text: &str) -> Result<Value, String> {
    Ok(match form {
        // Only rules have the last two, and rules have no variables.
        Form::Text | Form::Interval | Form::TextOrTexts | Form::WholeOrTable => {
            Value::String(text.to_owned())
        }
        Form::Whole => Value::Integer(
            text.trim()
                .parse()
                .map_err(|_| "expected a whole number".to_owned())?,
        ),
        Form::Flag => Value::Boolean(
            text.trim()
                .parse()
                .map_err(|_| "expected true or false".to_owned())?,
        ),
        Form::Tables => in_toml(text)?,
        Form::Texts => Value::Array(
            text.split(',')
                .map(|item| Value::String(item.trim().to_owned()))
                .collect(),
        ),
    })
}

/// A table or a list of tables, as it would stand in a file.
fn in_toml(text: &str) -> Result<Value, String> {
    let document = format!("value = {text}");
    let value = document
        .parse::<Table>()
        .ok()
        .and_then(|mut table| table.remove("value").filter(|_| table.is_empty()));
    value.ok_or_else(|| {
        "this is not TOML: write it as in the settings file, such as {every = \"1m\", add = 1}"
            .to_owned()
    })
}
