//! Which policy is whose: rules, of which the first that matches counts, and what holds for all others. Pure.

use std::{collections::BTreeMap, fmt, ops::RangeInclusive};

use super::Policy;
pub use super::facts::{Facts, Mismatch, Named};
use crate::{conversation::Priority, pattern::Pattern};

/// All rules, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// The first that matches counts.
    pub rules: Vec<Rule>,
    /// Where none matches.
    pub otherwise: Treatment,
    /// Whether callbacks that wait for one agent, whatever their priority, are raised.
    pub raise_agent_owned: bool,
    /// Whether voicemails that were left for a queue, which come as callbacks, are raised.
    pub raise_voicemail: bool,
}

/// A rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// What it is called.
    pub name: String,
    /// Which callbacks it is for.
    pub when: When,
    /// What becomes of them.
    pub treatment: Treatment,
}

/// What becomes of a callback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Treatment {
    /// It is left alone.
    pub skip: bool,
    /// How it gains priority.
    pub policy: Policy,
    /// Since when its caller waits.
    pub count_from: CountFrom,
    /// Whether the platform gives it a time of entry of its own, rather than its caller's.
    pub entry_reset: bool,
}

impl Default for Treatment {
    fn default() -> Self {
        Self {
            skip: false,
            policy: Policy::default(),
            count_from: CountFrom::default(),
            entry_reset: true,
        }
    }
}

/// Where it is read from since when a caller waits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum CountFrom {
    /// From the callback: its own entry into its queue.
    #[default]
    Callback,
    /// From the conversation: the first entry of any of its media into any queue.
    Conversation,
    /// From the participant attribute of this name, which the customer's flow has set.
    Attribute(String),
}

/// Which callbacks a rule is for. What it does not ask about may be anything; of what is listed, one is enough.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct When {
    /// In these queues.
    pub queue: Vec<Pattern>,
    /// That ask for one of these skills.
    pub skill: Vec<Pattern>,
    /// In these languages.
    pub language: Vec<Pattern>,
    /// Of these divisions.
    pub division: Vec<Pattern>,
    /// That arrived with a priority in this range.
    pub priority: Option<RangeInclusive<Priority>>,
    /// With these participant attributes, all of them.
    pub attribute: BTreeMap<String, Attribute>,
    /// Planned for a time, or not.
    pub scheduled: Option<bool>,
    /// Waiting for one agent, or not.
    pub agent_owned: Option<bool>,
    /// Left as a voicemail, or not.
    pub voicemail: Option<bool>,
}

/// What a rule asks of an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attribute {
    /// That it is there, or that it is not.
    Exists(bool),
    /// That it is this, or matches it.
    Is(Pattern),
}

/// What was chosen for a callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// To leave it alone, because it waits for one agent.
    AgentOwned,
    /// To leave it alone, because it is a voicemail.
    Voicemail,
    /// The rule with this index.
    Rule(u16),
    /// What holds for all that no rule is for.
    Otherwise,
}

impl Rules {
    /// What holds for a callback of which this is known.
    #[must_use]
    pub fn choose(&self, facts: &Facts) -> Choice {
        if facts.kind.agent_owned && !self.raise_agent_owned {
            return Choice::AgentOwned;
        }
        if facts.kind.voicemail && !self.raise_voicemail {
            return Choice::Voicemail;
        }
        let matching = self
            .rules
            .iter()
            .position(|rule| rule.when.mismatch(facts).is_none());
        let matching = matching.and_then(|index| u16::try_from(index).ok());
        matching.map_or(Choice::Otherwise, Choice::Rule)
    }

    /// What becomes of a callback for which this was chosen; nothing where it is left alone.
    #[must_use]
    pub fn treatment(&self, choice: Choice) -> Option<&Treatment> {
        let treatment = match choice {
            Choice::AgentOwned | Choice::Voicemail => None,
            Choice::Rule(index) => self
                .rules
                .get(usize::from(index))
                .map(|rule| &rule.treatment),
            Choice::Otherwise => Some(&self.otherwise),
        };
        treatment.filter(|treatment| !treatment.skip)
    }

    /// What was chosen, in the words of whoever wrote the rules.
    #[must_use]
    pub fn name(&self, choice: Choice) -> &str {
        match choice {
            Choice::AgentOwned => "agent-owned",
            Choice::Voicemail => "voicemail",
            Choice::Rule(index) => self
                .rules
                .get(usize::from(index))
                .map_or("", |rule| &rule.name),
            Choice::Otherwise => "policy",
        }
    }

    /// All that can become of a callback.
    pub fn treatments(&self) -> impl Iterator<Item = &Treatment> {
        let rules = self.rules.iter().map(|rule| &rule.treatment);
        rules.chain([&self.otherwise])
    }

    /// The attributes that are asked about, or that times are read from.
    pub fn attributes(&self) -> impl Iterator<Item = &str> {
        let asked = self
            .rules
            .iter()
            .flat_map(|rule| rule.when.attribute.keys());
        let read = self
            .treatments()
            .filter_map(|treatment| match &treatment.count_from {
                CountFrom::Attribute(name) => Some(name),
                CountFrom::Callback | CountFrom::Conversation => None,
            });
        asked.chain(read).map(String::as_str)
    }

    /// Whether what is asked about is only in the whole conversation, and neither in an event nor in a sweep's row.
    #[must_use]
    pub fn ask_for_the_whole(&self) -> bool {
        let rules = self.rules.iter().map(|rule| &rule.when);
        let asks = |when: &When| {
            !(when.skill.is_empty()
                && when.language.is_empty()
                && when.division.is_empty()
                && when.attribute.is_empty())
        };
        rules.into_iter().any(asks) || self.treatments().any(Treatment::asks_for_the_origin)
    }
}

impl Treatment {
    /// Whether it matters since when the caller waits.
    fn asks_for_the_origin(&self) -> bool {
        !self.skip
            && self.count_from != CountFrom::Callback
            && self.policy.counts_the_callers_wait()
    }
}

impl When {
    /// Why it is not for a callback; nothing where it is.
    #[must_use]
    pub fn mismatch(&self, facts: &Facts) -> Option<Mismatch> {
        let listed = [
            ("queue", &self.queue, facts.queue.as_slice()),
            ("skill", &self.skill, &facts.skills),
            ("language", &self.language, facts.language.as_slice()),
            ("division", &self.division, &facts.divisions),
        ];
        let listed = listed
            .into_iter()
            .find_map(|(about, patterns, found)| mismatch(about, patterns, found));
        let flags = [
            ("scheduled", self.scheduled, facts.kind.scheduled),
            ("agent_owned", self.agent_owned, facts.kind.agent_owned),
            ("voicemail", self.voicemail, facts.kind.voicemail),
        ];
        listed
            .or_else(|| self.priority_mismatch(facts.priority))
            .or_else(|| {
                flags
                    .into_iter()
                    .find_map(|(about, wanted, found)| flag_mismatch(about, wanted, found))
            })
            .or_else(|| {
                self.attribute
                    .iter()
                    .find_map(|(name, wanted)| wanted.mismatch(name, facts))
            })
    }

    /// Whether it is for all that the other one is for, as far as that can be told from what both say.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        let listed = [
            (&self.queue, &other.queue),
            (&self.skill, &other.skill),
            (&self.language, &other.language),
            (&self.division, &other.division),
        ];
        let all_in = |(mine, theirs): (&Vec<Pattern>, &Vec<Pattern>)| {
            mine.is_empty()
                || !theirs.is_empty() && theirs.iter().all(|pattern| mine.contains(pattern))
        };
        let flags = [
            (self.scheduled, other.scheduled),
            (self.agent_owned, other.agent_owned),
            (self.voicemail, other.voicemail),
        ];
        let wider = |mine: &RangeInclusive<Priority>| {
            other
                .priority
                .as_ref()
                .is_some_and(|theirs| mine.start() <= theirs.start() && theirs.end() <= mine.end())
        };
        listed.into_iter().all(all_in)
            && self.priority.as_ref().is_none_or(wider)
            && flags
                .into_iter()
                .all(|(mine, theirs)| mine.is_none() || mine == theirs)
            && self
                .attribute
                .iter()
                .all(|(name, wanted)| other.attribute.get(name) == Some(wanted))
    }

    /// Why a priority at arrival does not fit.
    fn priority_mismatch(&self, found: Priority) -> Option<Mismatch> {
        let wanted = self.priority.as_ref()?;
        (!wanted.contains(&found)).then(|| Mismatch {
            about: "priority".into(),
            wanted: if wanted.start() == wanted.end() {
                wanted.start().to_string()
            } else {
                format!("{} to {}", wanted.start(), wanted.end())
            },
            found: found.to_string(),
        })
    }
}

impl Attribute {
    /// Why it does not fit what is known.
    fn mismatch(&self, name: &str, facts: &Facts) -> Option<Mismatch> {
        let found = facts.attributes.get(name);
        let fits = match self {
            Self::Exists(wanted) => found.is_some() == *wanted,
            Self::Is(pattern) => found.is_some_and(|found| pattern.matches(found)),
        };
        (!fits).then(|| Mismatch {
            about: format!("attribute {}", name.escape_debug()).into(),
            wanted: self.to_string(),
            found: match found {
                Some(_) => "something else",
                None => "absent",
            }
            .to_owned(),
        })
    }
}

/// Why none of what was found is among what is listed; nothing where one is, or where nothing is listed.
fn mismatch(about: &'static str, patterns: &[Pattern], found: &[Named]) -> Option<Mismatch> {
    let means = |pattern: &Pattern| {
        found
            .iter()
            .any(|found| pattern.means(&found.id, found.name.as_deref()))
    };
    if patterns.is_empty() || patterns.iter().any(means) {
        return None;
    }
    let wanted: Vec<String> = patterns.iter().map(ToString::to_string).collect();
    let found: Vec<String> = found.iter().map(ToString::to_string).collect();
    Some(Mismatch {
        about: about.into(),
        wanted: wanted.join(" or "),
        found: if found.is_empty() {
            "none".to_owned()
        } else {
            found.join(", ")
        },
    })
}

/// Why something is not as it is wanted to be.
fn flag_mismatch(about: &'static str, wanted: Option<bool>, found: bool) -> Option<Mismatch> {
    let wanted = wanted.filter(|wanted| *wanted != found)?;
    Some(Mismatch {
        about: about.into(),
        wanted: wanted.to_string(),
        found: found.to_string(),
    })
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exists(true) => f.write_str("anything"),
            Self::Exists(false) => f.write_str("nothing"),
            Self::Is(pattern) => pattern.fmt(f),
        }
    }
}
