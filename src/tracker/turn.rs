//! A tracker's waits: for a time, for its turn at the platform, for room at the journal.
//!
//! There may be a hundred thousand of these tasks, and nearly all of them rest or wait for their turn at any time. So the
//! task itself has room for that and nothing more. A request or a question to the journal takes kilobytes; it is boxed while
//! it lasts, and begins when its turn has come.

use std::{pin::Pin, sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::time::sleep;

use super::{Announced, Next, Outcome, Tracker};
use crate::{
    clock::elapsed,
    genesys::{Place, Turn},
};

/// Longest sleep at once. What the platform's time is may be learnt better while we sleep; this is how late it is noticed.
const LONGEST_SLEEP: Duration = Duration::from_mins(1);

impl Tracker {
    /// Tracks until the end.
    pub(crate) async fn run(mut self: Box<Self>, announced: Announced) -> Outcome {
        let mut next = Next::Begin(announced);
        loop {
            self.show_next(&next);
            next = match next {
                Next::End(outcome) => return outcome,
                Next::Rest(due) => match self.rest(due).await {
                    Ok(()) if self.behind_others(due) == due => Next::Due(due),
                    Ok(()) => Next::Decide,
                    Err(instead) => instead,
                },
                Next::Retry(delay) => {
                    self.retrying = true;
                    let rested = self.rest(self.after(delay)).await;
                    self.retrying = false;
                    match rested {
                        Ok(()) => Next::Look,
                        Err(instead) => instead,
                    }
                }
                Next::Due(due) if self.is_known() => match self.kept.take() {
                    Some(kept) => Next::Raise(Box::new(kept.grounds()), due),
                    None => Next::Decide,
                },
                Next::Begin(_) | Next::Decide => Box::pin(self.ask_journal(next)).await,
                _ => {
                    let place = self.join_for(&next);
                    if let Err(instead) = self.stand(place.as_deref()).await {
                        next = instead;
                        continue;
                    }
                    Box::pin(self.act(next, place)).await
                }
            };
        }
    }

    /// The moment that something due then is done at, where another replica goes first: it will have been raised by then, as
    /// the journal says.
    fn behind_others(&self, due: Timestamp) -> Timestamp {
        let delay = self.context.peers.delay(&self.id);
        due.saturating_add(delay).unwrap_or(Timestamp::MAX)
    }

    /// Shows that something is due, or that what was due is done.
    fn show_next(&self, next: &Next) {
        let status = &self.context.status;
        match next {
            Next::Due(due) | Next::Raise(_, due) => status.due(&self.id, *due),
            Next::Rest(until) => status.rests(&self.id, *until),
            _ => {}
        }
    }

    /// Does what is next when there is room at the journal.
    async fn ask_journal(&mut self, next: Next) -> Next {
        let context = Arc::clone(&self.context);
        let _room = context.at_journal.acquire().await;
        Box::pin(self.act(next, None)).await
    }

    /// Joins the line for what is next, where that takes a permit that is not at hand.
    fn join_for(&self, next: &Next) -> Option<Box<Place>> {
        let turn = match next {
            Next::Look => Turn::Look,
            Next::Due(due) => Turn::Raise(*due),
            Next::Raise(_, due) if self.spare.is_none() => Turn::Raise(*due),
            _ => return None,
        };
        Some(Box::new(self.context.genesys.join(turn)))
    }

    /// Stands in line until it is our turn; what is next instead if that changes meanwhile.
    async fn stand(&self, place: Option<&Place>) -> Result<(), Next> {
        let Some(place) = place else {
            return Ok(());
        };
        // Not by `unless_rung`, here and in a rest: its pinned argument would make every task larger by a quarter.
        loop {
            tokio::select! {
                biased;
                () = self.view.rung() => self.go_on(place.turn())?,
                () = place.first() => return Ok(()),
            }
        }
    }

    /// Waits until then, and behind others for what is due then; what is next if the bell rings or the daemon stops before.
    async fn rest(&mut self, until: Timestamp) -> Result<(), Next> {
        self.spare = None;
        loop {
            let mut left = self.left(until);
            if left.is_zero() && !self.retrying {
                // Only now: who lives is known better than when the rest began.
                left = self.left(self.behind_others(until));
            }
            if left.is_zero() {
                return Ok(());
            }
            tokio::select! {
                biased;
                () = self.view.rung() => self.go_on(Turn::Raise(until))?,
                () = sleep(left.min(LONGEST_SLEEP)) => {}
            }
        }
    }

    /// Waits for what it takes to do something in this turn; what is next instead if that changes meanwhile.
    pub(super) async fn unless_rung<T>(
        &self,
        turn: Turn,
        mut what_it_takes: Pin<&mut impl Future<Output = T>>,
    ) -> Result<T, Next> {
        loop {
            tokio::select! {
                biased;
                () = self.view.rung() => self.go_on(turn)?,
                done = &mut what_it_takes => return Ok(done),
            }
        }
    }

    /// The bell has rung: whether to go on waiting for what is to be done in this turn, or else what is next instead.
    fn go_on(&self, turn: Turn) -> Result<(), Next> {
        if self.context.stop.is_cancelled() {
            return Err(Next::End(Outcome::Stopped));
        }
        if self.view.is_ringing() {
            // A look that has not begun will show the news; only the end needs none.
            let seen_soon = turn == Turn::Look && self.heard_ending().is_none();
            return if seen_soon { Ok(()) } else { Err(Next::News) };
        }
        // Operators have ordered something else. Where a look comes next, it is heeded after that.
        let looks_next = turn == Turn::Look || self.retrying || self.seen.is_none();
        if looks_next {
            Ok(())
        } else {
            Err(Next::Decide)
        }
    }

    /// The time left until then.
    fn left(&self, until: Timestamp) -> Duration {
        elapsed(self.context.now(), until)
    }
}
