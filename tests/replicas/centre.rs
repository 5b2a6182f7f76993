//! The platform with its callers, its agents and its troubles.

use std::{collections::HashMap, time::Duration};

use callback_prioritizer::{
    conversation::{ConversationId, QueueId},
    sandbox::{Callback, Effect, Fate, Options, RequestFault, Sandbox},
};
use jiff::Timestamp;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// Beginning of the path of the priority PATCH.
pub(crate) const WRITE: &str = "/api/v2/routing/conversations/";
/// Beginning of the path of a look.
const LOOK: &str = "/api/v2/conversations/";
/// Where all that wait are asked for.
const SWEEP: &str = "/api/v2/analytics/conversations/activity/query";
/// How long every request takes, at least.
const LATENCY: Duration = Duration::from_millis(15);

/// The platform.
pub(crate) struct Centre {
    /// Itself.
    pub(crate) sandbox: Sandbox,
    /// The queue in which callbacks wait.
    queue: QueueId,
    /// Time from one raise to the next.
    pub(crate) wait: Duration,
}

impl Centre {
    /// A platform where nobody waits.
    pub(crate) async fn open(seed: u64, wait: Duration) -> Self {
        let mut options = Options {
            seed,
            latency: LATENCY,
            ..Options::default()
        };
        // What the client may send is the daemons' own setting here, and counted.
        options.limits.requests_per_minute = 100_000;
        let sandbox = Sandbox::start(options).await.unwrap();
        let queue = sandbox.world().queue("Support").unwrap();
        Self {
            sandbox,
            queue,
            wait,
        }
    }

    /// A callback arrives that has waited for this long already.
    pub(crate) fn arrive(&self, waited: Duration) -> ConversationId {
        let mut callback = Callback::to(&self.queue);
        callback.waited = waited;
        self.sandbox.world().add_callback(callback)
    }

    /// Who waits.
    pub(crate) fn line(&self) -> Vec<ConversationId> {
        self.sandbox.world().line(&self.queue)
    }

    /// One of those who wait is answered or hangs up, and another one arrives.
    pub(crate) fn live(&self, dice: &mut ChaCha8Rng) {
        let world = self.sandbox.world();
        let line = self.line();
        let gone = &line[dice.random_range(0..line.len())];
        if dice.random_ratio(1, 3) {
            world.hangup(gone).unwrap();
        } else {
            world.answer(gone).unwrap();
        }
        let _new = self.arrive(Duration::ZERO);
    }

    /// No more trouble from now on.
    pub(crate) fn calm(&self) {
        self.sandbox.faults().clear();
    }

    /// When every callback entered its queue.
    pub(crate) fn entered(&self) -> HashMap<ConversationId, Timestamp> {
        let outcomes = self.sandbox.world().outcomes().into_iter();
        outcomes
            .map(|outcome| (outcome.conversation, outcome.entered.unwrap()))
            .collect()
    }

    /// What the policy wants at this time for a callback that entered its queue then.
    pub(crate) fn target(&self, entered: Timestamp, now: Timestamp) -> i64 {
        let wait = i128::try_from(self.wait.as_millis()).unwrap();
        i64::try_from(now.duration_since(entered).as_millis() / wait).unwrap()
    }
}

/// A handful of requests and events that go wrong: everything at once that a platform and a network can do to a write.
pub(crate) struct Trouble {
    /// What goes wrong with requests.
    requests: Vec<RequestFault>,
    /// What becomes of so many events.
    events: Vec<(Fate, u32)>,
    /// Whether all sockets are cut.
    cuts: bool,
}

impl Trouble {
    /// Some, by the dice.
    pub(crate) fn draw(dice: &mut ChaCha8Rng) -> Self {
        let late = Duration::from_millis(dice.random_range(50..1_500));
        let mut requests = Vec::new();
        for (method, path, effect, once_in) in [
            ("PATCH", WRITE, Effect::AppliedThenAnswer(500), 1),
            ("PATCH", WRITE, Effect::AppliedThenCut, 1),
            ("PATCH", WRITE, Effect::Delay(late), 1),
            ("PATCH", WRITE, Effect::Answer(503, None), 2),
            ("PATCH", WRITE, Effect::Cut, 2),
            ("PATCH", WRITE, Effect::Answer(429, Some(1)), 12),
            ("GET", LOOK, Effect::Answer(503, None), 2),
            ("GET", LOOK, Effect::Cut, 2),
            ("POST", "/oauth/token", Effect::Answer(503, None), 12),
            ("POST", SWEEP, Effect::Answer(503, None), 12),
        ] {
            if dice.random_ratio(1, once_in) {
                requests.push(RequestFault::to(method, path, effect).times(1));
            }
        }
        let fates = [Fate::Lost, Fate::Late(late), Fate::Twice];
        Self {
            requests,
            events: fates.map(|fate| (fate, dice.random_range(1..6))).into(),
            cuts: dice.random_ratio(1, 10),
        }
    }

    /// It comes to this platform, in the place of what has not struck yet.
    pub(crate) fn come_to(&self, centre: &Centre) {
        let faults = centre.sandbox.faults();
        faults.clear();
        for fault in &self.requests {
            faults.requests(fault.clone());
        }
        for (fate, times) in &self.events {
            faults.events("", *fate, Some(*times));
        }
        if self.cuts {
            faults.cut_sockets();
        }
    }
}
