//! What an administrator may expect of settings: every shipped file loads, every wrong one is refused with a sentence
//! that names the place, the layers come in their order, and nothing ever shows a secret.

#![expect(
    clippy::unwrap_used,
    reason = "what surprises a test ends it, in its helping functions too"
)]

#[path = "settings/files.rs"]
mod files;

#[path = "settings/findings.rs"]
mod findings;

#[path = "settings/layers.rs"]
mod layers;

#[path = "settings/noise.rs"]
mod noise;

#[path = "settings/organizations.rs"]
mod organizations;

#[path = "settings/secrets.rs"]
mod secrets;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use callback_prioritizer::settings::{self, Settings, SettingsError};

/// A word that no output may hold.
const CANARY: &str = "canary";

/// An environment of these variables.
fn environment(variables: &[(&str, &str)]) -> BTreeMap<String, String> {
    variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

/// An environment that gives what has no default, and these variables.
fn signed_in(variables: &[(&str, &str)]) -> BTreeMap<String, String> {
    let mut all = environment(&[
        ("GENESYSCLOUD_OAUTHCLIENT_ID", "id"),
        ("GENESYSCLOUD_OAUTHCLIENT_SECRET", CANARY),
    ]);
    all.extend(environment(variables));
    all
}

/// A fresh folder for one test.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("settings")
        .join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// A file with this content in a fresh folder.
fn file(name: &str, content: impl AsRef<[u8]>) -> PathBuf {
    let path = folder(name).join("settings.toml");
    fs::write(&path, content).unwrap();
    path
}

/// Loads a file with this content, signed in.
fn load(name: &str, content: impl AsRef<[u8]>) -> Result<Settings, SettingsError> {
    settings::load(Some(&file(name, content)), &signed_in(&[]))
}

/// The `.toml` files in a folder of the repository.
fn toml_files(folder: &str) -> Vec<PathBuf> {
    fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "toml")
        })
        .collect()
}
