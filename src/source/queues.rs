//! Which queues are ours: names, globs and ids of the settings, resolved against the platform's list.
//!
//! Queues come and go, so the list is read again now and then. Without a list (no permission, platform down) the ids
//! still work, and `*` needs no list to decide, only to know which topics to ask for.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use globset::{GlobBuilder, GlobMatcher};

use crate::conversation::QueueId;

/// One entry of `[callbacks] queues`.
#[derive(Clone, Debug)]
struct Pattern {
    /// As it was written.
    text: String,
    /// The same as a glob; absent where it is none, a name with brackets for example.
    glob: Option<GlobMatcher>,
}

impl Pattern {
    /// Reads an entry.
    fn new(text: &str) -> Self {
        let glob = GlobBuilder::new(text).case_insensitive(true).build().ok();
        Self {
            text: text.to_owned(),
            glob: glob.map(|glob| glob.compile_matcher()),
        }
    }

    /// Whether it means this queue: by id, by exact name, or as a glob over the name. Letter case is ignored.
    fn means(&self, id: &QueueId, name: &str) -> bool {
        self.text == id.to_string()
            || self.text.eq_ignore_ascii_case(name)
            || self.glob.as_ref().is_some_and(|glob| glob.is_match(name))
    }
}

/// The entries that are ids.
fn named_by_id<'a>(entries: impl Iterator<Item = &'a str>) -> BTreeSet<QueueId> {
    entries
        .filter(|entry| uuid::Uuid::try_parse(entry).is_ok())
        .filter_map(|entry| entry.parse().ok())
        .collect()
}

/// The queues whose callbacks are raised.
#[derive(Debug)]
pub(crate) struct Queues {
    /// The entries of the settings.
    patterns: Vec<Pattern>,
    /// Whether an entry means every queue.
    all: bool,
    /// Those of the platform's queues that are meant.
    chosen: Mutex<BTreeSet<QueueId>>,
}

impl Queues {
    /// The queues that these entries mean; until the platform's list is known, only the entries that are ids.
    pub(crate) fn new(entries: &[String]) -> Self {
        Self {
            patterns: entries.iter().map(|entry| Pattern::new(entry)).collect(),
            all: entries.iter().any(|entry| entry == "*"),
            chosen: Mutex::new(named_by_id(entries.iter().map(String::as_str))),
        }
    }

    /// Takes the platform's list; returns the entries that mean no queue on it.
    pub(crate) fn resolve(&self, list: &[(QueueId, String)]) -> Vec<String> {
        // An entry that is an id is ours whatever the list says: a list may be cut short by permissions.
        let mut chosen = named_by_id(self.patterns.iter().map(|pattern| pattern.text.as_str()));
        let meant = list
            .iter()
            .filter(|(id, name)| self.patterns.iter().any(|pattern| pattern.means(id, name)));
        chosen.extend(meant.map(|(id, _)| id.clone()));
        let idle = |pattern: &&Pattern| !list.iter().any(|(id, name)| pattern.means(id, name));
        let unmatched = self
            .patterns
            .iter()
            .filter(idle)
            .map(|pattern| pattern.text.clone())
            .collect();
        *self.chosen.lock().unwrap_or_else(PoisonError::into_inner) = chosen;
        unmatched
    }

    /// Whether callbacks in this queue are ours. A queue that is not named can be ours only if every queue is.
    pub(crate) fn wants(&self, queue: Option<&QueueId>) -> bool {
        self.all || queue.is_some_and(|queue| self.lock().contains(queue))
    }

    /// The ids of our queues, in order.
    pub(crate) fn ids(&self) -> Vec<QueueId> {
        self.lock().iter().cloned().collect()
    }

    /// Whether every queue is ours.
    pub(crate) fn all(&self) -> bool {
        self.all
    }

    /// Whether all entries work without the platform's list.
    pub(crate) fn needs_no_list(&self) -> bool {
        self.all || self.patterns.len() == self.lock().len()
    }

    /// The chosen queues.
    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeSet<QueueId>> {
        self.chosen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0e185c02-aca1-4a72-82ea-2e78684e2c89";

    fn list() -> Vec<(QueueId, String)> {
        [
            (ID, "Support"),
            ("q2", "Sales EU"),
            ("q3", "Sales US"),
            ("q4", "[VIP]"),
        ]
        .map(|(id, name)| (id.parse().unwrap(), name.to_owned()))
        .to_vec()
    }

    fn chosen(entries: &[&str]) -> (Vec<String>, Vec<String>) {
        let entries: Vec<String> = entries.iter().map(|&entry| entry.to_owned()).collect();
        let queues = Queues::new(&entries);
        let unmatched = queues.resolve(&list());
        (
            queues.ids().iter().map(ToString::to_string).collect(),
            unmatched,
        )
    }

    #[test]
    fn names_globs_and_ids() {
        for (entries, ids) in [
            (&["*"][..], &[ID, "q2", "q3", "q4"][..]),
            (&["support"], &[ID]),
            (&["Sales *"], &["q2", "q3"]),
            (&[ID], &[ID]),
            (&["[VIP]"], &["q4"]),
            (&["Sales US", "Support"], &[ID, "q3"]),
        ] {
            let (found, unmatched) = chosen(entries);
            assert_eq!(found, ids, "{entries:?}");
            assert!(unmatched.is_empty());
        }
        assert_eq!(chosen(&["Nobody", "Support"]).1, ["Nobody"]);
    }

    #[test]
    fn without_a_list_ids_and_the_star_work() {
        let queues = Queues::new(&[ID.to_owned()]);
        assert!(queues.needs_no_list() && queues.wants(ID.parse().ok().as_ref()));
        assert!(!queues.wants(None));
        assert!(Queues::new(&["*".to_owned()]).wants(None));
        assert!(!Queues::new(&["Support".to_owned()]).needs_no_list());
    }
}
