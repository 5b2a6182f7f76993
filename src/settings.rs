//! What the administrator decided: typed, layered, strict.
//!
//! The order: embedded defaults, then the file (`--config`), then the environment. Each layer is read strictly on its
//! own, so that a refusal names the line or the variable; then the `config` crate lays one over the other. A daemon
//! that starts with half-understood settings would raise the wrong callbacks for days before anyone looks, so whatever
//! is not understood is refused, and what is understood but looks unwise is a `Finding`.

mod budget;

mod catalogue;

mod changes;

mod describe;

mod endpoint;

mod environment;

mod error;

mod file;

mod findings;

mod interval;

mod journal_url;

mod load;

mod nearest;

mod offline;

mod organizations;

mod places;

mod policies;

mod queue_url;

mod region;

mod secret;

mod streaming;

mod strict;

mod written;

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, time::Duration};

use reqwest::Url;
use secrecy::SecretString;
use serde::Deserialize;

use crate::{conversation::Organization, policy::rules::Rules};

pub use budget::Budget;
pub use changes::Change;
pub(crate) use describe::plural;
pub use environment::environment;
pub use error::{FileProblem, SettingsError};
pub use findings::{Finding, Severity};
pub(crate) use interval::Spelled;
pub use interval::read as interval;
pub use journal_url::{JournalUrl, Protection, SharedJournal};
pub use load::{load, load_all, load_one};
pub use offline::{Offline, load_journal, load_listen, load_offline};
pub use organizations::{describe_all, findings_of_all};
pub use places::control_socket;
pub use queue_url::QueueUrl;
pub use region::Region;
pub use streaming::{RefusedUri, StreamingHost};
pub(crate) use written::{time_of_day, weekday};

/// The reference manual, which is also the lowest layer. A test proves that it equals the defaults of the types.
pub const DEFAULTS: &str = include_str!("../config/default.toml");

/// The settings in use for one organisation. Made by loading only, so they are known to be complete.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Whose they are; nobody's by name where there is but one organisation.
    pub organization: Organization,
    /// The platform, how to sign in, and how fast to ask.
    pub genesys: Genesys,
    /// Which callbacks are looked after.
    pub callbacks: Callbacks,
    /// When and how much their priority is raised, and which are left alone.
    pub rules: Rules,
    /// What tells of callbacks besides the sweep.
    pub events: Events,
    /// Where it is remembered what was done.
    pub journal: Journal,
    /// Where the daemon shows itself.
    pub status: Status,
    /// What it writes to standard error.
    pub log: Log,
    /// What loading showed that the values alone do not: permissions, and which layer replaced which.
    noticed: Vec<Finding>,
    /// Where the values came from, in words.
    origin: String,
    /// Every setting by its path, as it is written.
    written: BTreeMap<String, String>,
}

/// The platform, how to sign in, and how fast to ask.
#[derive(Clone, Debug)]
pub struct Genesys {
    /// The organisation's region.
    pub region: Region,
    /// Id of the OAuth client. No secret, but it says whose daemon this is.
    pub client_id: String,
    /// Its secret; shown by nothing.
    pub client_secret: SecretString,
    /// Base of all requests. Ends in `/`, so that relative paths can be joined to it.
    pub api_url: Url,
    /// Base of the sign-in. Ends in `/`.
    pub login_url: Url,
    /// Which hosts a channel may be on.
    pub streaming: StreamingHost,
    /// How fast to ask.
    pub budget: Budget,
}

/// Which callbacks are looked after.
#[derive(Clone, Debug)]
pub struct Callbacks {
    /// Queue names, globs over names, or ids. `["*"]` is every queue.
    pub queues: Vec<String>,
    /// Time from one sweep to the next: the longest a lost notification goes unnoticed.
    pub sweep: Duration,
    /// Look and log, but write nothing.
    pub dry_run: bool,
}

/// What tells of callbacks besides the sweep.
#[derive(Clone, Debug)]
pub struct Events {
    /// The SQS queue that EventBridge fills.
    pub sqs_queue_url: Option<QueueUrl>,
    /// Whether notifications are listened to.
    pub websocket: bool,
}

/// Where it is remembered what was done.
#[derive(Clone, Debug)]
pub struct Journal {
    /// The SQLite file. Made when it is absent; its folder is not. Where the journal is shared, the usual one, which is not
    /// used.
    pub path: PathBuf,
    /// The database that several daemons share instead.
    pub shared: Option<SharedJournal>,
    /// How long it is remembered.
    pub keep: Duration,
}

/// Where the daemon shows itself.
#[derive(Clone, Debug)]
pub struct Status {
    /// A loopback address unless `allow_remote`: the page has no sign-in.
    pub listen: SocketAddr,
    /// Whether other machines may reach it.
    pub allow_remote: bool,
    /// Names under which it is reached, in lower case. Addresses and `localhost` always are.
    pub hosts: Vec<String>,
}

/// What the daemon writes to standard error.
#[derive(Clone, Debug)]
pub struct Log {
    /// For people or for machines.
    pub format: LogFormat,
    /// A directive of `tracing`'s environment filter that is known to parse.
    pub level: String,
}

/// For whom log lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum LogFormat {
    /// Text on a terminal, JSON everywhere else.
    #[default]
    Auto,
    /// One JSON object a line.
    Json,
    /// Lines for people.
    Text,
}

impl TryFrom<String> for LogFormat {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Ok(match text.as_str() {
            "auto" => Self::Auto,
            "json" => Self::Json,
            "text" => Self::Text,
            _ => {
                let shown = text.escape_debug();
                return Err(format!(
                    "`{shown}` is no format: expected auto, json or text"
                ));
            }
        })
    }
}
