//! Loading: reads each layer strictly, lays one over the other, and makes one value of them for each organisation.
//!
//! A file with `[[organizations]]` is read as if each of them had a file of its own, with what is common to all in every one
//! of these. So there is one way from what is written to what is in use, however many there are.

use std::{collections::BTreeMap, path::Path};

use config::{Config, FileFormat};
use secrecy::SecretString;

use super::{
    Budget, Callbacks, DEFAULTS, Events, Finding, Genesys, Journal, Log, Settings, SettingsError,
    Status, StreamingHost, changes, describe,
    endpoint::Endpoint,
    environment::Overrides,
    file::SettingsFile,
    findings, organizations, places, policies,
    secret::{self, NamedFile},
    written,
    written::Written,
};
use crate::conversation::Organization;

/// Loads the settings of the only organisation: defaults, then `file`, then `environment`.
///
/// # Errors
/// Where they are refused, or there are several organisations.
pub fn load(
    file: Option<&Path>,
    environment: &BTreeMap<String, String>,
) -> Result<Settings, SettingsError> {
    load_one(file, environment, None)
}

/// Loads the settings of the organisation with this name; without a name, those of the only one there is.
///
/// # Errors
/// Where they are refused, or it is not clear which are meant.
pub fn load_one(
    file: Option<&Path>,
    environment: &BTreeMap<String, String>,
    name: Option<&Organization>,
) -> Result<Settings, SettingsError> {
    one(sources(file, environment)?, name)?.settings(environment)
}

/// Loads the settings of every organisation: one without a name, or several, each with its own.
///
/// # Errors
/// Where any of them is refused.
pub fn load_all(
    file: Option<&Path>,
    environment: &BTreeMap<String, String>,
) -> Result<Vec<Settings>, SettingsError> {
    let all = sources(file, environment)?
        .into_iter()
        .map(|sources| sources.settings(environment))
        .collect::<Result<Vec<_>, _>>()?;
    organizations::refuse_twins(&all)?;
    Ok(all)
}

/// The layers of one organisation's settings, but for the defaults.
pub(super) struct Sources {
    /// Whose they are.
    pub(super) organization: Organization,
    /// The settings file, or what of it is this organisation's and what is common.
    pub(super) file: Option<SettingsFile>,
    /// What the environment says.
    pub(super) overrides: Overrides,
    /// What is to be said about variables that are not read.
    unread: Vec<Finding>,
}

/// Reads the layers, for each organisation.
pub(super) fn sources(
    file: Option<&Path>,
    environment: &BTreeMap<String, String>,
) -> Result<Vec<Sources>, SettingsError> {
    let file = file.map(SettingsFile::read).transpose()?;
    let several = file.as_ref().filter(|file| !file.organizations.is_empty());
    let Some(file) = several else {
        return Ok(vec![Sources {
            organization: Organization::default(),
            overrides: Overrides::read(environment)?,
            file,
            unread: Vec::new(),
        }]);
    };
    let names = file.organizations.iter().map(|table| &table.name);
    let names: Vec<Organization> = names.cloned().collect();
    organizations::refuse_strangers(&names, environment)?;
    let each = names.iter().enumerate().map(|(index, name)| {
        Ok(Sources {
            organization: name.clone(),
            file: Some(file.of_organization(index)),
            overrides: Overrides::of_organization(environment, name)?,
            unread: organizations::unread(environment),
        })
    });
    each.collect()
}

/// Those of the organisation with this name; without a name, those of the only one there is.
pub(super) fn one(
    mut all: Vec<Sources>,
    name: Option<&Organization>,
) -> Result<Sources, SettingsError> {
    let names: Vec<_> = all.iter().map(|one| one.organization.clone()).collect();
    let meant = match name {
        None => (all.len() == 1).then_some(0),
        Some(name) => names.iter().position(|known| known == name),
    };
    match meant {
        Some(index) => Ok(all.swap_remove(index)),
        None => Err(organizations::which(&names, name)),
    }
}

/// The layers, laid over each other.
pub(super) struct Layers {
    /// As they are written.
    table: toml::Table,
    /// As they are read.
    pub(super) written: Written,
}

impl Sources {
    /// Whether somebody has written a setting, so that it is no default.
    pub(super) fn given(&self) -> impl Fn(&str) -> bool {
        move |setting| {
            let in_file = self
                .file
                .as_ref()
                .is_some_and(|file| file.mentioned.contains(setting));
            in_file || self.overrides.gives(setting)
        }
    }

    /// Lays the layers over each other. Paths are resolved.
    pub(super) fn layers(&self) -> Result<Layers, SettingsError> {
        let mut layers = self.layered()?;
        if let Some(file) = &self.file {
            // As they stand there: no other layer has any, and names of attributes keep their letter case.
            layers.written.rules.clone_from(&file.rules);
            let in_file = toml::from_str::<toml::Table>(&file.text);
            if let Some(rules) = in_file.ok().and_then(|mut table| table.remove("rules")) {
                layers.table.insert("rules".to_owned(), rules);
            }
            resolve_paths(&mut layers.written, &file.folder(), &self.overrides);
        }
        Ok(layers)
    }

    /// Lays the three layers over each other. Each was read strictly before, so nothing is coerced here.
    fn layered(&self) -> Result<Layers, SettingsError> {
        let text = self.file.as_ref().map_or("", |file| file.text.as_str());
        let source = |text: &str| config::File::from_str(text, FileFormat::Toml);
        let table: toml::Table = Config::builder()
            .add_source(source(DEFAULTS))
            .add_source(source(text))
            .add_source(source(&self.overrides.table.to_string()))
            .build()
            .and_then(Config::try_deserialize)
            .map_err(|error| SettingsError::Layers(Box::new(error)))?;
        // As text once more, so that there is one reading of settings in the program instead of three.
        let written = written::read(&table.to_string())
            .map_err(|error| SettingsError::Layers(Box::new(error)))?;
        Ok(Layers { table, written })
    }

    /// The settings that they make.
    fn settings(&self, environment: &BTreeMap<String, String>) -> Result<Settings, SettingsError> {
        let Layers { table, written } = self.layers()?;
        let flat = changes::flat(&table);
        let named = written.genesys.client_secret_file.as_deref();
        let named = named.map(|path| NamedFile {
            path,
            by_environment: self.overrides.gives("genesys.client_secret_file"),
        });
        let secret = secret::find(&self.organization, named, environment)?;
        let (file, overrides) = (self.file.as_ref(), &self.overrides);
        let mut noticed = findings::noticed(file, overrides, &written, &secret);
        noticed.extend(self.unread.clone());
        let (rules, contradictions) = policies::rules(&written, self.given());
        noticed.extend(contradictions);
        let origin = describe::origin(file, overrides, &secret);
        let written::Written {
            genesys,
            callbacks,
            policy: _,
            rules: _,
            events,
            journal,
            status,
            log,
            organizations: _,
        } = written;
        Ok(Settings {
            organization: self.organization.clone(),
            genesys: platform(genesys, secret.secret, &self.organization)?,
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
            journal: remembered(journal, environment),
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
}

/// Relative paths in the file count from the file's folder; those in the environment from the working directory.
fn resolve_paths(written: &mut Written, folder: &Path, overrides: &Overrides) {
    for (path, setting) in [
        (
            &mut written.genesys.client_secret_file,
            "genesys.client_secret_file",
        ),
        (&mut written.journal.path, "journal.path"),
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
    organization: &Organization,
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
    let client_id = client_id.ok_or_else(|| organizations::no_client_id(organization))?;
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

/// The journal's section.
pub(super) fn remembered(
    written: written::Journal,
    environment: &BTreeMap<String, String>,
) -> Journal {
    let written::Journal { path, keep } = written;
    Journal {
        path: path.unwrap_or_else(|| places::usual_journal(environment)),
        keep: keep.0,
    }
}
