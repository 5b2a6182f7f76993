//! What is unwise about where the journal is.

use super::{
    super::{Journal, Protection, SharedJournal},
    Finding,
    Severity::{Error, Note, Warning},
};

/// Whether this program can use a database.
const USES_DATABASES: bool = cfg!(feature = "postgres");

/// All findings about these settings.
pub(super) fn of(journal: &Journal) -> Vec<Finding> {
    let Journal {
        path,
        shared,
        keep: _,
    } = journal;
    match shared {
        Some(shared) => database(shared),
        None if path.is_relative() => vec![Finding::new(
            Note,
            "journal.path",
            format!(
                "{} counts from the working directory, and a start from another one knows nothing of earlier raises: write an absolute path",
                path.display()
            ),
        )],
        None => Vec::new(),
    }
}

/// About one in a database.
fn database(shared: &SharedJournal) -> Vec<Finding> {
    let SharedJournal {
        url,
        password,
        exposed,
        replica,
    } = shared;
    let finding = |severity, sentence: &str| Finding::new(severity, "journal.url", sentence);
    let mut findings = Vec::new();
    if !USES_DATABASES {
        findings.push(finding(
            Error,
            "this program was built without the client of PostgreSQL: build it with `--features postgres`, or leave the setting out",
        ));
    }
    if replica.is_empty() {
        findings.push(Finding::new(
            Error,
            "journal.replica",
            "it is missing, and this machine has no name that tells it from others, so daemons would take each other's place: write a name of its own for each, such as \"one\"",
        ));
    }
    if url.has_password() && password.is_some() {
        findings.push(finding(
            Note,
            "the password in it is not used, because `password_file` names another: take it out of the URL",
        ));
    } else if url.has_password() {
        findings.push(finding(
            Note,
            "there is a password in it, which is copied wherever the settings are: put it into a file and name that in `password_file`",
        ));
    }
    if let Some(path) = exposed {
        let path = path.display();
        findings.push(Finding::new(
            Warning,
            "journal.password_file",
            format!("others than its owner may read {path} and with it change the journal: chmod 600 {path}, unless a container engine mounted it, which makes it readable inside the container only"),
        ));
    }
    if *url.protection() == Protection::Local {
        findings.push(finding(
            Note,
            "the connection is not protected by TLS, because it does not leave this machine: other machines reach that database by a URL without `sslmode=disable`",
        ));
    }
    findings
}
