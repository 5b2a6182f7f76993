//! The settings as they are written, before they are put to use: one typed value per key, with its default.
//!
//! Every type here refuses nonsense while it is read, so a refusal can still name the line or the variable. What only
//! two settings together can decide is left to `settings.rs`.

mod conditions;

mod either;

mod hours;

mod ladder;

mod policy;

use std::{fmt, num::NonZeroU32, path::PathBuf, time::Duration};

use serde::Deserialize;
use tracing_subscriber::EnvFilter;

use super::{
    LogFormat,
    endpoint::{Endpoint, HostName, Listen},
    interval::{Interval, Keep, Sweep, Wait},
    queue_url::QueueUrl,
    region::Region,
};
use crate::conversation::Organization;

pub(super) use either::OneOrMany;
pub(crate) use hours::{time_of_day, weekday};
pub(super) use policy::{Policy, Rule, USUAL_WAIT};

/// All sections. An empty file is a complete one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Written {
    /// The platform and how to sign in.
    pub(super) genesys: Genesys,
    /// Which callbacks.
    pub(super) callbacks: Callbacks,
    /// When and how much to raise.
    pub(super) policy: Policy,
    /// For some, in another way.
    pub(super) rules: Vec<Rule>,
    /// What else tells of callbacks.
    pub(super) events: Events,
    /// Where claims are kept.
    pub(super) journal: Journal,
    /// The status page.
    pub(super) status: Status,
    /// The log.
    pub(super) log: Log,
    /// What each of several organisations has of its own; empty where there is but one.
    pub(super) organizations: Vec<OrganizationTable>,
}

/// `[[organizations]]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OrganizationTable {
    /// What it is called.
    pub(super) name: Organization,
    /// The platform and how to sign in.
    #[serde(default)]
    pub(super) genesys: Genesys,
    /// Which callbacks.
    #[serde(default)]
    pub(super) callbacks: Callbacks,
    /// When and how much to raise.
    #[serde(default)]
    pub(super) policy: Policy,
    /// For some, in another way.
    #[serde(default)]
    pub(super) rules: Vec<Rule>,
    /// What else tells of callbacks.
    #[serde(default)]
    pub(super) events: Events,
}

/// Reads settings.
pub(super) fn read(text: &str) -> Result<Written, toml::de::Error> {
    toml::from_str(text)
}

/// `[genesys]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Genesys {
    /// Decides the hosts.
    pub(super) region: Region,
    /// Has no default: every organisation has its own.
    pub(super) client_id: Option<ClientId>,
    /// A file, because a secret in the settings would be copied wherever they are.
    pub(super) client_secret_file: Option<PathBuf>,
    /// Replaces the region's API host.
    pub(super) api_url: Option<Endpoint>,
    /// Replaces the region's sign-in host.
    pub(super) login_url: Option<Endpoint>,
    /// Sustained rate, bursts apart.
    pub(super) requests_per_minute: RequestsPerMinute,
    /// Absent: what goes with the rate.
    pub(super) burst: Option<Burst>,
    /// How many tokens, each with that rate.
    pub(super) tokens: Tokens,
}

/// `[callbacks]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Callbacks {
    /// Names, globs or ids.
    pub(super) queues: Vec<String>,
    /// Time between sweeps.
    pub(super) sweep: Sweep,
    /// Look, but do not write.
    pub(super) dry_run: bool,
    /// Also those that wait for one agent.
    pub(super) raise_agent_owned: bool,
    /// Also voicemails.
    pub(super) raise_voicemail: bool,
}

/// `[events]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Events {
    /// Absent: no queue is read.
    pub(super) sqs_queue_url: Option<QueueUrl>,
    /// Also, or only, the notifications.
    pub(super) websocket: bool,
}

/// `[journal]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Journal {
    /// Absent: the service's state folder, or the working directory.
    pub(super) path: Option<PathBuf>,
    /// How long it is remembered.
    pub(super) keep: Keep,
}

/// `[status]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Status {
    /// Address and port.
    pub(super) listen: Listen,
    /// Whether that may be more than loopback.
    pub(super) allow_remote: bool,
    /// Names under which it is reached, beside addresses and `localhost`.
    pub(super) hosts: Vec<HostName>,
}

/// `[log]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Log {
    /// Lines for people or for machines.
    pub(super) format: LogFormat,
    /// What is worth a line.
    pub(super) level: Level,
}

impl Default for Genesys {
    fn default() -> Self {
        Self {
            region: Region::default(),
            client_id: None,
            client_secret_file: None,
            api_url: None,
            login_url: None,
            requests_per_minute: Whole(super::budget::USUAL_REQUESTS_PER_MINUTE),
            burst: None,
            tokens: Whole(1),
        }
    }
}

impl Default for Callbacks {
    fn default() -> Self {
        Self {
            queues: vec!["*".to_owned()],
            sweep: Interval(Duration::from_mins(1)),
            dry_run: false,
            raise_agent_owned: false,
            raise_voicemail: false,
        }
    }
}

impl Default for Events {
    fn default() -> Self {
        Self {
            sqs_queue_url: None,
            websocket: true,
        }
    }
}

impl Default for Journal {
    fn default() -> Self {
        Self {
            path: None,
            keep: Interval(Duration::from_hours(30 * 24)),
        }
    }
}

/// What support may grant an organisation at most; beyond it the platform's own per-client cap of 3,000 applies.
pub(super) type RequestsPerMinute = Whole<1, 3000>;

/// Requests at once, as many as the platform usually grants in a whole minute.
pub(super) type Burst = Whole<0, { super::budget::USUAL_LIMIT }>;

/// Tokens of one client. Ten carry more callbacks than any organisation has waiting; more would be called abuse.
pub(super) type Tokens = Whole<1, 10>;

/// How many raises one visit may get. None at all is what `callbacks.dry_run` is for.
pub(super) type Raises = Whole<1, 1_000_000>;

/// A whole number from `MIN` to `MAX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "i64")]
pub(super) struct Whole<const MIN: u32, const MAX: u32>(pub(super) u32);

impl<const MIN: u32, const MAX: u32> TryFrom<i64> for Whole<MIN, MAX> {
    type Error = String;

    fn try_from(number: i64) -> Result<Self, String> {
        u32::try_from(number)
            .ok()
            .filter(|number| (MIN..=MAX).contains(number))
            .map(Self)
            .ok_or_else(|| out_of_range(number, MIN, MAX))
    }
}

/// How much one raise adds: never nothing, never less, never more than the platform's highest priority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "i64")]
pub(super) struct Points(pub(super) NonZeroU32);

impl Points {
    /// One minute of queue time.
    const ONE: Self = Self(NonZeroU32::MIN);
    /// The platform's highest priority, in one step.
    const MOST: u32 = 25_000_000;
}

impl Default for Points {
    fn default() -> Self {
        Self::ONE
    }
}

impl TryFrom<i64> for Points {
    type Error = String;

    fn try_from(number: i64) -> Result<Self, String> {
        u32::try_from(number)
            .ok()
            .filter(|number| *number <= Self::MOST)
            .and_then(NonZeroU32::new)
            .map(Self)
            .ok_or_else(|| out_of_range(number, 1, Self::MOST))
    }
}

/// The one sentence for a number beyond its bounds.
fn out_of_range<T: fmt::Display>(number: i64, min: T, max: T) -> String {
    format!("{number} is out of range: expected a whole number from {min} to {max}")
}

/// The OAuth client's id, safe to send in a header.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct ClientId(pub(super) String);

impl TryFrom<String> for ClientId {
    type Error = String;

    /// Does not repeat what it refuses: ids and secrets are easily swapped.
    fn try_from(text: String) -> Result<Self, String> {
        if text.is_empty() {
            return Err("the client id is empty: write the id of the OAuth client, or leave the setting out".to_owned());
        }
        let plain = |byte: u8| byte.is_ascii_graphic() && byte != b':';
        if text.len() > 128 || !text.bytes().all(plain) {
            return Err("the client id is not one word without `:`: copy it again from the OAuth client's page".to_owned());
        }
        Ok(Self(text))
    }
}

/// What is logged: a level, or directives such as `info,callback_prioritizer::policy=debug`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Level(pub(super) String);

impl Default for Level {
    fn default() -> Self {
        Self("info".to_owned())
    }
}

impl TryFrom<String> for Level {
    type Error = String;

    /// Refuses a bare word that is no level, which the filter itself would take for a module to log in full.
    fn try_from(text: String) -> Result<Self, String> {
        const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
        let bare_word = |directive: &str| !directive.contains(['=', '[']);
        let stray = text
            .split(',')
            .find(|part| bare_word(part) && !LEVELS.contains(part));
        if let Some(word) = stray {
            return Err(format!(
                "`{}` is no level: expected one of {}, or directives such as \"info,callback_prioritizer=debug\"",
                word.escape_debug(),
                LEVELS.join(", ")
            ));
        }
        EnvFilter::builder()
            .parse(&text)
            .map_err(|error| format!("this is no log directive: {error}"))?;
        Ok(Self(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_manual_equals_the_defaults() {
        let manual: Written = toml::from_str(super::super::DEFAULTS).unwrap();
        assert_eq!(manual, Written::default());
        let empty: Written = toml::from_str("").unwrap();
        assert_eq!(empty, Written::default());
    }

    #[test]
    fn numbers_keep_their_bounds() {
        for (number, good) in [
            (0, false),
            (1, true),
            (3000, true),
            (3001, false),
            (-1, false),
        ] {
            assert_eq!(
                RequestsPerMinute::try_from(number).is_ok(),
                good,
                "{number}"
            );
        }
        for (number, good) in [
            (0, false),
            (1, true),
            (25_000_000, true),
            (25_000_001, false),
        ] {
            assert_eq!(Points::try_from(number).is_ok(), good, "{number}");
        }
        assert!(Raises::try_from(i64::MAX).is_err());
    }

    #[test]
    fn a_mistyped_level_does_not_become_a_module_name() {
        for good in [
            "info",
            "off",
            "info,hyper=warn",
            "callback_prioritizer::policy=trace",
        ] {
            assert!(Level::try_from(good.to_owned()).is_ok(), "{good}");
        }
        for bad in ["inof", "", "info,", "hyper=loud", "info, debug", "INFO"] {
            assert!(Level::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_refused_client_id_is_not_repeated() {
        for bad in ["", "canary:canary", "canary canary", "canary\n", "canäry"] {
            let refusal = ClientId::try_from(bad.to_owned()).unwrap_err();
            assert!(!refusal.contains("canary"), "{refusal}");
        }
    }
}
