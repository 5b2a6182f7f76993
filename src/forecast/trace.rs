//! The places of callbacks in line, minute by minute: what a caller who could see the line would see.

use std::collections::BTreeMap;

use super::line::Line;

/// A minute, milliseconds.
const MINUTE: i64 = 60_000;
/// For so long places are noted, milliseconds: a day shows what there is to see.
const LONGEST: i64 = 24 * 60 * MINUTE;

/// The places of all callbacks of a stretch of time.
#[derive(Clone, Debug, Default)]
pub(super) struct Trace {
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
    /// Notes the places at each full minute before `now`.
    pub(super) fn look(&mut self, now: i64, calls: &mut Line, callbacks: &mut Line) {
        let (mut next, end) = self.next.unwrap_or((now, now.saturating_add(LONGEST)));
        while next < now.min(end) {
            let (on_the_line, ranks) = (calls.ranks(next), callbacks.ranks(next));
            for (item, own) in callbacks.everybody().zip(&ranks) {
                let before = |all: &[(i64, u64)]| all.iter().filter(|rank| *rank < own).count();
                self.places.entry(item.number).or_default().push(Place {
                    minutes: (next - item.caller.arrives) / MINUTE,
                    place: 1 + before(&on_the_line) + before(&ranks),
                });
            }
            next += MINUTE;
        }
        self.next = Some((next, end));
    }
}
