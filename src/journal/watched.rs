//! A journal whose trouble is said once and shown in the status, however many trackers meet it.
//!
//! Only the sign of life says that trouble is over: that a claim was granted, or an entry read, does not mean that the
//! next one will be.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::time::Instant;
use tracing::{error, info};

use super::{Claim, Commit, Entry, Fence, Journal, JournalError, Stay, Write};
use crate::{
    clock::elapsed,
    conversation::{ConversationId, Organization, Priority, QueueId, Visit, Waiting},
    orders::Pause,
    policy::Base,
    replicas::Replicas,
    status::Status,
    trouble::Trouble,
};

/// Watches a journal.
pub(crate) struct Watched {
    /// What does the work.
    journal: Mutex<Arc<dyn Journal>>,
    /// Where trouble is shown.
    status: Status,
    /// Since when there is trouble, and what was said of it.
    troubled: Mutex<Option<(Timestamp, Trouble)>>,
}

impl Watched {
    /// Watches this journal.
    pub(crate) fn new(journal: Arc<dyn Journal>, status: Status) -> Self {
        Self {
            journal: Mutex::new(journal),
            status,
            troubled: Mutex::new(None),
        }
    }

    /// Puts another journal to work. Who was told something by the one before is refused by this one.
    pub(crate) fn replace(&self, journal: Arc<dyn Journal>) {
        *self.journal.lock().unwrap_or_else(PoisonError::into_inner) = journal;
    }

    /// The journal at work.
    fn journal(&self) -> Arc<dyn Journal> {
        let journal = self.journal.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&journal)
    }

    /// Says trouble where it begins, and passes the answer on.
    fn heed<T>(&self, now: Timestamp, answer: Result<T, JournalError>) -> Result<T, JournalError> {
        if let Err(failure) = &answer {
            let words = failure.to_string();
            let mut troubled = self.troubled.lock().unwrap_or_else(PoisonError::into_inner);
            let begins = troubled.is_none();
            let (_since, trouble) = troubled.get_or_insert_with(|| (now, Trouble::default()));
            if trouble.met(&words) {
                if begins {
                    self.status.tell(now, true, words.clone());
                }
                error!(error = %failure, "nothing is raised until the journal works again");
            }
            self.status
                .update(|status| status.journal_trouble = Some(words));
        }
        answer
    }

    /// Waits for a write, and notes how long it took.
    async fn time<T>(
        &self,
        now: Timestamp,
        write: impl Future<Output = Result<T, JournalError>> + Send,
    ) -> Result<T, JournalError> {
        let begun = Instant::now();
        let answer = write.await;
        self.status.count_journal_write(begun.elapsed());
        self.heed(now, answer)
    }

    /// Says that trouble is over, where there was any.
    fn mended(&self, now: Timestamp) {
        let troubled = self
            .troubled
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some((since, _said)) = troubled {
            self.status.update(|status| status.journal_trouble = None);
            let after_s = elapsed(since, now).as_secs();
            info!(after_s, "the journal works again: raises go on");
            self.status.tell(now, false, "the journal works again");
        }
    }
}

#[async_trait]
impl Journal for Watched {
    async fn entry(&self, seen: &Waiting, now: Timestamp) -> Result<Entry, JournalError> {
        self.heed(now, self.journal().entry(seen, now).await)
    }

    async fn recall(
        &self,
        conversation: &ConversationId,
        queue: &QueueId,
        entered: Timestamp,
        now: Timestamp,
    ) -> Result<Option<Stay>, JournalError> {
        let journal = self.journal();
        let recalled = journal.recall(conversation, queue, entered, now).await;
        self.heed(now, recalled)
    }

    async fn claim(
        &self,
        visit: &Visit,
        known: Fence,
        write: Write,
    ) -> Result<Claim, JournalError> {
        self.time(write.at, self.journal().claim(visit, known, write))
            .await
    }

    async fn commit(
        &self,
        visit: &Visit,
        claim: Fence,
        confirmed: Priority,
        at: Timestamp,
    ) -> Result<Commit, JournalError> {
        self.time(at, self.journal().commit(visit, claim, confirmed, at))
            .await
    }

    async fn arrived(
        &self,
        visit: &Visit,
        known: Fence,
        open: Fence,
        at: Timestamp,
    ) -> Result<Commit, JournalError> {
        self.time(at, self.journal().arrived(visit, known, open, at))
            .await
    }

    async fn overtaken(
        &self,
        visit: &Visit,
        since: Timestamp,
        now: Timestamp,
    ) -> Result<Vec<Priority>, JournalError> {
        let journal = self.journal();
        self.heed(now, journal.overtaken(visit, since, now).await)
    }

    async fn release(
        &self,
        visit: &Visit,
        claim: Fence,
        at: Timestamp,
    ) -> Result<(), JournalError> {
        self.time(at, self.journal().release(visit, claim, at))
            .await
    }

    async fn rebase(
        &self,
        visit: &Visit,
        known: Fence,
        base: Base,
        at: Timestamp,
    ) -> Result<Commit, JournalError> {
        self.time(at, self.journal().rebase(visit, known, base, at))
            .await
    }

    async fn close(&self, visit: &Visit, at: Timestamp) -> Result<(), JournalError> {
        self.time(at, self.journal().close(visit, at)).await
    }

    async fn pauses(
        &self,
        organization: &Organization,
        now: Timestamp,
    ) -> Result<Vec<Pause>, JournalError> {
        self.heed(now, self.journal().pauses(organization, now).await)
    }

    async fn note_pause(
        &self,
        organization: &Organization,
        queue: Option<&QueueId>,
        pause: Option<&Pause>,
        now: Timestamp,
    ) -> Result<(), JournalError> {
        let journal = self.journal();
        self.time(now, journal.note_pause(organization, queue, pause, now))
            .await
    }

    async fn alive(&self, at: Timestamp) -> Result<(), JournalError> {
        self.time(at, self.journal().alive(at)).await?;
        self.mended(at);
        Ok(())
    }

    async fn answers(&self, now: Timestamp) -> Result<(), JournalError> {
        self.heed(now, self.journal().answers(now).await)
    }

    async fn stopped(&self, at: Timestamp) -> Result<(), JournalError> {
        self.time(at, self.journal().stopped(at)).await
    }

    async fn prune(&self, before: Timestamp, now: Timestamp) -> Result<(), JournalError> {
        self.time(now, self.journal().prune(before, now)).await
    }

    fn replicas(&self, client: &str) -> Option<Arc<dyn Replicas>> {
        self.journal().replicas(client)
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            MemoryJournal,
            conformance::{Bench, at, conformance, seen},
        },
        *,
    };

    /// A journal in memory under a watch, which must change none of what a journal promises.
    struct Both {
        /// What does the work.
        memory: Arc<MemoryJournal>,
        /// What is tested.
        watched: Watched,
    }

    impl From<MemoryJournal> for Both {
        fn from(memory: MemoryJournal) -> Self {
            let memory = Arc::new(memory);
            let watched = Watched::new(Arc::<MemoryJournal>::clone(&memory), Status::default());
            Self { memory, watched }
        }
    }

    impl Default for Both {
        fn default() -> Self {
            MemoryJournal::default().into()
        }
    }

    impl Bench for Both {
        fn begin() -> Option<Self> {
            Some(Self::default())
        }

        fn journal(&self) -> &dyn Journal {
            &self.watched
        }

        fn beside(&self) -> Self {
            self.memory.beside().into()
        }

        fn killed_and_restarted(self) -> Self {
            self.memory.after().into()
        }
    }

    conformance!(Both);

    /// A journal that works when it is told to.
    #[derive(Default)]
    struct Frail {
        /// What it does when it works.
        memory: MemoryJournal,
        /// Whether it does not.
        broken: Mutex<bool>,
    }

    impl Frail {
        fn works(&self) -> Result<(), JournalError> {
            if *self.broken.lock().unwrap() {
                return Err(JournalError {
                    what: "disk full".to_owned(),
                });
            }
            Ok(())
        }
    }

    #[async_trait]
    impl Journal for Frail {
        async fn entry(&self, seen: &Waiting, now: Timestamp) -> Result<Entry, JournalError> {
            self.memory.entry(seen, now).await
        }

        async fn recall(
            &self,
            c: &ConversationId,
            q: &QueueId,
            entered: Timestamp,
            now: Timestamp,
        ) -> Result<Option<Stay>, JournalError> {
            self.memory.recall(c, q, entered, now).await
        }

        async fn claim(&self, v: &Visit, k: Fence, w: Write) -> Result<Claim, JournalError> {
            self.works()?;
            self.memory.claim(v, k, w).await
        }

        async fn commit(
            &self,
            v: &Visit,
            c: Fence,
            p: Priority,
            at: Timestamp,
        ) -> Result<Commit, JournalError> {
            self.works()?;
            self.memory.commit(v, c, p, at).await
        }

        async fn arrived(
            &self,
            v: &Visit,
            k: Fence,
            o: Fence,
            at: Timestamp,
        ) -> Result<Commit, JournalError> {
            self.works()?;
            self.memory.arrived(v, k, o, at).await
        }

        async fn overtaken(
            &self,
            v: &Visit,
            since: Timestamp,
            now: Timestamp,
        ) -> Result<Vec<Priority>, JournalError> {
            self.memory.overtaken(v, since, now).await
        }

        async fn release(&self, v: &Visit, c: Fence, at: Timestamp) -> Result<(), JournalError> {
            self.works()?;
            self.memory.release(v, c, at).await
        }

        async fn rebase(
            &self,
            v: &Visit,
            k: Fence,
            b: Base,
            at: Timestamp,
        ) -> Result<Commit, JournalError> {
            self.works()?;
            self.memory.rebase(v, k, b, at).await
        }

        async fn close(&self, v: &Visit, at: Timestamp) -> Result<(), JournalError> {
            self.works()?;
            self.memory.close(v, at).await
        }

        async fn pauses(
            &self,
            of: &Organization,
            now: Timestamp,
        ) -> Result<Vec<Pause>, JournalError> {
            self.memory.pauses(of, now).await
        }

        async fn note_pause(
            &self,
            of: &Organization,
            q: Option<&QueueId>,
            p: Option<&Pause>,
            now: Timestamp,
        ) -> Result<(), JournalError> {
            self.works()?;
            self.memory.note_pause(of, q, p, now).await
        }

        async fn alive(&self, _at: Timestamp) -> Result<(), JournalError> {
            self.works()
        }

        async fn answers(&self, _now: Timestamp) -> Result<(), JournalError> {
            self.works()
        }

        async fn stopped(&self, _at: Timestamp) -> Result<(), JournalError> {
            self.works()
        }

        async fn prune(&self, before: Timestamp, now: Timestamp) -> Result<(), JournalError> {
            self.works()?;
            self.memory.prune(before, now).await
        }
    }

    #[tokio::test]
    async fn trouble_shows_from_the_first_failure_to_the_next_sign_of_life() {
        let (frail, status) = (Arc::new(Frail::default()), Status::default());
        status.update(|now| now.swept = true);
        let journal = Watched::new(Arc::<Frail>::clone(&frail), status.clone());
        let visit = seen("v", 0).visit;
        journal.alive(at(0)).await.unwrap();
        assert!(status.snapshot().ready);

        *frail.broken.lock().unwrap() = true;
        for _ in 0..3 {
            journal.close(&visit, at(1)).await.unwrap_err();
            let now = status.snapshot();
            assert!(!now.ready);
            let words = now.journal_trouble.unwrap();
            assert_eq!(words, "the journal cannot be used: disk full");
        }
        journal.stopped(at(1)).await.unwrap_err();
        journal.entry(&seen("v", 0), at(2)).await.unwrap();
        assert!(!status.snapshot().ready, "reading proves nothing");

        *frail.broken.lock().unwrap() = false;
        journal.close(&visit, at(3)).await.unwrap();
        assert!(!status.snapshot().ready, "nor does one small note");
        journal.alive(at(4)).await.unwrap();
        assert!(status.snapshot().ready);
    }
}
