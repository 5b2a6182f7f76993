//! The places of some callbacks in line, minute by minute: what a caller who could see the line would see.

use std::collections::BTreeMap;

use super::line::Line;

/// A minute, milliseconds.
const MINUTE: i64 = 60_000;
/// For so long places are noted, milliseconds: a day shows what there is to see.
const LONGEST: i64 = 24 * 60 * MINUTE;

/// The places of some callbacks of a day.
#[derive(Clone, Debug)]
pub(super) struct Trace {
    /// The callers with every so manyth number are followed.
    every: u64,
    /// When the places are noted next, and until when; nothing before the first event.
    next: Option<(i64, i64)>,
    /// The moments and places of each, by the number of the caller.
    pub(super) places: BTreeMap<u64, Vec<Place>>,
}

/// A place in line at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Minutes since the caller called.
    pub(super) minutes: i64,
    /// How many will be served before, and one.
    pub(super) place: usize,
}

impl Trace {
    /// Nothing was noted yet. Every so manyth caller will be followed, if they take a callback.
    pub(super) fn of_every(every: u64) -> Self {
        Self {
            every: every.max(1),
            next: None,
            places: BTreeMap::new(),
        }
    }

    /// Notes the places at each full minute before `now`; whether there is more to note.
    pub(super) fn look(&mut self, now: i64, calls: &mut Line, callbacks: &mut Line) -> bool {
        let (mut next, end) = self.next.unwrap_or((now, now.saturating_add(LONGEST)));
        while next < now.min(end) {
            if callbacks.everybody().next().is_some() {
                self.note(next, calls, callbacks);
            }
            next += MINUTE;
        }
        self.next = Some((next, end));
        next < end
    }

    /// Notes the places at this moment.
    fn note(&mut self, now: i64, calls: &mut Line, callbacks: &mut Line) {
        let own = callbacks.ranks(now);
        let mut all = calls.ranks(now);
        all.extend(&own);
        all.sort_unstable();
        for (item, rank) in callbacks.everybody().zip(&own) {
            if item.number % self.every == 0 {
                self.places.entry(item.number).or_default().push(Place {
                    minutes: (now - item.caller.arrives) / MINUTE,
                    place: 1 + all.partition_point(|other| other < rank),
                });
            }
        }
    }
}
