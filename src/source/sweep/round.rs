//! Whose turn it is to sweep, where several replicas would.
//!
//! One asks the platform, and the others take over what it found, as if they had asked at that moment. What a replica needs
//! decides how old that may be: half the time between sweeps in the usual course, and nothing from before a connect. Where
//! the keeper of what they share does not answer, each sweeps for itself: the safety net must not hang on a database.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use tracing::{debug, info};

use super::{Course, Found, Sweep};
use crate::{clock::millis, replicas::SweepTurn, source::Notice};

impl Sweep {
    /// Sweeps, or takes over what another replica has found since it was `wanted`, and says how long to wait for the next.
    pub(super) async fn take_turn(&self, course: &mut Course, wanted: Option<Instant>) -> Duration {
        let Some(replicas) = &self.replicas else {
            return self.round(course).await;
        };
        loop {
            let at_most = wanted.map_or(self.every() / 2, |wanted| wanted.elapsed());
            let asked = Instant::now();
            match replicas.sweep(at_most).await {
                Ok(SweepTurn::Theirs { found, age }) => {
                    let Ok(found) = serde_json::from_str(&found) else {
                        // Of a version whose words we do not know.
                        debug!("what another replica found cannot be read: sweeping");
                        return self.round(course).await;
                    };
                    let began = asked.checked_sub(age).unwrap_or(asked);
                    self.take_over(course, found, began).await;
                    return self.every().saturating_sub(age);
                }
                Ok(SweepTurn::Soon(time)) => sleep(time).await,
                Ok(SweepTurn::Ours) | Err(_) => return self.round(course).await,
            }
        }
    }

    /// Tells the others what was found, or that nothing was.
    pub(super) async fn tell(&self, found: Option<&Found>) {
        if let Some(replicas) = &self.replicas {
            let words = found.and_then(|found| serde_json::to_string(found).ok());
            // Where it is not kept, others wait for it a while longer, and sweep then.
            let _kept = replicas.swept(words).await;
        }
    }

    /// Passes on what another replica has found, that began to ask then.
    async fn take_over(&self, course: &mut Course, found: Found, asked: Instant) {
        self.works_again(course);
        let (waiting, complete) = (found.sightings.len(), !found.truncated);
        let notice = Notice::Resync {
            sightings: found.sightings,
            complete,
            asked,
        };
        if self.notices.send(notice).await.is_ok() {
            self.status.update(|now| now.sweeps_taken_over += 1);
            let age_ms = millis(asked.elapsed());
            info!(
                waiting,
                complete, age_ms, "sweep of another replica taken over"
            );
        }
    }
}
