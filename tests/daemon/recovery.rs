//! After any fault: is every waiting callback where its policy says, by one write, without a storm on the way?
//!
//! Each test is named after the symptom that somebody would report. What a broken network does is done by a [`relay`]
//! between daemon and platform; what a broken platform does, by the platform itself; and what operators are told is read
//! from the [`log`](crate::log).

mod channels;
mod credentials;
mod late_events;
mod outages;
mod relay;
mod slow_disk;
mod writes;

use std::time::Duration;

use callback_prioritizer::conversation::ConversationId;

use crate::harness::{Centre, Running, pass};

/// Longest time from the end of a fault until every callback is where it belongs: the longest delay between two looks,
/// a request that was given up, and the requests themselves.
const CATCH_UP: Duration = Duration::from_secs(90);
/// Least priority after the outages, which take an hour.
const HOUR: i64 = 13;
/// Callbacks that live through an outage.
const WAITING: usize = 10;

/// Callbacks that wait and were raised once.
async fn raised_once(centre: &Centre, daemon: &Running) -> Vec<ConversationId> {
    let ids: Vec<_> = (0..WAITING).map(|_| centre.callback()).collect();
    daemon.until(|now| now.raises == WAITING as u64).await;
    ids
}

/// Gives the daemon its time to catch up, and sees that it took one write for each to get where an hour of
/// waiting gets it, and that the next one comes on schedule.
async fn caught_up_by_one_write_each(
    centre: &Centre,
    daemon: &Running,
    ids: &[ConversationId],
    within: Duration,
) {
    pass(within).await;
    for id in ids {
        let writes = centre.writes(id);
        assert_eq!(writes.len(), 2, "{writes:?}");
        assert!(writes[1] >= HOUR, "{writes:?}");
    }
    pass(Duration::from_mins(5)).await;
    for id in ids {
        let writes = centre.writes(id);
        assert_eq!(writes.len(), 3, "{writes:?}");
        assert_eq!(writes[2], writes[1] + 1, "{writes:?}");
    }
    assert_eq!(daemon.now().foreign_changes, 0);
    assert_eq!(daemon.now().tracked, ids.len());
}
