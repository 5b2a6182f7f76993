//! What if this machine's clock is wrong?

use std::time::Duration;

use callback_prioritizer::{clock::Clock, sandbox::Callback};
use jiff::Timestamp;

use crate::harness::{Centre, START, minutes, pass};

/// A centre whose daemons run on a machine with this clock.
async fn with_clock_at(clock: &str) -> Centre {
    let mut centre = Centre::open().await;
    centre.clock = Clock::anchored(clock.parse().unwrap());
    centre
}

#[tokio::test(start_paused = true)]
async fn an_hour_wrong_either_way_raises_neither_early_nor_late() {
    let start: Timestamp = START.parse().unwrap();
    for clock in ["2026-01-05T10:00:00Z", "2026-01-05T08:00:00Z"] {
        let centre = with_clock_at(clock).await;
        assert_ne!(centre.clock.now(), start);
        let support = centre.queue("Support");
        let waiting = Callback::to(&support).waiting_for(minutes(3));
        let id = centre.world().add_callback(waiting);
        let daemon = centre.start_ready().await;
        pass(Duration::from_secs(118)).await;
        assert_eq!(centre.writes(&id), [0; 0], "at {clock}");
        pass(Duration::from_secs(4)).await;
        assert_eq!(centre.writes(&id), [1], "at {clock}");
        pass(minutes(60)).await;
        assert_eq!(
            centre.writes(&id),
            (1..=13).collect::<Vec<i64>>(),
            "no storm, at {clock}"
        );
        daemon.stop().await;
    }
}
