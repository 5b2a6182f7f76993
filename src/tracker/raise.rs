//! A due step on its way: permit, claim, write, and what became of it.

use std::time::Duration;

use tokio::time::Instant;
use tracing::debug;

use super::{Next, Outcome, Tracker};
use crate::{
    conversation::{Observed, Waiting},
    genesys::Permit,
    journal::{Claim, Commit, Entry, Fence, JournalError, Write},
    policy::{Limit, Raise, Step},
};

/// Age up to which what was seen is written on without another look. A write and an answer may cross on the wire for as
/// long; more would only be a matter of waiting for a permit.
const FRESH: Duration = Duration::from_secs(2);
/// Least rest after a refused write, so that a short policy does not hammer at a closed door.
const REFUSED_REST: Duration = Duration::from_secs(30);

impl Tracker {
    /// What follows for a step that the platform refused or a dry run has told: the one after it, if there is one.
    pub(super) fn pass_over(&mut self, waiting: &Waiting, raise: Raise) -> Next {
        let policy = &self.context.policy;
        if policy.max_raises == Some(raise.step) {
            return self.limited(Limit::MaxRaises, waiting);
        }
        let due = policy.due_at(waiting.since, raise.step.saturating_add(1));
        if self.context.dry_run {
            Next::Rest(due)
        } else {
            Next::Rest(due.max(self.after(REFUSED_REST)))
        }
    }

    /// Decides once more with a permit in hand, claims, and writes.
    pub(super) async fn raise(
        &mut self,
        waiting: Waiting,
        entry: &Entry,
    ) -> Result<Next, JournalError> {
        let permit = if let Some(permit) = self.spare.take() {
            permit
        } else {
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return Ok(Next::End(Outcome::Stopped)),
                () = self.bell.rung() => return Ok(Next::Look),
                permit = self.context.genesys.permit() => permit,
            }
        };
        // A token that must be renewed first takes time as well; a failure shows again when the write is sent.
        let _renewed = self.context.genesys.log_in().await;
        if self.looked_at.elapsed() > FRESH {
            return Ok(Next::Due);
        }
        let now = self.context.now();
        let Step::Raise(raise) = self.context.policy.next(entry.base, &waiting, now) else {
            return Ok(Next::Decide(waiting));
        };
        let write = Write {
            step: raise.step,
            from: waiting.priority,
            to: raise.to,
            due: raise.due,
            at: now,
        };
        let journal = &self.context.journal;
        match journal.claim(&waiting.visit, entry.fence, write).await? {
            // The last moment at which news can be heeded: it may be the answer.
            Claim::Granted(claim) if self.bell.is_ringing() => {
                journal.release(&waiting.visit, claim, now).await?;
                Ok(Next::Look)
            }
            Claim::Granted(claim) => {
                // Where the claim took long, what it is for may have changed. It stays open then: the look settles it.
                if self.looked_at.elapsed() > FRESH && !self.waits_still(&waiting).await {
                    return Ok(Next::Look);
                }
                self.write(permit, waiting, write, claim).await
            }
            Claim::Held { until } => Ok(Next::Rest(until)),
            Claim::Stale => Ok(Next::Look),
            Claim::Done => {
                let due = self
                    .context
                    .policy
                    .due_at(waiting.since, raise.step.saturating_add(1));
                Ok(Next::Rest(due))
            }
        }
    }

    /// Looks whether a callback waits as it was seen: a disk may be slow, and this process may have been stopped.
    async fn waits_still(&mut self, seen: &Waiting) -> bool {
        let looking = async {
            let permit = self.context.genesys.permit().await;
            self.context.genesys.look(permit, &self.id).await
        };
        let looked = self.stop.run_until_cancelled(looking).await;
        self.context.status.update(|now| now.looks += 1);
        let Some(Ok(Observed::Waiting(now))) = looked else {
            return false;
        };
        self.looked_at = Instant::now();
        now.visit == seen.visit && now.priority == seen.priority
    }

    /// Sends a claimed write and notes what became of it.
    async fn write(
        &mut self,
        permit: Permit,
        mut waiting: Waiting,
        write: Write,
        claim: Fence,
    ) -> Result<Next, JournalError> {
        self.bell.note(&waiting, Some(write.to));
        match self
            .context
            .genesys
            .set_priority(permit, &self.id, write.to, self.looked_at + FRESH)
            .await
        {
            Ok(now_at) => {
                self.writes.reset();
                let at = self.context.now();
                let journal = &self.context.journal;
                let noted = journal.commit(&waiting.visit, claim, now_at, at).await;
                // It is raised, whatever the journal says to that.
                self.raised(&waiting, &write, now_at);
                waiting.priority = now_at;
                self.bell.note(&waiting, None);
                match noted? {
                    Commit::Done => Ok(Next::Decide(waiting)),
                    Commit::Lost => Ok(Next::Look),
                }
            }
            // The claim stays open: the write may have arrived all the same.
            Err(failure) if failure.is_passing() => {
                debug!(conversation_id = %self.id, error = %failure, "no answer to a raise: looking again");
                Ok(Next::Pause(failure.pause(&mut self.writes)))
            }
            Err(failure) => {
                let at = self.context.now();
                let journal = &self.context.journal;
                journal.release(&waiting.visit, claim, at).await?;
                self.refused(&waiting, write.step, &failure);
                Ok(Next::Look)
            }
        }
    }
}
