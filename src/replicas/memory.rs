//! What replicas share, in memory: for several daemons in one process. The model that the durable one is held against.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::time::Instant;

use super::{
    DEAD_AFTER, Deeds, Grant, MAX_REPLICAS, Rate, Replica, Replicas, SWEEP_PATIENCE, Standing,
    SweepTurn, full, namesake,
};
use crate::journal::JournalError;

/// How long to wait before asking again for the sweep that another replica makes.
const ASK_AGAIN: Duration = Duration::from_millis(500);

/// What one replica sees of it.
#[derive(Debug)]
pub struct MemoryReplicas {
    /// Shared by all.
    shared: Arc<Mutex<Shared>>,
    /// What tells this start of it from all others.
    start: u64,
    /// What it is called.
    name: String,
    /// Whether it has had a place.
    joined: AtomicBool,
}

/// What all of them share.
#[derive(Debug, Default)]
struct Shared {
    /// Starts so far.
    starts: u64,
    /// The places, in order.
    places: [Option<Place>; MAX_REPLICAS],
    /// When the rate of each token is used up to.
    used_until: HashMap<usize, Instant>,
    /// End of the hold.
    held_until: Option<Instant>,
    /// Who sweeps, and since when.
    sweeping: Option<(u64, Instant)>,
    /// The newest sweep: when it was begun, and what it found.
    swept: Option<(Instant, String)>,
}

/// A place that was taken once.
#[derive(Debug)]
struct Place {
    /// By which start.
    start: u64,
    /// What it is called.
    name: String,
    /// When it started.
    since: Timestamp,
    /// Its last sign of life; nothing once it has left.
    sign: Option<Instant>,
    /// What it has done.
    deeds: Deeds,
    /// Its channels, by line.
    channels: HashMap<usize, String>,
}

impl Place {
    /// Whether it has given a sign of life lately.
    fn lives(&self) -> bool {
        self.sign.is_some_and(|sign| sign.elapsed() < DEAD_AFTER)
    }
}

impl Shared {
    /// The place that is free for this name: its own, else one that nobody ever had, else the one whose owner is gone for
    /// longest.
    fn free(&self, name: &str) -> Option<usize> {
        let named = |place: &Option<Place>| place.as_ref().is_some_and(|place| place.name == name);
        let own = self.places.iter().position(named);
        let gone = || {
            let free = self
                .places
                .iter()
                .enumerate()
                .filter(|(_, place)| place.as_ref().is_none_or(|place| !place.lives()));
            let oldest = free.min_by_key(|(_, place)| place.as_ref().map(|place| place.sign));
            oldest.map(|(number, _)| number)
        };
        own.or_else(gone)
    }

    /// The place of this start.
    fn place_of(&mut self, start: u64) -> Option<&mut Place> {
        let mut places = self.places.iter_mut().flatten();
        places.find(|place| place.start == start)
    }

    /// Those who have a place, as this start sees them.
    fn roll(&self, start: u64) -> Vec<Replica> {
        let places = self.places.iter().enumerate();
        let taken = places.filter_map(|(number, place)| Some((number, place.as_ref()?)));
        taken
            .filter(|(_, place)| place.sign.is_some())
            .map(|(number, place)| Replica {
                place: number + 1,
                name: place.name.clone(),
                since: place.since,
                lives: place.lives(),
                me: place.start == start,
                deeds: place.deeds,
            })
            .collect()
    }
}

impl Default for MemoryReplicas {
    fn default() -> Self {
        Self::begin(Arc::default(), "replica-1")
    }
}

impl MemoryReplicas {
    /// The same for another start, of the replica with this name.
    #[must_use]
    pub fn start(&self, name: &str) -> Self {
        Self::begin(Arc::clone(&self.shared), name)
    }

    /// A start of the replica with this name.
    fn begin(shared: Arc<Mutex<Shared>>, name: &str) -> Self {
        let start = {
            let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
            shared.starts += 1;
            shared.starts
        };
        Self {
            shared,
            start,
            name: name.to_owned(),
            joined: AtomicBool::new(false),
        }
    }

    /// What all share.
    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Replicas for MemoryReplicas {
    async fn sign(&self, deeds: Deeds, now: Timestamp) -> Result<Standing, JournalError> {
        let mut shared = self.shared();
        if let Some(place) = shared.place_of(self.start) {
            (place.sign, place.deeds) = (Some(Instant::now()), deeds);
            return Ok(Standing::Member(shared.roll(self.start)));
        }
        let joined = self.joined.load(Ordering::Relaxed);
        let lives = |place: &Place| place.name == self.name && place.lives();
        if joined && shared.places.iter().flatten().any(lives) {
            return Ok(Standing::Refused(namesake(&self.name)));
        }
        let Some(number) = shared.free(&self.name) else {
            return Ok(Standing::Refused(full()));
        };
        let before = shared.places[number].take();
        shared.places[number] = Some(Place {
            start: self.start,
            name: self.name.clone(),
            since: now,
            sign: Some(Instant::now()),
            deeds,
            channels: before.map(|before| before.channels).unwrap_or_default(),
        });
        self.joined.store(true, Ordering::Relaxed);
        Ok(Standing::Member(shared.roll(self.start)))
    }

    async fn leave(&self) -> Result<(), JournalError> {
        let mut shared = self.shared();
        if let Some(place) = shared.place_of(self.start) {
            place.sign = None;
        }
        shared.sweeping.take_if(|(start, _)| *start == self.start);
        Ok(())
    }

    async fn permit(
        &self,
        token: usize,
        rate: Rate,
        was_alone: bool,
    ) -> Result<Grant, JournalError> {
        let mut shared = self.shared();
        let (now, held_until) = (Instant::now(), shared.held_until);
        let used_until = shared.used_until.entry(token).or_insert(now);
        if was_alone {
            *used_until = (*used_until).max(now + rate.interval * rate.burst);
        }
        if let Some(until) = held_until.filter(|until| *until > now) {
            return Ok(Grant::In(until - now));
        }
        let next = (*used_until).max(now) + rate.interval;
        let early = (next - now).saturating_sub(rate.interval * rate.burst);
        if !early.is_zero() {
            return Ok(Grant::In(early));
        }
        *used_until = next;
        Ok(Grant::Now)
    }

    async fn hold(&self, time: Duration) -> Result<(), JournalError> {
        let mut shared = self.shared();
        shared.held_until = shared.held_until.max(Some(Instant::now() + time));
        Ok(())
    }

    async fn sweep(&self, at_most: Duration) -> Result<SweepTurn, JournalError> {
        let mut shared = self.shared();
        if let Some((asked, found)) = &shared.swept
            && asked.elapsed() <= at_most
        {
            return Ok(SweepTurn::Theirs {
                found: found.clone(),
                age: asked.elapsed(),
            });
        }
        let other = shared
            .sweeping
            .filter(|(start, since)| *start != self.start && since.elapsed() < SWEEP_PATIENCE);
        if other.is_some() {
            return Ok(SweepTurn::Soon(ASK_AGAIN));
        }
        shared.sweeping = Some((self.start, Instant::now()));
        Ok(SweepTurn::Ours)
    }

    async fn swept(&self, found: Option<String>) -> Result<(), JournalError> {
        let mut shared = self.shared();
        let ours = shared.sweeping.take_if(|(start, _)| *start == self.start);
        if let (Some((_, asked)), Some(found)) = (ours, found) {
            shared.swept = Some((asked, found));
        }
        Ok(())
    }

    async fn kept_channel(&self, line: usize) -> Result<Option<String>, JournalError> {
        let mut shared = self.shared();
        let place = shared.place_of(self.start);
        Ok(place.and_then(|place| place.channels.get(&line).cloned()))
    }

    async fn keep_channel(&self, line: usize, sealed: String) -> Result<(), JournalError> {
        if let Some(place) = self.shared().place_of(self.start) {
            place.channels.insert(line, sealed);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{super::conformance::conformance, *};

    conformance!(MemoryReplicas);
}
