//! The settings file: read whole, bounded, as UTF-8 text, and placed by line and column when it is refused.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, Read},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use super::{
    error::{FileProblem, SettingsError},
    organizations::{ORGANIZATIONS, OWN},
    strict::{self, Refusal},
    written::{OrganizationTable, Rule},
};

/// Largest file accepted, in bytes. The full manual has about 6,000; this keeps a wrong path from filling the memory.
const LIMIT: u64 = 1024 * 1024;

/// The permission bit by which everyone may write.
const WRITABLE_BY_ALL: u32 = 0o002;

/// A settings file that was read strictly.
#[derive(Clone, Debug)]
pub(super) struct SettingsFile {
    /// As it was named.
    pub(super) path: PathBuf,
    /// Its text, without a byte order mark.
    pub(super) text: String,
    /// The settings it mentions, by path.
    pub(super) mentioned: BTreeSet<String>,
    /// The rules in it.
    pub(super) rules: Vec<Rule>,
    /// The organisations in it, where there are several.
    pub(super) organizations: Vec<OrganizationTable>,
    /// Whether everyone on this machine may change it.
    pub(super) writable_by_all: bool,
}

impl SettingsFile {
    /// Reads the file at `path`.
    pub(super) fn read(path: &Path) -> Result<Self, SettingsError> {
        let (bytes, mode) = bytes_of(path).map_err(|problem| SettingsError::File {
            path: path.to_owned(),
            problem,
        })?;
        let text = text_of(bytes).map_err(|problem| SettingsError::File {
            path: path.to_owned(),
            problem,
        })?;
        let (mentioned, written) =
            strict::read(&text).map_err(|refusal| placed(path, &text, refusal))?;
        Ok(Self {
            path: path.to_owned(),
            text,
            mentioned,
            rules: written.rules,
            organizations: written.organizations,
            writable_by_all: mode & WRITABLE_BY_ALL != 0,
        })
    }

    /// This file as if there were but this organisation: what is its own at the top, beside what is common.
    pub(super) fn of_organization(&self, index: usize) -> Self {
        let mut table: toml::Table = toml::from_str(&self.text).unwrap_or_default();
        let tables = table.remove(ORGANIZATIONS);
        let own = tables.as_ref().and_then(|tables| tables.get(index));
        for (section, value) in own.and_then(toml::Value::as_table).into_iter().flatten() {
            if OWN.contains(&section.as_str()) {
                table.insert(section.clone(), value.clone());
            }
        }
        let place = format!("{ORGANIZATIONS}[{}].", index + 1);
        let mentioned = self.mentioned.iter().filter_map(|setting| {
            let common = (!setting.starts_with(ORGANIZATIONS)).then_some(setting.as_str());
            setting.strip_prefix(&place).or(common).map(str::to_owned)
        });
        Self {
            path: self.path.clone(),
            text: table.to_string(),
            mentioned: mentioned.collect(),
            rules: self
                .organizations
                .get(index)
                .map(|table| table.rules.clone())
                .unwrap_or_default(),
            organizations: Vec::new(),
            writable_by_all: self.writable_by_all,
        }
    }

    /// The folder from which relative paths in the file count, whole, so that they stay right wherever they are used.
    pub(super) fn folder(&self) -> PathBuf {
        let folder = self.path.parent().unwrap_or(Path::new(""));
        std::path::absolute(folder.join(".")).unwrap_or_else(|_| folder.to_owned())
    }
}

/// The file's bytes and permissions. A pipe is accepted, so that settings can be generated on the fly.
fn bytes_of(path: &Path) -> Result<(Vec<u8>, u32), FileProblem> {
    let file = File::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => FileProblem::Absent,
        _ => FileProblem::Unreadable(error),
    })?;
    let metadata = file.metadata().map_err(FileProblem::Unreadable)?;
    if metadata.is_dir() {
        return Err(FileProblem::Folder);
    }
    let mut bytes = Vec::new();
    file.take(LIMIT + 1)
        .read_to_end(&mut bytes)
        .map_err(FileProblem::Unreadable)?;
    if bytes.len() as u64 > LIMIT {
        return Err(FileProblem::Huge { limit: LIMIT });
    }
    Ok((bytes, metadata.permissions().mode()))
}

/// The bytes as text. The byte order mark that some editors on Windows write is dropped: it says nothing.
fn text_of(bytes: Vec<u8>) -> Result<String, FileProblem> {
    let text = String::from_utf8(bytes).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = good.split(|byte| *byte == b'\n').count();
        FileProblem::NotText { line }
    })?;
    Ok(match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    })
}

/// A refusal with its line and column.
fn placed(path: &Path, text: &str, refusal: Refusal) -> SettingsError {
    let before = text.get(..refusal.offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |end| end + 1);
    SettingsError::InFile {
        path: path.to_owned(),
        line: before.matches('\n').count() + 1,
        column: before[line_start..].chars().count() + 1,
        key: refusal.key,
        sentence: refusal.sentence,
    }
}
