//! A permit for every request, so that the platform never has to refuse one.
//!
//! The platform allows 300 requests a minute per token and announces nothing but a 429. The rate is kept by a generic
//! cell rate algorithm: a sustained 270 a minute plus a burst of 30 is the most that never exceeds 300 in *any* rolling
//! minute (a plain quota of 300 lets 599 through), less a margin for requests that bunch up on their way. When the platform does refuse, nobody asks again before the time it
//! named: the pause holds all permits, not only the one that was refused.
//!
//! Permits are handed out in the order they were asked for, but for the upkeep of channels, which goes before the rest: a
//! queue of raises must not cost the connection that says which of them are still wanted. Giving up while waiting costs
//! nothing. The token request goes first and alone: were permits handed out while it is under way, they would pile up behind it and be used all at
//! once, more than the platform allows in the minute that follows.

use std::{
    num::NonZeroU32,
    sync::{Mutex, PoisonError},
};

use governor::{
    Quota, RateLimiter,
    clock::Clock as Reading,
    middleware::NoOpMiddleware,
    nanos::Nanos,
    state::{InMemoryState, NotKeyed},
};
use tokio::{
    sync::{RwLock, RwLockWriteGuard},
    time::{Instant, sleep, sleep_until},
};

use crate::settings::BURST;

/// Requests by which the burst stays under what would be allowed. The platform counts when requests arrive, and a few
/// may arrive closer together than they were sent: three make up for two thirds of a second at the default rate.
const JITTER: u32 = 3;
/// Share of the rate that may come as a burst: the default's 30 of 270.
const BURST_SHARE: u32 = 9;

/// The right to send one request.
#[derive(Debug)]
#[must_use = "a permit that is dropped was taken from somebody who is waiting"]
pub(crate) struct Permit(());

/// Hands out permits at the rate the platform allows.
#[derive(Debug)]
pub(crate) struct Limiter {
    /// The rate itself.
    rate: RateLimiter<NotKeyed, InMemoryState, TokioTime, NoOpMiddleware<Nanos>>,
    /// Held by whoever is next of the ordinary requests, so that their permits go out in order.
    ordinary: tokio::sync::Mutex<()>,
    /// Held by whoever is next of all.
    turn: tokio::sync::Mutex<()>,
    /// Held exclusively while all others wait for one request.
    gate: RwLock<()>,
    /// End of the pause that the platform asked for.
    held_until: Mutex<Option<Instant>>,
}

impl Limiter {
    /// A limiter for this sustained rate; at least one a minute.
    pub(crate) fn new(requests_per_minute: u32) -> Self {
        let burst = BURST
            .min(requests_per_minute / BURST_SHARE)
            .saturating_sub(JITTER);
        let quota = Quota::per_minute(positive(requests_per_minute)).allow_burst(positive(burst));
        Self {
            rate: RateLimiter::direct_with_clock(quota, TokioTime::start()),
            ordinary: tokio::sync::Mutex::new(()),
            turn: tokio::sync::Mutex::new(()),
            gate: RwLock::new(()),
            held_until: Mutex::new(None),
        }
    }

    /// Waits for the right to send one request. May be given up at any time.
    pub(crate) async fn permit(&self) -> Permit {
        let _ordinary = self.ordinary.lock().await;
        self.permit_for_upkeep().await
    }

    /// Waits for the right to send two requests one right after the other. May be given up at any time.
    pub(crate) async fn pair(&self) -> (Permit, Permit) {
        let _ordinary = self.ordinary.lock().await;
        (
            self.permit_for_upkeep().await,
            self.permit_for_upkeep().await,
        )
    }

    /// The same as [`Self::permit`], before all ordinary requests.
    pub(super) async fn permit_for_upkeep(&self) -> Permit {
        let _turn = self.turn.lock().await;
        let _open = self.gate.read().await;
        self.take().await
    }

    /// Whether a pause is in force.
    pub(super) fn paused_until(&self) -> Option<Instant> {
        self.held().filter(|until| *until > Instant::now())
    }

    /// Waits for the right to send one request that all others wait for: ahead of them, and as long as the guard is held
    /// nobody else is handed a permit.
    pub(super) async fn permit_alone(&self) -> (Permit, RwLockWriteGuard<'_, ()>) {
        let closed = self.gate.write().await;
        (self.take().await, closed)
    }

    /// Takes a permit as soon as the rate has one and no pause is in force.
    async fn take(&self) -> Permit {
        loop {
            self.pause_over().await;
            match self.rate.check() {
                Ok(()) => return Permit(()),
                Err(early) => sleep(early.wait_time_from(self.rate.clock().now())).await,
            }
        }
    }

    /// Waits until no pause is in force.
    pub(crate) async fn pause_over(&self) {
        while let Some(until) = self.paused_until() {
            sleep_until(until).await;
        }
    }

    /// Stops all requests until then. A shorter pause never shortens a longer one. Says whether it is a new pause.
    pub(crate) fn hold(&self, until: Instant) -> bool {
        let mut held = self
            .held_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let paused = held.is_some_and(|held| held > Instant::now());
        *held = (*held).max(Some(until));
        !paused
    }

    /// End of the newest pause.
    fn held(&self) -> Option<Instant> {
        *self
            .held_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// At least one of something.
fn positive(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN)
}

/// Tokio's clock as the rate limiter reads it, so that a paused clock pauses the rate as well.
#[derive(Clone, Copy, Debug)]
struct TokioTime(Instant);

impl TokioTime {
    /// Counts from now on.
    fn start() -> Self {
        Self(Instant::now())
    }
}

impl Reading for TokioTime {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        self.0.elapsed().into()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Sends as fast as allowed and notes when.
    async fn sent(limiter: &Limiter, requests: usize) -> Vec<Instant> {
        let mut times = Vec::new();
        for _ in 0..requests {
            let _permit = limiter.permit().await;
            times.push(Instant::now());
        }
        times
    }

    #[tokio::test(start_paused = true)]
    async fn never_more_than_300_in_any_minute() {
        let limiter = Limiter::new(270);
        let times = sent(&limiter, 2_000).await;
        let most = (0..times.len())
            .map(|first| {
                let end = times[first] + Duration::from_mins(1);
                times[first..]
                    .iter()
                    .take_while(|time| **time < end)
                    .count()
            })
            .max();
        assert!(most <= Some(297), "{most:?} in a minute");
        let rate = 1_970.0 / (times[1_999] - times[30]).as_secs_f64() * 60.0;
        assert!((269.0..271.0).contains(&rate), "{rate} a minute");
    }

    #[tokio::test(start_paused = true)]
    async fn small_rates_have_small_bursts() {
        let limiter = Limiter::new(45);
        let times = sent(&limiter, 3).await;
        assert_eq!(times[0], times[1]);
        assert!(times[2] - times[1] > Duration::from_secs(1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_holds_everybody() {
        let limiter = Limiter::new(270);
        let start = Instant::now();
        assert!(limiter.hold(start + Duration::from_secs(40)));
        assert!(
            !limiter.hold(start + Duration::from_secs(20)),
            "already paused"
        );
        let times = sent(&limiter, 2).await;
        assert!(times[0] - start >= Duration::from_secs(40));
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_that_comes_while_waiting_counts() {
        let limiter = Limiter::new(9);
        let _first = limiter.permit().await;
        let start = Instant::now();
        let (_permit, ()) = tokio::join!(limiter.permit(), async {
            sleep(Duration::from_secs(1)).await;
            limiter.hold(start + Duration::from_mins(1));
        });
        assert!(start.elapsed() >= Duration::from_mins(1));
    }

    #[tokio::test(start_paused = true)]
    async fn giving_up_costs_nothing() {
        let limiter = Limiter::new(6);
        let _first = limiter.permit().await;
        let start = Instant::now();
        for _ in 0..5 {
            let given_up = tokio::time::timeout(Duration::from_secs(1), limiter.permit()).await;
            assert!(given_up.is_err());
        }
        let _second = limiter.permit().await;
        assert_eq!(start.elapsed().as_secs(), 10);
    }
}
