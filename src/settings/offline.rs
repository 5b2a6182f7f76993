//! Parts of the settings, for commands that never speak to the platform: none of them needs a way to sign in, nor a secret.

use std::{collections::BTreeMap, net::SocketAddr, path::Path, time::Duration};

use super::{Budget, Finding, Journal, SettingsError, given, places, policies, read, written};
use crate::policy::rules::Rules;

/// Loads where the journal is, from the same layers.
pub fn load_journal(
    file: Option<&Path>,
    environment: &BTreeMap<String, String>,
) -> Result<Journal, SettingsError> {
    let (_, _, layers) = read(file, environment)?;
    places::remembered(layers.written.journal, environment)
}

/// Loads where the daemon shows itself, from the same layers.
pub fn load_listen(
    file: Option<&Path>,
    environment: &BTreeMap<String, String>,
) -> Result<SocketAddr, SettingsError> {
    let (_, _, layers) = read(file, environment)?;
    Ok(layers.written.status.listen.0)
}

/// What can be said without the platform: what would become of callbacks, and what that may cost.
#[derive(Clone, Debug)]
pub struct Offline {
    /// When and how much priorities are raised, and which callbacks are left alone.
    pub rules: Rules,
    /// How fast the platform may be asked.
    pub budget: Budget,
    /// Time from one sweep to the next.
    pub sweep: Duration,
    /// What is wrong with the rules.
    pub findings: Vec<Finding>,
}

/// Loads what can be said without the platform, from the same layers.
pub fn load_offline(
    file: Option<&Path>,
    environment: &BTreeMap<String, String>,
) -> Result<Offline, SettingsError> {
    let (file, overrides, layers) = read(file, environment)?;
    let written = layers.written;
    let (rules, findings) = policies::rules(&written, given(file.as_ref(), &overrides));
    let written::Genesys {
        requests_per_minute,
        burst,
        tokens,
        ..
    } = written.genesys;
    Ok(Offline {
        rules,
        budget: Budget::new(requests_per_minute.0, burst.map(|burst| burst.0), tokens.0),
        sweep: written.callbacks.sweep.0,
        findings,
    })
}
