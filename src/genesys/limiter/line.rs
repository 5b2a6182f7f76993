//! Those who wait for a permit, in the order of their turns, and among equals in the order in which they came.
//!
//! Whoever is first tries to get a permit; all others sleep until they are called. Somebody who comes and goes before the
//! first takes the first's part; when the first leaves, whoever is next is called. Leaving is dropping one's place, so that
//! giving up at any time costs nothing.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

use super::Turn;

/// Longest that a look or a sweep lets others go first.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where somebody stands: by turn, then by number.
type Key = (Turn, u64);

/// The line.
#[derive(Debug, Default)]
pub(super) struct Line(Mutex<Waiting>);

/// Who stands in it.
#[derive(Debug, Default)]
struct Waiting {
    /// Everybody.
    places: BTreeMap<Key, Standing>,
    /// Who is first.
    first: Option<Key>,
    /// Number of the next to come.
    next: u64,
}

/// Somebody who stands in the line.
#[derive(Debug)]
struct Standing {
    /// Since when.
    since: Instant,
    /// Calls whoever it is.
    call: Arc<Notify>,
}

impl Waiting {
    /// Somebody joins, and is first at once where nobody who is goes before.
    fn join(&mut self, turn: Turn, call: Arc<Notify>) -> Key {
        let key = (turn, self.next);
        self.next += 1;
        let since = Instant::now();
        self.places.insert(key, Standing { since, call });
        if self
            .first
            .is_none_or(|first| key < first && !self.is_overdue(first))
        {
            let before = self.first.replace(key);
            self.call(before);
        }
        key
    }

    /// Somebody leaves; where it was the first, the next is called.
    fn leave(&mut self, key: Key) {
        self.places.remove(&key);
        if self.first == Some(key) {
            self.first = self.foremost();
            self.call(self.first);
        }
    }

    /// Who goes first: upkeep, then a look or a sweep that has let others go first for long enough, then by turn.
    fn foremost(&self) -> Option<Key> {
        let first = self.places.keys().next().copied()?;
        if first.0 == Turn::Upkeep {
            return Some(first);
        }
        let oldest = |turn| self.places.range((turn, 0)..).next().map(|(key, _)| *key);
        let overdue = [Turn::Look, Turn::Sweep]
            .into_iter()
            .filter_map(oldest)
            .filter(|key| self.is_overdue(*key));
        Some(overdue.min_by_key(|key| key.1).unwrap_or(first))
    }

    /// Whether this one has let others go first for long enough.
    fn is_overdue(&self, key: Key) -> bool {
        let standing = self.places.get(&key).filter(|_| key.0 >= Turn::Look);
        standing.is_some_and(|standing| standing.since.elapsed() >= PATIENCE)
    }

    /// Tells somebody that being the first has changed.
    fn call(&self, key: Option<Key>) {
        if let Some(standing) = key.and_then(|key| self.places.get(&key)) {
            standing.call.notify_one();
        }
    }
}

impl Line {
    /// Joins the line.
    pub(super) fn join(self: &Arc<Self>, turn: Turn) -> Place {
        let call = Arc::<Notify>::default();
        let key = self.lock().join(turn, Arc::clone(&call));
        Place {
            line: Arc::clone(self),
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
#[derive(Debug)]
pub(crate) struct Place {
    /// The line.
    line: Arc<Line>,
    /// Where.
    key: Key,
    /// Calls whoever stands here.
    call: Arc<Notify>,
}

impl Place {
    /// Waits until it is the first, which it may not stay. May be given up at any time.
    pub(crate) async fn first(&self) {
        while !self.is_first() {
            self.called().await;
        }
    }

    /// Whether it is the first.
    pub(super) fn is_first(&self) -> bool {
        self.line.lock().first == Some(self.key)
    }

    /// Waits until something has changed about being the first.
    pub(super) async fn called(&self) {
        self.call.notified().await;
    }

    /// Whose turn it is here.
    pub(crate) fn turn(&self) -> Turn {
        self.key.0
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.line.lock().leave(self.key);
    }
}
