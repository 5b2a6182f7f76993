//! Every setting there is: where it stands, the form its value has, and the variable that sets it.
//!
//! One list serves the strict reading of the file, the reading of the environment and the suggestions in refusals, so
//! that none of them can know a setting that another does not. A test holds it against `config/default.toml`.

use super::organizations::ORGANIZATIONS;

/// What a value looks like in a settings file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Text in quotes.
    Text,
    /// A time with its unit, in quotes: `"5m"`.
    Interval,
    /// A whole number.
    Whole,
    /// `true` or `false`.
    Flag,
    /// A list of texts.
    Texts,
    /// A text, or a list of them.
    TextOrTexts,
    /// A table, or a list of tables, in the braces and brackets of TOML.
    Tables,
    /// A whole number, or a table.
    WholeOrTable,
}

/// One setting.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setting {
    /// The table it stands in.
    pub(super) section: &'static str,
    /// Its name in that table.
    pub(super) key: &'static str,
    /// The form of its value.
    pub(super) form: Form,
}

/// What the variables of the environment that set one setting each begin with.
pub(super) const PREFIX: &str = "CALLBACK_PRIORITIZER__";

/// Every setting, in the order of `config/default.toml`.
pub(super) const SETTINGS: [Setting; 48] = [
    setting("genesys", "region", Form::Text),
    setting("genesys", "client_id", Form::Text),
    setting("genesys", "client_secret_file", Form::Text),
    setting("genesys", "api_url", Form::Text),
    setting("genesys", "login_url", Form::Text),
    setting("genesys", "requests_per_minute", Form::Whole),
    setting("genesys", "burst", Form::Whole),
    setting("genesys", "tokens", Form::Whole),
    setting("callbacks", "queues", Form::Texts),
    setting("callbacks", "sweep", Form::Interval),
    setting("callbacks", "dry_run", Form::Flag),
    setting("callbacks", "raise_agent_owned", Form::Flag),
    setting("callbacks", "raise_voicemail", Form::Flag),
    setting("policy", "wait", Form::Interval),
    setting("policy", "increment", Form::Whole),
    setting("policy", "max_raises", Form::Whole),
    setting("policy", "steps", Form::Tables),
    setting("policy", "then", Form::Tables),
    setting("policy", "mirror", Form::Tables),
    setting("policy", "credit", Form::Text),
    setting("policy", "count_from", Form::Text),
    setting("policy", "entry_reset", Form::Flag),
    setting("policy", "offset", Form::Whole),
    setting("policy", "min_priority", Form::Whole),
    setting("policy", "max_priority", Form::Whole),
    setting("policy", "hours", Form::Tables),
    setting("policy", "clock", Form::Text),
    setting("policy", "skip", Form::Flag),
    setting("events", "sqs_queue_url", Form::Text),
    setting("events", "websocket", Form::Flag),
    setting("journal", "path", Form::Text),
    setting("journal", "keep", Form::Interval),
    setting("status", "listen", Form::Text),
    setting("status", "allow_remote", Form::Flag),
    setting("status", "hosts", Form::Texts),
    setting("log", "format", Form::Text),
    setting("log", "level", Form::Text),
    setting(RULES, "name", Form::Text),
    setting(RULES, "queue", Form::TextOrTexts),
    setting(RULES, "skill", Form::TextOrTexts),
    setting(RULES, "language", Form::TextOrTexts),
    setting(RULES, "division", Form::TextOrTexts),
    setting(RULES, "priority", Form::WholeOrTable),
    setting(RULES, "attribute", Form::Tables),
    setting(RULES, "scheduled", Form::Flag),
    setting(RULES, "agent_owned", Form::Flag),
    setting(RULES, "voicemail", Form::Flag),
    setting(ORGANIZATIONS, "name", Form::Text),
];

/// The list of rules: each is a table with settings of its own, and with those of `[policy]`.
pub(super) const RULES: &str = "rules";

/// A row of the list.
const fn setting(section: &'static str, key: &'static str, form: Form) -> Setting {
    Setting { section, key, form }
}

impl Setting {
    /// How refusals and findings name it: `policy.wait`.
    pub(super) fn path(self) -> String {
        format!("{}.{}", self.section, self.key)
    }

    /// The variable that sets it: `CALLBACK_PRIORITIZER__POLICY__WAIT`. Rules and names stand in a file only.
    pub(super) fn variable(self) -> Option<String> {
        let variable = || format!("{PREFIX}{}__{}", self.section, self.key).to_uppercase();
        (![RULES, ORGANIZATIONS].contains(&self.section)).then(variable)
    }
}

/// The sections, each once.
pub(super) fn sections() -> Vec<&'static str> {
    let mut sections: Vec<_> = SETTINGS.iter().map(|setting| setting.section).collect();
    sections.dedup();
    sections
}

/// The keys that a section may have.
pub(super) fn keys_of(section: &str) -> Vec<&'static str> {
    SETTINGS
        .iter()
        .filter(|setting| stands_in(setting, section))
        .map(|setting| setting.key)
        .collect()
}

/// Whether a setting may stand in this section.
fn stands_in(setting: &Setting, section: &str) -> bool {
    setting.section == section || section == RULES && setting.section == "policy"
}

/// The setting at this place, where there is one.
pub(super) fn find(section: &str, key: &str) -> Option<Setting> {
    SETTINGS
        .into_iter()
        .find(|setting| stands_in(setting, section) && setting.key == key)
}
