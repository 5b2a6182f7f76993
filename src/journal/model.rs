//! A durable journal held against the one in memory: whatever is done to both, by two owners, over kills and
//! forgetting, both answer alike.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::{
    Base, Entry, Fence, MemoryJournal, Priority, Write,
    conformance::{Bench, at, seen},
};

/// What may be done. Numbers are small, so that visits, steps and values meet often.
#[derive(Clone, Debug)]
pub(super) enum Op {
    /// Reads the entry of a visit seen at this priority.
    Look { visit: u8, priority: u8 },
    /// Changes a visit, by its number as it is or as it was this many claims ago.
    Change { visit: u8, ago: u8, deed: Deed },
    /// Notes a visit as over.
    Close { visit: u8 },
    /// Goes on as the other owner.
    Switch,
    /// Lets time pass.
    Pass { seconds: u32 },
    /// Forgets what is older than this.
    Prune { seconds: u32 },
    /// Kills both owners and goes on as a new one.
    Kill,
}

/// How a visit may be changed.
#[derive(Clone, Debug)]
pub(super) enum Deed {
    /// Claims a step.
    Claim { step: u8, to: u8 },
    /// Commits a claim with this priority.
    Commit { confirmed: u8 },
    /// Notes the oldest open write as arrived.
    Arrived,
    /// Gives a claim back.
    Release,
    /// Counts from a new base.
    Rebase { priority: u8 },
}

/// Things that may be done, one after the other.
pub(super) fn ops() -> impl Strategy<Value = Vec<Op>> {
    prop::collection::vec(op(), 1..60)
}

/// One thing that may be done.
fn op() -> impl Strategy<Value = Op> {
    let visit = || 0..2_u8;
    prop_oneof![
        4 => (visit(), 0..6_u8).prop_map(|(visit, priority)| Op::Look { visit, priority }),
        14 => (visit(), 0..2_u8, deed()).prop_map(|(visit, ago, deed)| Op::Change { visit, ago, deed }),
        1 => visit().prop_map(|visit| Op::Close { visit }),
        3 => Just(Op::Switch),
        2 => (0..90_u32).prop_map(|seconds| Op::Pass { seconds }),
        1 => (0..20_000_u32).prop_map(|seconds| Op::Pass { seconds }),
        1 => (0..9_000_u32).prop_map(|seconds| Op::Prune { seconds }),
        1 => Just(Op::Kill),
    ]
}

/// One change that may be made.
fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        6 => (0..6_u8, 0..6_u8).prop_map(|(step, to)| Deed::Claim { step, to }),
        4 => (0..6_u8).prop_map(|confirmed| Deed::Commit { confirmed }),
        2 => Just(Deed::Arrived),
        1 => Just(Deed::Release),
        1 => (0..6_u8).prop_map(|priority| Deed::Rebase { priority }),
    ]
}

/// A journal with the two owners that take turns.
struct Pair<B> {
    /// Whose turn it is.
    turn: B,
    /// Whose it is not.
    other: B,
    /// What time it is.
    now: Timestamp,
}

impl<B: Bench> Pair<B> {
    /// Two owners of a new journal.
    fn of(turn: B) -> Self {
        Self {
            other: turn.beside(),
            turn,
            now: at(0),
        }
    }

    /// Does it, and tells the answer and what is known of all visits then.
    async fn answer(&mut self, op: &Op) -> String {
        let answer = self.act(op).await;
        let (first, second) = (self.entry(0, 0).await, self.entry(1, 0).await);
        format!("{answer} {first:?} {second:?}")
    }

    /// The entry of a visit seen at this priority.
    async fn entry(&self, visit: u8, priority: u8) -> Entry {
        let waiting = seen(&format!("v{visit}"), priority.into());
        let entry = self.turn.journal().entry(&waiting, self.now).await;
        entry.unwrap()
    }

    /// Does it and tells the answer.
    async fn act(&mut self, op: &Op) -> String {
        match op {
            Op::Look { visit, priority } => {
                return format!("{:?}", self.entry(*visit, *priority).await);
            }
            Op::Change { visit, ago, deed } => return self.change(*visit, *ago, deed).await,
            Op::Close { visit } => {
                let visit = seen(&format!("v{visit}"), 0).visit;
                let closed = self.turn.journal().close(&visit, self.now).await;
                closed.unwrap();
            }
            Op::Prune { seconds } => {
                let before = self.now - SignedDuration::from_secs((*seconds).into());
                let pruned = self.turn.journal().prune(before, self.now).await;
                pruned.unwrap();
            }
            Op::Pass { seconds } => self.now += SignedDuration::from_secs((*seconds).into()),
            Op::Switch => std::mem::swap(&mut self.turn, &mut self.other),
            Op::Kill => {}
        }
        String::new()
    }

    /// Changes a visit and tells the answer.
    async fn change(&self, on: u8, ago: u8, deed: &Deed) -> String {
        let (journal, now) = (self.turn.journal(), self.now);
        let entry = self.entry(on, 0).await;
        let number = Fence(entry.fence.0 - i64::from(ago));
        let visit = seen(&format!("v{on}"), 0).visit;
        let points = |points: u8| Priority::clamped(points.into());
        let made = match *deed {
            Deed::Claim { step, to } => {
                let write = Write {
                    step: step.into(),
                    from: points(0),
                    to: points(to),
                    due: at(-1),
                    covers: now,
                    at: now,
                };
                let claim = journal.claim(&visit, number, write).await;
                return format!("{:?}", claim.unwrap());
            }
            Deed::Release => {
                let released = journal.release(&visit, number, now).await;
                return format!("{:?}", released.unwrap());
            }
            Deed::Commit { confirmed } => {
                journal.commit(&visit, number, points(confirmed), now).await
            }
            Deed::Arrived => {
                let open = entry.open.first().map_or(Fence(1), |open| open.fence);
                journal.arrived(&visit, number, open, now).await
            }
            Deed::Rebase { priority } => {
                let base = Base {
                    priority: points(priority),
                    until: Some(now),
                };
                journal.rebase(&visit, number, base, now).await
            }
        };
        format!("{:?}", made.unwrap())
    }

    /// Goes on as a new owner.
    fn kill(self) -> Self {
        let turn = self.turn.killed_and_restarted();
        Self {
            other: turn.beside(),
            turn,
            now: self.now,
        }
    }
}

/// Does all of it to both.
async fn compare(ops: &[Op], durable: impl Bench) -> Result<(), TestCaseError> {
    let mut model = Pair::of(MemoryJournal::default());
    let mut durable = Pair::of(durable);
    for (number, op) in ops.iter().enumerate() {
        if matches!(op, Op::Kill) {
            (model, durable) = (model.kill(), durable.kill());
        }
        let (expected, found) = (model.answer(op).await, durable.answer(op).await);
        prop_assert_eq!(expected, found, "operation {}: {:?}", number, op);
    }
    Ok(())
}

/// Whether both answer alike, as far as there is something to try it on.
pub(super) fn answers_like_memory<B: Bench>(ops: &[Op]) -> Result<(), TestCaseError> {
    // More than one thread, because a bench may wait for another process.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        // On a thread of the runtime's own, where it may do so.
        let ops = ops.to_vec();
        let compared = tokio::task::JoinSet::from_iter([async move {
            match B::begin() {
                Some(durable) => compare(&ops, durable).await,
                None => Ok(()),
            }
        }]);
        compared.join_all().await.into_iter().collect()
    })
}
