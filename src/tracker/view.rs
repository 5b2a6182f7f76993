//! What is known of one callback without asking, and the bell that rings when that may not hold any more.
//!
//! Events, sweeps, looks and our own writes all tell of a callback; none of them is ordered against the others. So what
//! they tell is compared, not collected: what agrees with what is known confirms it and costs nothing, what differs rings
//! the bell, and the tracker looks for itself. Two things are believed as they come: that a leg is over, which cannot
//! become untrue, and the first that is heard of a callback at all. A bell is not a message: fifty rings are one look.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use tokio::{sync::Notify, time::Instant};

use crate::{
    conversation::{Ending, ParticipantId, Priority, QueueId, Waiting},
    genesys::{Sighting, VisitKey},
    journal::{READ_LAG, SAME_ENTRY},
};

/// Time after a write within which an event that shows its value is taken to tell of it.
const JUST_WRITTEN: Duration = Duration::from_secs(2);

/// What the owner of a tracker and the tracker both see.
#[derive(Debug, Default)]
pub(crate) struct View {
    /// The bell.
    wake: Notify,
    /// What it is about.
    state: Mutex<State>,
}

/// What is known, and what has been heard since the last look.
#[derive(Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each says something else about looks, and all are read and changed together"
)]
struct State {
    /// The wait as it is known; nothing while the callback does not wait.
    known: Option<Known>,
    /// What sweeps call the visit, once one has shown it.
    key: Option<VisitKey>,
    /// Whether the bell rang since the last look began.
    ringing: bool,
    /// Whether word came, since the last look began, that the callback may wait.
    news: bool,
    /// Whether a look was begun at all, or spared by what was heard.
    looked: bool,
    /// Whether the daemon stops.
    stopping: bool,
    /// Whether operators have ordered something since the bell was last heeded.
    ordered: bool,
    /// Whether the bell rings for nothing but another priority (`Known::told`).
    only_priority: bool,
    /// Whether a look is under way. What is heard meanwhile may be older or newer than what it will show.
    looking: bool,
}

/// What a row of a sweep says of a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Row {
    /// Nothing but what is known, or what was before.
    Known,
    /// The same wait with this priority.
    Priority(Priority),
    /// Another one.
    Other,
}

/// A wait as it is known.
#[derive(Debug)]
struct Known {
    /// The visit.
    leg: ParticipantId,
    /// Since when it is known.
    since: Instant,
    /// When it entered its queue.
    entered: Timestamp,
    /// Which queue, where that is known.
    queue: Option<QueueId>,
    /// Its priority.
    priority: Priority,
    /// The priority that is being written: an event may tell of it before the answer does.
    writing: Option<Priority>,
    /// When our last write was confirmed, or another replica's was heard of.
    wrote_at: Option<Instant>,
    /// The priority before it.
    wrote_from: Priority,
    /// The priority that it was last said to have. Means something only while the bell rings for that alone.
    told: Priority,
    /// How it ended, where that was heard.
    over: Option<Ending>,
}

impl Known {
    /// A wait that was not known before.
    fn new(waiting: &Waiting) -> Self {
        Self {
            leg: waiting.visit.leg.clone(),
            since: Instant::now(),
            entered: waiting.since,
            queue: waiting.queue.clone(),
            priority: waiting.priority,
            writing: None,
            wrote_at: None,
            wrote_from: waiting.priority,
            told: waiting.priority,
            over: None,
        }
    }

    /// It has this priority from now on; what it had before may be told for a while.
    fn is_now_at(&mut self, priority: Priority) {
        (self.wrote_at, self.wrote_from) = (Some(Instant::now()), self.priority);
        self.priority = priority;
    }

    /// Whether an event with this priority tells of our own write.
    fn is_echoed_by(&self, seen: Priority) -> bool {
        let just = |wrote_at: Instant| wrote_at.elapsed() < JUST_WRITTEN;
        self.writing == Some(seen) || (self.wrote_at.is_some_and(just) && self.priority == seen)
    }

    /// What a row says that was asked for then. `key` is what sweeps call the visit.
    fn is_shown_by(&self, key: &mut Option<VisitKey>, row: &Sighting, asked: Instant) -> Row {
        match self.is_seen_in(key, &row.visit_key, asked) {
            Some(true) => match row.priority {
                Some(seen) if !self.explains(seen, asked) => Row::Priority(seen),
                _ => Row::Known,
            },
            Some(false) => Row::Other,
            None => Row::Known,
        }
    }

    /// Whether a row that was asked for then shows this visit; nothing where it may show the one before.
    ///
    /// Whether rows tell the time of entry is not documented. Where they tell another one, it takes one look at each visit.
    fn is_seen_in(
        &self,
        key: &mut Option<VisitKey>,
        row: &VisitKey,
        asked: Instant,
    ) -> Option<bool> {
        if key.as_ref().is_some_and(|key| key.is_of_same_visit(row)) {
            return Some(true);
        }
        let later = row.entered().map(|row| row.duration_since(self.entered));
        let elsewhere = self.queue.is_some() && row.queue.is_some() && self.queue != row.queue;
        let near = |later: SignedDuration| later.unsigned_abs() <= SAME_ENTRY;
        let same = !elsewhere && later.is_some_and(near);
        let newer = later.is_some_and(|later| later.is_positive() && !near(later));
        if !same && !newer && asked < self.since + READ_LAG {
            return None;
        }
        *key = Some(row.clone());
        Some(same)
    }

    /// Whether it may be seen with this priority by whoever looked then, with nothing having happened that we do not know.
    fn explains(&self, seen: Priority, looked: Instant) -> bool {
        let late = |at: Instant| self.wrote_from == seen && looked < at + READ_LAG;
        seen == self.priority || self.writing == Some(seen) || self.wrote_at.is_some_and(late)
    }
}

impl View {
    /// One of which nothing is known but what the sweep that announced the callback calls the visit.
    pub(crate) fn announced(key: Option<VisitKey>) -> Self {
        let state = State {
            key,
            ..State::default()
        };
        Self {
            wake: Notify::new(),
            state: Mutex::new(state),
        }
    }

    /// What sweeps call the visit, once one has shown it.
    pub(crate) fn key(&self) -> Option<VisitKey> {
        self.state().key.clone()
    }

    /// An event of which nothing more is known asks for a look, because the callback may have begun to wait: worth another
    /// look even if the last one, which was on its way, shows the end.
    pub(crate) fn ring_for_wait(&self) {
        self.ring(&mut self.state(), true);
    }

    /// An event has shown the wait; whether it is the echo of our own write.
    pub(crate) fn event_shows(&self, seen: &Waiting) -> bool {
        let mut state = self.state();
        let looking = state.looking;
        let known = state.known.as_ref();
        let Some(known) = known.filter(|known| known.leg == seen.visit.leg) else {
            self.ring(&mut state, true);
            return false;
        };
        let echo = known.is_echoed_by(seen.priority);
        // No word of another leg: should this one be over, that is the end of it.
        if looking {
            self.ring(&mut state, false);
        } else if !known.explains(seen.priority, Instant::now()) {
            self.ring_for(&mut state, seen.priority);
        }
        echo
    }

    /// A sweep that was asked for then has shown the wait.
    pub(crate) fn sweep_shows(&self, sighting: &Sighting, asked: Instant) {
        let mut state = self.state();
        let State {
            known, key, looked, ..
        } = &mut *state;
        let says = match known {
            Some(known) => known.is_shown_by(key, sighting, asked),
            // A scheduled one may have begun to wait without a word.
            None if *looked => Row::Other,
            None => Row::Known,
        };
        match says {
            Row::Other => self.ring(&mut state, true),
            _ if state.looking => self.ring(&mut state, true),
            Row::Priority(seen) => self.ring_for(&mut state, seen),
            Row::Known => {}
        }
    }

    /// A sweep of everybody that was asked for then has not shown the wait. One absence is no proof, but worth a look.
    pub(crate) fn sweep_misses(&self, asked: Instant) {
        let mut state = self.state();
        let known = state.known.as_ref();
        if known.is_some_and(|known| known.since < asked) {
            self.ring(&mut state, false);
        }
    }

    /// An event has shown that these legs are over, and perhaps how. It may be ours or one long gone.
    pub(crate) fn legs_are_over(&self, legs: &[ParticipantId], ending: Option<Ending>) {
        let mut state = self.state();
        let known = state.known.as_mut();
        if let Some(known) = known.filter(|known| legs.contains(&known.leg)) {
            known.over = ending;
        }
        self.ring(&mut state, false);
    }

    /// How this leg ended, where that was heard and there is no word of another one.
    pub(super) fn ending(&self, leg: &ParticipantId) -> Option<Ending> {
        let state = self.state();
        let known = state.known.as_ref().filter(|known| known.leg == *leg)?;
        known.over.filter(|_| !state.news)
    }

    /// Whether word came after the last look began that the callback may wait.
    pub(crate) fn has_news(&self) -> bool {
        self.state().news
    }

    /// The priority with which the callback waits on, where that is all that was heard since the last look. It is known from
    /// now on, and no news any more.
    pub(super) fn take_told(&self) -> Option<Priority> {
        let mut state = self.state();
        if !state.only_priority {
            return None;
        }
        let known = state.known.as_mut()?;
        let priority = known.told;
        known.is_now_at(priority);
        (state.ringing, state.only_priority) = (false, false);
        Some(priority)
    }

    /// Notes that the callback is known to have this priority now, by another replica's write.
    pub(super) fn note_told(&self, priority: Priority) {
        if let Some(known) = &mut self.state().known {
            known.is_now_at(priority);
        }
    }

    /// Notes that the priority as it is known is by somebody else. Whoever has set it may take it back at once, so to hear of
    /// the one before is news again.
    pub(super) fn note_foreign(&self) {
        if let Some(known) = &mut self.state().known {
            known.wrote_at = None;
        }
    }

    /// Whether there is news since the last look began.
    pub(super) fn is_ringing(&self) -> bool {
        self.state().ringing
    }

    /// Waits until there is news that no look has been made for, an order, or the daemon stops.
    pub(super) async fn rung(&self) {
        loop {
            self.wake.notified().await;
            let mut state = self.state();
            let ordered = std::mem::take(&mut state.ordered);
            if state.ringing || state.stopping || ordered {
                return;
            }
        }
    }

    /// Rings because operators have ordered something, so that it is decided anew what is next.
    pub(crate) fn ring_to_decide(&self) {
        self.state().ordered = true;
        self.wake.notify_one();
    }

    /// Rings because the daemon stops: a rest waits for the bell alone.
    pub(crate) fn ring_to_stop(&self) {
        self.state().stopping = true;
        self.wake.notify_one();
    }

    /// Notes that a look begins.
    pub(super) fn looks(&self) {
        let mut state = self.state();
        (state.ringing, state.news, state.only_priority) = (false, false, false);
        (state.looked, state.looking) = (true, true);
    }

    /// Notes that a look has brought nothing.
    pub(super) fn looked_in_vain(&self) {
        self.state().looking = false;
    }

    /// Notes the wait as a look or an event has shown it.
    pub(super) fn note(&self, waiting: &Waiting) {
        let mut state = self.state();
        (state.looked, state.looking) = (true, false);
        let known = state.known.as_mut();
        if let Some(known) = known.filter(|known| known.leg == waiting.visit.leg) {
            known.priority = waiting.priority;
            known.writing = None;
        } else if state.known.replace(Known::new(waiting)).is_some() {
            state.key = None;
        }
    }

    /// Notes that this priority is being written.
    pub(super) fn note_writing(&self, to: Priority) {
        if let Some(known) = &mut self.state().known {
            known.writing = Some(to);
        }
    }

    /// Notes that the platform has confirmed a write and has this priority now.
    pub(super) fn note_written(&self, now: Priority) {
        if let Some(known) = &mut self.state().known {
            known.is_now_at(now);
            known.writing = None;
        }
    }

    /// Notes that the callback does not wait.
    pub(super) fn note_not_waiting(&self) {
        let mut state = self.state();
        (state.known, state.looking) = (None, false);
    }

    /// Asks for a look, perhaps because the callback may have begun to wait.
    fn ring(&self, state: &mut State, may_wait: bool) {
        (state.ringing, state.only_priority) = (true, false);
        state.news |= may_wait;
        self.wake.notify_one();
    }

    /// Asks for a thought: the callback has this priority now, which a write of another replica may explain.
    fn ring_for(&self, state: &mut State, priority: Priority) {
        if let Some(known) = &mut state.known {
            known.told = priority;
        }
        state.only_priority |= !state.ringing;
        state.ringing = true;
        self.wake.notify_one();
    }

    /// What is known.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;
    use crate::conversation::{Kind, Visit};

    fn waiting(leg: &str, points: i64) -> Waiting {
        Waiting {
            visit: Visit {
                conversation: "c".parse().unwrap(),
                leg: leg.parse().unwrap(),
            },
            queue: "q".parse().ok(),
            since: jiff::Timestamp::UNIX_EPOCH,
            origin: jiff::Timestamp::UNIX_EPOCH,
            priority: Priority::clamped(points),
            kind: Kind::default(),
            background: None,
        }
    }

    fn row(queue: &str, points: i64) -> Sighting {
        Sighting {
            id: "c".parse().unwrap(),
            visit_key: VisitKey::of(queue.parse().unwrap(), Timestamp::UNIX_EPOCH),
            priority: Some(Priority::clamped(points)),
        }
    }

    /// A row of a visit that began an hour earlier.
    fn of_the_visit_before() -> Sighting {
        let earlier = Timestamp::UNIX_EPOCH - SignedDuration::from_hours(1);
        Sighting {
            visit_key: VisitKey::of("q".parse().unwrap(), earlier),
            ..row("q", 3)
        }
    }

    /// A callback that has been known for a minute, at a priority of 3.
    async fn known() -> View {
        let view = View::default();
        view.looks();
        view.note(&waiting("l", 3));
        assert!(!view.state().looking);
        advance(Duration::from_mins(1)).await;
        view
    }

    /// The same after our write of a 4.
    async fn written() -> View {
        let view = known().await;
        view.note_writing(Priority::clamped(4));
        view.note_written(Priority::clamped(4));
        view
    }

    #[tokio::test(start_paused = true)]
    async fn news_from_before_a_look_is_no_reason_for_another() {
        let view = known().await;
        view.ring_for_wait();
        view.looks();
        view.note(&waiting("l", 3));
        let minute = Duration::from_mins(1);
        assert!(tokio::time::timeout(minute, view.rung()).await.is_err());
        view.ring_for_wait();
        view.rung().await;
        view.looks();
        view.ring_to_stop();
        view.rung().await;
    }

    #[tokio::test(start_paused = true)]
    async fn what_sweeps_call_the_visit_is_forgotten_with_it() {
        let key = row("q", 3).visit_key;
        let view = View::announced(Some(key.clone()));
        view.looks();
        view.note(&waiting("l", 3));
        assert_eq!(view.key(), Some(key));
        view.note(&waiting("another", 3));
        assert_eq!(view.key(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn an_event_that_agrees_is_no_news_and_one_that_differs_is() {
        for (leg, points, rings) in [("l", 3, false), ("l", 7, true), ("m", 3, true)] {
            let view = known().await;
            assert!(!view.event_shows(&waiting(leg, points)), "no echo");
            assert_eq!(view.is_ringing(), rings, "{leg} {points}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_comes_while_a_look_is_under_way_is_news_even_if_it_is_as_before() {
        let view = known().await;
        view.looks();
        view.event_shows(&waiting("l", 3));
        assert!(view.is_ringing(), "the look may show a 7 that was before");
        let view = known().await;
        view.looks();
        view.looked_in_vain();
        view.event_shows(&waiting("l", 3));
        assert!(!view.is_ringing());
    }

    #[tokio::test(start_paused = true)]
    async fn our_own_write_is_no_news_before_its_answer_nor_after() {
        let view = known().await;
        view.note_writing(Priority::clamped(4));
        assert!(view.event_shows(&waiting("l", 4)), "before its answer");
        let view = written().await;
        assert!(view.event_shows(&waiting("l", 4)), "after it");
        view.event_shows(&waiting("l", 3));
        assert!(!view.is_ringing(), "from before the write, and late");
        advance(READ_LAG).await;
        assert!(!view.event_shows(&waiting("l", 4)), "no echo any more");
        view.event_shows(&waiting("l", 3));
        assert!(view.is_ringing(), "too late for that");
    }

    #[tokio::test(start_paused = true)]
    async fn a_row_asked_for_before_our_write_is_no_news() {
        let view = written().await;
        let before = Instant::now() - Duration::from_secs(1);
        view.sweep_shows(&row("q", 3), before);
        view.sweep_shows(&row("q", 4), before);
        assert!(!view.is_ringing());
        view.sweep_shows(&row("q", 9), before);
        assert!(view.is_ringing());
    }

    #[tokio::test(start_paused = true)]
    async fn a_row_of_another_visit_is_news_but_not_for_one_that_is_new() {
        let view = known().await;
        view.sweep_shows(&row("q", 3), Instant::now());
        view.sweep_shows(&row("q", 3), Instant::now());
        assert!(!view.is_ringing());
        view.sweep_shows(&row("r", 3), Instant::now());
        assert!(view.is_ringing());

        let view = View::default();
        view.note(&waiting("m", 3));
        view.sweep_shows(&of_the_visit_before(), Instant::now());
        view.sweep_misses(Instant::now());
        assert!(!view.is_ringing(), "asked for before it was known");
        advance(READ_LAG).await;
        view.sweep_shows(&of_the_visit_before(), Instant::now());
        assert!(view.is_ringing(), "which it should show by now");
    }

    #[tokio::test(start_paused = true)]
    async fn word_that_it_may_wait_outlives_the_look_that_shows_its_end() {
        let view = known().await;
        view.looks();
        assert!(!view.has_news());
        view.legs_are_over(&["l".parse().unwrap()], None);
        assert!(!view.has_news(), "that is no such word");
        view.event_shows(&waiting("m", 0));
        assert!(view.has_news());
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_did_not_wait_when_looked_at_is_worth_a_look_when_a_sweep_shows_it() {
        let view = known().await;
        view.sweep_shows(&row("q", 3), Instant::now());
        assert!(!view.is_ringing());
        view.looks();
        view.note_not_waiting();
        view.sweep_shows(&row("q", 3), Instant::now());
        assert!(view.is_ringing());
    }

    #[tokio::test(start_paused = true)]
    async fn a_row_of_a_later_entry_is_of_another_visit_even_soon() {
        for (later, rings) in [(0, false), (1_000, false), (1_001, true)] {
            let view = View::default();
            view.note(&waiting("l", 3));
            let entered = Timestamp::UNIX_EPOCH + SignedDuration::from_millis(later);
            let row = Sighting {
                visit_key: VisitKey::of("q".parse().unwrap(), entered),
                ..row("q", 3)
            };
            view.sweep_shows(&row, Instant::now());
            assert_eq!(view.is_ringing(), rings, "{later} ms");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_sweep_misses_is_worth_a_look() {
        let view = known().await;
        view.sweep_misses(Instant::now());
        assert!(view.is_ringing());
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_of_our_leg_is_believed_and_that_of_another_is_not() {
        let view = known().await;
        let legs = ["k", "m"].map(|leg| leg.parse().unwrap());
        view.legs_are_over(&legs, Some(Ending::Answered));
        assert_eq!(view.ending(&"l".parse().unwrap()), None);
        assert!(view.is_ringing(), "but it is worth a look");
        let ours = "l".parse().unwrap();
        view.legs_are_over(std::slice::from_ref(&ours), Some(Ending::Answered));
        assert_eq!(view.ending(&ours), Some(Ending::Answered));
        view.note(&waiting("m", 3));
        assert_eq!(view.ending(&ours), None, "another visit");
    }
}
