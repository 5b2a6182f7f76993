//! Lists of things that have names: queues, skills, languages, divisions.

use std::{collections::HashSet, hash::Hash};

use serde::de::DeserializeOwned;

use super::{
    Call, Genesys, Page,
    calls::{MAX_PAGES, PAGE_SIZE},
};
use crate::{
    conversation::QueueId,
    genesys::{failure::Failure, wire},
};

/// A list of things that have names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum NameList {
    /// Queues.
    Queues,
    /// Skills that a conversation may ask for.
    Skills,
    /// Languages, likewise.
    Languages,
    /// Divisions.
    Divisions,
}

impl NameList {
    /// What it holds, in a word.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Queues => "queues",
            Self::Skills => "skills",
            Self::Languages => "languages",
            Self::Divisions => "divisions",
        }
    }

    /// Where it is, by the SDK's `RoutingApi` and `AuthorizationApi`.
    fn path(self) -> &'static str {
        match self {
            Self::Queues => "api/v2/routing/queues",
            Self::Skills => "api/v2/routing/skills",
            Self::Languages => "api/v2/routing/languages",
            Self::Divisions => "api/v2/authorization/divisions",
        }
    }

    /// The permission that it takes, where it takes one: the SDK's pages of the other three say "Requires NO permissions".
    pub(crate) fn permission(self) -> Option<&'static str> {
        (self == Self::Queues).then_some("routing:queue:view")
    }
}

impl Genesys {
    /// All queues: id and name. `GET /api/v2/routing/queues`, permission `routing:queue:view`.
    pub(crate) async fn queues(&self) -> Result<Vec<(QueueId, String)>, Failure> {
        self.list(NameList::Queues).await
    }

    /// What the things of a list are called, by their ids.
    pub(crate) async fn names(&self, list: NameList) -> Result<Vec<(String, String)>, Failure> {
        self.list(list).await
    }

    /// All of a list: id and name.
    async fn list<Id: DeserializeOwned + Clone + Eq + Hash>(
        &self,
        list: NameList,
    ) -> Result<Vec<(Id, String)>, Failure> {
        let (mut things, mut known) = (Vec::new(), HashSet::new());
        for number in 1..=MAX_PAGES {
            let call = Call::get(list.word(), list.path())
                .with("pageSize", PAGE_SIZE.to_string())
                .with("pageNumber", number.to_string());
            let page: Page<wire::Named<Id>> = self.ask(&call).await?;
            let before = things.len();
            for thing in page.entities.read {
                if known.insert(thing.id.clone()) {
                    things.push((thing.id, thing.name));
                }
            }
            // Without a count of pages, the last page is the one that brings nothing new.
            let is_last = page.page_count.is_some_and(|count| number >= count);
            if is_last || things.len() == before {
                break;
            }
        }
        Ok(things)
    }
}
