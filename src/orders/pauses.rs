//! Pauses: in which queues nothing is raised, and until when. Pure.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::conversation::QueueId;

/// An order to raise nothing for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// In which queue; absent: in all of them.
    #[serde(rename = "queue_id")]
    pub queue: Option<QueueId>,
    /// Since when.
    pub since: Timestamp,
    /// Until when; absent: until it is ended.
    pub until: Option<Timestamp>,
}

impl Pause {
    /// Whether it is over.
    #[must_use]
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.end() <= now
    }

    /// When it ends; never, unless it is ended before.
    fn end(&self) -> Timestamp {
        self.until.unwrap_or(Timestamp::MAX)
    }
}

/// The pauses in force: at most one for each queue, and one for all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pauses(BTreeMap<Option<QueueId>, Pause>);

impl Pauses {
    /// These, of which the last for a queue counts.
    pub(crate) fn of(pauses: impl IntoIterator<Item = Pause>) -> Self {
        let by_queue = pauses.into_iter().map(|pause| (pause.queue.clone(), pause));
        Self(by_queue.collect())
    }

    /// Until when a callback in this queue is not raised; nothing where it may be. One in a queue that is not known may be
    /// in any of them.
    pub(crate) fn end_for(&self, queue: Option<&QueueId>, now: Timestamp) -> Option<Timestamp> {
        let meant = self.0.values().filter(|pause| {
            queue.is_none() || pause.queue.is_none() || pause.queue.as_ref() == queue
        });
        meant.map(Pause::end).filter(|end| *end > now).max()
    }

    /// Begins a pause, or changes the end of the one there is; whether that is a change.
    pub(crate) fn begin(&mut self, pause: Pause) -> bool {
        let since = self.0.get(&pause.queue).map(|before| before.since);
        let pause = Pause {
            since: since.unwrap_or(pause.since),
            ..pause
        };
        let before = self.0.insert(pause.queue.clone(), pause.clone());
        before != Some(pause)
    }

    /// Ends the pause of a queue, or the one for all; whether there was one.
    pub(crate) fn end(&mut self, queue: Option<&QueueId>) -> bool {
        self.0.remove(&queue.cloned()).is_some()
    }

    /// Ends all pauses; of which queues there were.
    pub(crate) fn take_all(&mut self) -> Vec<Option<QueueId>> {
        std::mem::take(&mut self.0).into_keys().collect()
    }

    /// Takes out those that are over.
    pub(crate) fn take_over(&mut self, now: Timestamp) -> Vec<Pause> {
        let over: Vec<Pause> = self
            .0
            .values()
            .filter(|pause| pause.is_over(now))
            .cloned()
            .collect();
        for pause in &over {
            self.0.remove(&pause.queue);
        }
        over
    }

    /// The pause of this queue, or the one for all.
    pub(crate) fn of_queue(&self, queue: Option<&QueueId>) -> Option<&Pause> {
        self.0.get(&queue.cloned())
    }

    /// When the first of them ends by itself.
    pub(crate) fn first_end(&self) -> Option<Timestamp> {
        self.0.values().filter_map(|pause| pause.until).min()
    }

    /// Whether these and those are the same at this time, as exact as a journal keeps them: to the millisecond.
    pub(crate) fn agree_with(&self, those: &Self, now: Timestamp) -> bool {
        let kept = |pauses: &Self| -> Vec<(Option<QueueId>, i64, Option<i64>)> {
            let in_force = pauses.0.values().filter(|pause| !pause.is_over(now));
            let kept = in_force.map(|pause| {
                let until = pause.until.map(Timestamp::as_millisecond);
                (pause.queue.clone(), pause.since.as_millisecond(), until)
            });
            kept.collect()
        };
        kept(self) == kept(those)
    }

    /// All of them, the one for all queues first.
    pub(crate) fn list(&self) -> Vec<Pause> {
        self.0.values().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn pause(queue: Option<&str>, until: Option<i64>) -> Pause {
        Pause {
            queue: queue.map(|queue| queue.parse().unwrap()),
            since: at(0),
            until: until.map(at),
        }
    }

    #[test]
    fn the_longest_pause_that_means_a_queue_counts() {
        let queue = |name: &str| name.parse::<QueueId>().unwrap();
        let pauses = Pauses::of([pause(Some("a"), Some(10)), pause(Some("b"), None)]);
        let ends = |pauses: &Pauses, now| {
            let known = [Some(queue("a")), Some(queue("b")), Some(queue("c")), None];
            known.map(|queue| pauses.end_for(queue.as_ref(), at(now)))
        };
        let never = Some(Timestamp::MAX);
        assert_eq!(ends(&pauses, 9), [Some(at(10)), never, None, never]);
        assert_eq!(ends(&pauses, 10), [None, never, None, never], "over");

        let all = Pauses::of([pause(None, Some(20)), pause(Some("a"), Some(10))]);
        assert_eq!(ends(&all, 9), [Some(at(20)); 4]);
    }

    #[test]
    fn a_pause_is_begun_changed_and_ended_once() {
        let mut pauses = Pauses::default();
        assert!(pauses.begin(pause(None, None)));
        assert!(!pauses.begin(pause(None, None)), "no change");
        let later = Pause {
            since: at(5),
            ..pause(None, Some(30))
        };
        assert!(pauses.begin(later));
        assert_eq!(pauses.list(), [pause(None, Some(30))], "since it began");
        assert_eq!(pauses.first_end(), Some(at(30)));
        assert!(pauses.take_over(at(29)).is_empty());
        assert_eq!(pauses.take_over(at(30)).len(), 1);
        assert!(!pauses.end(None), "it is over already");
        assert!(pauses.begin(pause(Some("a"), None)));
        assert!(!pauses.end(None), "another one");
        assert!(pauses.end("a".parse().ok().as_ref()));
        assert_eq!(pauses, Pauses::default());
    }
}
