//! Why settings are refused: one sentence that says where, what, and what to write instead.
//!
//! It ends up on a terminal and in a log, so it never holds a secret, nor the value of a key that might be one.

use std::{io, path::PathBuf};

/// Settings that the daemon does not start with.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The settings file cannot be used at all.
    #[error("{}: {problem}", path.display())]
    File {
        /// The file as it was named.
        path: PathBuf,
        /// What is the matter with it.
        problem: FileProblem,
    },
    /// Something in the settings file is wrong.
    #[error("{}:{line}:{column}: {}{sentence}", path.display(), prefix(key.as_deref()))]
    InFile {
        /// The file as it was named.
        path: PathBuf,
        /// Line, counted from 1.
        line: usize,
        /// Column in letters, counted from 1.
        column: usize,
        /// The setting or section, where it is known.
        key: Option<String>,
        /// What is wrong and what to write.
        sentence: String,
    },
    /// A variable of the environment is wrong.
    #[error("{variable}: {sentence}")]
    InEnvironment {
        /// Its name.
        variable: String,
        /// What is wrong and what to write.
        sentence: String,
    },
    /// A setting that has no default is given nowhere, or is another organisation's.
    #[error("{setting}: {sentence}")]
    Missing {
        /// The setting's path.
        setting: String,
        /// The places where it can be given.
        sentence: String,
    },
    /// It is not clear whose settings are meant.
    #[error("{sentence}")]
    Which {
        /// Whose there are.
        sentence: String,
    },
    /// The client secret was found, but is none.
    #[error("{place}: {sentence}")]
    Secret {
        /// The setting, variable or credential that gave it.
        place: String,
        /// What is wrong and what to do.
        sentence: String,
    },
    /// Layers that are right each on their own cannot be put together, which would be a defect of this program.
    #[error("the settings cannot be put together; please report this")]
    Layers(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// What is the matter with a settings file.
#[derive(Debug, thiserror::Error)]
pub enum FileProblem {
    /// There is none.
    #[error(
        "there is no such settings file: create it, or leave `--config` out to run on defaults and the environment"
    )]
    Absent,
    /// It is a folder.
    #[error("this is a folder: name the settings file in it")]
    Folder,
    /// It cannot be settings.
    #[error("the file is larger than {limit} bytes and cannot be a settings file")]
    Huge {
        /// The largest size accepted.
        limit: u64,
    },
    /// It is not text.
    #[error("the file is not UTF-8 text (line {line}): save it as UTF-8")]
    NotText {
        /// The first line that is not, counted from 1.
        line: usize,
    },
    /// The system refused it.
    #[error("the settings file cannot be read: {0}")]
    Unreadable(io::Error),
}

/// A key in front of its sentence.
fn prefix(key: Option<&str>) -> String {
    key.map(|key| format!("{key}: ")).unwrap_or_default()
}
