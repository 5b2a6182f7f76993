//! The client secret: found in its order of places, and shown by nothing.

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf};

use callback_prioritizer::settings::{self, Severity};
use secrecy::ExposeSecret;

use super::{CANARY, environment, file, folder, signed_in};

/// A file with this content and these permissions.
fn secret_file(name: &str, content: &str, mode: u32) -> PathBuf {
    let path = folder(name).join("client_secret");
    fs::write(&path, content).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    path
}

#[test]
fn the_places_come_in_their_order() {
    let credential = secret_file("order_credential", "from-systemd\n", 0o440);
    let by_file = secret_file("order_file", "from-file\r\n", 0o600);
    let by_variable = secret_file("order_variable", "from-named-file", 0o600);
    let settings_file = file(
        "order",
        format!(
            "[genesys]\nclient_id = \"id\"\nclient_secret_file = '{}'\n",
            by_file.display()
        ),
    );
    let credentials = credential.parent().unwrap().to_str().unwrap();
    let mut variables = environment(&[
        ("GENESYSCLOUD_OAUTHCLIENT_ID", "id"),
        ("CREDENTIALS_DIRECTORY", credentials),
    ]);
    let found = |file: Option<&PathBuf>, variables: &_| {
        let settings = settings::load(file.map(PathBuf::as_path), variables).unwrap();
        settings.genesys.client_secret.expose_secret().to_owned()
    };
    assert_eq!(found(None, &variables), "from-systemd");
    assert_eq!(found(Some(&settings_file), &variables), "from-file");
    variables.extend(environment(&[(
        "GENESYSCLOUD_OAUTHCLIENT_SECRET",
        "from-variable",
    )]));
    assert_eq!(found(Some(&settings_file), &variables), "from-variable");
    let named = by_variable.to_str().unwrap();
    variables.extend(environment(&[(
        "CALLBACK_PRIORITIZER__GENESYS__CLIENT_SECRET_FILE",
        named,
    )]));
    assert_eq!(found(Some(&settings_file), &variables), "from-named-file");
}

#[test]
fn what_cannot_be_a_secret_is_refused_without_being_shown() {
    let long = CANARY.repeat(1000);
    for (content, expected) in [
        ("", "the secret is empty"),
        ("\r\n", "the secret is empty"),
        ("canary canary", "a blank or a line break"),
        ("canary\ncanary\n", "a blank or a line break"),
        (" canary", "a blank or a line break"),
        ("canary\0", "a blank or a line break"),
        (long.as_str(), "too long"),
    ] {
        let path = secret_file("unfit", content, 0o600);
        let variables = environment(&[
            ("GENESYSCLOUD_OAUTHCLIENT_ID", "id"),
            (
                "CALLBACK_PRIORITIZER__GENESYS__CLIENT_SECRET_FILE",
                path.to_str().unwrap(),
            ),
        ]);
        let refusal = settings::load(None, &variables).unwrap_err();
        let shown = format!("{refusal} {refusal:?}");
        assert!(shown.contains(expected), "{shown}");
        assert!(shown.contains("genesys.client_secret_file"), "{shown}");
        assert!(!shown.contains(CANARY), "{shown}");
    }
}

#[test]
fn a_secret_written_where_its_files_name_belongs_is_not_repeated() {
    let path = file(
        "misplaced",
        "[genesys]\nclient_id = \"id\"\nclient_secret_file = \"canary\"\n",
    );
    let refusal = settings::load(Some(&path), &environment(&[])).unwrap_err();
    let shown = format!("{refusal} {refusal:?}");
    assert!(
        shown.contains("cannot be read") && !shown.contains(CANARY),
        "{shown}"
    );
}

#[test]
fn nothing_shows_the_secret() {
    let path = file("shown", "[genesys]\nclient_id = \"id\"\n");
    let settings = settings::load(Some(&path), &signed_in(&[])).unwrap();
    assert_eq!(settings.genesys.client_secret.expose_secret(), CANARY);
    let shown = format!(
        "{settings:?} {settings:#?} {:?} {:?} {:?}",
        settings.genesys,
        settings.describe(),
        settings.findings()
    );
    assert!(!shown.contains(CANARY), "{shown}");
}

#[test]
fn a_secret_that_others_may_read_is_worth_a_warning() {
    for (mode, warned) in [(0o600, false), (0o400, false), (0o640, true), (0o444, true)] {
        let path = secret_file("readable", "s3cret", mode);
        let mut variables = environment(&[
            ("GENESYSCLOUD_OAUTHCLIENT_ID", "id"),
            (
                "CALLBACK_PRIORITIZER__GENESYS__CLIENT_SECRET_FILE",
                path.to_str().unwrap(),
            ),
        ]);
        let warns = |variables: &_| {
            settings::load(None, variables)
                .unwrap()
                .findings()
                .iter()
                .any(|finding| {
                    finding.severity == Severity::Warning
                        && finding.setting == "genesys.client_secret_file"
                })
        };
        assert_eq!(warns(&variables), warned, "{mode:o}");
        variables.extend(environment(&[
            (
                "CALLBACK_PRIORITIZER__GENESYS__API_URL",
                "http://127.0.0.1:8080",
            ),
            (
                "CALLBACK_PRIORITIZER__GENESYS__LOGIN_URL",
                "http://127.0.0.1:8080",
            ),
        ]));
        assert!(!warns(&variables), "a sandbox's secret protects nothing");
    }
}
