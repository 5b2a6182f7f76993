//! The platform in this process, and what can be read off it.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use callback_prioritizer::{
    clock::elapsed,
    conversation::{ConversationId, QueueId},
    sandbox::{Callback, Options, Sandbox, Write},
};
use jiff::Timestamp;

/// A limit that nothing here reaches.
pub(crate) const NO_LIMIT: usize = 100_000_000;

/// A platform and its callbacks, each of which entered the queue with a priority of 0.
pub(crate) struct Centre {
    /// The platform.
    pub(crate) sandbox: Sandbox,
    /// When each callback entered.
    entered: HashMap<ConversationId, Timestamp>,
}

impl Centre {
    /// One without callbacks.
    pub(crate) async fn open(options: Options) -> Self {
        Self {
            sandbox: Sandbox::start(options).await.expect("a free port"),
            entered: HashMap::new(),
        }
    }

    /// The queue that they wait in.
    fn queue(&self) -> QueueId {
        self.sandbox.world().queue("Support").expect("a queue")
    }

    /// A callback enters the queue, or did so a while ago.
    pub(crate) fn arrive(&mut self, waited: Duration) -> ConversationId {
        let world = self.sandbox.world();
        let entered = world.now() - waited;
        let id = world.add_callback(Callback {
            waited,
            ..Callback::to(&self.queue())
        });
        self.entered.insert(id.clone(), entered);
        id
    }

    /// How late the writes since then were that raised on schedule: a callback gains a point after each of these waits.
    pub(crate) fn lateness(&self, wait: Duration, since: Timestamp) -> Vec<Duration> {
        self.writes(since)
            .iter()
            .map(|write| elapsed(self.due(write, wait), write.at))
            .collect()
    }

    /// When the first of the steps was due that a write made good.
    fn due(&self, write: &Write, wait: Duration) -> Timestamp {
        let steps = u32::try_from(write.from.points() + 1).expect("raised from 0 or more");
        self.entered[&write.conversation] + wait * steps
    }

    /// The writes since then.
    pub(crate) fn writes(&self, since: Timestamp) -> Vec<Write> {
        let mut writes = self.sandbox.world().writes();
        writes.retain(|write| write.at >= since);
        writes
    }

    /// By how many writes two differ at most that entered within the same second.
    pub(crate) fn spread(&self) -> usize {
        let mut writes: HashMap<&ConversationId, usize> =
            self.entered.keys().map(|id| (id, 0)).collect();
        let all = self.sandbox.world().writes();
        for write in &all {
            *writes.entry(&write.conversation).or_default() += 1;
        }
        let mut alike: HashMap<i64, (usize, usize)> = HashMap::new();
        for (id, writes) in writes {
            let second = self.entered[id].as_second();
            let (least, most) = alike.entry(second).or_insert((writes, writes));
            (*least, *most) = ((*least).min(writes), (*most).max(writes));
        }
        alike
            .values()
            .map(|(least, most)| most - least)
            .max()
            .unwrap_or_default()
    }

    /// What requests since then were for, in words.
    pub(crate) fn purposes(&self, since: Timestamp) -> String {
        let mut purposes: BTreeMap<&str, usize> = BTreeMap::new();
        for request in self
            .sandbox
            .requests()
            .iter()
            .filter(|request| request.at >= since)
        {
            let purpose = match request.path.as_str() {
                path if path.starts_with("/api/v2/routing/conversations/") => "raises",
                path if path.starts_with("/api/v2/conversations/") => "looks",
                path if path.starts_with("/api/v2/analytics/") => "sweeps",
                path if path.starts_with("/api/v2/notifications/") => "notifications",
                _ => "others",
            };
            *purposes.entry(purpose).or_default() += 1;
        }
        let words: Vec<_> = purposes
            .iter()
            .map(|(purpose, count)| format!("{count} {purpose}"))
            .collect();
        words.join(", ")
    }

    /// Requests since then, and those of them that were refused because there were too many.
    pub(crate) fn requests(&self, since: Timestamp) -> (usize, usize) {
        let requests = self.sandbox.requests();
        let since = requests.iter().filter(|request| request.at >= since);
        let all = since.clone().count();
        (
            all,
            since.filter(|request| request.status == Some(429)).count(),
        )
    }
}
