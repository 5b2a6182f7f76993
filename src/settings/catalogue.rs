//! Every setting there is: where it stands, the form its value has, and the variable that sets it.
//!
//! One list serves the strict reading of the file, the reading of the environment and the suggestions in refusals, so
//! that none of them can know a setting that another does not. A test holds it against `config/default.toml`.

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
pub(super) const SETTINGS: [Setting; 20] = [
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
    setting("policy", "wait", Form::Interval),
    setting("policy", "increment", Form::Whole),
    setting("policy", "max_raises", Form::Whole),
    setting("policy", "max_priority", Form::Whole),
    setting("journal", "path", Form::Text),
    setting("journal", "keep", Form::Interval),
    setting("status", "listen", Form::Text),
    setting("log", "format", Form::Text),
    setting("log", "level", Form::Text),
];

/// A row of the list.
const fn setting(section: &'static str, key: &'static str, form: Form) -> Setting {
    Setting { section, key, form }
}

impl Setting {
    /// How refusals and findings name it: `policy.wait`.
    pub(super) fn path(self) -> String {
        format!("{}.{}", self.section, self.key)
    }

    /// The variable that sets it: `CALLBACK_PRIORITIZER__POLICY__WAIT`.
    pub(super) fn variable(self) -> String {
        format!("{PREFIX}{}__{}", self.section, self.key).to_uppercase()
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
        .filter(|setting| setting.section == section)
        .map(|setting| setting.key)
        .collect()
}

/// The setting at this place, where there is one.
pub(super) fn find(section: &str, key: &str) -> Option<Setting> {
    SETTINGS
        .into_iter()
        .find(|setting| setting.section == section && setting.key == key)
}
