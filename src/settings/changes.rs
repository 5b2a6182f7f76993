//! What differs between the settings in force and others, setting by setting, and what of that a running daemon can change.

use std::collections::{BTreeMap, BTreeSet};

use secrecy::ExposeSecret;

use super::{Budget, Callbacks, Genesys, Journal, JournalUrl, Log, Settings};

/// Settings that hold from the next start on: those of whole sections, and those of others one by one.
const NEED_A_RESTART: [&str; 4] = ["events.", "journal.", "status.", "log.format"];
/// Those of `[genesys]` that a running daemon can change.
const OF_GENESYS: [&str; 2] = ["genesys.requests_per_minute", "genesys.burst"];
/// The one setting that may hold a secret.
const JOURNAL_URL: &str = "journal.url";
/// How the client secret is named, which is in no file of settings.
const SECRET: &str = "genesys.client_secret";
/// How the password of the journal's database is named, where it is not in the URL.
const PASSWORD: &str = "journal.password";
/// Letters of a value that are shown.
const SHOWN: usize = 200;

/// A setting that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its path, such as `policy.wait` or `rules[2].increment`.
    pub setting: String,
    /// Its value in force, as it is written; absent where there is none, and for a secret.
    pub before: Option<String>,
    /// Its value in the other settings.
    pub after: Option<String>,
    /// Whether it holds from the next start on only.
    pub needs_restart: bool,
}

impl Settings {
    /// What differs between these settings, which are in force, and others. Shows no secret.
    #[must_use]
    pub fn changes_to(&self, other: &Self) -> Vec<Change> {
        let settings: BTreeSet<&String> = self.written.keys().chain(other.written.keys()).collect();
        let differs = |setting: &&String| self.written.get(*setting) != other.written.get(*setting);
        let mut changes: Vec<Change> = settings
            .into_iter()
            .filter(differs)
            .map(|setting| Change {
                setting: setting.clone(),
                before: self.written.get(setting).map(|value| shown(value)),
                after: other.written.get(setting).map(|value| shown(value)),
                needs_restart: needs_restart(setting),
            })
            .collect();
        let secret = |settings: &Self| settings.genesys.client_secret.expose_secret().to_owned();
        let (url, password) = (self.journal.url(), self.journal.password());
        let told = changes.iter().any(|change| change.setting == JOURNAL_URL);
        let secrets = [
            (SECRET, secret(self) != secret(other)),
            // What differs in a URL and is not shown: the password, or a parameter.
            (JOURNAL_URL, url != other.journal.url() && !told),
            (PASSWORD, password != other.journal.password()),
        ];
        let differing = secrets.into_iter().filter(|(_, differs)| *differs);
        changes.extend(differing.map(|(setting, _)| Change {
            setting: setting.to_owned(),
            before: None,
            after: None,
            needs_restart: true,
        }));
        changes
    }

    /// These settings with what a running daemon can change of them as in others.
    #[must_use]
    pub(crate) fn reloaded(self, other: Self) -> Self {
        let kept = self
            .written
            .into_iter()
            .filter(|(key, _)| needs_restart(key));
        let taken = other
            .written
            .into_iter()
            .filter(|(key, _)| !needs_restart(key));
        let Callbacks {
            queues,
            sweep,
            dry_run,
        } = other.callbacks;
        Self {
            genesys: Genesys {
                budget: Budget {
                    tokens: self.genesys.budget.tokens,
                    ..other.genesys.budget
                },
                ..self.genesys
            },
            callbacks: Callbacks {
                queues,
                sweep,
                dry_run,
            },
            rules: other.rules,
            log: Log {
                level: other.log.level,
                ..self.log
            },
            written: kept.chain(taken).collect(),
            noticed: other.noticed,
            ..self
        }
    }
}

impl Journal {
    /// The database's URL.
    fn url(&self) -> Option<&JournalUrl> {
        self.shared.as_ref().map(|shared| &shared.url)
    }

    /// The password that is not in it.
    fn password(&self) -> Option<&str> {
        let password = self.shared.as_ref()?.password.as_ref()?;
        Some(password.expose_secret())
    }
}

/// Whether a setting holds from the next start on only.
fn needs_restart(setting: &str) -> bool {
    let begins = |with: &&str| setting.starts_with(with);
    setting.starts_with("genesys.") && !OF_GENESYS.contains(&setting)
        || NEED_A_RESTART.iter().any(begins)
}

/// A value, or the beginning of a long one.
fn shown(value: &str) -> String {
    match value.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &value[..end]),
        None => value.to_owned(),
    }
}

/// Every setting by its path, with its value as it is written.
pub(super) fn flat(layers: &toml::Table) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for (section, value) in layers {
        match value {
            toml::Value::Array(rules) => {
                for (number, rule) in (1..).zip(rules) {
                    add(&mut all, &format!("{section}[{number}]"), rule);
                }
            }
            other => add(&mut all, section, other),
        }
    }
    all
}

/// Adds the settings of a section, or of a rule.
fn add(all: &mut BTreeMap<String, String>, section: &str, values: &toml::Value) {
    for (key, value) in values.as_table().into_iter().flatten() {
        let setting = format!("{section}.{key}");
        // What is kept to be compared and shown is not what may hold a password.
        let value = match (setting.as_str(), value) {
            (JOURNAL_URL, toml::Value::String(text)) => match JournalUrl::try_from(text.clone()) {
                Ok(url) => toml::Value::from(url.to_string()),
                Err(_) => continue,
            },
            _ => value.clone(),
        };
        all.insert(setting, value.to_string());
    }
}
