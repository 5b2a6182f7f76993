//! What every journal promises, as one suite that is run against each of them.

mod claimers;

mod forgetting;

mod overtaken;

mod pauses;

mod restarts;

mod stays;

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use tokio::task::JoinSet;

use super::{Claim, Commit, Entry, Fence, Journal, LEASE, Meaning, Write};
use crate::{
    conversation::{Kind, Priority, QueueId, Visit, Waiting},
    policy::Base,
};

/// A journal that can be put to the test.
pub(super) trait Bench: Sized + Send + Sync + 'static {
    /// A new one, with no entries; nothing where what it needs is not there, which has been said then.
    fn begin() -> Option<Self>;

    /// What is tested.
    fn journal(&self) -> &dyn Journal;

    /// The same entries for another owner that lives at the same time.
    fn beside(&self) -> Self;

    /// The same entries for the owner that comes after this one was killed.
    fn killed_and_restarted(self) -> Self;
}

/// Runs the whole suite against a journal.
macro_rules! conformance {
    ($bench:ty) => {
        $crate::journal::conformance::conformance! { $bench:
            a_committed_step_is_never_granted_again,
            the_base_stays_whatever_is_seen_later,
            a_stay_is_known_by_its_queue_and_its_time_of_entry,
            a_visit_that_is_over_keeps_its_base,
            a_released_claim_is_no_write_of_ours,
            a_write_without_an_answer_is_known_when_it_is_seen,
            a_write_that_the_platform_changed_is_noted_as_confirmed,
            a_change_by_somebody_else_is_the_new_base,
            what_was_decided_on_an_older_entry_is_refused,
            a_claim_keeps_others_away_until_it_ends,
            a_claim_is_confirmed_and_given_back_by_its_owner_alone,
            what_another_is_at_is_its_own_to_settle,
            the_value_of_an_overtaken_write_is_known_as_ours,
            what_arrived_while_a_newer_write_was_under_way_may_have_overtaken_it,
            a_write_is_open_again_when_what_has_overtaken_it_is_not_made,
            of_sixteen_claimers_one_gets_the_step,
            sixteen_claimers_write_each_step_once_with_growing_numbers,
            a_claim_outlives_its_owner_and_blocks_nobody_after_it,
            a_commit_is_not_forgotten_with_its_owner,
            visits_are_apart,
            a_visit_that_nobody_saw_for_long_is_forgotten,
            the_end_of_a_visit_counts_as_having_been_seen,
            what_is_not_there_cannot_be_changed,
            pauses_are_kept_until_they_are_over_or_ended,
            what_is_noted_of_one_queue_changes_no_other,
            a_pause_that_was_over_is_forgotten,
            pauses_of_one_organization_are_no_others,
        }
    };
    ($bench:ty: $($name:ident),+ $(,)?) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
        async fn $name() {
            if let Some(bench) = <$bench as $crate::journal::conformance::Bench>::begin() {
                $crate::journal::conformance::$name(bench).await;
            }
        }
    )+};
}

pub(super) use claimers::{
    a_claim_is_confirmed_and_given_back_by_its_owner_alone,
    sixteen_claimers_write_each_step_once_with_growing_numbers,
};
pub(super) use conformance;
pub(super) use forgetting::{
    a_visit_that_nobody_saw_for_long_is_forgotten, the_end_of_a_visit_counts_as_having_been_seen,
};
pub(super) use overtaken::{
    a_write_is_open_again_when_what_has_overtaken_it_is_not_made,
    the_value_of_an_overtaken_write_is_known_as_ours,
    what_arrived_while_a_newer_write_was_under_way_may_have_overtaken_it,
};
pub(super) use pauses::{
    a_pause_that_was_over_is_forgotten, pauses_are_kept_until_they_are_over_or_ended,
    pauses_of_one_organization_are_no_others, what_is_noted_of_one_queue_changes_no_other,
};
pub(super) use restarts::{
    a_claim_outlives_its_owner_and_blocks_nobody_after_it, a_commit_is_not_forgotten_with_its_owner,
};
pub(super) use stays::a_stay_is_known_by_its_queue_and_its_time_of_entry;

/// This many seconds after some moment.
pub(super) fn at(seconds: i64) -> Timestamp {
    let start: Timestamp = "2026-01-05T09:00:00Z".parse().unwrap();
    start + SignedDuration::from_secs(seconds)
}

/// A write of this step, claimed and due at the start.
pub(super) fn write(step: u32, from: i64, to: i64) -> Write {
    Write {
        step,
        from: Priority::clamped(from),
        to: Priority::clamped(to),
        due: at(0),
        covers: at(0),
        at: at(0),
    }
}

/// A write of one point a step.
fn step(step: u32) -> Write {
    write(step, i64::from(step) - 1, step.into())
}

/// A visit of this name, seen with this priority.
pub(super) fn seen(name: &str, priority: i64) -> Waiting {
    Waiting {
        visit: Visit {
            conversation: name.parse().unwrap(),
            leg: format!("{name}-leg").parse().unwrap(),
        },
        queue: Some("queue".parse::<QueueId>().unwrap()),
        since: at(-60),
        origin: at(-60),
        priority: Priority::clamped(priority),
        kind: Kind::default(),
        background: None,
    }
}

/// The entry of the visit `v`.
async fn entry(bench: &impl Bench) -> Entry {
    let entry = bench.journal().entry(&seen("v", 0), at(0)).await;
    entry.unwrap()
}

/// A claim on the visit `v`, by what the journal says now.
async fn claim(bench: &impl Bench, write: Write) -> Claim {
    let known = entry(bench).await.fence;
    let visit = seen("v", 0).visit;
    let claim = bench.journal().claim(&visit, known, write).await;
    claim.unwrap()
}

/// A claim on the visit `v` that must be granted.
async fn granted(bench: &impl Bench, write: Write) -> Fence {
    match claim(bench, write).await {
        Claim::Granted(fence) => fence,
        refused => panic!("{write:?}: {refused:?}"),
    }
}

/// Commits a claim on the visit `v` with this priority.
async fn commit(bench: &impl Bench, claim: Fence, confirmed: i64) -> Commit {
    let (visit, confirmed) = (seen("v", 0).visit, Priority::clamped(confirmed));
    let commit = bench.journal().commit(&visit, claim, confirmed, at(1));
    commit.await.unwrap()
}

/// A base that somebody else has set, this many seconds after the start.
fn base(priority: i64, until: i64) -> Base {
    Base {
        priority: Priority::clamped(priority),
        until: Some(at(until)),
    }
}

pub(super) async fn a_committed_step_is_never_granted_again(bench: impl Bench) {
    assert_eq!(entry(&bench).await, Entry::new(Priority::clamped(0)));
    let first = granted(&bench, step(1)).await;
    let again = granted(&bench, step(1)).await;
    assert!(again > first, "unconfirmed, so again, with a larger number");
    assert_eq!(commit(&bench, first, 1).await, Commit::Lost);
    assert_eq!(commit(&bench, again, 1).await, Commit::Done);
    assert_eq!(commit(&bench, again, 1).await, Commit::Lost, "once");
    let after = bench.journal().entry(&seen("v", 0), at(1)).await;
    let last = after.unwrap().last.unwrap();
    assert_eq!((last.step, last.at, last.due), (1, at(1), at(0)));
    assert_eq!(last.covers, at(0), "what fell due on its way is not in it");
    for written in [0, 1] {
        assert_eq!(
            claim(&bench, write(written, 0, 9)).await,
            Claim::Done,
            "{written}"
        );
    }
    granted(&bench, step(2)).await;
}

pub(super) async fn the_base_stays_whatever_is_seen_later(bench: impl Bench) {
    for later in [4, 9, 0] {
        let entry = bench.journal().entry(&seen("v", later), at(later)).await;
        let first = Entry::new(Priority::clamped(4));
        assert_eq!(entry.unwrap().base, first.base, "{later}");
    }
}

pub(super) async fn a_visit_that_is_over_keeps_its_base(bench: impl Bench) {
    let claim = granted(&bench, step(1)).await;
    assert_eq!(commit(&bench, claim, 1).await, Commit::Done);
    let before = entry(&bench).await;
    let over = bench.journal().close(&seen("v", 0).visit, at(2)).await;
    over.unwrap();
    assert_eq!(entry(&bench).await, before);
    granted(&bench, step(2)).await;
}

pub(super) async fn a_released_claim_is_no_write_of_ours(bench: impl Bench) {
    let claimed = granted(&bench, step(1)).await;
    let visit = seen("v", 0).visit;
    let released = bench.journal().release(&visit, claimed, at(1)).await;
    released.unwrap();
    let entry = entry(&bench).await;
    assert_eq!((entry.open, entry.last), (vec![], None));
    assert_eq!(commit(&bench, claimed, 1).await, Commit::Lost);
    let other = claim(&bench.beside(), step(1)).await;
    assert!(
        matches!(other, Claim::Granted(_)),
        "nobody is at it: {other:?}"
    );
}

pub(super) async fn a_write_without_an_answer_is_known_when_it_is_seen(bench: impl Bench) {
    let journal = bench.journal();
    let lost = granted(&bench, write(1, 0, 1)).await;
    let newer = granted(&bench, write(3, 0, 3)).await;
    let known = entry(&bench).await;
    let numbers: Vec<Fence> = known.open.iter().map(|open| open.fence).collect();
    assert_eq!(numbers, [lost, newer], "oldest first");
    let Meaning::Arrived(open) = known.meaning(Priority::clamped(1), at(500)) else {
        panic!("{known:?}");
    };
    assert_eq!(open.fence, lost);
    let visit = seen("v", 0).visit;
    for expected in [Commit::Done, Commit::Lost] {
        let arrived = journal.arrived(&visit, known.fence, lost, at(500)).await;
        assert_eq!(arrived.unwrap(), expected);
    }
    let after = entry(&bench).await;
    assert_eq!(after.last.map(|last| last.step), Some(1));
    assert_eq!(after.open.len(), 1, "the newer one may still arrive");
    assert_eq!(commit(&bench, newer, 3).await, Commit::Done);
    assert_eq!(entry(&bench).await.open, []);
}

pub(super) async fn a_write_that_the_platform_changed_is_noted_as_confirmed(bench: impl Bench) {
    let claim = granted(&bench, write(1, 0, 7)).await;
    assert_eq!(commit(&bench, claim, 5).await, Commit::Done);
    assert_eq!(entry(&bench).await.expected().points(), 5);
}

pub(super) async fn a_change_by_somebody_else_is_the_new_base(bench: impl Bench) {
    let claimed = granted(&bench, step(4)).await;
    let (journal, visit) = (bench.journal(), seen("v", 0).visit);
    let known = entry(&bench).await;
    let rebased = journal.rebase(&visit, known.fence, base(20, 2), at(2));
    assert_eq!(rebased.await.unwrap(), Commit::Done);
    let after = entry(&bench).await;
    assert_eq!(
        (after.base, after.base_step, after.last, after.open),
        (base(20, 2), 4, None, vec![])
    );
    assert!(after.fence > known.fence);
    assert_eq!(commit(&bench, claimed, 4).await, Commit::Lost);
    assert_eq!(
        claim(&bench, write(4, 20, 21)).await,
        Claim::Done,
        "in the base"
    );
    granted(&bench, write(5, 20, 21)).await;
}

pub(super) async fn what_was_decided_on_an_older_entry_is_refused(bench: impl Bench) {
    let (journal, visit) = (bench.journal(), seen("v", 0).visit);
    let old = entry(&bench).await.fence;
    let first = granted(&bench, step(1)).await;
    let stale = journal.claim(&visit, old, step(2)).await;
    assert_eq!(stale.unwrap(), Claim::Stale);
    let rebased = journal.rebase(&visit, old, base(9, 0), at(1)).await;
    assert_eq!(rebased.unwrap(), Commit::Lost);
    let arrived = journal.arrived(&visit, old, first, at(1)).await;
    assert_eq!(arrived.unwrap(), Commit::Lost);
    let entry = entry(&bench).await;
    assert_eq!((entry.base.until, entry.open.len()), (None, 1));
}

pub(super) async fn a_claim_keeps_others_away_until_it_ends(bench: impl Bench) {
    let other = bench.beside();
    let mine = granted(&bench, step(1)).await;
    let until = at(0) + LEASE;
    let early = Write {
        at: until - SignedDuration::from_secs(1),
        ..step(1)
    };
    assert_eq!(claim(&other, early).await, Claim::Held { until });
    let late = Write { at: until, ..early };
    let theirs = granted(&other, late).await;
    assert!(theirs > mine);
    assert_eq!(
        commit(&bench, mine, 1).await,
        Commit::Lost,
        "woken too late"
    );
    assert_eq!(commit(&other, theirs, 1).await, Commit::Done);
    assert_eq!(claim(&bench, late).await, Claim::Done);
}

pub(super) async fn what_another_is_at_is_its_own_to_settle(bench: impl Bench) {
    let other = bench.beside();
    granted(&bench, step(1)).await;
    let end = LEASE.as_secs().cast_signed();
    for (seconds, mine, theirs) in [
        (0, false, true),
        (end - 1, false, true),
        (end, false, false),
    ] {
        for (bench, elsewhere) in [(&bench, mine), (&other, theirs)] {
            let entry = bench.journal().entry(&seen("v", 0), at(seconds)).await;
            assert_eq!(entry.unwrap().open[0].elsewhere, elsewhere, "{seconds} s");
        }
    }
    let meaning = |entry: Entry| entry.meaning(Priority::clamped(1), at(0));
    let (mine, theirs) = (entry(&bench).await, entry(&other).await);
    assert!(matches!(meaning(mine), Meaning::Arrived(_)));
    assert_eq!(meaning(theirs), Meaning::Expected);
}

pub(super) async fn of_sixteen_claimers_one_gets_the_step(bench: impl Bench) {
    let known = entry(&bench).await.fence;
    let bench = Arc::new(bench);
    let mut claimers = JoinSet::new();
    for _ in 0..16 {
        let one = bench.beside();
        claimers.spawn(async move {
            let visit = seen("v", 0).visit;
            let claim = one.journal().claim(&visit, known, step(1)).await;
            claim.unwrap()
        });
    }
    let claims = claimers.join_all().await;
    let granted = claims
        .iter()
        .filter(|claim| matches!(claim, Claim::Granted(_)));
    assert_eq!(granted.count(), 1, "{claims:?}");
    let held = claims
        .iter()
        .filter(|claim| matches!(claim, Claim::Held { .. }));
    assert_eq!(held.count(), 15, "{claims:?}");
    assert_eq!(entry(&*bench).await.open.len(), 1);
}

pub(super) async fn visits_are_apart(bench: impl Bench) {
    granted(&bench, step(1)).await;
    let journal = bench.journal();
    let mut transferred = seen("v", 6);
    transferred.visit.leg = "later-leg".parse().unwrap();
    for other in [transferred, seen("w", 6)] {
        let entry = journal.entry(&other, at(0)).await.unwrap();
        assert_eq!(entry, Entry::new(Priority::clamped(6)));
        let claim = journal.claim(&other.visit, entry.fence, step(1)).await;
        assert!(matches!(claim.unwrap(), Claim::Granted(_)));
    }
    assert_eq!(entry(&bench).await.open.len(), 1);
}

pub(super) async fn what_is_not_there_cannot_be_changed(bench: impl Bench) {
    let (journal, visit) = (bench.journal(), seen("v", 0).visit);
    let none = Fence::default();
    let claim = journal.claim(&visit, none, step(1)).await;
    assert_eq!(claim.unwrap(), Claim::Stale);
    assert_eq!(commit(&bench, none, 1).await, Commit::Lost);
    let arrived = journal.arrived(&visit, none, none, at(0)).await;
    assert_eq!(arrived.unwrap(), Commit::Lost);
    let rebased = journal.rebase(&visit, none, base(1, 0), at(0)).await;
    assert_eq!(rebased.unwrap(), Commit::Lost);
    journal.release(&visit, none, at(0)).await.unwrap();
    journal.close(&visit, at(0)).await.unwrap();
    for _ in 0..2 {
        journal.alive(at(0)).await.unwrap();
    }
    journal.stopped(at(1)).await.unwrap();
    assert_eq!(entry(&bench).await, Entry::new(Priority::clamped(0)));
}
