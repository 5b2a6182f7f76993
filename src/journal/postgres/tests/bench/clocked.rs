//! The bench as a journal: passes operations on, after it has set the database's clock to the moment that each names.

use async_trait::async_trait;
use jiff::Timestamp;

use super::{
    super::super::{
        super::{Claim, Commit, Entry, Fence, JournalError, Stay, Write},
        Journal,
    },
    Bench, Way,
};
use crate::{
    conversation::{ConversationId, Organization, Priority, QueueId, Visit, Waiting},
    orders::Pause,
    policy::Base,
};

#[async_trait]
impl<W: Way> Journal for Bench<W> {
    async fn entry(&self, seen: &Waiting, now: Timestamp) -> Result<Entry, JournalError> {
        self.database.set_clock(now).await;
        self.journal.entry(seen, now).await
    }

    async fn recall(
        &self,
        conversation: &ConversationId,
        queue: &QueueId,
        entered: Timestamp,
        now: Timestamp,
    ) -> Result<Option<Stay>, JournalError> {
        self.database.set_clock(now).await;
        let known = self.journal.recall(conversation, queue, entered, now);
        known.await
    }

    async fn claim(
        &self,
        visit: &Visit,
        known: Fence,
        write: Write,
    ) -> Result<Claim, JournalError> {
        self.database.set_clock(write.at).await;
        self.journal.claim(visit, known, write).await
    }

    async fn commit(
        &self,
        visit: &Visit,
        claim: Fence,
        confirmed: Priority,
        at: Timestamp,
    ) -> Result<Commit, JournalError> {
        self.database.set_clock(at).await;
        self.journal.commit(visit, claim, confirmed, at).await
    }

    async fn arrived(
        &self,
        visit: &Visit,
        known: Fence,
        open: Fence,
        at: Timestamp,
    ) -> Result<Commit, JournalError> {
        self.database.set_clock(at).await;
        self.journal.arrived(visit, known, open, at).await
    }

    async fn overtaken(
        &self,
        visit: &Visit,
        since: Timestamp,
        now: Timestamp,
    ) -> Result<Vec<Priority>, JournalError> {
        self.database.set_clock(now).await;
        self.journal.overtaken(visit, since, now).await
    }

    async fn release(
        &self,
        visit: &Visit,
        claim: Fence,
        at: Timestamp,
    ) -> Result<(), JournalError> {
        self.database.set_clock(at).await;
        self.journal.release(visit, claim, at).await
    }

    async fn rebase(
        &self,
        visit: &Visit,
        known: Fence,
        base: Base,
        at: Timestamp,
    ) -> Result<Commit, JournalError> {
        self.database.set_clock(at).await;
        self.journal.rebase(visit, known, base, at).await
    }

    async fn close(&self, visit: &Visit, at: Timestamp) -> Result<(), JournalError> {
        self.database.set_clock(at).await;
        self.journal.close(visit, at).await
    }

    async fn pauses(
        &self,
        organization: &Organization,
        now: Timestamp,
    ) -> Result<Vec<Pause>, JournalError> {
        self.journal.pauses(organization, now).await
    }

    async fn note_pause(
        &self,
        organization: &Organization,
        queue: Option<&QueueId>,
        pause: Option<&Pause>,
        now: Timestamp,
    ) -> Result<(), JournalError> {
        let noted = self.journal.note_pause(organization, queue, pause, now);
        noted.await
    }

    async fn alive(&self, at: Timestamp) -> Result<(), JournalError> {
        self.database.set_clock(at).await;
        self.journal.alive(at).await
    }

    async fn answers(&self, now: Timestamp) -> Result<(), JournalError> {
        self.journal.answers(now).await
    }

    async fn stopped(&self, at: Timestamp) -> Result<(), JournalError> {
        self.database.set_clock(at).await;
        self.journal.stopped(at).await
    }

    async fn prune(&self, before: Timestamp, now: Timestamp) -> Result<(), JournalError> {
        self.database.set_clock(now).await;
        self.journal.prune(before, now).await
    }
}
