//! Files: the shipped ones load, the wrong ones are refused in the right place with the right words.

use std::{fs, os::unix::fs::symlink, path::Path};

use callback_prioritizer::settings::{self, Severity};

use super::{CANARY, environment, file, folder, load, signed_in, toml_files};

#[test]
fn every_shipped_file_loads_and_nothing_about_it_is_serious() {
    let files = toml_files("config");
    assert!(files.len() >= 3, "{files:?}");
    for path in files {
        let settings = settings::load(Some(&path), &signed_in(&[])).unwrap();
        let serious: Vec<_> = settings
            .findings()
            .into_iter()
            .filter(|finding| finding.severity > Severity::Note)
            .collect();
        assert!(serious.is_empty(), "{}: {serious:?}", path.display());
    }
}

#[test]
fn the_sandboxs_file_needs_nothing_from_the_environment() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/sandbox.toml");
    let settings = settings::load(Some(&path), &environment(&[])).unwrap();
    assert_eq!(settings.genesys.client_id, "sandbox");
    assert!(
        settings
            .genesys
            .streaming
            .accepts("ws://127.0.0.1:8080/channels/x")
            .is_ok()
    );
    assert!(
        settings
            .findings()
            .iter()
            .all(|finding| finding.severity == Severity::Note)
    );
}

#[test]
fn every_wrong_file_is_refused_with_its_place_and_the_way_out() {
    let files = toml_files("tests/settings/invalid");
    assert!(files.len() >= 50, "only {} files", files.len());
    let mut wrong = Vec::new();
    for path in files {
        let text = fs::read_to_string(&path).unwrap();
        let expected = text
            .lines()
            .next()
            .unwrap()
            .strip_prefix("# expect: ")
            .unwrap();
        let expected = format!("{}:{expected}", path.display());
        let refusal = settings::load(Some(&path), &signed_in(&[]))
            .unwrap_err()
            .to_string();
        assert!(
            !refusal.contains(CANARY) && !refusal.contains('\n'),
            "{refusal}"
        );
        if !refusal.starts_with(&expected) {
            wrong.push(format!("expected {expected}\nfound    {refusal}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn a_file_that_cannot_be_used_says_why() {
    let nowhere = folder("nowhere").join("absent.toml");
    let dangling = folder("dangling").join("settings.toml");
    symlink(&nowhere, &dangling).unwrap();
    let huge = vec![b'#'; 1024 * 1024 + 1];
    for (path, expected) in [
        (nowhere, "there is no such settings file"),
        (dangling, "there is no such settings file"),
        (
            folder("folder"),
            "this is a folder: name the settings file in it",
        ),
        (file("huge", huge), "larger than 1048576 bytes"),
        (
            file("latin1", b"[log]\n# caf\xe9\n"),
            "not UTF-8 text (line 2)",
        ),
        (
            file("utf16", b"\xff\xfe[\0l\0o\0g\0]\0"),
            "not UTF-8 text (line 1)",
        ),
        (file("path", "x").join("below"), "cannot be read"),
        (
            Path::new("/dev/zero").to_owned(),
            "larger than 1048576 bytes",
        ),
    ] {
        let refusal = settings::load(Some(&path), &signed_in(&[]))
            .unwrap_err()
            .to_string();
        assert!(refusal.contains(expected), "{refusal}");
        assert!(
            refusal.starts_with(&path.display().to_string()),
            "{refusal}"
        );
    }
}

#[test]
fn what_windows_editors_write_is_read_like_anything_else() {
    let text =
        "\u{feff}[policy]\r\nwait = \"90s\"\r\n\r\n[journal]\r\npath = 'C:\\new\\journal.db'\r\n";
    let settings = load("windows", text).unwrap();
    let wait = settings.rules.otherwise.policy.interval();
    assert_eq!(wait.map(|wait| wait.as_secs()), Some(90));
    assert!(settings.journal.path.ends_with(r"C:\new\journal.db"));

    let refusal = load("windows_wrong", "\u{feff}wiat = 1\r\n")
        .unwrap_err()
        .to_string();
    assert!(refusal.contains("settings.toml:1:1: wiat: "), "{refusal}");
    let refusal = load(
        "windows_escape",
        "[journal]\r\npath = \"C:\\journal.db\"\r\n",
    )
    .unwrap_err()
    .to_string();
    assert!(
        refusal.contains("write a Windows path in single quotes"),
        "{refusal}"
    );
}

#[test]
fn an_empty_file_is_a_complete_one() {
    let settings = load("empty", "").unwrap();
    let defaults = settings::load(None, &signed_in(&[])).unwrap();
    assert_eq!(settings.describe()[1..], defaults.describe()[1..]);
}

#[test]
fn relative_paths_count_from_the_files_folder() {
    let path = file(
        "relative",
        "[genesys]\nclient_id = \"id\"\nclient_secret_file = \"secret\"\n[journal]\npath = \"state/journal.db\"\n",
    );
    fs::write(path.with_file_name("secret"), "s3cret\n").unwrap();
    let settings = settings::load(Some(&path), &environment(&[])).unwrap();
    assert_eq!(
        settings.journal.path,
        path.with_file_name("state/journal.db")
    );
    let absolute = load("absolute", "[journal]\npath = \"/var/lib/x/journal.db\"\n").unwrap();
    assert_eq!(absolute.journal.path, Path::new("/var/lib/x/journal.db"));
}
