//! Parts of the settings, for commands that never speak to the platform: none of them needs a way to sign in, nor a secret.

use std::{collections::BTreeMap, net::SocketAddr, path::Path, time::Duration};

use super::{
    Budget, Finding, Journal, SettingsError,
    load::{one, sources},
    places, policies, written,
    written::Written,
};
use crate::{conversation::Organization, policy::rules::Rules};

/// Loads where the journal is, from the same layers.
pub fn load_journal(
    file: Option<&Path>,
    environment: &BTreeMap<String, String>,
) -> Result<Journal, SettingsError> {
    places::remembered(common(file, environment)?.journal, environment)
}

/// Loads where the daemon shows itself, from the same layers.
pub fn load_listen(
    file: Option<&Path>,
    environment: &BTreeMap<String, String>,
) -> Result<SocketAddr, SettingsError> {
    Ok(common(file, environment)?.status.listen.0)
}

/// What is common to all organisations, and so the same in the settings of each.
fn common(
    file: Option<&Path>,
    environment: &BTreeMap<String, String>,
) -> Result<Written, SettingsError> {
    let first = sources(file, environment)?.into_iter().next();
    let layers = first.map(|sources| sources.layers()).transpose()?;
    Ok(layers.map(|layers| layers.written).unwrap_or_default())
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

/// Loads what can be said without the platform, from the same layers, of the organisation with this name or the only one.
pub fn load_offline(
    file: Option<&Path>,
    environment: &BTreeMap<String, String>,
    organization: Option<&Organization>,
) -> Result<Offline, SettingsError> {
    let sources = one(sources(file, environment)?, organization)?;
    let written = sources.layers()?.written;
    let (rules, findings) = policies::rules(&written, sources.given());
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
