//! All that there is to know at one moment, put together for whoever looks: the page, `/status.json`, `status`.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};

use jiff::Timestamp;
use serde::Serialize;

use super::{
    Event, Health, Overdue, Snapshot,
    board::{Callback, Outcome, Outlook, Reason, SHOWN},
};
use crate::{
    clock::elapsed,
    conversation::{Organization, Priority, QueueId},
};

/// The daemon at one moment.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Which version it is.
    pub version: &'static str,
    /// Whose it is, where there are several.
    #[serde(skip_serializing_if = "is_the_only_one")]
    pub organization: Organization,
    /// When this is, by the platform's time.
    pub now: Timestamp,
    /// How it is.
    pub health: Health,
    /// Raises that are overdue.
    pub overdue: usize,
    /// For how long the first of them is, seconds.
    #[serde(serialize_with = "super::figures::seconds", rename = "overdue_seconds")]
    pub overdue_for: Duration,
    /// Requests in the last minute.
    pub requests_last_minute: u32,
    /// The numbers.
    #[serde(flatten)]
    pub numbers: Snapshot,
    /// What happened last: to the daemon, newest first, then to callbacks.
    pub events: Vec<Event>,
    /// The callbacks that wait, oldest first; not more than are worth a page.
    pub callbacks: Vec<Row>,
    /// Whether there are more than that.
    pub left_out: bool,
}

/// A callback that waits, with what follows from all of them and from the time.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// What is known of it.
    #[serde(flatten)]
    pub callback: Callback,
    /// How long it has waited, seconds.
    #[serde(serialize_with = "super::figures::seconds", rename = "waited_seconds")]
    pub waited: Duration,
    /// Its place among the callbacks of its queue, by what the platform offers first.
    pub place: usize,
    /// Why it will be raised or not, in words.
    pub why: String,
    /// What its queue is called, or else its id.
    #[serde(skip)]
    pub queue_label: Option<String>,
}

/// What a report is made of.
pub(super) struct Parts {
    /// When this is.
    pub(super) now: Timestamp,
    /// How the daemon is.
    pub(super) health: Health,
    /// What is overdue.
    pub(super) overdue: Overdue,
    /// Requests in the last minute.
    pub(super) requests_last_minute: u32,
    /// The numbers.
    pub(super) numbers: Snapshot,
    /// What happened last.
    pub(super) events: Vec<Event>,
    /// The callbacks that wait, oldest first.
    pub(super) callbacks: Vec<Callback>,
}

impl From<Parts> for Report {
    fn from(parts: Parts) -> Self {
        let Parts {
            now,
            health,
            overdue,
            requests_last_minute,
            mut numbers,
            events,
            callbacks,
        } = parts;
        let places = places(&callbacks);
        let rows = callbacks.into_iter().zip(places);
        let callbacks = rows.map(|(callback, place)| Row {
            waited: elapsed(callback.since, now),
            place,
            why: why(&callback, &numbers),
            queue_label: label(&callback),
            callback,
        });
        let callbacks: Vec<_> = callbacks.collect();
        let left_out = callbacks.len() >= SHOWN && numbers.tracked > SHOWN;
        // One word means one thing to whoever reads it from outside.
        numbers.ready = health.ready;
        Self {
            version: env!("CARGO_PKG_VERSION"),
            organization: Organization::default(),
            now,
            health,
            overdue: overdue.callbacks,
            overdue_for: overdue.longest,
            requests_last_minute,
            numbers,
            events,
            callbacks,
            left_out,
        }
    }
}

impl Row {
    /// A number that differs where what is shown of the callback does, but for what follows from the time and from others.
    pub(super) fn version(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (&self.callback, &self.why, &self.queue_label).hash(&mut hasher);
        hasher.finish()
    }
}

/// Whether there is no other to tell it from.
fn is_the_only_one(organization: &Organization) -> bool {
    organization.name().is_none()
}

/// What its queue is called, or else its id.
fn label(callback: &Callback) -> Option<String> {
    let id = callback.queue_id.as_ref();
    let name = callback.queue.clone();
    name.or_else(|| id.map(ToString::to_string))
}

/// The place of each in its queue: the platform offers first whose wait, with a minute for each point, is the longest.
fn places(callbacks: &[Callback]) -> Vec<usize> {
    let worth = i64::try_from(Priority::WORTH.as_millis()).unwrap_or(i64::MAX);
    let score = |callback: &Callback| {
        let since = callback.since.as_millisecond();
        since.saturating_sub(worth.saturating_mul(callback.priority.points()))
    };
    let mut in_order: Vec<usize> = (0..callbacks.len()).collect();
    in_order.sort_by_key(|index| score(&callbacks[*index]));
    let mut lines: HashMap<Option<&QueueId>, usize> = HashMap::new();
    let mut places = vec![0; callbacks.len()];
    for index in in_order {
        let line = lines.entry(callbacks[index].queue_id.as_ref()).or_default();
        *line += 1;
        places[index] = *line;
    }
    places
}

/// Why a callback will be raised or not.
fn why(callback: &Callback, numbers: &Snapshot) -> String {
    let (will, verb) = if numbers.dry_run {
        ("would be raised", "dry run: ")
    } else {
        ("will be raised", "")
    };
    let refused = callback
        .last
        .is_some_and(|last| last.outcome == Outcome::Refused);
    match callback.next {
        _ if numbers.journal_trouble.is_some() => {
            "not raised until the journal works again".to_owned()
        }
        Outlook::Raise { closed: true, .. } => {
            format!("{verb}outside business hours: {will} when they begin")
        }
        Outlook::Raise { .. } if refused => {
            "the platform refused the last raise: the next step is tried".to_owned()
        }
        Outlook::Raise { to: Some(to), .. } => format!("{verb}{will} to {to}"),
        Outlook::Raise { to: None, .. } => format!("{verb}{will}"),
        Outlook::Due { .. } => {
            format!("{verb}due now: a request for it is on its way or waits for its turn")
        }
        Outlook::Paused { until: Some(_) } => {
            "paused: it gets what falls due meanwhile by one write when the pause is over"
                .to_owned()
        }
        Outlook::Paused { until: None } => {
            "paused: it gets what falls due meanwhile by one write when it is resumed".to_owned()
        }
        Outlook::Never { reason } => never(callback, reason),
    }
}

/// Why a callback is raised no more.
fn never(callback: &Callback, reason: Reason) -> String {
    match (reason, callback.rule.as_str()) {
        (Reason::MaxRaises, _) => {
            "not raised: it has had all raises that max_raises allows".to_owned()
        }
        (Reason::MaxPriority, _) => {
            "not raised: it has the highest priority that its policy allows".to_owned()
        }
        (Reason::LastStep, _) => "not raised: its policy has no further step".to_owned(),
        (Reason::LeftAlone, "agent-owned") => {
            "not raised: it waits for one agent, who gets it whatever its priority".to_owned()
        }
        (Reason::LeftAlone, "voicemail") => {
            "not raised: it is a voicemail, nobody waits".to_owned()
        }
        (Reason::LeftAlone, _) => "not raised: its rule leaves it alone".to_owned(),
    }
}
