//! The terms on which replicas claim: one claim at a time, and nothing that was decided on an older one is noted.

use std::time::Duration;

use callback_prioritizer::{
    clock::elapsed,
    conversation::Visit,
    journal::{Fence, Write},
};
use jiff::Timestamp;

use super::{Granted, Notes};

/// How long a claim keeps others away.
const LEASE: Duration = Duration::from_secs(30);

impl Granted {
    /// Whether it keeps this replica away then. What an earlier start of the same had claimed is free.
    fn keeps_away(&self, asker: usize, at: Timestamp) -> bool {
        let theirs = self.replica != asker;
        self.open && theirs && elapsed(self.write.at, at) < LEASE
    }
}

impl Notes {
    /// A claim is granted, which no other may keep away.
    pub(super) fn grant(&mut self, visit: &Visit, fence: Fence, write: Write, replica: usize) {
        if let Some(newest) = self.newest(visit).cloned() {
            if newest.keeps_away(replica, write.at) {
                self.broken
                    .push(format!("{write:?} was granted beside {newest:?}"));
            }
            if newest.fence >= fence {
                self.broken
                    .push(format!("claim {fence:?} was granted after {newest:?}"));
            }
        }
        let mut claims = self.claims.iter();
        let other = claims.find(|other| {
            let same = other.visit == *visit && other.write.step == write.step;
            same && other.open && other.write.to != write.to
        });
        if let Some(other) = other {
            let what = format!("one step, two values: {write:?} and {other:?}");
            self.broken.push(what);
        }
        self.claims.push(Granted {
            visit: visit.clone(),
            fence,
            write,
            replica,
            open: true,
        });
    }

    /// A claim is committed by whoever has made it: it must be the newest.
    pub(super) fn judge_commit(&mut self, visit: &Visit, fence: Fence) {
        if let Some(newest) = self.newest(visit).filter(|newest| newest.fence > fence) {
            let what = format!("claim {fence:?} was committed after {newest:?} was granted");
            self.broken.push(what);
        }
        self.judge_settled(visit, fence);
    }

    /// A claim is noted as arrived: not while another one is at it.
    pub(super) fn judge_arrived(
        &mut self,
        visit: &Visit,
        fence: Fence,
        at: Timestamp,
        asker: usize,
    ) {
        let newest = self.newest(visit).filter(|newest| newest.fence == fence);
        if let Some(newest) = newest.filter(|newest| newest.keeps_away(asker, at)) {
            let what = format!("settled by {asker} while its owner is at it: {newest:?}");
            self.broken.push(what);
        }
        self.judge_settled(visit, fence);
    }

    /// A claim was given back.
    pub(super) fn released(&mut self, visit: &Visit, fence: Fence) {
        if let Some(claim) = self.granted(visit, fence) {
            claim.open = false;
        }
    }

    /// There is another base: what was claimed before keeps nobody away.
    pub(super) fn rebased(&mut self, visit: &Visit, at: Timestamp) {
        let claims = self.claims.iter_mut();
        for claim in claims.filter(|claim| claim.visit == *visit) {
            claim.open = false;
        }
        self.based.push((visit.clone(), at));
    }

    /// Of two claims of a visit, the newer one is never settled first.
    fn judge_settled(&mut self, visit: &Visit, fence: Fence) {
        let before = self.settled.iter().rev().find(|(of, _)| of == visit);
        if let Some((_, before)) = before.filter(|(_, before)| *before >= fence) {
            let what = format!("claim {fence:?} of {visit} was settled after {before:?}");
            self.broken.push(what);
        }
        self.settled.push((visit.clone(), fence));
    }

    /// The newest claim of a visit.
    fn newest(&self, visit: &Visit) -> Option<&Granted> {
        self.claims.iter().rev().find(|claim| claim.visit == *visit)
    }
}
