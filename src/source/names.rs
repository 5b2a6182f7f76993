//! What queues, skills, languages and divisions are called. Conversations name them by id, administrators by name.
//!
//! A list is read only where a rule asks for something by name, and again now and then. Without a list (no permission,
//! platform down) ids still work, and what is asked for by name is not found: that is said.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tracing::warn;

use crate::{
    conversation::{Priority, QueueId, Waiting},
    genesys::{Genesys, NameList},
    pattern::Pattern,
    policy::rules::{Facts, Named, Rules, When},
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

/// Names by id, list by list.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// Lists that rules ask for by name.
    asked: Vec<NameList>,
    /// What is known.
    known: Mutex<BTreeMap<NameList, BTreeMap<String, String>>>,
}

impl Names {
    /// The names that these rules ask for. None is known yet.
    pub(crate) fn new(rules: &Rules) -> Self {
        let lists = [NameList::Skills, NameList::Languages, NameList::Divisions];
        let asked = lists.into_iter().filter(|list| {
            let mut patterns = rules
                .rules
                .iter()
                .flat_map(|rule| asked_of(*list, &rule.when));
            patterns.any(|pattern| !pattern.is_id())
        });
        Self {
            asked: asked.collect(),
            known: Mutex::default(),
        }
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
        for list in &self.asked {
            match genesys.names(*list).await {
                Ok(names) => {
                    self.known().insert(*list, names.into_iter().collect());
                }
                Err(failure) => warn!(
                    list = list.word(),
                    error = %failure,
                    correlation_id = failure.correlation_id(),
                    "a list of names cannot be read: rules that ask for them by name are for nobody until it can"
                ),
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

    /// What is known.
    fn known(&self) -> MutexGuard<'_, BTreeMap<NameList, BTreeMap<String, String>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
