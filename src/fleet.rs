//! Owns all trackers: starts, wakes, reaps and drains them.
//!
//! One tracker a conversation, never two. What comes in are hints (`source`), what goes out are wake-ups; a tracker ends
//! with a reason, and what follows from the reason is decided here. A panic ends one tracker and no other: it is
//! counted, said with the conversation's id, and the next sweep may start a fresh one, a few times.

#[cfg(feature = "aws")]
mod told;

use std::{collections::HashMap, sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::{
    sync::mpsc,
    task::{Id, JoinError, JoinSet},
    time::{Instant, MissedTickBehavior, interval, timeout},
};
use tracing::{Instrument, Span, debug, error, warn};

use crate::{
    conversation::{ConversationId, ParticipantId, Priority, Waiting},
    genesys::{Sighting, VisitKey},
    policy::Limit,
    source::{Notice, notifications::Follow, sight::PULSE},
    tracker::{Announced, Context, Outcome, Tracker, View},
};

/// Trackers started for one conversation after panics; more would repeat the same mistake.
const MAX_PANICS: u32 = 3;

/// How long an event may come after the end that it does not tell of. It is not believed then, but looked into.
const AFTERMATH: Duration = Duration::from_mins(10);

/// All trackers and what is known of them.
pub(crate) struct Fleet {
    /// What all trackers share.
    context: Arc<Context>,
    /// The tasks.
    trackers: JoinSet<Outcome>,
    /// Who is tracked: what is known of each, which wakes its tracker.
    members: HashMap<ConversationId, Arc<View>>,
    /// Whose task is whose.
    tasks: HashMap<Id, ConversationId>,
    /// Callbacks that wait on without needing a raise.
    settled: HashMap<ConversationId, Settled>,
    /// When the waits of those who are tracked no more ended.
    ended: HashMap<ConversationId, Instant>,
    /// Panics by conversation.
    panics: HashMap<ConversationId, u32>,
    /// When all who wait were asked for last.
    #[cfg(feature = "aws")]
    swept: Option<Instant>,
}

/// A visit that waits on without needing a raise.
struct Settled {
    /// Which visit.
    leg: ParticipantId,
    /// What the sweep calls it; known once a sweep has asked.
    key: Option<VisitKey>,
    /// What it is seen with as long as nothing changes.
    priority: Priority,
    /// When it was last seen so.
    seen: Timestamp,
    /// Why it needs none.
    limit: Limit,
}

impl Settled {
    /// Whether this priority means that it may need a raise after all: somebody has lowered it from the highest.
    fn is_upset_by(&self, priority: Option<Priority>) -> bool {
        self.limit == Limit::MaxPriority && priority.is_some_and(|seen| seen < self.priority)
    }
}

impl Fleet {
    /// A fleet without trackers.
    pub(crate) fn new(context: Arc<Context>) -> Self {
        Self {
            context,
            trackers: JoinSet::new(),
            members: HashMap::new(),
            tasks: HashMap::new(),
            settled: HashMap::new(),
            ended: HashMap::new(),
            panics: HashMap::new(),
            #[cfg(feature = "aws")]
            swept: None,
        }
    }

    /// Tracks what the source names until stopped, then lets trackers finish their requests in flight for as long as
    /// `grace`. Returns how many did not.
    pub(crate) async fn run(
        mut self,
        mut notices: mpsc::Receiver<Notice>,
        grace: Duration,
    ) -> usize {
        let mut orders = self.context.orders.changes();
        let mut edition = orders.borrow_and_update().edition;
        let mut pulse = interval(PULSE);
        pulse.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = self.context.stop.cancelled() => break,
                _ = pulse.tick() => {
                    self.context.sight.pulse();
                    self.context.status.pulse();
                }
                Ok(()) = orders.changed() => {
                    let before = std::mem::replace(&mut edition, orders.borrow_and_update().edition);
                    self.obey(before != edition);
                }
                Some(notice) = notices.recv() => self.heed(notice),
                Some(ended) = self.trackers.join_next_with_id() => self.reap(ended),
            }
        }
        for view in self.members.values() {
            view.ring_to_stop();
        }
        let drained = async { while self.trackers.join_next().await.is_some() {} };
        // Running out of time is answered by what is left.
        let _timely = timeout(grace, drained).await;
        let left = self.trackers.len();
        self.trackers.shutdown().await;
        left
    }

    /// How many conversations have a tracker.
    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }

    /// Does what a notice asks for.
    fn heed(&mut self, notice: Notice) {
        match notice {
            Notice::Resync {
                sightings,
                complete,
                asked,
            } => self.resync(&sightings, complete, asked),
            Notice::Changed { id, seen } => self.changed(id, seen),
            #[cfg(feature = "aws")]
            Notice::Told {
                what,
                id,
                happened,
                receipt,
            } => self.told(*what, &id, happened, receipt),
            Notice::Pulse(back) => {
                // Whoever asked may have been stopped.
                let _gone = back.send(());
            }
            Notice::Gone { id, legs, ending } => {
                match self.members.get(&id) {
                    Some(view) => view.legs_are_over(&legs, ending),
                    // Its arrival may be told later.
                    None => {
                        self.ended.insert(id, Instant::now());
                    }
                }
            }
        }
    }

    /// Operators have ordered something: every tracker decides anew. Where there are other rules, they may be for those that
    /// needed no raise by the ones before.
    fn obey(&mut self, other_rules: bool) {
        for view in self.members.values() {
            view.ring_to_decide();
        }
        if !other_rules {
            return;
        }
        let settled: Vec<ConversationId> = self.settled.keys().cloned().collect();
        for id in settled {
            if !self.members.contains_key(&id) {
                self.start(id, Announced::Word, None);
            }
        }
    }

    /// A callback may wait: wakes its tracker or starts one, unless the event shows only what is known.
    fn changed(&mut self, id: ConversationId, seen: Option<Waiting>) {
        if let Some(view) = self.members.get(&id) {
            match &seen {
                Some(seen) if view.event_shows(seen) => self.context.sight.echo(),
                Some(_) => {}
                None => view.ring_for_wait(),
            }
            return;
        }
        let no_news = self.settled.get(&id).is_some_and(|settled| {
            seen.as_ref().is_some_and(|seen| {
                seen.visit.leg == settled.leg && !settled.is_upset_by(Some(seen.priority))
            })
        });
        if !no_news {
            let announced = seen.map_or(Announced::Word, |seen| Announced::Event(Box::new(seen)));
            self.start(id, announced, None);
        }
    }

    /// Compares who waits with who is tracked.
    fn resync(&mut self, sightings: &[Sighting], complete: bool, asked: Instant) {
        let first = !self.context.status.read(|now| now.swept);
        let asked_at = self.context.then(asked);
        let mut found = 0;
        for sighting in sightings {
            if let Some(view) = self.members.get(&sighting.id) {
                view.sweep_shows(sighting, asked);
                continue;
            }
            if self.is_settled(sighting) {
                if let Some(settled) = self.settled.get_mut(&sighting.id) {
                    settled.seen = asked_at;
                }
                continue;
            }
            if self.context.queues.wants(sighting.visit_key.queue.as_ref()) {
                found += u64::from(!self.settled.contains_key(&sighting.id));
                let row = Announced::Row(sighting.priority);
                self.start(sighting.id.clone(), row, Some(sighting.visit_key.clone()));
            }
        }
        if complete {
            self.confirm_missing(sightings, asked);
            self.ended.retain(|_, at| at.elapsed() < AFTERMATH);
            self.context.sight.swept(asked);
            #[cfg(feature = "aws")]
            {
                self.swept = Some(asked);
            }
        }
        let cost = self.context.sight.requests_a_raise();
        let pace = &self.context.pace;
        pace.weigh(cost, &self.context.status);
        self.context.status.update(|now| {
            now.swept = true;
            if !first {
                now.sweep_corrections += found;
            }
        });
    }

    /// Whether a callback that was seen waiting is known to need no raise.
    fn is_settled(&self, sighting: &Sighting) -> bool {
        self.settled.get(&sighting.id).is_some_and(|settled| {
            let key = settled.key.as_ref();
            key.is_some_and(|key| key.is_of_same_visit(&sighting.visit_key))
                && !settled.is_upset_by(sighting.priority)
        })
    }

    /// Wakes the trackers of callbacks that should have been seen waiting and were not: one absence is no proof, a look
    /// is. Forgets those that were settled.
    fn confirm_missing(&mut self, sightings: &[Sighting], asked: Instant) {
        let seen: std::collections::HashSet<&ConversationId> =
            sightings.iter().map(|sighting| &sighting.id).collect();
        for (id, view) in &self.members {
            if !seen.contains(id) {
                view.sweep_misses(asked);
            }
        }
        self.settled.retain(|id, _| {
            let waits = seen.contains(id);
            if !waits {
                self.context.status.waits_no_more(id);
            }
            waits
        });
        self.panics.retain(|id, _| seen.contains(id));
    }

    /// Starts a tracker for what an event or a sweep has announced; `key` is what the sweep calls the visit. What comes after
    /// the end may be late, and is looked into.
    fn start(&mut self, id: ConversationId, announced: Announced, key: Option<VisitKey>) {
        if self
            .panics
            .get(&id)
            .is_some_and(|panics| *panics > MAX_PANICS)
        {
            return;
        }
        let view = Arc::new(View::announced(key));
        let settled = self.settled.get(&id);
        let settled = settled.map(|settled| (settled.leg.clone(), settled.seen));
        let tracker = Tracker::new(
            id.clone(),
            Arc::clone(&self.context),
            Arc::clone(&view),
            settled,
        );
        let late = self.ended.contains_key(&id);
        let believed = if late { Announced::Word } else { announced };
        let work = Box::new(tracker).run(believed);
        // Whose it is, is carried along only where there are several: a task for each callback should not grow for nothing.
        let task = if Span::current().is_none() {
            self.trackers.spawn(work)
        } else {
            self.trackers.spawn(work.in_current_span())
        };
        self.tasks.insert(task.id(), id.clone());
        self.members.insert(id, view);
        self.count();
    }

    /// Notes why a tracker ended.
    fn reap(&mut self, ended: Result<(Id, Outcome), JoinError>) {
        let task = ended.as_ref().map_or_else(JoinError::id, |(task, _)| *task);
        let Some(id) = self.tasks.remove(&task) else {
            return;
        };
        let view = self.members.remove(&id).unwrap_or_default();
        self.context.status.untracked(&id);
        // The receiver ends only with the daemon.
        let _ended = self.context.follows.send(Follow::End(id.clone()));
        match ended {
            Ok((_, Outcome::Limited(limit, leg, priority))) => {
                let settled = Settled {
                    leg,
                    key: view.key(),
                    priority,
                    seen: self.context.now(),
                    limit,
                };
                self.context.receipts.give(&id);
                self.settled.insert(id, settled);
            }
            Ok((_, Outcome::Over(ending))) => {
                self.context.status.waits_no_more(&id);
                debug!(conversation_id = %id, ?ending, "tracker ended");
                self.settled.remove(&id);
                self.ended.insert(id.clone(), Instant::now());
                if view.has_news() {
                    self.start(id, Announced::Word, None);
                } else {
                    self.context.receipts.give(&id);
                }
            }
            Ok((_, Outcome::Stopped)) => self.context.receipts.drop_for(&id),
            Err(_panic) => {
                self.context.receipts.drop_for(&id);
                self.context.status.waits_no_more(&id);
                self.note_panic(&id);
            }
        }
        self.count();
    }

    /// Counts a panic, and says whether another tracker may follow.
    fn note_panic(&mut self, id: &ConversationId) {
        let panics = self.panics.entry(id.clone()).or_default();
        *panics += 1;
        self.context.status.update(|now| now.panics += 1);
        let again = *panics > MAX_PANICS;
        self.context.status.tell(
            self.context.now(),
            true,
            format!("a tracker panicked, of conversation {id}"),
        );
        if again {
            error!(conversation_id = %id, panics, "tracker panicked again: this callback is not raised any more");
        } else {
            warn!(conversation_id = %id, panics, "tracker panicked: the next sweep starts a fresh one");
        }
    }

    /// Publishes how many are tracked.
    fn count(&self) {
        let tracked = self.len();
        self.context.status.update(|now| now.tracked = tracked);
    }
}
