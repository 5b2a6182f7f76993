//! One of several replicas: gives signs of life, learns who else lives, and obeys what operators ordered there.
//!
//! Without an answer it goes on by what it knew: that only decides who goes first. Where it is refused its place, the daemon
//! ends, because two with one name would use each other's channels, and a sixth would cost somebody else his.

use std::sync::Arc;

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::shared::Shared;
use crate::{
    clock::Clock,
    journal::Journal,
    replicas::{Deeds, Replica, Replicas, SIGN, Standing},
};

/// What a member needs.
pub(super) struct Membership {
    /// Where signs are given.
    replicas: Arc<dyn Replicas>,
    /// Who is told of it.
    shared: Shared,
    /// Wall time.
    clock: Clock,
    /// Those who lived when it was last said.
    said: Vec<String>,
}

impl Membership {
    /// The membership of this daemon, where there may be several.
    pub(super) fn of(shared: &Shared, clock: Clock) -> Option<Self> {
        let replicas = shared.replicas.clone()?;
        Some(Self {
            replicas,
            shared: shared.clone(),
            clock,
            said: Vec::new(),
        })
    }

    /// Gives a sign of life. Fails with the reason where this daemon has no place; that there is no answer is no failure.
    pub(super) async fn sign(&mut self) -> Result<(), String> {
        let deeds = self.shared.status.read(|now| Deeds {
            tracked: now.tracked as u64,
            raises: now.raises,
            claims_lost: now.claims_lost,
            repairs: now.repairs,
        });
        match self.replicas.sign(deeds, self.clock.now()).await {
            Ok(Standing::Member(roll)) => {
                self.shared.peers.learn(&roll);
                self.say(&roll);
                self.shared.status.update(|now| now.replicas = roll);
                Ok(())
            }
            Ok(Standing::Refused(why)) => Err(why),
            Err(_no_answer) => {
                // Asked by its watch, which says that it does not work, once.
                let _said = self.shared.journal.answers(self.clock.now()).await;
                Ok(())
            }
        }
    }

    /// Gives signs of life until stopped; returns why where it has lost its place.
    pub(super) async fn run(mut self, stop: CancellationToken) -> Option<String> {
        let signing = async {
            let mut next = interval(SIGN);
            next.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                next.tick().await;
                if let Err(why) = self.sign().await {
                    error!(why, "this replica has lost its place");
                    return why;
                }
                self.shared.control.heed_others().await;
            }
        };
        stop.run_until_cancelled(signing).await
    }

    /// Says who lives, where that is not as it was said before.
    fn say(&mut self, roll: &[Replica]) {
        let others = roll.iter().filter(|other| !other.me);
        let (living, dead): (Vec<_>, Vec<_>) = others.partition(|other| other.lives);
        let names = |replicas: &[&Replica]| -> Vec<String> {
            let names = replicas.iter().map(|replica| replica.name.clone());
            names.collect()
        };
        let (living, dead) = (names(&living), names(&dead));
        if living == self.said {
            return;
        }
        if self.said.iter().any(|name| dead.contains(name)) {
            warn!(
                ?living,
                ?dead,
                "a replica gives no sign of life: the others raise its callbacks"
            );
        } else {
            info!(others = ?living, "replicas that share this journal");
        }
        self.said = living;
    }
}
