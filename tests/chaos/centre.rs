//! The platform with its callers, its agents and its troubles; and what must hold of all that was written.

use std::{collections::HashMap, time::Duration};

use callback_prioritizer::{
    conversation::{ConversationId, Priority, QueueId},
    sandbox::{Callback, Effect, Fate, Options, RequestFault, Sandbox, World, scenario::Outcome},
};
use jiff::Timestamp;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tokio::time::timeout;

use crate::process::PATIENCE;

/// Callbacks that wait at any time.
const WAITING: usize = 30;
/// Points by which a supervisor raises one.
const FAR: i64 = 1_000;
/// Longest time from an answer to a write that was decided before it. Anything later knew better.
const CROSSED: Duration = Duration::from_secs(3);
/// Beginning of the path of the priority PATCH.
const WRITE: &str = "/api/v2/routing/conversations/";
/// Beginning of the path of a look.
const LOOK: &str = "/api/v2/conversations/";

/// The platform.
pub(crate) struct Centre {
    /// Itself.
    pub(crate) sandbox: Sandbox,
    /// Time from one raise to the next.
    wait: Duration,
    /// Decides what happens, and when.
    dice: ChaCha8Rng,
    /// Those whose priority a supervisor has set, and to what.
    supervised: HashMap<ConversationId, i64>,
}

impl Centre {
    /// A platform where callbacks wait.
    pub(crate) async fn open(seed: u64, wait: Duration) -> Self {
        let mut options = Options {
            seed,
            latency: Duration::from_millis(5),
            ..Options::default()
        };
        // What the client may send is the daemon's own setting here.
        options.limits.requests_per_minute = 100_000;
        let sandbox = Sandbox::start(options).await.unwrap();
        let centre = Self {
            sandbox,
            wait,
            dice: ChaCha8Rng::seed_from_u64(seed),
            supervised: HashMap::new(),
        };
        for _ in 0..WAITING {
            let _id = centre.arrive();
        }
        centre
    }

    /// The queue in which they wait.
    fn queue(&self) -> QueueId {
        self.sandbox.world().queue("Support").unwrap()
    }

    /// A callback arrives.
    fn arrive(&self) -> ConversationId {
        let callback = Callback::to(&self.queue());
        self.sandbox.world().add_callback(callback)
    }

    /// A time up to this, by the dice.
    pub(crate) fn moment(&mut self, longest: Duration) -> Duration {
        longest.mul_f64(self.dice.random())
    }

    /// Whether something happens that does once in so many times.
    pub(crate) fn once_in(&mut self, times: u32) -> bool {
        self.dice.random_ratio(1, times)
    }

    /// One of those who wait is answered or hangs up, and another one arrives.
    pub(crate) fn live(&mut self) {
        let world = self.sandbox.world().clone();
        let line = world.line(&self.queue());
        let gone = &line[self.dice.random_range(0..line.len())];
        if self.once_in(3) {
            world.hangup(gone).unwrap();
        } else {
            world.answer(gone).unwrap();
        }
        let _new = self.arrive();
    }

    /// A supervisor sets the priority of one of those who wait, far above anybody's target.
    pub(crate) fn supervise(&mut self) {
        let world = self.sandbox.world().clone();
        let mut line = world.line(&self.queue());
        line.retain(|id| !self.supervised.contains_key(id));
        let id = line.swap_remove(self.dice.random_range(0..line.len()));
        let points = world.priority(&id).unwrap().points() + FAR;
        world.set_priority(&id, Priority::clamped(points)).unwrap();
        self.supervised.insert(id, points);
    }

    /// A handful of requests and events go wrong, and sometimes the sockets are cut.
    pub(crate) fn trouble(&mut self) {
        let faults = self.sandbox.faults().clone();
        for (method, path, effect) in [
            ("PATCH", WRITE, Effect::AppliedThenCut),
            ("PATCH", WRITE, Effect::Answer(503, None)),
            ("PATCH", WRITE, Effect::AppliedThenAnswer(500)),
            ("PATCH", WRITE, Effect::Cut),
            ("GET", LOOK, Effect::Answer(503, None)),
            ("GET", LOOK, Effect::Cut),
        ] {
            let times = self.dice.random_range(1..4);
            faults.requests(RequestFault::to(method, path, effect).times(times));
        }
        for fate in [Fate::Lost, Fate::Late(Duration::from_secs(1)), Fate::Twice] {
            faults.events("", fate, Some(self.dice.random_range(1..6)));
        }
        if self.once_in(4) {
            faults.cut_sockets();
        }
    }

    /// No more trouble from now on.
    pub(crate) fn calm(&self) {
        self.sandbox.faults().clear();
    }

    /// Waits until all who wait are exactly where the policy wants them at that moment.
    pub(crate) async fn on_target(&self) {
        let entered = self.entered();
        let queue = self.queue();
        let all = |world: &World| {
            let now = world.now();
            let line = world.line(&queue);
            assert_eq!(line.len(), WAITING);
            line.iter().all(|id| {
                let points = world.priority(id).unwrap().points();
                match self.supervised.get(id) {
                    Some(set) => points > *set,
                    None => points == self.target(entered[id], now),
                }
            })
        };
        let on_target = self.sandbox.world().until(all);
        if timeout(PATIENCE, on_target).await.is_err() {
            let world = self.sandbox.world();
            let now = world.now();
            let line = world.line(&queue).into_iter();
            let lost: Vec<_> = line
                .map(|id| (world.priority(&id), self.target(entered[&id], now), id))
                .collect();
            panic!("never all on target; priority, target, and whose: {lost:#?}");
        }
    }

    /// What the policy wants for a callback that entered its queue then.
    fn target(&self, entered: Timestamp, now: Timestamp) -> i64 {
        let waits = now.duration_since(entered).as_millis()
            / i128::try_from(self.wait.as_millis()).unwrap();
        i64::try_from(waits).unwrap()
    }

    /// What became of every callback.
    fn outcomes(&self) -> HashMap<ConversationId, Outcome> {
        let outcomes = self.sandbox.world().outcomes().into_iter();
        outcomes
            .map(|outcome| (outcome.conversation.clone(), outcome))
            .collect()
    }

    /// When every callback entered its queue.
    fn entered(&self) -> HashMap<ConversationId, Timestamp> {
        let outcomes = self.outcomes().into_iter();
        outcomes
            .map(|(id, outcome)| (id, outcome.entered.unwrap()))
            .collect()
    }

    /// How many wait at any time.
    #[expect(clippy::unused_self, reason = "it is the same for every centre")]
    pub(crate) fn waiting(&self) -> usize {
        WAITING
    }

    /// Sees that after so many writes, the next one of each who has waited through an outage of this length made good for
    /// all of it.
    pub(crate) fn caught_up_at_once(&self, writes: usize, outage: Duration) {
        let missed = i64::try_from(outage.as_millis() / self.wait.as_millis()).unwrap();
        let mut first = HashMap::new();
        for write in self.sandbox.world().writes().into_iter().skip(writes) {
            first.entry(write.conversation.clone()).or_insert(write);
        }
        let line = self.sandbox.world().line(&self.queue());
        let entered = self.entered();
        let resumed = self.sandbox.world().now();
        for id in line {
            let waited = resumed.duration_since(entered[&id]).unsigned_abs();
            if waited > outage * 2 {
                let write = &first[&id];
                let by = write.to.points() - write.from.points();
                assert!(by >= missed, "by {by}, {missed} were missed: {write:?}");
            }
        }
    }

    /// Sees that no write ever took a callback above its target or down, and how many there were.
    pub(crate) fn never_above_target_and_never_down(&self) -> usize {
        let entered = self.entered();
        let writes = self.sandbox.world().writes();
        for write in &writes {
            assert!(write.from <= write.to, "down: {write:?}");
            if self.supervised.contains_key(&write.conversation) {
                continue;
            }
            let target = self.target(entered[&write.conversation], write.at);
            assert!(write.to.points() <= target, "above {target}: {write:?}");
        }
        writes.len()
    }

    /// Sees that nobody tried to raise a callback that was long answered or over, but for what a daemon had decided when
    /// it was stopped for this time.
    pub(crate) fn hands_off_what_is_over(&self, stopped: Duration) {
        let outcomes = self.outcomes();
        for request in self.sandbox.requests() {
            let Some(id) = request.path.strip_prefix(WRITE) else {
                continue;
            };
            let outcome = &outcomes[&id.parse().unwrap()];
            let over = outcome.answered.or(outcome.ended);
            let late = over.is_some_and(|over| request.at > over + CROSSED + stopped);
            assert!(!late, "{request:?} after {over:?}");
        }
    }
}
