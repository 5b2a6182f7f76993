//! Where things are: the journal, and what no setting names, in the folders that systemd or the container gives the service.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use super::{Journal, SettingsError, SharedJournal, secret, written};

/// Where the kernel tells the machine's name.
const HOST_NAME: &str = "/proc/sys/kernel/hostname";

/// The journal's section.
pub(super) fn remembered(
    written: written::Journal,
    environment: &BTreeMap<String, String>,
) -> Result<Journal, SettingsError> {
    let written::Journal {
        path,
        url,
        password_file,
        replica,
        keep,
    } = written;
    if path.is_some() && url.is_some() {
        return Err(SettingsError::Contradiction {
            setting: "journal.url",
            sentence: "a journal is in a database or in a file, and `path` names a file: leave one of the two out",
        });
    }
    let shared = |url: super::JournalUrl| {
        let found = secret::of_database(password_file.as_deref(), url.has_password(), environment)?;
        let (password, exposed) = match found {
            Some(found) => (Some(found.secret), found.exposed),
            None => (None, None),
        };
        Ok::<_, SettingsError>(SharedJournal {
            password,
            exposed,
            replica: replica.map_or_else(host_name, |name| name.0),
            url,
        })
    };
    Ok(Journal {
        path: path.unwrap_or_else(|| usual_journal(environment)),
        shared: url.map(shared).transpose()?,
        keep: keep.0,
    })
}

/// The machine's name; in a container the container's.
fn host_name() -> String {
    let name = fs::read_to_string(HOST_NAME).unwrap_or_default();
    match name.trim() {
        "" => "replica".to_owned(),
        name => name.to_owned(),
    }
}

/// Where a daemon with this journal takes orders: in the folder that systemd or the container gives the service for what lives
/// as long as it runs, else beside the journal, or where that is in a database, in the working directory.
#[must_use]
pub fn control_socket(journal: &Journal, environment: &BTreeMap<String, String>) -> PathBuf {
    folder(environment, "RUNTIME_DIRECTORY").map_or_else(
        || {
            if journal.shared.is_some() {
                return PathBuf::from("callback-prioritizer.sock");
            }
            let mut beside = journal.path.clone().into_os_string();
            beside.push(".sock");
            beside.into()
        },
        |folder| folder.join("control.sock"),
    )
}

/// The journal's place where none is named: the folder that systemd or the container gives the service for its state,
/// else the working directory.
pub(super) fn usual_journal(environment: &BTreeMap<String, String>) -> PathBuf {
    folder(environment, "STATE_DIRECTORY").map_or_else(
        || PathBuf::from("callback-prioritizer.db"),
        |folder| folder.join("journal.db"),
    )
}

/// The first folder that systemd names in this variable.
fn folder<'a>(environment: &'a BTreeMap<String, String>, variable: &str) -> Option<&'a Path> {
    environment
        .get(variable)
        .and_then(|folders| folders.split(':').next())
        .filter(|folder| !folder.is_empty())
        .map(Path::new)
}
