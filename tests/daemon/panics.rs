//! What if a tracker panics?

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use callback_prioritizer::{conversation::ConversationId, journal::JournalError};

use crate::{
    harness::{Centre, minutes, pass},
    obstacle::{Asked, Obstacle, Obstructed},
};

/// A mistake that shows when one conversation is asked for, so many times.
struct Mistake {
    /// The conversation.
    id: ConversationId,
    /// Panics that are left.
    left: AtomicU32,
}

#[async_trait]
impl Obstacle for Mistake {
    async fn meet(&self, asked: Asked<'_>) -> Result<(), JournalError> {
        let shows = matches!(asked, Asked::Entry(waiting) if waiting.visit.conversation == self.id);
        let one_less = |left: u32| left.checked_sub(1);
        let left = || {
            self.left
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less)
        };
        assert!(!shows || left().is_err(), "a mistake");
        Ok(())
    }
}

/// A centre with two callbacks; the tracker of the first panics so many times.
async fn panicking(times: u32) -> (Centre, ConversationId, ConversationId) {
    let mut centre = Centre::open().await;
    let (first, second) = (centre.callback(), centre.callback());
    let mistake = Mistake {
        id: first.clone(),
        left: AtomicU32::new(times),
    };
    centre.journal = Arc::new(Obstructed::from(mistake));
    (centre, first, second)
}

#[tokio::test(start_paused = true)]
async fn a_fresh_tracker_follows_at_the_next_sweep_and_nobody_else_notices() {
    let (centre, first, second) = panicking(2).await;
    let daemon = centre.start_ready().await;
    pass(minutes(5) + Duration::from_secs(1)).await;
    assert_eq!(daemon.now().panics, 2);
    assert_eq!(centre.writes(&first), [1]);
    assert_eq!(centre.writes(&second), [1]);
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_tracker_that_always_panics_is_given_up_after_three_more() {
    let (centre, first, second) = panicking(1_000).await;
    let daemon = centre.start_ready().await;
    pass(minutes(30)).await;
    assert_eq!(daemon.now().panics, 4);
    assert_eq!(centre.writes(&first), [0; 0]);
    assert_eq!(
        centre.priority(&second),
        5,
        "at twenty-five minutes and more"
    );
    assert_eq!(daemon.now().tracked, 1);
    daemon.stop().await;
}
