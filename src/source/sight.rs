//! Whether what is known of callbacks without asking can be believed right now.
//!
//! It can while everything that would tell us otherwise is at work: every socket is up with all its queue topics, a sweep
//! of everybody was asked for since the last of them came up and not long ago, the platform tells of changes of a
//! priority, and this process was not asleep. That it tells of them is shown by our own writes: each should come back as
//! an event, and when one does not, events are lost. Whatever is missing, a raise is preceded by a look.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;
use tracing::info;

use crate::status::Status;

/// Age of the last sweep from which on it vouches for nothing.
const STALE: Duration = Duration::from_mins(2);
/// Time between two signs that this process is awake.
pub(crate) const PULSE: Duration = Duration::from_secs(1);
/// Time without one after which it was asleep: what sockets brought meanwhile is not read yet.
const ASLEEP: Duration = Duration::from_secs(3);
/// Longest time from our write to the event that tells of it.
const ECHO: Duration = Duration::from_secs(5);
/// Writes in a row that must have come back as events. One may be an event of something else, that came at the right moment.
const ECHOES: u32 = 3;
/// Writes in a row of which the platform told nothing, after which it is said that it tells of none.
const UNTOLD: u32 = 20;

/// What it takes to believe.
#[derive(Debug)]
pub(crate) struct Sight {
    /// What is known of that.
    state: Mutex<State>,
    /// Where it shows.
    status: Status,
}

/// What is known.
#[derive(Debug)]
struct State {
    /// Sockets that there should be for the topics of queues.
    lines: usize,
    /// Those that are up and have all their queue topics.
    good: usize,
    /// Whatever was asked for before this vouches for nothing.
    blind_until: Instant,
    /// When the last sweep of everybody was asked for.
    swept: Option<Instant>,
    /// Last sign that this process is awake.
    pulse: Instant,
    /// Writes of ours in a row that the platform has told of.
    told: u32,
    /// When the first was sent of the writes since it last did.
    untold_since: Option<Instant>,
    /// How many there are.
    untold: u32,
    /// What was shown last.
    shown: bool,
}

impl Sight {
    /// Nothing can be believed yet.
    pub(crate) fn new(status: Status) -> Self {
        let now = Instant::now();
        Self {
            state: Mutex::new(State {
                lines: 0,
                good: 0,
                blind_until: now,
                swept: None,
                pulse: now,
                told: 0,
                untold_since: None,
                untold: 0,
                shown: false,
            }),
            status,
        }
    }

    /// Whether what is known can be believed.
    pub(crate) fn is_clear(&self) -> bool {
        let state = self.state();
        state.pulse.elapsed() < ASLEEP && state.sees()
    }

    /// Requests that a raise costs on this platform while all is well: one, or two where it does not tell of priorities.
    pub(crate) fn requests_a_raise(&self) -> u32 {
        if self.state().untold < UNTOLD { 1 } else { 2 }
    }

    /// There will be one more line that all must be well with.
    pub(crate) fn line_begins(&self) {
        self.change(|state| state.lines += 1);
    }

    /// Whether the topics of all queues bring events.
    pub(crate) fn hears_queues(&self) -> bool {
        let state = self.state();
        state.lines > 0 && state.good == state.lines
    }

    /// A line is up after a gap, and has all its queue topics or not.
    pub(crate) fn line_is_up(&self, good: bool) {
        self.change(|state| {
            state.good += usize::from(good);
            state.blind_until = Instant::now();
            // What was written meanwhile could not be told.
            (state.untold_since, state.untold) = (None, 0);
        });
    }

    /// A line is down, which had been good or not.
    pub(crate) fn line_is_down(&self, good: bool) {
        self.change(|state| state.good -= usize::from(good));
    }

    /// Everybody who waits was asked for then, and the answer is in.
    pub(crate) fn swept(&self, asked: Instant) {
        self.change(|state| state.swept = Some(asked));
    }

    /// This process is awake.
    pub(crate) fn pulse(&self) {
        self.change(|state| {
            let now = Instant::now();
            if now - state.pulse >= ASLEEP {
                state.blind_until = now;
            }
            state.pulse = now;
        });
    }

    /// An event has told of a write of ours.
    pub(crate) fn echo(&self) {
        self.change(|state| {
            if state.untold > 0 {
                state.told = state.told.saturating_add(1);
            }
            (state.untold_since, state.untold) = (None, 0);
        });
    }

    /// We write, of which an event should tell: perhaps before the answer does.
    pub(crate) fn writes(&self) {
        self.change(|state| {
            if !state.is_told() {
                state.told = 0;
            }
            state.untold_since.get_or_insert_with(Instant::now);
            state.untold = state.untold.saturating_add(1);
            if state.untold == UNTOLD {
                info!(
                    "the platform does not tell of changed priorities: every raise is preceded by a look, and costs two requests"
                );
            }
        });
    }

    /// Changes what is known, and shows what follows from it.
    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state();
        change(&mut state);
        let sees = state.sees();
        if sees != state.shown {
            state.shown = sees;
            self.status.update(|now| now.sighted = sees);
        }
    }

    /// What is known.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whether everything is at work, but for this process itself.
    fn sees(&self) -> bool {
        let swept = self
            .swept
            .is_some_and(|asked| asked >= self.blind_until && asked.elapsed() < STALE);
        self.lines > 0 && self.good == self.lines && self.told >= ECHOES && self.is_told() && swept
    }

    /// Whether every write of ours that should have come back as an event has.
    fn is_told(&self) -> bool {
        self.untold_since.is_none_or(|at| at.elapsed() < ECHO)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    /// Everything is at work.
    fn clear() -> Sight {
        let sight = Sight::new(Status::default());
        sight.line_begins();
        sight.line_is_up(true);
        sight.swept(Instant::now());
        for _ in 0..ECHOES {
            assert!(!sight.is_clear());
            sight.writes();
            sight.echo();
        }
        assert!(sight.is_clear());
        sight
    }

    /// Time passes while this process is awake.
    async fn pass(sight: &Sight, seconds: u64) {
        for _ in 0..seconds {
            advance(PULSE).await;
            sight.pulse();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_takes_a_sweep_after_the_last_gap() {
        let sight = clear();
        sight.line_is_down(true);
        assert!(!sight.is_clear());
        pass(&sight, 1).await;
        let asked_before = Instant::now();
        pass(&sight, 1).await;
        sight.line_is_up(true);
        assert!(!sight.is_clear());
        sight.swept(asked_before);
        assert!(!sight.is_clear(), "it was asked for before");
        sight.swept(Instant::now());
        assert!(sight.is_clear());
    }

    #[tokio::test(start_paused = true)]
    async fn it_takes_every_line_with_all_its_topics() {
        let sight = clear();
        sight.line_begins();
        assert!(!sight.is_clear());
        sight.line_is_up(false);
        sight.swept(Instant::now());
        assert!(!sight.is_clear());
        sight.line_is_down(false);
        sight.line_is_up(true);
        sight.swept(Instant::now());
        assert!(sight.is_clear());
    }

    #[tokio::test(start_paused = true)]
    async fn it_takes_a_sweep_not_older_than_two_minutes() {
        let sight = clear();
        pass(&sight, 119).await;
        assert!(sight.is_clear());
        pass(&sight, 1).await;
        assert!(!sight.is_clear());
    }

    #[tokio::test(start_paused = true)]
    async fn it_takes_a_process_that_was_not_asleep() {
        let sight = clear();
        advance(ASLEEP).await;
        assert!(!sight.is_clear());
        sight.pulse();
        assert!(!sight.is_clear(), "what came meanwhile may not be read yet");
        sight.swept(Instant::now());
        assert!(sight.is_clear());
    }

    #[tokio::test(start_paused = true)]
    async fn it_takes_a_platform_that_tells_of_priorities() {
        let sight = clear();
        sight.writes();
        pass(&sight, 4).await;
        sight.writes();
        assert!(sight.is_clear());
        pass(&sight, 1).await;
        assert!(!sight.is_clear(), "the first should have come back");
        sight.echo();
        assert!(sight.is_clear());
        sight.writes();
        pass(&sight, 5).await;
        sight.writes();
        sight.echo();
        assert!(!sight.is_clear(), "one that came back proves little");
    }
}
