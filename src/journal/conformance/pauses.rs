//! What operators have paused.

use super::{Bench, at};
use crate::orders::Pause;

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
    assert_eq!(bench.journal().pauses(at(0)).await.unwrap(), []);
    let all = [
        pause(None, None),
        pause(Some("a"), Some(60)),
        pause(Some("b"), None),
    ];
    bench.journal().note_pauses(&all, at(0)).await.unwrap();
    let bench = bench.killed_and_restarted();
    assert_eq!(bench.journal().pauses(at(59)).await.unwrap(), all);
    let [for_all, _over, for_ever] = all;
    let left = [for_all, for_ever.clone()];
    assert_eq!(bench.journal().pauses(at(60)).await.unwrap(), left);

    let one = [for_ever];
    bench.journal().note_pauses(&one, at(61)).await.unwrap();
    assert_eq!(bench.journal().pauses(at(61)).await.unwrap(), one);
    bench.journal().note_pauses(&[], at(62)).await.unwrap();
    assert_eq!(bench.journal().pauses(at(62)).await.unwrap(), []);
}
