//! What if the disk takes its time, and the world changes meanwhile?

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use callback_prioritizer::{
    conversation::{ConversationId, Priority},
    journal::JournalError,
    sandbox::Fate,
};
use tokio::time::sleep;

use crate::{
    harness::{Centre, Running, minutes, pass},
    obstacle::{Asked, Obstacle, Obstructed},
};

/// Beginning of the path of the priority PATCH.
const WRITE: &str = "/api/v2/routing/conversations/";

/// A disk that takes so long for every claim.
struct Slow(Duration);

#[async_trait]
impl Obstacle for Slow {
    async fn meet(&self, asked: Asked<'_>) -> Result<(), JournalError> {
        if matches!(asked, Asked::Claim) {
            sleep(self.0).await;
        }
        Ok(())
    }
}

/// A callback whose first raise was claimed five seconds ago, on a disk that takes ten for a claim.
async fn claiming() -> (Centre, Running, ConversationId) {
    claiming_for(Duration::from_secs(10)).await
}

/// One whose first raise was claimed half of this time ago, on a disk that takes the whole of it for a claim.
async fn claiming_for(takes: Duration) -> (Centre, Running, ConversationId) {
    let mut centre = Centre::open().await;
    centre.journal = Arc::new(Obstructed::from(Slow(takes)));
    let daemon = centre.start_ready().await;
    let id = centre.callback();
    daemon.tracks(1).await;
    pass(minutes(5) + takes / 2).await;
    assert_eq!(centre.requests("PATCH", WRITE), 0);
    (centre, daemon, id)
}

#[tokio::test(start_paused = true)]
async fn an_answer_while_a_claim_is_made_is_heard_before_the_write() {
    // Within the time that what was seen is good for, and beyond it.
    for seconds in [1, 10] {
        let (centre, daemon, id) = claiming_for(Duration::from_secs(seconds)).await;
        centre.world().answer(&id).unwrap();
        daemon.tracks(0).await;
        pass(minutes(1)).await;
        assert_eq!(centre.requests("PATCH", WRITE), 0, "{seconds} s");
        daemon.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_that_nobody_told_of_while_a_claim_takes_long_is_not_lowered() {
    let (centre, daemon, id) = claiming().await;
    centre.sandbox.faults().events("", Fate::Lost, None);
    let looks = daemon.now().looks;
    let set = centre.world().set_priority(&id, Priority::clamped(40));
    set.unwrap();
    daemon.until(|now| now.raises > 0).await;
    assert!(centre.priority(&id) > 40, "{:?}", centre.writes(&id));
    assert!(daemon.now().looks > looks);
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_supervisors_change_while_a_claim_takes_long_is_not_lowered() {
    let (centre, daemon, id) = claiming().await;
    let set = centre.world().set_priority(&id, Priority::clamped(40));
    set.unwrap();
    daemon.until(|now| now.raises > 0).await;
    assert!(centre.priority(&id) > 40, "{:?}", centre.writes(&id));
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn claims_that_always_take_long_delay_raises_and_prevent_none() {
    let (centre, daemon, id) = claiming().await;
    pass(minutes(15)).await;
    assert_eq!(centre.writes(&id), [1, 2, 3]);
    daemon.stop().await;
}
