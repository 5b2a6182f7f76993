//! A policy as it is written, in `[policy]` and in each of the `[[rules]]`; and what a rule asks about.
//!
//! Everything is optional here: what `[policy]` leaves out has a default, what a rule leaves out is as in `[policy]`.

use std::{collections::BTreeMap, time::Duration};

use serde::Deserialize;

use super::{
    Interval, Points, Raises, Wait,
    conditions::{Asked, Names, Range},
    either::word,
    hours::{WrittenClock, WrittenHours},
    ladder::{Mirror, Offset, Repeated, Steps},
};
use crate::{
    conversation::Priority,
    policy::{Credit, rules::CountFrom},
};

/// Declares the settings of a policy, once for both tables that have them.
macro_rules! tables {
    ($($(#[$doc:meta])* $setting:ident: $type:ty,)*) => {
        /// `[policy]`
        #[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub(in crate::settings) struct Policy {
            $($(#[$doc])* pub(in crate::settings) $setting: Option<$type>,)*
        }

        /// One of the `[[rules]]`.
        #[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub(in crate::settings) struct Rule {
            /// What it is called.
            pub(in crate::settings) name: Option<String>,
            /// Queues: names, globs or ids.
            pub(in crate::settings) queue: Names,
            /// Skills, likewise.
            pub(in crate::settings) skill: Names,
            /// Languages, likewise.
            pub(in crate::settings) language: Names,
            /// Divisions, likewise.
            pub(in crate::settings) division: Names,
            /// Priority at arrival.
            pub(in crate::settings) priority: Option<Range>,
            /// Participant attributes.
            pub(in crate::settings) attribute: BTreeMap<String, Asked>,
            /// Planned for a time.
            pub(in crate::settings) scheduled: Option<bool>,
            /// Waiting for one agent.
            pub(in crate::settings) agent_owned: Option<bool>,
            /// A voicemail.
            pub(in crate::settings) voicemail: Option<bool>,
            $($(#[$doc])* pub(in crate::settings) $setting: Option<$type>,)*
        }

        impl Policy {
            /// One that says nothing.
            fn empty() -> Self {
                Self { $($setting: None,)* }
            }

            /// What holds where this is laid over another.
            pub(in crate::settings) fn laid_over(self, below: Self) -> Self {
                Self { $($setting: self.$setting.or(below.$setting),)* }
            }
        }

        impl Rule {
            /// What it says of a policy.
            pub(in crate::settings) fn policy(&self) -> Policy {
                Policy { $($setting: self.$setting.clone(),)* }
            }
        }
    };
}

tables! {
    /// Leave these alone.
    skip: bool,
    /// Time between raises.
    wait: Wait,
    /// Points of one raise.
    increment: Points,
    /// Absent: no end.
    max_raises: Raises,
    /// Steps with a time each, instead of one that repeats.
    steps: Steps,
    /// What repeats after the last of them.
    then: Repeated,
    /// The ladder that calls climb.
    mirror: Mirror,
    /// Points at entry.
    offset: Offset,
    /// Whether the time before is worth points.
    credit: WrittenCredit,
    /// Since when the caller waits.
    count_from: WrittenCountFrom,
    /// Whether the platform gives a callback a time of entry of its own.
    entry_reset: bool,
    /// Absent: whatever it arrives with.
    min_priority: Priority,
    /// Absent: the platform's own limit.
    max_priority: Priority,
    /// When raises are made.
    hours: WrittenHours,
    /// Whether waiting counts outside of them.
    clock: WrittenClock,
}

/// The blueprint's time from one raise to the next.
pub(in crate::settings) const USUAL_WAIT: Duration = Duration::from_mins(5);

impl Default for Policy {
    /// The values of the blueprint that this program replaces.
    fn default() -> Self {
        Self {
            wait: Some(Interval(USUAL_WAIT)),
            increment: Some(Points::ONE),
            ..Self::empty()
        }
    }
}

/// Whether the caller's wait before is worth points.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(in crate::settings) struct WrittenCredit(pub(in crate::settings) Credit);

impl TryFrom<String> for WrittenCredit {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        word(&text, &[("none", Credit::None), ("waited", Credit::Waited)]).map(Self)
    }
}

/// Since when the caller waits.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(in crate::settings) struct WrittenCountFrom(pub(in crate::settings) CountFrom);

impl TryFrom<String> for WrittenCountFrom {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if let Some(name) = text.strip_prefix("attribute:") {
            let name = name.trim();
            return if name.is_empty() {
                Err("the attribute has no name: write \"attribute:NAME\"".to_owned())
            } else {
                Ok(Self(CountFrom::Attribute(name.to_owned())))
            };
        }
        let words = [
            ("callback", CountFrom::Callback),
            ("conversation", CountFrom::Conversation),
        ];
        word(&text, &words)
            .map(Self)
            .map_err(|refusal| format!("{refusal} or \"attribute:NAME\""))
    }
}
