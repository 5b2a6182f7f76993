//! What is known of a callback when it arrives, and why that does not fit a rule.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use jiff::Timestamp;

use crate::conversation::{Kind, Priority};

/// Something of the platform's that rules ask for by name or id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Its id.
    pub id: String,
    /// Its name, where it is known.
    pub name: Option<String>,
}

/// What is known of a callback when it arrives. Cannot be printed: attributes may hold anything about a caller.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// Where it waits.
    pub queue: Option<Named>,
    /// What the agent has to know.
    pub skills: Vec<Named>,
    /// What the agent has to speak.
    pub language: Option<Named>,
    /// To whom it belongs.
    pub divisions: Vec<Named>,
    /// The priority that it arrived with.
    pub priority: Priority,
    /// Attributes of its participants, those that rules ask about.
    pub attributes: BTreeMap<String, String>,
    /// Of which kind it is.
    pub kind: Kind,
    /// When the conversation first entered a queue, as far as that is known.
    pub first_entry: Option<Timestamp>,
}

/// Why a rule is not for a callback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// What it asks about.
    pub about: Cow<'static, str>,
    /// What it asks for.
    pub wanted: String,
    /// What was found. Nothing of an attribute's value.
    pub found: String,
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name.as_deref().unwrap_or(&self.id))
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} is {}, wanted is {}",
            self.about, self.found, self.wanted
        )
    }
}
