//! The journal in memory: gone with the process. The model that the durable one is held against.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;

use super::{Claim, Entry, Journal, JournalError, Write};
use crate::{
    conversation::{Priority, Visit},
    policy::Base,
};

/// Entries by visit.
#[derive(Debug, Default)]
pub struct MemoryJournal(Mutex<HashMap<Visit, Entry>>);

impl MemoryJournal {
    /// The entries.
    fn entries(&self) -> MutexGuard<'_, HashMap<Visit, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes an entry, where there is one.
    fn change(&self, visit: &Visit, change: impl FnOnce(&mut Entry)) {
        if let Some(entry) = self.entries().get_mut(visit) {
            change(entry);
        }
    }
}

#[async_trait]
impl Journal for MemoryJournal {
    async fn entry(&self, visit: &Visit, seen: Priority) -> Result<Entry, JournalError> {
        let mut entries = self.entries();
        let entry = entries
            .entry(visit.clone())
            .or_insert_with(|| Entry::new(seen));
        Ok(entry.clone())
    }

    async fn claim(&self, visit: &Visit, write: Write) -> Result<Claim, JournalError> {
        let mut entries = self.entries();
        let entry = entries
            .entry(visit.clone())
            .or_insert_with(|| Entry::new(write.from));
        if entry.last.is_some_and(|last| last.step >= write.step) {
            return Ok(Claim::Done);
        }
        entry.open.retain(|open| open.to != write.to);
        entry.open.push(write);
        Ok(Claim::Granted)
    }

    async fn commit(&self, visit: &Visit, write: Write) -> Result<(), JournalError> {
        self.change(visit, |entry| {
            entry.open.clear();
            entry.last = Some(write);
        });
        Ok(())
    }

    async fn release(&self, visit: &Visit, write: Write) -> Result<(), JournalError> {
        self.change(visit, |entry| entry.open.retain(|open| open.to != write.to));
        Ok(())
    }

    async fn rebase(&self, visit: &Visit, base: Base) -> Result<(), JournalError> {
        self.change(visit, |entry| {
            *entry = Entry {
                base,
                ..Entry::new(base.priority)
            };
        });
        Ok(())
    }

    async fn close(&self, visit: &Visit) -> Result<(), JournalError> {
        self.entries().remove(visit);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visit() -> Visit {
        Visit {
            conversation: "c".parse().unwrap(),
            leg: "l".parse().unwrap(),
        }
    }

    fn write(step: u32) -> Write {
        Write {
            step,
            from: Priority::clamped(i64::from(step) - 1),
            to: Priority::clamped(step.into()),
            at: "2026-01-05T09:00:00Z".parse().unwrap(),
        }
    }

    #[tokio::test]
    async fn a_committed_step_is_never_granted_again() {
        let (journal, visit) = (MemoryJournal::default(), visit());
        let seen = Priority::clamped(0);
        assert_eq!(journal.entry(&visit, seen).await.unwrap(), Entry::new(seen));
        assert_eq!(
            journal.claim(&visit, write(1)).await.unwrap(),
            Claim::Granted
        );
        assert_eq!(
            journal.claim(&visit, write(1)).await.unwrap(),
            Claim::Granted,
            "unconfirmed: again"
        );
        journal.commit(&visit, write(1)).await.unwrap();
        assert_eq!(journal.claim(&visit, write(1)).await.unwrap(), Claim::Done);
        assert_eq!(
            journal.claim(&visit, write(2)).await.unwrap(),
            Claim::Granted
        );
    }

    #[tokio::test]
    async fn the_base_stays_whatever_is_seen_later() {
        let (journal, visit) = (MemoryJournal::default(), visit());
        journal.entry(&visit, Priority::clamped(4)).await.unwrap();
        let entry = journal.entry(&visit, Priority::clamped(9)).await.unwrap();
        assert_eq!(entry.base.priority.points(), 4);
        let base = Base {
            priority: Priority::clamped(20),
            step: 3,
        };
        journal.claim(&visit, write(4)).await.unwrap();
        journal.rebase(&visit, base).await.unwrap();
        let entry = journal.entry(&visit, Priority::clamped(9)).await.unwrap();
        assert_eq!((entry.base, entry.open, entry.last), (base, vec![], None));
        journal.close(&visit).await.unwrap();
        let entry = journal.entry(&visit, Priority::clamped(9)).await.unwrap();
        assert_eq!(entry.base.priority.points(), 9);
    }

    #[tokio::test]
    async fn a_released_claim_is_no_write_of_ours() {
        let (journal, visit) = (MemoryJournal::default(), visit());
        journal.entry(&visit, Priority::clamped(0)).await.unwrap();
        journal.claim(&visit, write(1)).await.unwrap();
        journal.release(&visit, write(1)).await.unwrap();
        assert!(
            journal
                .entry(&visit, Priority::clamped(0))
                .await
                .unwrap()
                .open
                .is_empty()
        );
    }
}
