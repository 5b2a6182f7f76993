//! Where things are that no setting names: in the folders that systemd or the container gives the service.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use super::Journal;

/// Where a daemon with this journal takes orders: in the folder that systemd or the container gives the service for what lives
/// as long as it runs, else beside the journal.
#[must_use]
pub fn control_socket(journal: &Journal, environment: &BTreeMap<String, String>) -> PathBuf {
    folder(environment, "RUNTIME_DIRECTORY").map_or_else(
        || {
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
