//! What operators have paused.

use super::{Bench, at};
use crate::{conversation::Organization, orders::Pause};

/// A pause of this queue that began at the start.
fn pause(queue: Option<&str>, until: Option<i64>) -> Pause {
    Pause {
        queue: queue.map(|queue| queue.parse().unwrap()),
        since: at(0),
        until: until.map(at),
    }
}

pub(in crate::journal) async fn pauses_are_kept_until_they_are_over_or_others_are_noted(
    bench: impl Bench,
) {
    let only = Organization::default();
    assert_eq!(bench.journal().pauses(&only, at(0)).await.unwrap(), []);
    let all = [
        pause(None, None),
        pause(Some("a"), Some(60)),
        pause(Some("b"), None),
    ];
    bench
        .journal()
        .note_pauses(&only, &all, at(0))
        .await
        .unwrap();
    let bench = bench.killed_and_restarted();
    assert_eq!(bench.journal().pauses(&only, at(59)).await.unwrap(), all);
    let [for_all, _over, for_ever] = all;
    let left = [for_all, for_ever.clone()];
    assert_eq!(bench.journal().pauses(&only, at(60)).await.unwrap(), left);

    let one = [for_ever];
    bench
        .journal()
        .note_pauses(&only, &one, at(61))
        .await
        .unwrap();
    assert_eq!(bench.journal().pauses(&only, at(61)).await.unwrap(), one);
    bench
        .journal()
        .note_pauses(&only, &[], at(62))
        .await
        .unwrap();
    assert_eq!(bench.journal().pauses(&only, at(62)).await.unwrap(), []);
}

pub(in crate::journal) async fn pauses_of_one_organization_are_no_others(bench: impl Bench) {
    let [one, other] = ["one", "other"].map(|name| name.parse::<Organization>().unwrap());
    let all = [pause(None, None), pause(Some("a"), None)];
    bench
        .journal()
        .note_pauses(&one, &all, at(0))
        .await
        .unwrap();
    let bench = bench.killed_and_restarted();
    for (organization, expected) in [
        (&one, &all[..]),
        (&other, &[]),
        (&Organization::default(), &[]),
    ] {
        let kept = bench.journal().pauses(organization, at(1)).await.unwrap();
        assert_eq!(kept, expected, "{organization}");
    }
    let same = &all[..1];
    bench
        .journal()
        .note_pauses(&other, same, at(2))
        .await
        .unwrap();
    bench.journal().note_pauses(&one, &[], at(3)).await.unwrap();
    assert_eq!(bench.journal().pauses(&one, at(4)).await.unwrap(), []);
    assert_eq!(bench.journal().pauses(&other, at(4)).await.unwrap(), same);
}
