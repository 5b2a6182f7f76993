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

mod nearest;

mod offline;

mod places;

mod policies;

mod queue_url;

mod region;

mod secret;

mod streaming;

mod strict;

mod written;

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use config::{Config, FileFormat};
use reqwest::Url;
use secrecy::SecretString;
use serde::Deserialize;

use crate::policy::rules::Rules;

use self::{
    endpoint::Endpoint, environment::Overrides, file::SettingsFile, secret::NamedFile,
    written::Written,
};

pub use budget::Budget;
pub use changes::Change;
pub(crate) use describe::plural;
pub use environment::environment;
pub use error::{FileProblem, SettingsError};
pub use findings::{Finding, Severity};
pub(crate) use interval::Spelled;
pub use interval::read as interval;
pub use journal_url::{JournalUrl, Protection};
pub use offline::{Offline, load_journal, load_listen, load_offline};
pub use places::control_socket;
pub use queue_url::QueueUrl;
pub use region::Region;
pub use streaming::{RefusedUri, StreamingHost};
pub(crate) use written::{time_of_day, weekday};

/// The reference manual, which is also the lowest layer. A test proves that it equals the defaults of the types.
pub const DEFAULTS: &str = include_str!("../config/default.toml");

/// The settings in use. Made by `load` only, so they are known to be complete.
#[derive(Clone, Debug)]
pub struct Settings {
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
    /// The SQLite file. Made when it is absent; its folder is not. Not used where the journal is shared.
    pub path: PathBuf,
    /// The database that several daemons share instead.
    pub shared: Option<SharedJournal>,
    /// How long it is remembered.
    pub keep: Duration,
}

/// A journal that several daemons share.
#[derive(Clone, Debug)]
pub struct SharedJournal {
    /// The database.
    pub url: JournalUrl,
    /// What this daemon signs in with, where that is not in the URL; shown by nothing.
    pub password: Option<SecretString>,
    /// What this daemon is called among them.
    pub replica: String,
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

/// Loads the settings: defaults, then `file`, then `environment`.
pub fn load(
    file: Option<&Path>,
    environment: &BTreeMap<String, String>,
) -> Result<Settings, SettingsError> {
    let (file, overrides, layers) = read(file, environment)?;
    let (flat, written) = (changes::flat(&layers.table), layers.written);
    let secret = secret::find(
        written
            .genesys
            .client_secret_file
            .as_deref()
            .map(|path| NamedFile {
                path,
                by_environment: overrides.gives("genesys.client_secret_file"),
            }),
        environment,
    )?;
    let mut noticed = findings::noticed(file.as_ref(), &overrides, &written, &secret);
    let (rules, contradictions) = policies::rules(&written, given(file.as_ref(), &overrides));
    noticed.extend(contradictions);
    let origin = describe::origin(file.as_ref(), &overrides, &secret);
    let written::Written {
        genesys,
        callbacks,
        policy: _,
        rules: _,
        events,
        journal,
        status,
        log,
    } = written;
    Ok(Settings {
        genesys: platform(genesys, secret.secret)?,
        callbacks: Callbacks {
            queues: callbacks.queues,
            sweep: callbacks.sweep.0,
            dry_run: callbacks.dry_run,
        },
        rules,
        events: Events {
            sqs_queue_url: events.sqs_queue_url,
            websocket: events.websocket,
        },
        journal: places::remembered(journal, environment)?,
        status: shown(status),
        log: Log {
            format: log.format,
            level: log.level.0,
        },
        noticed,
        origin,
        written: flat,
    })
}

/// Whether somebody has written a setting, so that it is no default.
fn given(file: Option<&SettingsFile>, overrides: &Overrides) -> impl Fn(&str) -> bool {
    move |setting| {
        let in_file = file.is_some_and(|file| file.mentioned.contains(setting));
        in_file || overrides.gives(setting)
    }
}

/// The layers, laid over each other.
struct Layers {
    /// As they are written.
    table: toml::Table,
    /// As they are read.
    written: Written,
}

/// Reads the layers and lays them over each other. Paths are resolved.
fn read(
    file: Option<&Path>,
    environment: &BTreeMap<String, String>,
) -> Result<(Option<SettingsFile>, Overrides, Layers), SettingsError> {
    let file = file.map(SettingsFile::read).transpose()?;
    let overrides = Overrides::read(environment)?;
    let mut layers = layer(file.as_ref(), &overrides)?;
    if let Some(file) = &file {
        // As they stand there: no other layer has any, and names of attributes keep their letter case.
        layers.written.rules.clone_from(&file.rules);
        let in_file = toml::from_str::<toml::Table>(&file.text);
        if let Some(rules) = in_file.ok().and_then(|mut table| table.remove("rules")) {
            layers.table.insert("rules".to_owned(), rules);
        }
        resolve_paths(&mut layers.written, &file.folder(), &overrides);
    }
    Ok((file, overrides, layers))
}

/// Lays the three layers over each other. Each was read strictly before, so nothing is coerced here.
fn layer(file: Option<&SettingsFile>, overrides: &Overrides) -> Result<Layers, SettingsError> {
    let text = file.map_or("", |file| file.text.as_str());
    let source = |text: &str| config::File::from_str(text, FileFormat::Toml);
    let table: toml::Table = Config::builder()
        .add_source(source(DEFAULTS))
        .add_source(source(text))
        .add_source(source(&overrides.table.to_string()))
        .build()
        .and_then(Config::try_deserialize)
        .map_err(|error| SettingsError::Layers(Box::new(error)))?;
    // As text once more, so that there is one reading of settings in the program instead of three.
    let written = written::read(&table.to_string())
        .map_err(|error| SettingsError::Layers(Box::new(error)))?;
    Ok(Layers { table, written })
}

/// Relative paths in the file count from the file's folder; those in the environment from the working directory.
fn resolve_paths(written: &mut Written, folder: &Path, overrides: &Overrides) {
    for (path, setting) in [
        (
            &mut written.genesys.client_secret_file,
            "genesys.client_secret_file",
        ),
        (&mut written.journal.path, "journal.path"),
        (&mut written.journal.password_file, "journal.password_file"),
    ] {
        if let Some(path) = path
            && !overrides.gives(setting)
        {
            *path = folder.join(&path);
        }
    }
}

/// The platform's section, with the hosts that follow from the region where no others are named.
fn platform(
    written: written::Genesys,
    client_secret: SecretString,
) -> Result<Genesys, SettingsError> {
    let written::Genesys {
        region,
        client_id,
        client_secret_file: _,
        api_url,
        login_url,
        requests_per_minute,
        burst,
        tokens,
    } = written;
    let client_id = client_id.ok_or(SettingsError::Missing {
        setting: "genesys.client_id",
        sentence: "it is missing, and without it nobody can sign in: set GENESYSCLOUD_OAUTHCLIENT_ID, or CALLBACK_PRIORITIZER__GENESYS__CLIENT_ID, or write `client_id` into the section `[genesys]` of the settings file",
    })?;
    let host = |given: Option<Endpoint>, service: &str| match given {
        Some(endpoint) => Ok(endpoint.0),
        None => Endpoint::on(service, region.domain())
            .map(|endpoint| endpoint.0)
            .map_err(|reason| SettingsError::Layers(reason.into())),
    };
    let api_url = host(api_url, "api")?;
    Ok(Genesys {
        login_url: host(login_url, "login")?,
        streaming: StreamingHost::new(&region, &api_url),
        client_id: client_id.0,
        client_secret,
        api_url,
        budget: Budget::new(requests_per_minute.0, burst.map(|burst| burst.0), tokens.0),
        region,
    })
}

/// The status page's section.
fn shown(written: written::Status) -> Status {
    let written::Status {
        listen,
        allow_remote,
        hosts,
    } = written;
    Status {
        listen: listen.0,
        allow_remote,
        hosts: hosts.into_iter().map(|name| name.0).collect(),
    }
}
