//! A due step on its way: permit, claim, write, and what became of it.

use std::{pin::pin, time::Duration};

use jiff::Timestamp;
use tokio::time::Instant;
use tracing::debug;

use super::{FRESH, Grounds, Kept, Next, Tracker};
use crate::{
    conversation::{Observed, Waiting},
    genesys::{DEADLINE, Permit, Place, SendBy, Turn},
    journal::{Claim, Commit, Fence, JournalError, LEASE, Write},
    policy::{Base, Limit, Raise, Step},
};

/// Least rest after a refused write, so that a short policy does not hammer at a closed door.
const REFUSED_REST: Duration = Duration::from_secs(30);

/// Time after the question for a claim within which the write may be sent: so much before the claim ends that the answer
/// is in by then, and two seconds more.
const SEND_WITHIN: Duration = LEASE
    .saturating_sub(DEADLINE)
    .saturating_sub(Duration::from_secs(2));

impl Tracker {
    /// What follows for a step that the platform refused or a dry run has told: the one after it, if there is one.
    pub(super) fn pass_over(&mut self, waiting: &Waiting, raise: Raise) -> Next {
        let due = self.by_policy(|policy| policy.due_after(waiting, raise.step));
        match due.unwrap_or(Err(Limit::LeftAlone)) {
            Err(limit) => self.limited(limit, waiting),
            Ok(due) if self.context.orders.now().dry_run => Next::Rest(due),
            Ok(due) => Next::Rest(due.max(self.after(REFUSED_REST))),
        }
    }

    /// Waits for the permit of a write, if it is not at hand, and writes.
    pub(super) async fn raise(
        &mut self,
        place: Option<Box<Place>>,
        grounds: Grounds,
        due: Timestamp,
    ) -> Next {
        let permit = match (self.spare.take(), place) {
            (Some(permit), _) => *permit,
            (None, Some(place)) => {
                let (turn, permit) = (place.turn(), self.context.genesys.permit_at(*place));
                match self.unless_rung(turn, pin!(permit)).await {
                    Ok(permit) => permit,
                    Err(instead) => return instead,
                }
            }
            (None, None) => return Next::Due(due),
        };
        let raised = Box::pin(self.raise_with(permit, grounds, due)).await;
        self.or_await_journal(raised)
    }

    /// Decides once more with a permit in hand, claims, and writes.
    async fn raise_with(
        &mut self,
        permit: Permit,
        grounds: Grounds,
        due: Timestamp,
    ) -> Result<Next, JournalError> {
        self.context.genesys.prepare(&permit).await;
        let (Some(waiting), Some(good_until)) = (self.seen.clone(), self.good_until()) else {
            return Ok(Next::Due(due));
        };
        let (base, now) = (grounds.base, self.context.now());
        let next = self.by_policy(|policy| policy.next(base, &waiting, now));
        let paused = self.paused_until(&waiting).is_some();
        let Some(Step::Raise(raise)) = next.filter(|_| !paused) else {
            return Ok(Next::Decide);
        };
        let write = Write {
            // A write is a step of its own, also where the rules have changed and it is on a lower rung of their ladder.
            step: raise
                .step
                .max(grounds.step_below(raise.to).saturating_add(1)),
            from: waiting.priority,
            to: raise.to,
            due: raise.due,
            covers: now,
            at: now,
        };
        let journal = &self.context.journal;
        // From before it is asked for: the claim cannot end sooner than counted from here.
        let begun = self.context.genesys.uptime();
        let send_by = |at| SendBy {
            at,
            uptime: begun + SEND_WITHIN,
        };
        let claim = journal.claim(&waiting.visit, grounds.fence, write).await?;
        if let Claim::Granted(claim) = claim {
            self.entry.learn(claim);
        }
        match claim {
            // The last moment at which news can be heeded: it may be the answer, or another order.
            Claim::Granted(claim) if self.view.is_ringing() => {
                journal.release(&waiting.visit, claim, now).await?;
                Ok(Next::News)
            }
            Claim::Granted(claim)
                if self.is_outdated() || self.paused_until(&waiting).is_some() =>
            {
                journal.release(&waiting.visit, claim, now).await?;
                Ok(Next::Decide)
            }
            Claim::Granted(claim) if Instant::now() <= good_until => {
                self.write(permit, waiting, base, write, claim, send_by(good_until))
                    .await
            }
            // Where the claim took long, what it is for may have changed. It stays open then: the look settles it.
            Claim::Granted(claim) => match self.waits_still(&waiting).await {
                Some(until) => {
                    self.write(permit, waiting, base, write, claim, send_by(until))
                        .await
                }
                None => Ok(Next::Look),
            },
            // Most often an event tells before then that it was raised.
            Claim::Held { until } => Ok(Next::Rest(until)),
            // Another replica was faster: the journal knows what it did.
            Claim::Stale | Claim::Done => Ok(Next::Decide),
        }
    }

    /// Looks whether a callback waits as it was seen, because a disk may be slow and this process may have been stopped; until
    /// when a write may be sent if it does.
    async fn waits_still(&mut self, seen: &Waiting) -> Option<Instant> {
        let asked = Instant::now();
        let looking = async {
            let permit = self.context.genesys.permit(Turn::Upkeep).await;
            self.context.genesys.look(permit, &self.id).await
        };
        let looked = self.context.stop.run_until_cancelled(looking).await;
        self.context.status.update(|now| now.looks += 1);
        let Some(Ok(Observed::Waiting(now))) = looked else {
            return None;
        };
        self.has_looked(asked);
        let as_seen = now.visit == seen.visit && now.priority == seen.priority;
        self.looked_at
            .filter(|_| as_seen)
            .map(|looked_at| looked_at + FRESH)
    }

    /// Sends a claimed write and notes what became of it.
    async fn write(
        &mut self,
        permit: Permit,
        mut waiting: Waiting,
        base: Base,
        write: Write,
        claim: Fence,
        by: SendBy,
    ) -> Result<Next, JournalError> {
        self.view.note_writing(write.to);
        self.context.sight.writes();
        match self
            .context
            .genesys
            .set_priority(permit, &self.id, waiting.queue.as_ref(), write.to, by)
            .await
        {
            Ok(now_at) => {
                self.writes.reset();
                let at = self.context.now();
                let journal = &self.context.journal;
                let noted = journal.commit(&waiting.visit, claim, now_at, at).await;
                if matches!(noted, Ok(Commit::Lost)) {
                    self.claim_lost(&write);
                } else {
                    // It is raised, even where that cannot be noted.
                    self.raised(&waiting, &write, now_at);
                }
                self.say_allowed(&waiting);
                waiting.priority = now_at;
                self.view.note_written(now_at);
                let step = self.by_policy(|policy| policy.next(base, &waiting, at));
                if step.is_some() {
                    self.show(&waiting, base, step.as_ref(), None);
                }
                self.seen = Some(waiting);
                Ok(match (noted?, step) {
                    // The entry is as we left it: it need not be read to know that.
                    (Commit::Done, Some(Step::Wait { until })) if now_at == write.to => {
                        self.kept = Kept::of(&Grounds {
                            base,
                            to: write.to,
                            newest: write.step,
                            newest_open: write.step,
                            fence: claim,
                        });
                        Next::Rest(until)
                    }
                    (Commit::Done, _) => Next::Decide,
                    (Commit::Lost, _) => Next::Look,
                })
            }
            // The claim stays open: the write may have arrived all the same.
            Err(failure) if failure.is_passing() => {
                debug!(conversation_id = %self.id, error = %failure, "no answer to a raise: looking again");
                self.unanswered(&write);
                Ok(Next::Retry(failure.delay(&mut self.writes)))
            }
            Err(failure) => {
                let at = self.context.now();
                let journal = &self.context.journal;
                journal.release(&waiting.visit, claim, at).await?;
                let step = self.by_policy(|policy| policy.step_at(&waiting, write.covers));
                self.refused(&waiting, step.unwrap_or(write.step), &failure);
                Ok(Next::Look)
            }
        }
    }
}
