//! What operators have paused.

use super::{Bench, at};
use crate::{
    conversation::{Organization, QueueId},
    orders::Pause,
};

/// A queue of this name, or all.
fn queue(name: Option<&str>) -> Option<QueueId> {
    name.map(|name| name.parse().unwrap())
}

/// A pause of this queue that began at the start.
fn pause(name: Option<&str>, until: Option<i64>) -> Pause {
    Pause {
        queue: queue(name),
        since: at(0),
        until: until.map(at),
    }
}

/// Notes that a pause is in force.
async fn begin(bench: &impl Bench, of: &Organization, pause: &Pause) {
    let queue = pause.queue.as_ref();
    let noted = bench.journal().note_pause(of, queue, Some(pause), at(0));
    noted.await.unwrap();
}

/// Notes that the pause of a queue, or of all, is ended.
async fn end(bench: &impl Bench, of: &Organization, name: Option<&str>) {
    let queue = queue(name);
    let noted = bench
        .journal()
        .note_pause(of, queue.as_ref(), None, at(0))
        .await;
    noted.unwrap();
}

/// The pauses that are in force then.
async fn paused(bench: &impl Bench, of: &Organization, seconds: i64) -> Vec<Pause> {
    let pauses = bench.journal().pauses(of, at(seconds)).await;
    pauses.unwrap()
}

pub(in crate::journal) async fn pauses_are_kept_until_they_are_over_or_ended(bench: impl Bench) {
    let only = Organization::default();
    assert_eq!(paused(&bench, &only, 0).await, []);
    let all = [
        pause(None, None),
        pause(Some("a"), Some(60)),
        pause(Some("b"), None),
    ];
    for pause in all.iter().rev() {
        begin(&bench, &only, pause).await;
    }
    let bench = bench.killed_and_restarted();
    assert_eq!(paused(&bench, &only, 59).await, all);
    let [for_all, _over, mut of_b] = all;
    assert_eq!(paused(&bench, &only, 60).await, [for_all, of_b.clone()]);

    end(&bench, &only, None).await;
    of_b.until = Some(at(90));
    begin(&bench, &only, &of_b).await;
    assert_eq!(paused(&bench, &only, 61).await, [of_b], "changed");
    end(&bench, &only, Some("b")).await;
    end(&bench, &only, Some("b")).await;
    assert_eq!(paused(&bench, &only, 62).await, []);
}

pub(in crate::journal) async fn what_is_noted_of_one_queue_changes_no_other(bench: impl Bench) {
    let (only, other) = (Organization::default(), bench.beside());
    let (one, two, all) = (
        pause(Some("a"), None),
        pause(Some("b"), None),
        pause(None, None),
    );
    begin(&bench, &only, &one).await;
    // Who does not know of the first notes the second, and its end.
    begin(&other, &only, &two).await;
    begin(&other, &only, &all).await;
    assert_eq!(paused(&bench, &only, 1).await, [all, one.clone(), two]);
    end(&other, &only, Some("b")).await;
    end(&other, &only, None).await;
    assert_eq!(paused(&other, &only, 1).await, [one]);
}

pub(in crate::journal) async fn a_pause_that_was_over_is_forgotten(bench: impl Bench) {
    let only = Organization::default();
    let all = [pause(Some("a"), Some(60)), pause(Some("b"), None)];
    for pause in &all {
        begin(&bench, &only, pause).await;
    }
    for (before, left) in [(60, &all[..]), (61, &all[1..])] {
        let pruned = bench.journal().prune(at(before), at(1_000)).await;
        pruned.unwrap();
        assert_eq!(paused(&bench, &only, 0).await, left, "before {before}");
    }
}

pub(in crate::journal) async fn pauses_of_one_organization_are_no_others(bench: impl Bench) {
    let [one, other] = ["one", "other"].map(|name| name.parse::<Organization>().unwrap());
    let all = [pause(None, None), pause(Some("a"), None)];
    for pause in &all {
        begin(&bench, &one, pause).await;
    }
    let bench = bench.killed_and_restarted();
    for (organization, expected) in [
        (&one, &all[..]),
        (&other, &[]),
        (&Organization::default(), &[]),
    ] {
        let kept = paused(&bench, organization, 1).await;
        assert_eq!(kept, expected, "{organization}");
    }
    begin(&bench, &other, &all[0]).await;
    for name in [None, Some("a")] {
        end(&bench, &one, name).await;
    }
    assert_eq!(paused(&bench, &one, 4).await, []);
    assert_eq!(paused(&bench, &other, 4).await, all[..1]);
}
