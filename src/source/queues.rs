//! Which queues are ours: names, globs and ids of the settings, resolved against the platform's list.
//!
//! Queues come and go, so the list is read again now and then. Without a list (no permission, platform down) the ids
//! still work, and `*` needs no list to decide, only to know which topics to ask for.

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{conversation::QueueId, pattern::Pattern};

/// Those that are named by their ids.
fn named_by_id(patterns: &[Pattern]) -> BTreeSet<QueueId> {
    let ids = patterns.iter().filter(|pattern| pattern.is_id());
    ids.filter_map(|pattern| pattern.text().parse().ok())
        .collect()
}

/// The queues whose callbacks are raised.
#[derive(Debug)]
pub(crate) struct Queues(Mutex<Chosen>);

/// What is chosen.
#[derive(Debug)]
struct Chosen {
    /// The entries of the settings.
    patterns: Vec<Pattern>,
    /// Whether an entry means every queue.
    all: bool,
    /// Those of the platform's queues that are meant.
    ids: BTreeSet<QueueId>,
}

impl Chosen {
    /// The queues that these entries mean; until the platform's list is known, only the entries that are ids.
    fn new(entries: &[String]) -> Self {
        let patterns: Vec<Pattern> = entries.iter().map(|entry| Pattern::new(entry)).collect();
        Self {
            all: entries.iter().any(|entry| entry == "*"),
            ids: named_by_id(&patterns),
            patterns,
        }
    }

    /// Takes the platform's list; returns the entries that mean no queue on it.
    fn resolve(&mut self, list: &[(QueueId, String)]) -> Vec<String> {
        // An entry that is an id is ours whatever the list says: a list may be cut short by permissions.
        let mut ids = named_by_id(&self.patterns);
        let means = |pattern: &Pattern, (id, name): &(QueueId, String)| {
            pattern.means(&id.to_string(), Some(name))
        };
        let chosen_now = list
            .iter()
            .filter(|queue| self.patterns.iter().any(|pattern| means(pattern, queue)));
        ids.extend(chosen_now.map(|(id, _)| id.clone()));
        let idle = |pattern: &&Pattern| !list.iter().any(|queue| means(pattern, queue));
        let unmatched = self
            .patterns
            .iter()
            .filter(idle)
            .map(|pattern| pattern.text().to_owned())
            .collect();
        self.ids = ids;
        unmatched
    }

    /// Whether all entries work without the platform's list.
    fn needs_no_list(&self) -> bool {
        self.all || self.patterns.len() == self.ids.len()
    }
}

impl Queues {
    /// The queues that these entries mean; until the platform's list is known, only the entries that are ids.
    pub(crate) fn new(entries: &[String]) -> Self {
        Self(Mutex::new(Chosen::new(entries)))
    }

    /// Whether all of these entries work without the platform's list.
    pub(crate) fn need_no_list(entries: &[String]) -> bool {
        Chosen::new(entries).needs_no_list()
    }

    /// Takes other entries, and what is known of the platform's list; returns those that mean no queue on it.
    pub(crate) fn choose(&self, entries: &[String], list: &[(QueueId, String)]) -> Vec<String> {
        let mut chosen = Chosen::new(entries);
        let unmatched = chosen.resolve(list);
        *self.lock() = chosen;
        unmatched
    }

    /// Takes the platform's list; returns the entries that mean no queue on it.
    pub(crate) fn resolve(&self, list: &[(QueueId, String)]) -> Vec<String> {
        self.lock().resolve(list)
    }

    /// Whether callbacks in this queue are ours. A queue that is not named can be ours only if every queue is.
    pub(crate) fn wants(&self, queue: Option<&QueueId>) -> bool {
        let chosen = self.lock();
        chosen.all || queue.is_some_and(|queue| chosen.ids.contains(queue))
    }

    /// The ids of our queues, in order.
    pub(crate) fn ids(&self) -> Vec<QueueId> {
        self.lock().ids.iter().cloned().collect()
    }

    /// Whether every queue is ours.
    pub(crate) fn all(&self) -> bool {
        self.lock().all
    }

    /// Whether all entries work without the platform's list.
    pub(crate) fn needs_no_list(&self) -> bool {
        self.lock().needs_no_list()
    }

    /// What is chosen.
    fn lock(&self) -> MutexGuard<'_, Chosen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
    fn other_entries_take_the_place_of_those_before() {
        let queues = Queues::new(&["Support".to_owned()]);
        queues.resolve(&list());
        let entries = ["Sales *", "Nobody"].map(str::to_owned);
        assert_eq!(queues.choose(&entries, &list()), ["Nobody"]);
        let ids: Vec<String> = queues.ids().iter().map(ToString::to_string).collect();
        assert_eq!(ids, ["q2", "q3"]);
        assert!(!queues.wants(ID.parse().ok().as_ref()));
        assert!(Queues::need_no_list(&["*".to_owned()]) && !Queues::need_no_list(&entries));
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
