//! What queues, skills, languages and divisions are called. Conversations name them by id, administrators by name.
//!
//! A list is read only where a rule asks for something by name, and again now and then. Without a list (no permission,
//! platform down) ids still work, and what is asked for by name is not found: that is said.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use tracing::{info, warn};

use crate::{
    conversation::{Priority, QueueId, Waiting},
    genesys::{Genesys, NameList},
    pattern::Pattern,
    policy::rules::{Facts, Named, Rules, When},
    trouble::Trouble,
};

/// What a rule asks for of this list.
pub(crate) fn asked_of(list: NameList, when: &When) -> &[Pattern] {
    match list {
        NameList::Queues => &when.queue,
        NameList::Skills => &when.skill,
        NameList::Languages => &when.language,
        NameList::Divisions => &when.division,
    }
}

/// The lists that rules ask for by name.
fn asked_by(rules: &Rules) -> Vec<NameList> {
    let lists = [NameList::Skills, NameList::Languages, NameList::Divisions];
    let asked = lists.into_iter().filter(|list| {
        let rules = rules.rules.iter();
        let mut patterns = rules.flat_map(|rule| asked_of(*list, &rule.when));
        patterns.any(|pattern| !pattern.is_id())
    });
    asked.collect()
}

/// Names by id, list by list.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// Lists that rules ask for by name.
    asked: Mutex<Vec<NameList>>,
    /// What is known.
    known: Mutex<BTreeMap<NameList, BTreeMap<String, String>>>,
    /// What was said of lists that cannot be read, and of entries that mean nothing.
    said: Mutex<Said>,
}

/// What was said of the platform's lists.
#[derive(Debug, Default)]
struct Said {
    /// Lists that cannot be read.
    unread: BTreeMap<NameList, Trouble>,
    /// Entries of `callbacks.queues` that mean no queue.
    idle: BTreeSet<String>,
}

impl Names {
    /// The names that these rules ask for. None is known yet.
    pub(crate) fn new(rules: &Rules) -> Self {
        Self {
            asked: Mutex::new(asked_by(rules)),
            known: Mutex::default(),
            said: Mutex::default(),
        }
    }

    /// Says which entries of `callbacks.queues` mean no queue, each once, and again only after it has meant one.
    pub(crate) fn say_idle(&self, entries: Vec<String>) {
        let mut said = self.said();
        for entry in entries.iter().filter(|entry| !said.idle.contains(*entry)) {
            warn!(
                entry,
                "no queue is meant by this entry of callbacks.queues: check the name, and the divisions of the OAuth client's role"
            );
        }
        said.idle = entries.into_iter().collect();
    }

    /// A list could not be read; whether to say so.
    pub(crate) fn unread(&self, list: NameList, why: &str) -> bool {
        self.said().unread.entry(list).or_default().met(why)
    }

    /// A list could be read; says so where it could not before.
    pub(crate) fn read(&self, list: NameList) {
        let over = self.said().unread.get_mut(&list).and_then(Trouble::over);
        if let Some(over) = over {
            let after_s = over.after.as_secs();
            info!(list = list.word(), after_s, "the list can be read again");
        }
    }

    /// The lists that these rules ask for by name, and that are not known.
    pub(crate) fn missing_for(&self, rules: &Rules) -> Vec<NameList> {
        let mut asked = asked_by(rules);
        let known = self.known();
        asked.retain(|list| !known.contains_key(list));
        asked
    }

    /// Takes lists that were read, and asks from now on for those that these rules ask for.
    pub(crate) fn turn_to(&self, rules: &Rules, read: Vec<(NameList, Vec<(String, String)>)>) {
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner) = asked_by(rules);
        let read = read
            .into_iter()
            .map(|(list, names)| (list, names.into_iter().collect()));
        self.known().extend(read);
    }

    /// The platform's queues, as far as they are known.
    pub(crate) fn queues(&self) -> Vec<(QueueId, String)> {
        let known = self.known();
        let queues = known.get(&NameList::Queues).into_iter().flatten();
        let named = queues.map(|(id, name)| Some((id.parse().ok()?, name.clone())));
        named.flatten().collect()
    }

    /// Takes the names of queues, which are read for other reasons.
    pub(crate) fn learn_queues(&self, queues: &[(QueueId, String)]) {
        let names = queues
            .iter()
            .map(|(id, name)| (id.to_string(), name.clone()));
        self.known().insert(NameList::Queues, names.collect());
    }

    /// Reads the lists that are asked for.
    pub(crate) async fn refresh(&self, genesys: &Genesys) {
        let asked = self
            .asked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        for list in asked {
            match genesys.names(list).await {
                Ok(names) => {
                    self.known().insert(list, names.into_iter().collect());
                    self.read(list);
                }
                Err(failure) if self.unread(list, &failure.to_string()) => warn!(
                    list = list.word(),
                    error = %failure,
                    correlation_id = failure.correlation_id(),
                    "a list of names cannot be read: rules that ask for them by name are for nobody until it can"
                ),
                Err(_as_before) => {}
            }
        }
    }

    /// What a queue is called, where that is known.
    pub(crate) fn queue(&self, id: &QueueId) -> Option<String> {
        self.of(NameList::Queues, id.to_string()).name
    }

    /// The thing with this id, with its name where that is known.
    fn of(&self, list: NameList, id: String) -> Named {
        let name = self
            .known()
            .get(&list)
            .and_then(|names| names.get(&id))
            .cloned();
        Named { id, name }
    }

    /// The queues that a name, a glob or an id means, as far as the platform's list is known; an id means its queue in any case.
    pub(crate) fn queues_meant_by(&self, text: &str) -> Vec<QueueId> {
        let pattern = Pattern::new(text);
        let known = self.known();
        let listed = known.get(&NameList::Queues).into_iter().flatten();
        let meant = listed.filter(|(id, name)| pattern.means(id, Some(name)));
        let mut ids: Vec<QueueId> = meant.filter_map(|(id, _)| id.parse().ok()).collect();
        if ids.is_empty() && pattern.is_id() {
            ids.extend(text.parse());
        }
        ids
    }

    /// What a queue is called, where that is known.
    pub(crate) fn of_queue(&self, id: &QueueId) -> Option<String> {
        self.of(NameList::Queues, id.to_string()).name
    }

    /// All that rules can ask about a callback that arrived with this priority.
    pub(crate) fn facts(&self, waiting: &Waiting, arrived: Priority) -> Facts {
        let named = |list, id: &dyn ToString| self.of(list, id.to_string());
        let all = |list, ids: Vec<String>| ids.iter().map(|id| named(list, id)).collect();
        let background = waiting.background.as_deref().cloned().unwrap_or_default();
        let language = background.language.as_ref();
        Facts {
            queue: waiting.queue.as_ref().map(|id| named(NameList::Queues, id)),
            skills: all(NameList::Skills, background.skills),
            language: language.map(|id| named(NameList::Languages, id)),
            divisions: all(NameList::Divisions, background.divisions),
            priority: arrived,
            attributes: background.attributes,
            kind: waiting.kind,
            first_entry: background.first_entry,
        }
    }

    /// What was said.
    fn said(&self) -> MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known.
    fn known(&self) -> MutexGuard<'_, BTreeMap<NameList, BTreeMap<String, String>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
