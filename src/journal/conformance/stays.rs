//! Which visit a stay in a queue is.

use jiff::SignedDuration;

use super::{Bench, at, seen};
use crate::{
    conversation::{Kind, Visit, Waiting},
    journal::Stay,
};

pub(in crate::journal) async fn a_stay_is_known_by_its_queue_and_its_time_of_entry(
    bench: impl Bench,
) {
    let journal = bench.journal();
    let entered = |leg: &str, after: i64| Waiting {
        visit: Visit {
            leg: leg.parse().unwrap(),
            ..seen("v", 0).visit
        },
        since: at(0) + SignedDuration::from_millis(after),
        origin: at(0),
        kind: Kind {
            scheduled: false,
            agent_owned: after == 0,
            voicemail: after == 1_500,
        },
        ..seen("v", 0)
    };
    for (leg, after) in [("one", 0), ("two", 1_500), ("three", 60_000)] {
        journal.entry(&entered(leg, after), at(60)).await.unwrap();
    }
    for (conversation, queue, after, expected) in [
        ("v", "queue", 0, Some(("one", 0))),
        ("v", "queue", 700, Some(("one", 0))),
        ("v", "queue", 900, Some(("two", 1_500))),
        ("v", "queue", 2_500, Some(("two", 1_500))),
        ("v", "queue", 2_501, None),
        ("v", "queue", 58_999, None),
        ("v", "queue", 59_000, Some(("three", 60_000))),
        ("v", "another", 0, None),
        ("w", "queue", 0, None),
    ] {
        let (conversation, queue) = (conversation.parse().unwrap(), queue.parse().unwrap());
        let asked = entered("any", after).since;
        let known = journal.recall(&conversation, &queue, asked, at(70)).await;
        let expected = expected.map(|(leg, after)| entered(leg, after));
        let expected = expected.map(|waiting| Stay {
            visit: waiting.visit,
            entered: waiting.since,
            kind: waiting.kind,
        });
        assert_eq!(known.unwrap(), expected, "{conversation} {queue} {after}");
    }
}
