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

/// Declares a table of settings that has those of a policy as well.
macro_rules! with_a_policy {
    ($(#[$doc:meta])* struct $name:ident { $($(#[$own_doc:meta])* $own:ident: $own_type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub(in crate::settings) struct $name {
            $($(#[$own_doc])* pub(in crate::settings) $own: $own_type,)*
            /// Leave these alone.
            pub(in crate::settings) skip: Option<bool>,
            /// Time between raises.
            pub(in crate::settings) wait: Option<Wait>,
            /// Points of one raise.
            pub(in crate::settings) increment: Option<Points>,
            /// Absent: no end.
            pub(in crate::settings) max_raises: Option<Raises>,
            /// Steps with a time each, instead of one that repeats.
            pub(in crate::settings) steps: Option<Steps>,
            /// What repeats after the last of them.
            pub(in crate::settings) then: Option<Repeated>,
            /// The ladder that calls climb.
            pub(in crate::settings) mirror: Option<Mirror>,
            /// Points at entry.
            pub(in crate::settings) offset: Option<Offset>,
            /// Whether the time before is worth points.
            pub(in crate::settings) credit: Option<WrittenCredit>,
            /// Since when the caller waits.
            pub(in crate::settings) count_from: Option<WrittenCountFrom>,
            /// Whether the platform gives a callback a time of entry of its own.
            pub(in crate::settings) entry_reset: Option<bool>,
            /// Absent: whatever it arrives with.
            pub(in crate::settings) min_priority: Option<Priority>,
            /// Absent: the platform's own limit.
            pub(in crate::settings) max_priority: Option<Priority>,
            /// When raises are made.
            pub(in crate::settings) hours: Option<WrittenHours>,
            /// Whether waiting counts outside of them.
            pub(in crate::settings) clock: Option<WrittenClock>,
        }

        impl $name {
            /// One that says nothing.
            pub(in crate::settings) fn empty() -> Self {
                Self {
                    $($own: Default::default(),)*
                    skip: None,
                    wait: None,
                    increment: None,
                    max_raises: None,
                    steps: None,
                    then: None,
                    mirror: None,
                    offset: None,
                    credit: None,
                    count_from: None,
                    entry_reset: None,
                    min_priority: None,
                    max_priority: None,
                    hours: None,
                    clock: None,
                }
            }
        }
    };
}

with_a_policy! {
    /// `[policy]`
    struct Policy {}
}

with_a_policy! {
    /// One of the `[[rules]]`.
    struct Rule {
        /// What it is called.
        name: Option<String>,
        /// Queues: names, globs or ids.
        queue: Names,
        /// Skills, likewise.
        skill: Names,
        /// Languages, likewise.
        language: Names,
        /// Divisions, likewise.
        division: Names,
        /// Priority at arrival.
        priority: Option<Range>,
        /// Participant attributes.
        attribute: BTreeMap<String, Asked>,
        /// Planned for a time.
        scheduled: Option<bool>,
        /// Waiting for one agent.
        agent_owned: Option<bool>,
        /// A voicemail.
        voicemail: Option<bool>,
    }
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

impl Default for Rule {
    fn default() -> Self {
        Self::empty()
    }
}

impl Rule {
    /// What it says of a policy.
    pub(in crate::settings) fn policy(&self) -> Policy {
        let rule = self.clone();
        Policy {
            skip: rule.skip,
            wait: rule.wait,
            increment: rule.increment,
            max_raises: rule.max_raises,
            steps: rule.steps,
            then: rule.then,
            mirror: rule.mirror,
            offset: rule.offset,
            credit: rule.credit,
            count_from: rule.count_from,
            entry_reset: rule.entry_reset,
            min_priority: rule.min_priority,
            max_priority: rule.max_priority,
            hours: rule.hours,
            clock: rule.clock,
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
