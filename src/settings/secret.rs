//! The client secret: never in the settings, always in a place made for it.
//!
//! In this order: the file that `CALLBACK_PRIORITIZER__GENESYS__CLIENT_SECRET_FILE` names, the variable
//! `GENESYSCLOUD_OAUTHCLIENT_SECRET`, the file that the settings file names, the systemd credential `client_secret`. Where there
//! are several organisations, each has places of its own, which end in its name, and none of them is looked for elsewhere.
//! Refusals never repeat the secret, and name the folder of a secret file only: people write the secret itself where
//! its file's name belongs.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use secrecy::SecretString;

use super::{error::SettingsError, organizations};
use crate::conversation::Organization;

/// The variable that the platform's own tools read as well.
pub(super) const VARIABLE: &str = "GENESYSCLOUD_OAUTHCLIENT_SECRET";

/// The setting that names a file.
pub(super) const SETTING: &str = "genesys.client_secret_file";

/// The credential's name in a unit's `LoadCredential=`.
const CREDENTIAL: &str = "client_secret";

/// That of the password of the journal's database.
const PASSWORD_CREDENTIAL: &str = "journal_password";

/// Longest secret accepted, in bytes. The platform's have 43.
const LIMIT: u64 = 4096;

/// The permission bits by which others than the owner may read.
const READABLE_BY_OTHERS: u32 = 0o044;

/// The file that the settings name, and which layer did.
#[derive(Clone, Copy, Debug)]
pub(super) struct NamedFile<'a> {
    /// Where it is.
    pub(super) path: &'a Path,
    /// Whether the environment named it, which then wins over the secret itself in the environment.
    pub(super) by_environment: bool,
}

/// The secret and where it came from.
#[derive(Clone, Debug)]
pub(super) struct ClientSecret {
    /// The secret itself.
    pub(super) secret: SecretString,
    /// In words, for `check`.
    pub(super) origin: String,
    /// The variable whose secret was taken instead of the one in a named file.
    pub(super) replaces_file: Option<String>,
    /// The file it was read from, where others than its owner may read that too.
    pub(super) exposed: Option<PathBuf>,
}

/// Where an organisation's secret may be, besides in a file that is named.
struct Places {
    /// The setting that names a file, as refusals name it.
    setting: String,
    /// The variable.
    variable: String,
    /// The systemd credential.
    credential: String,
}

/// A sentence about the only organisation's secret as one about that of any of several.
pub(super) fn among_several(sentence: &str) -> String {
    let any = format!("{VARIABLE}_NAME, with the organisation's name in capitals with underscores");
    sentence.replace(VARIABLE, &any)
}

impl Places {
    /// Those of this organisation.
    fn of(organization: &Organization) -> Self {
        let (variable, credential) = match organization.name() {
            None => (VARIABLE.to_owned(), CREDENTIAL.to_owned()),
            Some(name) => (
                format!("{VARIABLE}_{}", organization.in_variables()),
                format!("{CREDENTIAL}.{name}"),
            ),
        };
        Self {
            setting: organizations::at(organization, SETTING),
            variable,
            credential,
        }
    }
}

/// Finds the secret of this organisation.
pub(super) fn find(
    organization: &Organization,
    file: Option<NamedFile>,
    environment: &BTreeMap<String, String>,
) -> Result<ClientSecret, SettingsError> {
    let Places {
        setting,
        variable,
        credential,
    } = Places::of(organization);
    if let Some(file) = file.filter(|file| file.by_environment) {
        return from_file(&setting, file.path, &credential);
    }
    if let Some(text) = environment.get(&variable) {
        return Ok(ClientSecret {
            secret: checked(&variable, text)?,
            origin: format!("the variable {variable}"),
            replaces_file: file.is_some().then_some(variable),
            exposed: None,
        });
    }
    if let Some(file) = file {
        return from_file(&setting, file.path, &credential);
    }
    match from_systemd(&credential, environment)? {
        Some(secret) => Ok(secret),
        None => Err(SettingsError::Missing {
            setting: match organization.name() {
                None => "genesys client secret".to_owned(),
                Some(name) => format!("{name}: genesys client secret"),
            },
            sentence: format!(
                "it is missing, and without it nobody can sign in: set {variable}, or name a file in `client_secret_file`, or load the systemd credential `{credential}`"
            ),
        }),
    }
}

/// Finds the password of the journal's database: in the file that is named, in the URL, in the systemd credential. Nothing is
/// no error, because a database may know its users otherwise.
pub(super) fn of_database(
    file: Option<&Path>,
    in_url: bool,
    environment: &BTreeMap<String, String>,
) -> Result<Option<ClientSecret>, SettingsError> {
    if let Some(path) = file {
        return from_file("journal.password_file", path, PASSWORD_CREDENTIAL).map(Some);
    }
    if in_url {
        return Ok(None);
    }
    from_systemd(PASSWORD_CREDENTIAL, environment)
}

/// Reads a secret that systemd has loaded for the service; nothing where it has not.
fn from_systemd(
    credential: &str,
    environment: &BTreeMap<String, String>,
) -> Result<Option<ClientSecret>, SettingsError> {
    let path = environment
        .get("CREDENTIALS_DIRECTORY")
        .map(|folder| Path::new(folder).join(credential))
        .filter(|path| path.exists());
    let found = path.map(|path| {
        // systemd shows a credential as readable by a group that is nobody's: its permissions mean nothing here.
        Ok(ClientSecret {
            exposed: None,
            origin: format!("the systemd credential {credential}"),
            ..from_file(
                &format!("$CREDENTIALS_DIRECTORY/{credential}"),
                &path,
                credential,
            )?
        })
    });
    found.transpose()
}

/// Reads the secret from a file, in whose place there could be this credential.
fn from_file(place: &str, path: &Path, credential: &str) -> Result<ClientSecret, SettingsError> {
    let unreadable = |error: io::Error| SettingsError::Secret {
        place: place.to_owned(),
        sentence: format!(
            "the file it names, looked for in `{}`, cannot be read ({error}): let the daemon's user read it, or under systemd leave the setting out and load the credential `{credential}`",
            folder_of(path).display()
        ),
    };
    let file = File::open(path).map_err(unreadable)?;
    let mode = file.metadata().map_err(unreadable)?.permissions().mode();
    let mut text = String::new();
    file.take(LIMIT + 1)
        .read_to_string(&mut text)
        .map_err(unreadable)?;
    Ok(ClientSecret {
        secret: checked(place, &text)?,
        origin: format!("the file {}", path.display()),
        replaces_file: None,
        exposed: (mode & READABLE_BY_OTHERS != 0).then(|| path.to_owned()),
    })
}

/// Where a file is looked for, in words.
fn folder_of(path: &Path) -> &Path {
    path.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

/// The text without its closing line end, where it can be a secret.
fn checked(place: &str, text: &str) -> Result<SecretString, SettingsError> {
    let text = text.trim_end_matches(['\r', '\n']);
    let problem = if text.is_empty() {
        "the secret is empty: without it nobody can sign in"
    } else if text.len() as u64 > LIMIT {
        "this is too long for a secret: is it the right file?"
    } else if text.contains(|letter: char| letter.is_whitespace() || letter.is_control()) {
        "the secret has a blank or a line break in it: copy it again"
    } else {
        return Ok(text.into());
    };
    Err(SettingsError::Secret {
        place: place.to_owned(),
        sentence: problem.to_owned(),
    })
}
