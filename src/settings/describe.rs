//! The settings in plain words, so that an administrator can compare what was meant with what will happen.

use std::time::Duration;

use super::{
    Budget, Callbacks, LogFormat, Settings, Status, endpoint::is_loopback, environment::Overrides,
    file::SettingsFile, interval::Spelled, secret::ClientSecret,
};
use crate::policy::rules::{CountFrom, Rules, Treatment};

/// Where the values came from.
pub(super) fn origin(
    file: Option<&SettingsFile>,
    overrides: &Overrides,
    secret: &ClientSecret,
) -> String {
    let mut layers = vec!["defaults".to_owned()];
    layers.extend(file.map(|file| file.path.display().to_string()));
    layers.extend(overrides.variables.values().cloned());
    format!(
        "{}; the secret from {}",
        layers.join(", then "),
        secret.origin
    )
}

impl Settings {
    /// What these settings mean, a sentence each, for people. Shows no secret.
    #[must_use]
    pub fn describe(&self) -> Vec<String> {
        let mut lines = self.describe_own();
        lines.extend(self.describe_common());
        lines
    }

    /// What is the organisation's own.
    pub(super) fn describe_own(&self) -> Vec<String> {
        let genesys = &self.genesys;
        let platform = if is_loopback(&genesys.api_url) {
            "a platform on this machine".to_owned()
        } else {
            format!("region {}", genesys.region)
        };
        let mut lines = vec![
            format!("settings: {}", self.origin),
            format!(
                "platform: {platform}; requests go to {}, the sign-in as client {} to {}",
                genesys.api_url, genesys.client_id, genesys.login_url
            ),
            notifications(self),
            format!("queues: {}", queues(&self.callbacks.queues)),
        ];
        lines.extend(policies(&self.rules));
        lines.extend([
            budget(genesys.budget, self.capacity()),
            sweep(&self.callbacks),
        ]);
        lines
    }

    /// What all organisations have in common.
    pub(super) fn describe_common(&self) -> Vec<String> {
        vec![
            format!(
                "journal: {}, which remembers for {}",
                self.journal.path.display(),
                Spelled(self.journal.keep)
            ),
            status(&self.status),
            format!(
                "log: {} on standard error, {}",
                match self.log.format {
                    LogFormat::Auto => "text on a terminal and JSON elsewhere,",
                    LogFormat::Json => "JSON, one object a line,",
                    LogFormat::Text => "text",
                },
                self.log.level
            ),
        ]
    }

    /// How many callbacks can wait at once before the request budget makes raises late; nothing where raises end.
    #[must_use]
    pub fn capacity(&self) -> Option<u64> {
        let wait = self.shortest_wait()?;
        Some(self.genesys.budget.raises_in(wait))
    }

    /// Shortest of the times from one raise to the next that the policies have; nothing where none raises again and again.
    pub(super) fn shortest_wait(&self) -> Option<Duration> {
        let raising = self.rules.treatments().filter(|treatment| !treatment.skip);
        raising
            .filter_map(|treatment| treatment.policy.interval())
            .min()
    }
}

/// The rate in words.
fn requests(budget: Budget) -> String {
    let rate = budget.requests_per_minute;
    match budget.tokens {
        1 => format!("{rate} requests a minute"),
        tokens => format!("{tokens} tokens with {rate} requests a minute each"),
    }
}

/// What tells of callbacks, in words.
fn notifications(settings: &Settings) -> String {
    let queue = settings.events.sqs_queue_url.as_ref();
    let queue = queue.map(|queue| format!("the SQS queue {queue}"));
    match (settings.events.websocket, queue) {
        (true, queue) => format!(
            "notifications: {}{}",
            settings.genesys.streaming.describe(),
            queue.map_or_else(String::new, |queue| format!("; and {queue}"))
        ),
        (false, Some(queue)) => format!("notifications: none but from {queue}"),
        (false, None) => "notifications: none".to_owned(),
    }
}

/// The queues in words.
fn queues(patterns: &[String]) -> String {
    if patterns == ["*"] {
        return "every queue that the client may see".to_owned();
    }
    patterns.join(", ")
}

/// The budget in words.
fn budget(budget: Budget, capacity: Option<u64>) -> String {
    let requests = requests(budget);
    match capacity {
        Some(capacity) => format!(
            "budget: {requests} are enough for {capacity} callbacks waiting at once; beyond that raises come late"
        ),
        None => format!("budget: {requests}"),
    }
}

/// The policies in words, a line each.
fn policies(rules: &Rules) -> Vec<String> {
    let mut lines: Vec<String> = rules
        .rules
        .iter()
        .map(|rule| {
            format!(
                "rule {}: {}: {}",
                rule.name.escape_debug(),
                rule.when,
                treatment(&rule.treatment)
            )
        })
        .collect();
    let all = if lines.is_empty() {
        "policy"
    } else {
        "all others"
    };
    lines.push(format!("{all}: {}", treatment(&rules.otherwise)));
    let left_alone = [
        (rules.raise_agent_owned, "callbacks that wait for one agent"),
        (rules.raise_voicemail, "voicemails"),
    ];
    let left_alone: Vec<&str> = left_alone
        .iter()
        .filter(|(raised, _)| !raised)
        .map(|(_, what)| *what)
        .collect();
    if !left_alone.is_empty() {
        lines.push(format!("left alone: {}", left_alone.join(" and ")));
    }
    lines
}

/// What becomes of a callback, in words.
fn treatment(treatment: &Treatment) -> String {
    if treatment.skip {
        return "left alone".to_owned();
    }
    let mut words = vec![treatment.policy.to_string()];
    let policy = &treatment.policy;
    if policy.counts_the_callers_wait() {
        words.push(match &treatment.count_from {
            CountFrom::Callback => {
                "the caller's wait counts from the callback's own entry".to_owned()
            }
            CountFrom::Conversation => {
                "the caller's wait counts from the first entry of the conversation into a queue"
                    .to_owned()
            }
            CountFrom::Attribute(name) => format!(
                "the caller's wait counts from the attribute {}",
                name.escape_debug()
            ),
        });
    }
    words.join("; ")
}

/// The status page in words.
fn status(status: &Status) -> String {
    let who = if status.listen.ip().is_loopback() {
        "for this machine only"
    } else {
        "for whoever can reach it"
    };
    let names = match &*status.hosts {
        [] => String::new(),
        names => format!("; also as {}", names.join(", ")),
    };
    format!("status: http://{}/, {who}{names}", status.listen)
}

/// The word for this many.
pub(crate) fn plural(count: impl Into<u64>, word: &str) -> String {
    let ending = if count.into() == 1 { "" } else { "s" };
    format!("{word}{ending}")
}

/// The sweep in words, and whether anything is written.
fn sweep(callbacks: &Callbacks) -> String {
    let writes = if callbacks.dry_run {
        "; dry run: nothing is written to the platform"
    } else {
        ""
    };
    format!(
        "sweep: every {} all waiting callbacks are listed, so a lost notification costs no more than that{writes}",
        Spelled(callbacks.sweep)
    )
}
