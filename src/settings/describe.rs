//! The settings in plain words, so that an administrator can compare what was meant with what will happen.

use super::{
    Budget, Callbacks, LogFormat, Policy, Settings, endpoint::is_loopback, environment::Overrides,
    file::SettingsFile, interval::Spelled, secret::ClientSecret,
};

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
        let genesys = &self.genesys;
        let platform = if is_loopback(&genesys.api_url) {
            "a platform on this machine".to_owned()
        } else {
            format!("region {}", genesys.region)
        };
        vec![
            format!("settings: {}", self.origin),
            format!(
                "platform: {platform}; requests go to {}, the sign-in as client {} to {}",
                genesys.api_url, genesys.client_id, genesys.login_url
            ),
            format!("notifications: {}", genesys.streaming.describe()),
            format!("queues: {}", queues(&self.callbacks.queues)),
            format!("policy: {}", policy(&self.policy)),
            format!(
                "budget: {} are enough for {} callbacks waiting at once; beyond that raises come late",
                requests(genesys.budget),
                self.capacity()
            ),
            sweep(&self.callbacks),
            format!(
                "journal: {}, which remembers for {}",
                self.journal.path.display(),
                Spelled(self.journal.keep)
            ),
            format!("status: http://{}/", self.status.listen),
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

    /// How many callbacks can wait at once before the request budget makes raises late.
    #[must_use]
    pub fn capacity(&self) -> u64 {
        self.genesys.budget.raises_in(self.policy.wait)
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

/// The queues in words.
fn queues(patterns: &[String]) -> String {
    if patterns == ["*"] {
        return "every queue that the client may see".to_owned();
    }
    patterns.join(", ")
}

/// The policy in words.
fn policy(policy: &Policy) -> String {
    let mut words = vec![
        format!(
            "every {} a waiting callback gains {}",
            Spelled(policy.wait),
            gain(policy.increment.get())
        ),
        "until it is answered or ends".to_owned(),
    ];
    words.extend(
        policy
            .max_raises
            .map(|raises| format!("at most {raises} {}", plural(raises, "time"))),
    );
    words.extend(
        policy
            .max_priority
            .map(|priority| format!("and never beyond priority {priority}")),
    );
    words.join(", ")
}

/// Points, and what they are worth.
fn gain(points: u32) -> String {
    let minutes = match points {
        1 => "one minute".to_owned(),
        _ => format!("{points} minutes"),
    };
    format!(
        "{points} {}, {minutes} of queue time",
        plural(points, "point")
    )
}

/// The word for this many.
pub(super) fn plural(count: impl Into<u64>, word: &str) -> String {
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
