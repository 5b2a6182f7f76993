//! A permit for every request, so that the platform never has to refuse one.
//!
//! The platform allows 300 requests a minute per token and announces nothing but a 429. The rate is kept by a generic
//! cell rate algorithm: a sustained 270 a minute plus a burst of 30 is the most that never exceeds 300 in *any* rolling
//! minute (a plain quota of 300 lets 599 through), less a margin for requests that bunch up on their way. When the
//! platform does refuse, nobody asks again before the time it named: the hold keeps back all permits, not only the one that was
//! refused.
//!
//! When more is wanted than the rate carries, it is decided here what comes first ([`Turn`]): the upkeep of channels,
//! because a queue of raises must not cost the connection that says which of them are still wanted; then raises, the
//! longest overdue first, so that an overload makes everybody's steps longer alike; then looks; then sweeps. Looks and
//! sweeps wait for a while and no longer: a daemon that only wrote would soon not know what.
//!
//! Where the settings allow several tokens, each is a lane with a rate of its own behind the one line: a permit is for one
//! token, the first that has one. Channels belong to the first token, so their upkeep goes by it.
//!
//! Giving up while waiting costs nothing, and a permit that is not used after all goes to the next. The token request goes
//! first and alone: were permits handed out while it is under way, they would pile up behind it and be used all at once,
//! more than the platform allows in the minute that follows.
//!
//! Replicas have one rate in common (`shared`); who of them gets the next permit is a matter of who asks first.

mod lane;

mod line;

mod shared;

use std::{
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use tokio::{
    sync::{Notify, RwLock, RwLockWriteGuard},
    time::{Instant, sleep, sleep_until},
};

pub(crate) use self::line::Place;
use self::{
    lane::{Lane, Spares},
    line::Line,
    shared::Fellows,
};
use crate::{replicas::Replicas, settings::Budget};

/// What a request is for, in the order in which they are let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Turn {
    /// Keeps notifications coming.
    Upkeep,
    /// Raises, or looks in order to raise, what was due then.
    Raise(Timestamp),
    /// Looks because something happened.
    Look,
    /// Asks for all that wait.
    Sweep,
}

/// The right to send one request. Dropped without being used, it goes to somebody else.
#[derive(Debug)]
#[must_use = "somebody else is waiting for a permit"]
pub(crate) struct Permit {
    /// Where it goes when it is not used; nothing once it is.
    back: Option<Arc<Spares>>,
    /// When the rate had it.
    since: Instant,
    /// Until when it may be used.
    until: Instant,
    /// Which token it is for.
    lane: usize,
}

impl Permit {
    /// Which token it is for.
    pub(super) fn lane(&self) -> usize {
        self.lane
    }

    /// Whether it was held so long that using it now would let requests bunch up.
    pub(super) fn is_old(&self) -> bool {
        Instant::now() > self.until
    }

    /// Uses it.
    pub(super) fn spend(mut self) {
        self.back = None;
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(spares) = self.back.take() {
            spares.put(self.since);
        }
    }
}

/// Hands out permits at the rate the platform allows.
#[derive(Debug)]
pub(crate) struct Limiter {
    /// The tokens.
    lanes: Vec<Lane>,
    /// Who waits.
    line: Arc<Line>,
    /// Held exclusively while all others wait for one request.
    gate: RwLock<()>,
    /// End of the hold that the platform asked for.
    held_until: Mutex<Option<Instant>>,
    /// Wakes whoever waits for a rate that is another now, or for a permit that was asked for.
    changed: Arc<Notify>,
    /// Where the rate is one of several replicas.
    fellows: Option<Arc<Fellows>>,
}

impl Limiter {
    /// A limiter for this budget; at least one request a minute.
    pub(crate) fn new(budget: Budget) -> Self {
        Self {
            lanes: (0..budget.tokens).map(|_| Lane::new(budget)).collect(),
            line: Arc::default(),
            gate: RwLock::new(()),
            held_until: Mutex::new(None),
            changed: Arc::default(),
            fellows: None,
        }
    }

    /// The same for one of these replicas, which have the budget in common.
    pub(crate) fn among(self, replicas: Arc<dyn Replicas>, budget: Budget) -> Self {
        let changed = Arc::clone(&self.changed);
        Self {
            fellows: Some(Arc::new(Fellows::new(replicas, budget, changed))),
            ..self
        }
    }

    /// Waits for the right to send one request, in its turn. May be given up at any time.
    pub(crate) async fn permit(&self, turn: Turn) -> Permit {
        self.permit_at(&self.join(turn)).await
    }

    /// Joins the line. Whoever waits there is small, whoever waits for a permit is not.
    pub(crate) fn join(&self, turn: Turn) -> Place {
        self.line.join(turn)
    }

    /// Waits at this place for the right to send one request, and if it takes two by then, of another right after it. May be
    /// given up at any time.
    pub(crate) async fn one_or_two(
        &self,
        place: Place,
        takes_two: impl Fn() -> bool,
    ) -> (Permit, Option<Permit>) {
        // Both at one place: the first would grow old while others go before the second.
        let first = self.permit_at(&place).await;
        if !takes_two() {
            return (first, None);
        }
        let second = self.permit_at(&place).await;
        (first, Some(second))
    }

    /// Which tokens will do.
    fn lanes_of(&self, turn: Turn) -> Range<usize> {
        match turn {
            Turn::Upkeep => 0..1,
            Turn::Raise(_) | Turn::Look | Turn::Sweep => 0..self.lanes.len(),
        }
    }

    /// Waits at this place in the line for the right to send one request. May be given up at any time.
    pub(crate) async fn permit_at(&self, place: &Place) -> Permit {
        let lanes = self.lanes_of(place.turn());
        loop {
            tokio::select! {
                biased;
                () = place.called() => {}
                permit = self.take_in_turn(lanes.clone()), if place.is_first() => return permit,
            }
        }
    }

    /// Takes a permit unless a request that all others wait for is under way.
    async fn take_in_turn(&self, lanes: Range<usize>) -> Permit {
        let _open = self.gate.read().await;
        self.take(lanes).await
    }

    /// Until when a hold is in force, where one is.
    pub(super) fn on_hold_until(&self) -> Option<Instant> {
        self.held().filter(|until| *until > Instant::now())
    }

    /// Waits for the right to send one request for this token that all others wait for: ahead of them, and as long as the
    /// guard is held nobody else is handed a permit.
    pub(super) async fn permit_alone(&self, lane: usize) -> (Permit, RwLockWriteGuard<'_, ()>) {
        let closed = self.gate.write().await;
        (self.take(lane..lane + 1).await, closed)
    }

    /// Takes a permit as soon as one of these tokens has one and no hold is in force.
    async fn take(&self, lanes: Range<usize>) -> Permit {
        loop {
            self.hold_over().await;
            let mut soonest = Duration::MAX;
            for lane in lanes.clone() {
                match self.take_from(lane) {
                    Ok(since) => return self.granted(lane, since),
                    Err(wait) => soonest = soonest.min(wait),
                }
            }
            tokio::select! {
                () = sleep(soonest) => {}
                () = self.changed.notified() => {}
            }
        }
    }

    /// When the rate had the permit for this token that can be had now, or how long there will be none.
    fn take_from(&self, lane: usize) -> Result<Instant, Duration> {
        match &self.fellows {
            Some(fellows) => fellows.take(lane, &self.lanes[lane].spares),
            None => self.lanes[lane].take(),
        }
    }

    /// Takes another budget, for as many tokens as before. In no minute are there more requests than the larger of both
    /// allows: where less may come at once now than before, all wait until that is made up for.
    pub(crate) fn change(&self, budget: Budget) {
        let larger = self.lanes.iter().map(|lane| lane.change(budget)).max();
        if let Some(fellows) = &self.fellows {
            // What was used of the one before is known there.
            fellows.change(budget);
        } else {
            let interval = Duration::from_mins(1) / budget.requests_per_minute.max(1);
            self.hold(Instant::now() + interval * larger.unwrap_or_default());
        }
        self.changed.notify_waiters();
    }

    /// A permit for this token that its rate had then.
    fn granted(&self, lane: usize, since: Instant) -> Permit {
        Permit {
            back: Some(Arc::clone(&self.lanes[lane].spares)),
            since,
            until: since + self.lanes[lane].good_for(),
            lane,
        }
    }

    /// Waits until no hold is in force.
    pub(crate) async fn hold_over(&self) {
        while let Some(until) = self.on_hold_until() {
            sleep_until(until).await;
        }
    }

    /// Stops all requests until then. A shorter hold never shortens a longer one. Says whether it is a new hold.
    pub(crate) fn hold(&self, until: Instant) -> bool {
        let mut held = self
            .held_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let on_hold = held.is_some_and(|held| held > Instant::now());
        if let Some(fellows) = &self.fellows {
            fellows.hold(until);
        }
        *held = (*held).max(Some(until));
        !on_hold
    }

    /// End of the newest hold.
    fn held(&self) -> Option<Instant> {
        *self
            .held_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{lane::SPARE_LIFE, *};

    /// A rate without a burst: a request each 2.2 s.
    const SLOW: u32 = 27;

    /// A limiter for one token.
    fn limiter(requests_per_minute: u32) -> Limiter {
        Limiter::new(Budget::new(requests_per_minute, None, 1))
    }

    /// Sends as fast as allowed and notes when.
    async fn sent(limiter: &Limiter, requests: usize) -> Vec<Instant> {
        let mut times = Vec::new();
        for _ in 0..requests {
            limiter.permit(Turn::Look).await.spend();
            times.push(Instant::now());
        }
        times
    }

    #[tokio::test(start_paused = true)]
    async fn never_more_than_300_in_any_minute() {
        let limiter = limiter(270);
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
    async fn two_tokens_carry_twice_as_much_and_upkeep_goes_by_the_first() {
        let limiter = Limiter::new(Budget::new(SLOW, None, 2));
        let start = Instant::now();
        let mut sent = [0; 2];
        for _ in 0..28 {
            let permit = limiter.permit(Turn::Look).await;
            sent[permit.lane()] += 1;
            permit.spend();
        }
        assert_eq!((sent, start.elapsed().as_secs()), ([14, 14], 28));
        let upkeep = limiter.permit(Turn::Upkeep).await;
        assert_eq!((upkeep.lane(), start.elapsed().as_secs()), (0, 31));
    }

    #[tokio::test(start_paused = true)]
    async fn a_given_burst_is_a_burst_and_no_more() {
        let limiter = Limiter::new(Budget::new(60, Some(10), 1));
        let times = sent(&limiter, 60).await;
        let at_once = times.iter().filter(|time| **time == times[0]).count();
        let in_a_minute = times
            .iter()
            .filter(|time| **time - times[0] < Duration::from_mins(1));
        assert_eq!((at_once, in_a_minute.count()), (7, 60));
    }

    #[tokio::test(start_paused = true)]
    async fn another_budget_holds_at_once_and_no_minute_has_more_than_the_larger_allows() {
        for (before, after) in [
            (Budget::new(270, None, 1), Budget::new(60, None, 1)),
            (Budget::new(60, None, 1), Budget::new(270, None, 1)),
            (Budget::new(270, Some(30), 1), Budget::new(290, Some(5), 1)),
            (Budget::new(1, None, 1), Budget::new(270, None, 1)),
        ] {
            // At many a moment between a burst that was spared and one that was just used up.
            for moment in [0, 1, 7_000, 20_000, 60_000, 90_000] {
                let limiter = Limiter::new(before);
                let mut times = Vec::new();
                let began = Instant::now();
                let change = async {
                    sleep(Duration::from_millis(moment)).await;
                    limiter.change(after);
                };
                let sending = async {
                    while began.elapsed() < Duration::from_mins(5) {
                        limiter.permit(Turn::Look).await.spend();
                        times.push(Instant::now());
                    }
                };
                tokio::join!(sending, change);
                let in_minute_from = |first: &Instant| {
                    let end = *first + Duration::from_mins(1);
                    times
                        .iter()
                        .filter(|time| *time >= first && **time < end)
                        .count()
                };
                let most = times.iter().map(in_minute_from).max().unwrap_or_default();
                let allowed = before.most_in_a_minute().max(after.most_in_a_minute());
                assert!(
                    most <= allowed as usize,
                    "{most} at {moment}: {before:?} {after:?}"
                );
                let last = times.partition_point(|time| *time < began + Duration::from_mins(4));
                let rate = times.len() - last;
                let expected = after.requests_per_minute as usize;
                assert!(rate.abs_diff(expected) <= 1, "{rate} a minute: {after:?}");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn small_rates_have_small_bursts() {
        let limiter = limiter(45);
        let times = sent(&limiter, 3).await;
        assert_eq!(times[0], times[1]);
        assert!(times[2] - times[1] > Duration::from_secs(1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_hold_is_for_everybody() {
        let limiter = limiter(270);
        let start = Instant::now();
        assert!(limiter.hold(start + Duration::from_secs(40)));
        assert!(
            !limiter.hold(start + Duration::from_secs(20)),
            "on hold already"
        );
        let times = sent(&limiter, 2).await;
        assert!(times[0] - start >= Duration::from_secs(40));
    }

    #[tokio::test(start_paused = true)]
    async fn a_hold_that_comes_while_waiting_counts() {
        let limiter = limiter(9);
        limiter.permit(Turn::Look).await.spend();
        let start = Instant::now();
        let (_permit, ()) = tokio::join!(limiter.permit(Turn::Look), async {
            sleep(Duration::from_secs(1)).await;
            limiter.hold(start + Duration::from_mins(1));
        });
        assert!(start.elapsed() >= Duration::from_mins(1));
    }

    #[tokio::test(start_paused = true)]
    async fn giving_up_costs_nothing() {
        let limiter = limiter(6);
        limiter.permit(Turn::Look).await.spend();
        let start = Instant::now();
        for _ in 0..5 {
            let given_up =
                tokio::time::timeout(Duration::from_secs(1), limiter.permit(Turn::Look)).await;
            assert!(given_up.is_err());
        }
        limiter.permit(Turn::Look).await.spend();
        assert_eq!(start.elapsed().as_secs(), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn a_permit_that_was_not_used_goes_to_the_next_but_not_much_later() {
        let limiter = limiter(6);
        drop(limiter.permit(Turn::Look).await);
        let start = Instant::now();
        drop(limiter.permit(Turn::Look).await);
        assert_eq!(start.elapsed(), Duration::ZERO);
        sleep(SPARE_LIFE).await;
        limiter.permit(Turn::Look).await.spend();
        assert_eq!(start.elapsed().as_secs(), 10, "it was too old");
    }

    #[tokio::test(start_paused = true)]
    async fn a_permit_is_good_for_a_second_or_until_the_next_one() {
        for (rate, good_for) in [(270, 1_000), (27, 3_333)] {
            let permit = limiter(rate).permit(Turn::Look).await;
            sleep(Duration::from_millis(good_for)).await;
            assert!(!permit.is_old(), "{rate}");
            sleep(Duration::from_millis(2)).await;
            assert!(permit.is_old(), "{rate}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_hold_that_is_just_over_is_none() {
        let limiter = limiter(270);
        let now = Instant::now();
        assert!(limiter.hold(now));
        assert!(limiter.hold(now + Duration::from_secs(1)), "a new one");
        assert!(!limiter.hold(now + Duration::from_secs(2)));
    }

    /// Who got a permit, in order, where all of these come at once while the rate has none.
    async fn order(limiter: &Limiter, turns: &[Turn]) -> Vec<Turn> {
        limiter.permit(Turn::Upkeep).await.spend();
        let got = Mutex::new(Vec::new());
        let all = turns.iter().map(|turn| async {
            limiter.permit(*turn).await.spend();
            got.lock().unwrap().push(*turn);
        });
        futures_util::future::join_all(all).await;
        got.into_inner().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn upkeep_then_the_longest_overdue_raise_then_looks_then_sweeps() {
        let due = |second| Turn::Raise(Timestamp::from_second(second).unwrap());
        let limiter = limiter(SLOW);
        let asked = [
            Turn::Sweep,
            due(30),
            Turn::Look,
            due(10),
            Turn::Upkeep,
            due(20),
        ];
        let expected = [
            Turn::Upkeep,
            due(10),
            due(20),
            due(30),
            Turn::Look,
            Turn::Sweep,
        ];
        assert_eq!(order(&limiter, &asked).await, expected);
    }

    #[tokio::test(start_paused = true)]
    async fn a_sweep_does_not_wait_behind_raises_for_ever() {
        let limiter = limiter(SLOW);
        let mut asked = vec![Turn::Sweep];
        asked.extend((0..100).map(|at| Turn::Raise(Timestamp::from_second(at).unwrap())));
        let got = order(&limiter, &asked).await;
        let place = got.iter().position(|turn| *turn == Turn::Sweep).unwrap();
        assert!((12..=15).contains(&place), "after {place} raises");
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_gives_up_holds_nobody_up() {
        let limiter = limiter(SLOW);
        limiter.permit(Turn::Upkeep).await.spend();
        let start = Instant::now();
        let first = Turn::Raise(Timestamp::UNIX_EPOCH);
        let (given_up, ()) = tokio::join!(
            tokio::time::timeout(Duration::from_millis(10), limiter.permit(first)),
            async { limiter.permit(Turn::Sweep).await.spend() },
        );
        assert!(given_up.is_err());
        assert_eq!(start.elapsed().as_secs(), 2);
    }
}
