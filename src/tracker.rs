//! One conversation, one task: look, decide, wait or write, until the callback is answered or ends.
//!
//! What is known of the callback is its [`View`]. While it can be believed (`source::sight`), a due step is decided on it and
//! costs one request; otherwise a look comes first. Every wait can be cut short by the view's bell and by the stop; only a
//! write in flight is never cut off. The permit of a write is waited for *before* the last decision, so that a step that
//! became pointless meanwhile costs nothing and a long wait is caught up by the one write that follows it.

use std::{pin::pin, sync::Arc, time::Duration};

use crate::{
    backoff::Backoff,
    clock::{elapsed, millis},
    conversation::{ConversationId, Ending, Observed, ParticipantId, Priority, Waiting},
    genesys::{FailureKind, Permit, Place},
    journal::JournalError,
    policy::{Limit, Step, rules::Choice},
};
use jiff::Timestamp;
use tokio::time::Instant;

mod announced;

mod context;

mod ending;

mod entry;

mod grounds;

mod next;

mod pace;

mod plan;

mod raise;

mod receipts;

mod report;

mod show;

mod turn;

mod unseen;

mod view;

pub(crate) use announced::Announced;
pub(crate) use context::Context;
use grounds::{Grounds, Kept, KnownEntry};
use next::Next;
pub(crate) use pace::Pace;
pub(crate) use receipts::Receipts;
pub(crate) use view::View;

/// Age up to which what was seen is written on without another look. A write and an answer may cross on the wire for as
/// long; more would only be a matter of waiting for a permit.
const FRESH: Duration = Duration::from_secs(2);
/// Time between looks at a scheduled callback that is due but does not wait yet. It enters its queue up to a minute
/// late, by recorded examples.
const RECHECK: Duration = Duration::from_secs(30);

/// Why a tracker ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The wait is over.
    Over(Ending),
    /// It waits on with this priority, but no raise will be due any more in this visit.
    Limited(Limit, ParticipantId, Priority),
    /// The daemon stops.
    Stopped,
}

/// The task of one conversation.
pub(crate) struct Tracker {
    /// Which conversation.
    id: ConversationId,
    /// What all trackers share.
    context: Arc<Context>,
    /// What is known of it, and whether there is news.
    view: Arc<View>,
    /// The wait as it was seen last.
    seen: Option<Waiting>,
    /// What was decided for the visit when it arrived.
    choice: Option<Choice>,
    /// Since when its visit is being raised, if it is.
    raising_since: Option<Timestamp>,
    /// A visit that needs no raise any more and was said to be so before, and when that was last seen.
    settled: Option<Box<(ParticipantId, Timestamp)>>,
    /// The first step that is raised: those before it the platform refused, or a dry run has told.
    first_step: u32,
    /// Looks that failed in a row.
    looks: Backoff,
    /// Writes that failed in a row, on the way or in the journal. A good look is no reason to try one sooner.
    writes: Backoff,
    /// A permit for the write that may follow the look just made.
    spare: Option<Box<Permit>>,
    /// What the next raise is decided on, where nothing has happened since our last write: the journal need not be asked.
    kept: Option<Kept>,
    /// When the conversation was last read; nothing where what is known was told by an event since then.
    looked_at: Option<Instant>,
    /// Milliseconds before that at which it was asked for.
    look_took: u32,
    /// The visit's entry, as far as what was seen can be held against it.
    entry: KnownEntry,
    /// Whether its looks fail other than in passing.
    unseen: bool,
    /// Whether it waits to look again after a failure, or when a planned callback is due.
    retrying: bool,
    /// The edition of the rules by which that was decided for the visit.
    edition: u16,
}

impl Tracker {
    /// A tracker that has not looked yet. `settled` is a visit that needs no raise any more, and when that was last seen.
    pub(crate) fn new(
        id: ConversationId,
        context: Arc<Context>,
        view: Arc<View>,
        settled: Option<(ParticipantId, Timestamp)>,
    ) -> Self {
        Self {
            id,
            context,
            view,
            seen: None,
            choice: None,
            raising_since: None,
            settled: settled.map(Box::new),
            first_step: 0,
            looks: Backoff::default(),
            writes: Backoff::default(),
            spare: None,
            kept: None,
            looked_at: None,
            look_took: 0,
            entry: KnownEntry::default(),
            unseen: false,
            retrying: false,
            edition: 0,
        }
    }

    /// Does what is next, where it is more than to rest. `place` is ours in the line, where it takes one.
    async fn act(&mut self, next: Next, place: Option<Box<Place>>) -> Next {
        match (next, place) {
            (Next::Begin(announced), _) => self.begin(announced).await,
            (Next::Look, Some(place)) => self.look(*place).await,
            (Next::Due(_), Some(place)) => self.look_to_write(*place).await,
            (Next::Decide, _) => self.decided().await,
            (Next::Raise(grounds, due), place) => self.raise(place, *grounds, due).await,
            (Next::News, _) => self.news().await,
            (Next::AwaitJournal, _) => self.await_journal().await,
            (next, _) => next,
        }
    }

    /// What announced it may be all that is known of it. The journal, if it knows more, leads to a look; and before a raise
    /// there is another one unless everything is in sight.
    async fn begin(&mut self, announced: Announced) -> Next {
        match self.shown_by(announced).await {
            Some(waiting) => self.seen(Observed::Waiting(waiting)).await,
            None => Next::Look,
        }
    }

    /// Reads the conversation and says what follows from it.
    async fn look(&mut self, place: Place) -> Next {
        self.spare = None;
        let permit = {
            let (turn, permit) = (place.turn(), self.context.genesys.permit_at(place));
            self.unless_rung(turn, pin!(permit)).await
        };
        match permit {
            Ok(permit) => Box::pin(self.look_with(permit)).await,
            Err(instead) => instead,
        }
    }

    /// There is news. The end of our leg needs no look; another priority may be explained by the journal.
    async fn news(&mut self) -> Next {
        if let Some(ending) = self.heard_ending() {
            return self.over(ending).await;
        }
        match self.seen.is_some().then(|| self.view.take_told()).flatten() {
            Some(priority) => {
                self.takes_for_seen(priority);
                self.looked_at = None;
                Next::Decide
            }
            None => Next::Look,
        }
    }

    /// Takes a priority for seen that was told, by an event or by the journal.
    fn takes_for_seen(&mut self, priority: Priority) {
        if let Some(seen) = &mut self.seen {
            seen.priority = priority;
        }
        self.kept = None;
    }

    /// How the visit that is being raised ended, where that was heard.
    fn heard_ending(&self) -> Option<Ending> {
        let raised = self.raised_visit()?;
        self.view.ending(&raised.visit.leg)
    }

    /// The wait whose visit is being raised.
    fn raised_visit(&self) -> Option<&Waiting> {
        self.seen.as_ref().filter(|_| self.raising_since.is_some())
    }

    /// Until when a write may be sent that is decided now; nothing where a look must come first.
    fn good_until(&self) -> Option<Instant> {
        let now = Instant::now();
        if self.context.sight.is_clear() {
            return Some(now + FRESH);
        }
        Some(self.looked_at? + FRESH).filter(|until| now <= *until)
    }

    /// Whether what was seen can be believed now.
    fn is_known(&self) -> bool {
        self.seen.is_some() && self.good_until().is_some()
    }

    /// Looks with a permit for the write that is due at hand, so that nothing can change in between but on the wire: with
    /// many callbacks due, the wait for a permit is long, and what was seen before it may not be so after it.
    async fn look_to_write(&mut self, place: Place) -> Next {
        let permits = {
            // What is known may be believed by the time that it is our turn.
            let look_first = || !self.is_known();
            let turn = place.turn();
            let permits = self.context.genesys.permits_to_write(place, look_first);
            self.unless_rung(turn, pin!(permits)).await
        };
        match permits {
            Ok((write, None)) => {
                self.spare = Some(Box::new(write));
                Next::Decide
            }
            Ok((look, Some(write))) => {
                self.spare = Some(Box::new(write));
                Box::pin(self.look_with(look)).await
            }
            Err(instead) => instead,
        }
    }

    /// Reads the conversation with this permit.
    async fn look_with(&mut self, permit: Permit) -> Next {
        self.view.looks();
        let asked = Instant::now();
        let looking = self.context.genesys.look(permit, &self.id);
        let Some(seen) = self.context.stop.run_until_cancelled(looking).await else {
            return Next::End(Outcome::Stopped);
        };
        self.context.status.update(|now| now.looks += 1);
        match seen {
            Ok(seen) => {
                self.looks.reset();
                self.is_seen();
                self.has_looked(asked);
                self.seen(seen).await
            }
            Err(failure) if failure.kind == FailureKind::Gone => self.over(Ending::Ended).await,
            Err(failure) => self.look_failed(&failure),
        }
    }

    /// Notes that the conversation was read just now, and asked for then.
    fn has_looked(&mut self, asked: Instant) {
        self.looked_at = Some(Instant::now());
        self.entry.looks();
        // Rounded up, and then some: what was written in between may not be in the answer.
        let took = millis(asked.elapsed()).saturating_add(1);
        self.look_took = u32::try_from(took).unwrap_or(u32::MAX);
    }

    /// What follows from what was seen.
    async fn seen(&mut self, seen: Observed) -> Next {
        let mut waiting = match seen {
            Observed::Waiting(waiting) if self.context.queues.wants(waiting.queue.as_ref()) => {
                waiting
            }
            Observed::Waiting(_elsewhere) => return self.over(Ending::LeftQueue).await,
            Observed::Scheduled { due } => {
                self.view.note_not_waiting();
                self.context.receipts.give(&self.id);
                self.context.status.waits_no_more(&self.id);
                return Next::Retry(
                    elapsed(self.context.now(), due.unwrap_or_default()).max(RECHECK),
                );
            }
            Observed::Over(ending) => return self.over(ending).await,
        };
        self.view.note(&waiting);
        let known = self.seen.as_ref();
        if known.is_none_or(|known| known.visit != waiting.visit) {
            self.leave_visit("transferred").await;
            self.settled
                .take_if(|settled| settled.0 != waiting.visit.leg);
            self.choice = None;
        }
        self.complete(&mut waiting);
        self.kept = None;
        self.seen = Some(waiting);
        Next::Decide
    }

    /// Decides what is next for a waiting callback; waits where the journal does not work.
    async fn decided(&mut self) -> Next {
        let decided = self.decide().await;
        self.or_await_journal(decided)
    }

    /// Decides what is next for a waiting callback.
    async fn decide(&mut self) -> Result<Next, JournalError> {
        self.heed_new_rules();
        let Some(mut waiting) = self.seen.clone() else {
            return Ok(Next::Look);
        };
        if !self.context.queues.wants(waiting.queue.as_ref()) {
            return Ok(self.over(Ending::LeftQueue).await);
        }
        let Some(entry) = self.entry(&waiting).await? else {
            return Ok(Next::Look);
        };
        self.noted();
        let was_behind = entry.is_behind(waiting.priority, self.context.now());
        if was_behind {
            // Another replica has raised it a moment ago, or the platform has answered from before our own write.
            waiting.priority = entry.expected();
            self.view.note_told(waiting.priority);
            self.takes_for_seen(waiting.priority);
        }
        if !entry.may_have_written(waiting.priority) {
            self.view.note_foreign();
        }
        let Some(choice) = self.plan(&mut waiting, entry.base.priority) else {
            return Ok(Next::Look);
        };
        let now = self.context.now();
        let step = self.by_policy(|policy| policy.next(entry.base, &waiting, now));
        let Some(step) = step else {
            return Ok(self.left_alone(&waiting, choice));
        };
        // One that needed no raise any more is looked at in silence: most often it still needs none.
        let settled = self.settled.is_some() && matches!(step, Step::Done(_));
        if self.raising_since.is_none() && !settled {
            self.settled = None;
            self.enter_visit(&waiting);
        }
        self.show(&waiting, entry.base, Some(&step), Some(&entry));
        let paused = self.paused_until(&waiting);
        Ok(match step {
            Step::Wait { until } => Next::Rest(until),
            Step::Done(limit) => match self.look_again(&waiting, &entry, was_behind).await? {
                Some(delay) => Next::Retry(delay),
                None => self.limited(limit, &waiting),
            },
            Step::Raise(_) if let Some(until) = paused => Next::Rest(until),
            Step::Raise(raise) if raise.step < self.first_step => self.pass_over(&waiting, raise),
            Step::Raise(raise) if self.context.orders.now().dry_run => {
                self.tell(&waiting, raise);
                Next::Decide
            }
            Step::Raise(raise) => {
                let grounds = Grounds {
                    base: entry.base,
                    to: raise.to,
                    newest: entry.step_below(raise.to),
                    newest_open: entry.newest_step(),
                    fence: entry.fence,
                };
                Next::Raise(Box::new(grounds), raise.due)
            }
        })
    }

    /// The time that is so far away.
    fn after(&self, delay: Duration) -> Timestamp {
        let now = self.context.now();
        now.saturating_add(delay).unwrap_or(Timestamp::MAX)
    }
}

#[cfg(test)]
mod size;
