//! Whose contact centre it is: the name that the settings give an organisation where there are several.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};

/// Longest name, in letters: it stands in every line of the log and beside every number.
const LONGEST: usize = 32;

/// An organisation of the platform's, by the name that the settings give it. By default the only one there is, which has none.
///
/// The name is the value of a metric's label, a part of a variable's name and of a credential's file: one plain word fits all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Organization(Option<Arc<str>>);

/// A text that cannot name an organisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "this is no name for an organisation: write a word of up to {LONGEST} lower-case letters, digits and hyphens that begins with a letter, such as \"acme-emea\""
)]
pub struct InvalidName;

impl Organization {
    /// Its name; nothing where it is the only one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.0.as_deref()
    }

    /// The end of the names of variables that are this organisation's: `ACME_EMEA`.
    pub(crate) fn in_variables(&self) -> String {
        let name = self.name().unwrap_or_default();
        name.to_uppercase().replace('-', "_")
    }
}

impl FromStr for Organization {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let begins = text.starts_with(|letter: char| letter.is_ascii_lowercase());
        // One hyphen is one underscore in a variable's name, and two of those part its sections.
        let words = !text.contains("--") && !text.ends_with('-');
        let good = begins && words && text.len() <= LONGEST && text.bytes().all(plain);
        good.then(|| Self(Some(text.into()))).ok_or(InvalidName)
    }
}

impl TryFrom<String> for Organization {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        text.parse()
    }
}

impl From<Organization> for String {
    fn from(organization: Organization) -> Self {
        organization.name().unwrap_or_default().to_owned()
    }
}

impl fmt::Display for Organization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name().unwrap_or("the only one"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_plain_word() {
        for good in [
            "acme",
            "a",
            "acme-emea-2",
            "a23456789-123456789-123456789-12",
        ] {
            let organization: Organization = good.parse().unwrap();
            assert_eq!(organization.name(), Some(good));
        }
        let long = "a".repeat(LONGEST + 1);
        for bad in [
            "",
            "Acme",
            "2nd",
            "-a",
            "a_b",
            "a--b",
            "a-",
            "a b",
            "a.b",
            "ä",
            "a\n",
            long.as_str(),
        ] {
            assert_eq!(bad.parse::<Organization>(), Err(InvalidName), "{bad:?}");
        }
        let organization: Organization = "acme-emea".parse().unwrap();
        assert_eq!(organization.in_variables(), "ACME_EMEA");
        assert_eq!(Organization::default().name(), None);
    }
}
