//! Those who wait for a permit, in the order of their turns, and among equals in the order in which they came.
//!
//! Whoever is first tries to get a permit; all others sleep until they are first. When somebody comes who goes before the
//! first, or the first leaves, the one concerned is called. Leaving is dropping one's place, so that giving up at any time
//! costs nothing.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use super::Turn;

/// Where somebody stands: by turn, then by number.
type Key = (Turn, u64);

/// The line.
#[derive(Debug, Default)]
pub(super) struct Line(Mutex<Waiting>);

/// Who stands in it.
#[derive(Debug, Default)]
struct Waiting {
    /// How to call each.
    places: BTreeMap<Key, Arc<Notify>>,
    /// Number of the next to come.
    next: u64,
}

impl Waiting {
    /// Somebody joins; the one who was first is told if it is no more.
    fn join(&mut self, turn: Turn, call: Arc<Notify>) -> Key {
        let key = (turn, self.next);
        self.next += 1;
        let first = self.places.first_key_value();
        if let Some((_, first)) = first.filter(|(first, _)| **first > key) {
            first.notify_one();
        }
        self.places.insert(key, call);
        key
    }

    /// Somebody leaves; the one who is first now is told.
    fn leave(&mut self, key: Key) {
        let was_first = self.is_first(key);
        self.places.remove(&key);
        if let Some((_, first)) = self.places.first_key_value().filter(|_| was_first) {
            first.notify_one();
        }
    }

    /// Whether this is the first.
    fn is_first(&self, key: Key) -> bool {
        self.places
            .first_key_value()
            .is_some_and(|(first, _)| *first == key)
    }
}

impl Line {
    /// Joins the line.
    pub(super) fn join(&self, turn: Turn) -> Place<'_> {
        let call = Arc::<Notify>::default();
        let key = self.lock().join(turn, Arc::clone(&call));
        Place {
            line: self,
            key,
            call,
        }
    }

    /// Who stands in it.
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in the line, left when it is dropped.
pub(super) struct Place<'a> {
    /// The line.
    line: &'a Line,
    /// Where.
    key: Key,
    /// Calls whoever stands here.
    call: Arc<Notify>,
}

impl Place<'_> {
    /// Whether it is the first.
    pub(super) fn is_first(&self) -> bool {
        self.line.lock().is_first(self.key)
    }

    /// Waits until something has changed about being the first.
    pub(super) async fn called(&self) {
        self.call.notified().await;
    }

    /// Goes before all raises.
    pub(super) fn promote(&mut self) {
        let mut line = self.line.lock();
        line.leave(self.key);
        self.key = line.join(Turn::Upkeep, Arc::clone(&self.call));
    }

    /// Whether it lets raises go first.
    pub(super) fn is_patient(&self) -> bool {
        self.key.0 >= Turn::Look
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.line.lock().leave(self.key);
    }
}
