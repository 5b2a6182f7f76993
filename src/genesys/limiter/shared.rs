//! One rate for all replicas of an OAuth client: each permit is asked for where they keep what they share.
//!
//! Asking takes a moment, in which whoever waits may give up or be overtaken. So nobody waits for the answer itself: a task
//! asks, and lays the permit down for whoever is first by then.
//!
//! While the keeper does not answer, each keeps to a fifth of the rate by itself, as many as there may be: together that is
//! never more than the whole, and enough to keep notifications coming and to know who waits. Nothing is raised meanwhile,
//! because there are no claims either. The first question after that says so, because the keeper knows nothing of what was
//! sent.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::Notify,
    task::JoinSet,
    time::{Instant, sleep},
};

use super::lane::{JITTER, Rate as OwnRate, Spares};
use crate::{
    replicas::{Grant, MAX_REPLICAS, Rate, Replicas},
    settings::Budget,
};

/// How long the keeper is not asked after it did not answer.
const RETRY: Duration = Duration::from_secs(2);
/// Longest wait before it is asked again: rate and hold may be others by then.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// What asks for permits.
#[derive(Debug)]
pub(super) struct Fellows {
    /// Who asks.
    asking: Arc<Asking>,
    /// The questions under way, by token.
    under_way: Mutex<HashMap<usize, JoinSet<()>>>,
    /// Words of holds that are under way.
    words: Mutex<JoinSet<()>>,
}

/// What a question needs.
struct Asking {
    /// Where what replicas share is kept.
    replicas: Arc<dyn Replicas>,
    /// The rate, for one token.
    budget: Mutex<Budget>,
    /// What this one keeps to by itself, by token, while the keeper does not answer; and when to ask again.
    alone: Mutex<HashMap<usize, (OwnRate, Instant)>>,
    /// Wakes whoever waits for a permit.
    changed: Arc<Notify>,
}

impl Fellows {
    /// Asks these replicas for permits of this budget, and wakes by `changed` whoever waits.
    pub(super) fn new(replicas: Arc<dyn Replicas>, budget: Budget, changed: Arc<Notify>) -> Self {
        let asking = Asking {
            replicas,
            budget: Mutex::new(budget),
            alone: Mutex::default(),
            changed,
        };
        Self {
            asking: Arc::new(asking),
            under_way: Mutex::default(),
            words: Mutex::default(),
        }
    }

    /// When the rate had a permit that can be had now; else one is asked for, and word comes when it is there.
    pub(super) fn take(&self, token: usize, spares: &Arc<Spares>) -> Result<Instant, Duration> {
        let mut under_way = lock(&self.under_way);
        let question = under_way.entry(token).or_default();
        // Before a look at the spares: one that is laid down after it would be followed by nothing.
        while question.try_join_next().is_some() {}
        if let Some(since) = spares.take() {
            return Ok(since);
        }
        if question.is_empty() {
            let (asking, spares) = (Arc::clone(&self.asking), Arc::clone(spares));
            question.spawn(async move { asking.ask(token, &spares).await });
        }
        Err(LONGEST_WAIT)
    }

    /// Takes another budget.
    pub(super) fn change(&self, budget: Budget) {
        *lock(&self.asking.budget) = budget;
        // Whoever is alone stays so, until it can be said.
        for (own, _) in lock(&self.asking.alone).values_mut() {
            *own = OwnRate::used_up(share(budget));
        }
    }

    /// Tells the others that nobody may send anything before then.
    pub(super) fn hold(&self, until: Instant) {
        let mut words = lock(&self.words);
        while words.try_join_next().is_some() {}
        let asking = Arc::clone(&self.asking);
        words.spawn(async move {
            let time = until.saturating_duration_since(Instant::now());
            // Where it does not answer, each meets the hold for itself.
            let _kept = asking.replicas.hold(time).await;
        });
    }
}

impl Asking {
    /// Asks until there is a permit, and lays it down.
    async fn ask(&self, token: usize, spares: &Spares) {
        loop {
            let wait = match self.try_once(token).await {
                Ok(since) => {
                    spares.put(since);
                    // One at a time takes permits; should it come a moment later, it finds this word.
                    return self.changed.notify_one();
                }
                Err(wait) => wait,
            };
            sleep(wait.min(LONGEST_WAIT)).await;
        }
    }

    /// When there was a permit, or how long there will be none.
    async fn try_once(&self, token: usize) -> Result<Instant, Duration> {
        let retry_at = lock(&self.alone).get(&token).map(|(_, retry_at)| *retry_at);
        if retry_at.is_none_or(|at| at <= Instant::now()) {
            let rate = rate(*lock(&self.budget));
            let was_alone = retry_at.is_some();
            if let Ok(grant) = self.replicas.permit(token, rate, was_alone).await {
                lock(&self.alone).remove(&token);
                return match grant {
                    Grant::Now => Ok(Instant::now()),
                    Grant::In(wait) => Err(wait),
                };
            }
        }
        self.take_alone(token)
    }

    /// The same by this replica's own share.
    fn take_alone(&self, token: usize) -> Result<Instant, Duration> {
        let share = share(*lock(&self.budget));
        let mut alone = lock(&self.alone);
        let now = Instant::now();
        let (own, retry_at) = alone
            .entry(token)
            .or_insert_with(|| (OwnRate::used_up(share), now));
        if *retry_at <= now {
            *retry_at = now + RETRY;
        }
        own.take()
    }
}

impl std::fmt::Debug for Asking {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Asking")
            .field("budget", &self.budget)
            .finish_non_exhaustive()
    }
}

/// The rate of one token, for whoever keeps it.
fn rate(budget: Budget) -> Rate {
    Rate {
        interval: Duration::from_mins(1) / budget.requests_per_minute.max(1),
        burst: budget.burst.saturating_sub(JITTER).max(1),
    }
}

/// The share of one replica.
fn share(budget: Budget) -> Budget {
    let all = u32::try_from(MAX_REPLICAS).unwrap_or(u32::MAX);
    Budget {
        requests_per_minute: budget.requests_per_minute / all,
        burst: budget.burst / all,
        ..budget
    }
}

/// What is behind a lock.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use async_trait::async_trait;
    use jiff::Timestamp;
    use tokio::time::timeout;

    use super::{
        super::{Limiter, Turn},
        *,
    };
    use crate::{
        journal::JournalError,
        replicas::{Deeds, MemoryReplicas, Standing, SweepTurn},
    };

    /// A keeper that may not answer.
    struct Keeper {
        /// What it keeps when it does.
        inner: MemoryReplicas,
        /// Whether it does not.
        down: Arc<AtomicBool>,
    }

    impl Keeper {
        /// What it keeps, where it answers.
        fn answer(&self) -> Result<&MemoryReplicas, JournalError> {
            if self.down.load(Ordering::Relaxed) {
                return Err(JournalError::new("down"));
            }
            Ok(&self.inner)
        }
    }

    #[async_trait]
    impl Replicas for Keeper {
        async fn sign(&self, deeds: Deeds, now: Timestamp) -> Result<Standing, JournalError> {
            self.answer()?.sign(deeds, now).await
        }

        async fn leave(&self) -> Result<(), JournalError> {
            self.answer()?.leave().await
        }

        async fn permit(
            &self,
            token: usize,
            rate: Rate,
            was_alone: bool,
        ) -> Result<Grant, JournalError> {
            self.answer()?.permit(token, rate, was_alone).await
        }

        async fn hold(&self, time: Duration) -> Result<(), JournalError> {
            self.answer()?.hold(time).await
        }

        async fn sweep(&self, at_most: Duration) -> Result<SweepTurn, JournalError> {
            self.answer()?.sweep(at_most).await
        }

        async fn swept(&self, found: Option<String>) -> Result<(), JournalError> {
            self.answer()?.swept(found).await
        }

        async fn kept_channel(&self, line: usize) -> Result<Option<String>, JournalError> {
            self.answer()?.kept_channel(line).await
        }

        async fn keep_channel(&self, line: usize, sealed: String) -> Result<(), JournalError> {
            self.answer()?.keep_channel(line, sealed).await
        }
    }

    /// The usual budget.
    fn budget() -> Budget {
        Budget::new(270, None, 1)
    }

    /// The limiters of five replicas, and what takes their keeper down.
    fn five() -> (Vec<Arc<Limiter>>, Arc<AtomicBool>) {
        let (common, down) = (MemoryReplicas::default(), Arc::<AtomicBool>::default());
        let limiters = (0..MAX_REPLICAS).map(|number| {
            let keeper = Keeper {
                inner: common.start(&number.to_string()),
                down: Arc::clone(&down),
            };
            Arc::new(Limiter::new(budget()).among(Arc::new(keeper), budget()))
        });
        (limiters.collect(), down)
    }

    /// What these send as fast as they may, from now on.
    struct Senders {
        /// Those who send.
        _tasks: JoinSet<()>,
        /// When something was sent.
        times: Arc<Mutex<Vec<Instant>>>,
    }

    impl Senders {
        /// They begin.
        fn start(limiters: &[Arc<Limiter>]) -> Self {
            let (mut tasks, times) = (JoinSet::new(), Arc::<Mutex<Vec<Instant>>>::default());
            for limiter in limiters {
                let (limiter, times) = (Arc::clone(limiter), Arc::clone(&times));
                tasks.spawn(async move {
                    loop {
                        limiter.permit(Turn::Look).await.spend();
                        lock(&times).push(Instant::now());
                    }
                });
            }
            Self {
                _tasks: tasks,
                times,
            }
        }

        /// How many were sent in these minutes after the start.
        fn between(&self, start: Instant, first: u64, last: u64) -> usize {
            let [first, last] = [first, last].map(|minute| start + Duration::from_mins(minute));
            let times = lock(&self.times);
            times.iter().filter(|at| (first..last).contains(at)).count()
        }

        /// The most that were sent within a minute.
        fn most_in_a_minute(&self) -> usize {
            let times = lock(&self.times);
            let most = (0..times.len()).map(|first| {
                let end = times[first] + Duration::from_mins(1);
                times[first..].iter().take_while(|at| **at < end).count()
            });
            most.max().unwrap_or_default()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn five_keep_to_one_rate_also_while_nobody_keeps_it() {
        let (limiters, down) = five();
        let (start, senders) = (Instant::now(), Senders::start(&limiters));
        for (minutes, is_down) in [(5, false), (5, true), (5, false)] {
            down.store(is_down, Ordering::Relaxed);
            sleep(Duration::from_mins(minutes)).await;
        }
        for (first, last) in [(1, 5), (6, 10), (11, 15)] {
            let sent = senders.between(start, first, last);
            assert!((1_060..=1_090).contains(&sent), "{sent} after {first} min");
        }
        let most = senders.most_in_a_minute();
        assert!(most <= 300, "{most} in a minute");
    }

    #[tokio::test(start_paused = true)]
    async fn outages_one_after_the_other_bring_no_new_burst_each() {
        for seconds in [3, 6, 10, 15] {
            let (limiters, down) = five();
            let senders = Senders::start(&limiters);
            for is_down in [false, true, false, true, false, true, false] {
                down.store(is_down, Ordering::Relaxed);
                sleep(Duration::from_secs(seconds)).await;
            }
            sleep(Duration::from_mins(1)).await;
            let most = senders.most_in_a_minute();
            assert!(most <= 300, "{most} in a minute: {seconds} s each");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn bursts_that_were_saved_up_alone_and_together_are_not_added() {
        let (limiters, down) = five();
        down.store(true, Ordering::Relaxed);
        for limiter in &limiters {
            limiter.permit(Turn::Look).await.spend();
        }
        sleep(Duration::from_mins(2)).await;
        let senders = Senders::start(&limiters);
        sleep(Duration::from_secs(1)).await;
        down.store(false, Ordering::Relaxed);
        sleep(Duration::from_mins(3)).await;
        let most = senders.most_in_a_minute();
        assert!(most <= 300, "{most} in a minute");
    }

    #[tokio::test(start_paused = true)]
    async fn one_of_five_has_all_of_it_when_the_others_send_nothing_but_a_fifth_alone() {
        let (limiters, down) = five();
        let (start, senders) = (Instant::now(), Senders::start(&limiters[..1]));
        sleep(Duration::from_mins(5)).await;
        down.store(true, Ordering::Relaxed);
        sleep(Duration::from_mins(5)).await;
        let (all, fifth) = (senders.between(start, 1, 5), senders.between(start, 6, 10));
        assert!((1_060..=1_090).contains(&all), "{all}");
        assert!((205..=225).contains(&fifth), "{fifth}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_hold_that_one_meets_is_kept_by_all() {
        let (limiters, _down) = five();
        limiters[0].hold(Instant::now() + Duration::from_secs(40));
        sleep(Duration::from_millis(1)).await;
        let second = limiters[1].permit(Turn::Upkeep);
        assert!(timeout(Duration::from_secs(39), second).await.is_err());
        let start = Instant::now();
        limiters[1].permit(Turn::Upkeep).await.spend();
        assert!(start.elapsed() <= LONGEST_WAIT);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_gives_up_leaves_the_permit_to_the_next() {
        let (limiters, _down) = five();
        for _ in 0..10 {
            let given_up = timeout(Duration::ZERO, limiters[0].permit(Turn::Look)).await;
            drop(given_up);
        }
        let start = Instant::now();
        for _ in 0..20 {
            limiters[0].permit(Turn::Look).await.spend();
        }
        assert!(start.elapsed() < Duration::from_millis(100), "of the burst");
    }
}
