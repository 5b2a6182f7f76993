//! The journal in SQLite: what was acknowledged survives `kill -9` and a power cut.
//!
//! WAL with `synchronous=FULL`: every change is on the disk before its answer is given. One connection writes, one
//! operation at a time, on tokio's threads for blocking work, which hold a paused clock still. One daemon has the file
//! (`lock`); readers of the history come and go meanwhile. A connection that failed is opened anew by the next
//! operation, so a disk that was full or read-only is taken up again without a restart.

mod claims;

mod column;

mod lock;

mod open;

mod overtaken;

mod pauses;

mod runs;

mod schema;

mod stays;

mod store;

#[cfg(test)]
mod tests;

use std::{path::Path, sync::Arc};

use async_trait::async_trait;
use jiff::Timestamp;
use rusqlite::Transaction;
use tokio::{sync::Mutex, task::spawn_blocking};

use super::{Claim, Commit, Entry, Fence, Journal, JournalError, Owner, Stay, Write};
use crate::{
    conversation::{ConversationId, Organization, Priority, QueueId, Visit, Waiting},
    orders::Pause,
    policy::Base,
};

pub(super) use claims::entry_of;
pub(super) use column::Time;
pub(super) use lock::is_held;
pub use open::OpenError;
pub(super) use open::trouble;
pub(super) use schema::{Known, known};

use store::Store;

/// What one owner sees of the file.
#[derive(Debug)]
pub struct SqliteJournal {
    /// The one connection that writes. Tokio's mutex: whoever waits for it holds no thread.
    store: Arc<Mutex<Store>>,
    /// Who claims through this value.
    owner: Owner,
}

impl SqliteJournal {
    /// Opens the journal in this file, or begins it, for one daemon alone. Blocks.
    ///
    /// A file that is damaged is put aside under the date `now`. What may pass, such as a full disk, is no error here:
    /// every operation fails until it has passed.
    ///
    /// # Errors
    /// Where no waiting mends it: another daemon has the file, or it is no journal of ours.
    pub fn open(path: &Path, now: Timestamp) -> Result<Self, OpenError> {
        let owner = Owner::random();
        let store = Store::open(path, owner.clone(), now)?;
        Ok(Self {
            store: Arc::new(Mutex::new(store)),
            owner,
        })
    }

    /// Does something in one transaction.
    async fn transact<T, W>(&self, now: Timestamp, work: W) -> Result<T, JournalError>
    where
        T: Send + 'static,
        W: FnOnce(&Transaction<'_>, &Owner) -> rusqlite::Result<T> + Send + 'static,
    {
        let owner = self.owner.clone();
        self.block(move |store| store.transact(now, |transaction| work(transaction, &owner)))
            .await
    }

    /// Does something that blocks, alone with the connection. Once begun it is done to its end, whoever stops waiting.
    async fn block<T, W>(&self, work: W) -> Result<T, JournalError>
    where
        T: Send + 'static,
        W: FnOnce(&mut Store) -> Result<T, JournalError> + Send + 'static,
    {
        let mut store = Arc::clone(&self.store).lock_owned().await;
        let done = spawn_blocking(move || work(&mut store)).await;
        done.unwrap_or_else(|lost| {
            Err(JournalError {
                what: format!("an operation on it ended unexpectedly: {lost}"),
            })
        })
    }
}

#[async_trait]
impl Journal for SqliteJournal {
    async fn entry(&self, seen: &Waiting, now: Timestamp) -> Result<Entry, JournalError> {
        let seen = seen.clone();
        self.transact(now, move |transaction, owner| {
            claims::entry(transaction, owner, &seen, now)
        })
        .await
    }

    async fn recall(
        &self,
        conversation: &ConversationId,
        queue: &QueueId,
        entered: Timestamp,
        now: Timestamp,
    ) -> Result<Option<Stay>, JournalError> {
        let (conversation, queue) = (conversation.clone(), queue.clone());
        self.transact(now, move |transaction, _| {
            stays::recall(transaction, conversation, &queue, entered)
        })
        .await
    }

    async fn claim(
        &self,
        visit: &Visit,
        known: Fence,
        write: Write,
    ) -> Result<Claim, JournalError> {
        let visit = visit.clone();
        self.transact(write.at, move |transaction, owner| {
            claims::claim(transaction, owner, &visit, known, write)
        })
        .await
    }

    async fn commit(
        &self,
        visit: &Visit,
        claim: Fence,
        confirmed: Priority,
        at: Timestamp,
    ) -> Result<Commit, JournalError> {
        let (visit, owner) = (visit.clone(), self.owner.clone());
        // Durable with whatever is claimed next. Should a power cut come before, the claim is open still, and what is seen then
        // says that it was ours.
        self.block(move |store| {
            store.transact_soon(at, |transaction| {
                claims::commit(transaction, &owner, &visit, claim, confirmed, at)
            })
        })
        .await
    }

    async fn arrived(
        &self,
        visit: &Visit,
        known: Fence,
        open: Fence,
        at: Timestamp,
    ) -> Result<Commit, JournalError> {
        let visit = visit.clone();
        self.transact(at, move |transaction, _| {
            claims::arrived(transaction, &visit, known, open, at)
        })
        .await
    }

    async fn overtaken(
        &self,
        visit: &Visit,
        since: Timestamp,
        now: Timestamp,
    ) -> Result<Vec<Priority>, JournalError> {
        let visit = visit.clone();
        self.transact(now, move |transaction, _| {
            overtaken::overtaken(transaction, &visit, since)
        })
        .await
    }

    async fn release(
        &self,
        visit: &Visit,
        claim: Fence,
        at: Timestamp,
    ) -> Result<(), JournalError> {
        let visit = visit.clone();
        self.transact(at, move |transaction, owner| {
            overtaken::release(transaction, owner, &visit, claim, at)
        })
        .await
    }

    async fn rebase(
        &self,
        visit: &Visit,
        known: Fence,
        base: Base,
        at: Timestamp,
    ) -> Result<Commit, JournalError> {
        let visit = visit.clone();
        self.transact(at, move |transaction, owner| {
            claims::rebase(transaction, owner, &visit, known, base, at)
        })
        .await
    }

    async fn close(&self, visit: &Visit, at: Timestamp) -> Result<(), JournalError> {
        let visit = visit.clone();
        self.transact(at, move |transaction, _| {
            claims::close(transaction, &visit, at)
        })
        .await
    }

    async fn pauses(
        &self,
        organization: &Organization,
        now: Timestamp,
    ) -> Result<Vec<Pause>, JournalError> {
        let of = organization.clone();
        self.transact(now, move |transaction, _| {
            pauses::read(transaction, &of, now)
        })
        .await
    }

    async fn note_pause(
        &self,
        organization: &Organization,
        queue: Option<&QueueId>,
        pause: Option<&Pause>,
        now: Timestamp,
    ) -> Result<(), JournalError> {
        let (of, queue, pause) = (organization.clone(), queue.cloned(), pause.cloned());
        self.transact(now, move |transaction, _| {
            pauses::note(transaction, &of, queue.as_ref(), pause.as_ref())
        })
        .await
    }

    async fn alive(&self, at: Timestamp) -> Result<(), JournalError> {
        let owner = self.owner.clone();
        self.block(move |store| {
            store.prove_room(at)?;
            store.transact(at, |transaction| runs::alive(transaction, &owner, at))
        })
        .await
    }

    async fn answers(&self, now: Timestamp) -> Result<(), JournalError> {
        self.transact(now, |_, _| Ok(())).await
    }

    async fn stopped(&self, at: Timestamp) -> Result<(), JournalError> {
        self.transact(at, move |transaction, owner| {
            runs::stopped(transaction, owner, at)
        })
        .await
    }

    async fn prune(&self, before: Timestamp, now: Timestamp) -> Result<(), JournalError> {
        // In portions, so that no claim waits behind months of history.
        while self
            .transact(now, move |transaction, owner| {
                runs::prune(transaction, owner, before)
            })
            .await?
        {}
        Ok(())
    }
}
