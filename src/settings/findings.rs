//! What is unwise, though understood: each finding names the setting, the consequence and the way out.
//!
//! Refusing is for what cannot work. A setting that works but not as most people would expect gets a sentence instead,
//! shown by `check` and logged at the start.

mod events;

mod exposure;

mod loading;

mod policies;

mod values;

use std::fmt;

pub(super) use loading::noticed;

use super::{Settings, organizations};

/// How serious a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Works, but most likely not as meant.
    Warning,
    /// Cannot work: the daemon does not start.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// One thing to say about the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How serious it is.
    pub severity: Severity,
    /// The setting's path, or the settings file.
    pub setting: String,
    /// The consequence and the remedy.
    pub sentence: String,
}

impl Finding {
    /// A finding about `setting`.
    pub(super) fn new(
        severity: Severity,
        setting: impl Into<String>,
        sentence: impl Into<String>,
    ) -> Self {
        Self {
            severity,
            setting: setting.into(),
            sentence: sentence.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.severity, self.setting, self.sentence)
    }
}

impl Settings {
    /// Everything there is to say about these settings, the most serious first.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        let mut findings = self.noticed.clone();
        findings.extend(values::of(self));
        findings.extend(exposure::of(&self.status));
        findings.extend(policies::of(self));
        for finding in &mut findings {
            finding.setting = organizations::at(&self.organization, &finding.setting);
        }
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        findings
    }
}
