//! Where things are: the journal, and what no setting names, in the folders that systemd or the container gives the service.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use rustix::system::uname;

use super::{Journal, SettingsError, SharedJournal, secret, written};

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
    for (setting, given) in [
        ("journal.replica", replica.is_some()),
        ("journal.password_file", password_file.is_some()),
    ] {
        if given && url.is_none() {
            return Err(SettingsError::Contradiction {
                setting,
                sentence: "it is for a database that several daemons share, and without `url` this one keeps a file for itself, as if there were no others: write `url`, or leave it out",
            });
        }
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
            replica: replica
                .or_else(host_name)
                .map(|name| name.0)
                .unwrap_or_default(),
            url,
        })
    };
    Ok(Journal {
        path: path.unwrap_or_else(|| usual_journal(environment)),
        shared: url.map(shared).transpose()?,
        keep: keep.0,
    })
}

/// The machine's name; in a container the container's. Asked of the kernel itself, because a service may be shown no file of it.
fn host_name() -> Option<written::ReplicaName> {
    uname().nodename().to_str().ok().and_then(telling)
}

/// A machine's name, where it is one that others do not have as well.
fn telling(name: &str) -> Option<written::ReplicaName> {
    let usual = ["(none)", "localhost", "localhost.localdomain"];
    let name = (!usual.contains(&name)).then(|| name.to_owned());
    name.and_then(|name| name.try_into().ok())
}

/// Where a daemon with this journal takes orders: in the folder that systemd or the container gives the service for what lives
/// as long as it runs, else beside the journal, or where that is in a database, where its file would usually be.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machines_name_that_others_have_too_is_none() {
        for (name, good) in [
            ("db-1.example", true),
            ("callback-prioritizer-0", true),
            ("", false),
            ("(none)", false),
            ("localhost", false),
            ("localhost.localdomain", false),
            ("two words", false),
        ] {
            assert_eq!(telling(name).is_some(), good, "{name}");
        }
    }
}
