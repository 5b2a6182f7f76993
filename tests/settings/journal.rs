//! A journal that several daemons share: where it is, how it is signed in to, and that nothing shows the password.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command};

use callback_prioritizer::settings::{self, Settings, Severity};
use secrecy::ExposeSecret;

use super::{
    CANARY, file, folder, load,
    organizations::{in_readme, loaded_by},
    signed_in,
};

/// The sentence with which these settings are refused.
fn refusal(name: &str, content: &str) -> String {
    load(name, content).unwrap_err().to_string()
}

#[test]
fn a_journal_is_in_a_file_or_in_a_database() {
    let both = "[journal]\npath = \"x.db\"\nurl = \"postgres://u@db/j\"";
    let refused = refusal("both", both);
    assert!(refused.starts_with("journal.url: "), "{refused}");
    assert!(refused.contains("leave one of the two out"), "{refused}");
    let alone = load("alone", "[journal]\nurl = \"postgres://u@db/j\"").unwrap();
    let shared = alone.journal.shared.as_ref().unwrap();
    assert_eq!(shared.url.to_string(), "db:5432/j");
    let machine = Command::new("uname").arg("-n").output().unwrap().stdout;
    let machine = String::from_utf8(machine).unwrap();
    if machine.trim() != "localhost" {
        assert_eq!(shared.replica, machine.trim());
    }
    let said = alone.describe().join("\n");
    let expected = format!(
        "journal: the database db:5432/j, shared with other daemons, among which this one is {}, and which remembers for 30d",
        shared.replica
    );
    assert!(said.contains(&expected), "{said}");
    let socket = |variables: &[(&str, &str)]| {
        settings::control_socket(&alone.journal, &signed_in(variables))
    };
    for (variables, expected) in [
        (&[][..], "callback-prioritizer.db.sock"),
        (&[("RUNTIME_DIRECTORY", "/run/x")], "/run/x/control.sock"),
    ] {
        assert_eq!(socket(variables), Path::new(expected));
    }
    // As in the image, which may write nowhere else.
    let state = signed_in(&[
        ("STATE_DIRECTORY", "/var/lib/x"),
        ("CALLBACK_PRIORITIZER__JOURNAL__URL", "postgres://u@db/j"),
    ]);
    let journal = settings::load(None, &state).unwrap().journal;
    let socket = settings::control_socket(&journal, &state);
    assert_eq!(socket, Path::new("/var/lib/x/journal.db.sock"));
}

#[test]
fn what_is_of_a_database_alone_is_refused_without_one() {
    for (key, setting) in [
        ("replica = \"one\"", "journal.replica"),
        ("password_file = \"/x\"", "journal.password_file"),
    ] {
        let refused = refusal("without", &format!("[journal]\n{key}"));
        assert!(refused.starts_with(setting), "{refused}");
        assert!(refused.contains("write `url`"), "{refused}");
    }
}

#[test]
fn a_replica_without_a_name_does_not_start() {
    let mut settings = load(
        "nameless",
        "[journal]\nurl = \"postgres://u@db/j\"\nreplica = \"one\"",
    )
    .unwrap();
    let errors = |settings: &Settings| {
        let findings = settings.findings().into_iter();
        let errors = findings.filter(|finding| finding.severity == Severity::Error);
        errors.map(|finding| finding.setting).collect::<Vec<_>>()
    };
    assert!(errors(&settings).is_empty());
    settings.journal.shared.as_mut().unwrap().replica.clear();
    assert_eq!(errors(&settings), ["journal.replica"]);
}

#[test]
fn the_password_is_found_in_its_order_of_places() {
    let place = folder("journal_password");
    let named = place.join("named");
    fs::write(&named, "from-file\n").unwrap();
    fs::set_permissions(&named, fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(place.join("journal_password"), "from-systemd").unwrap();
    let credentials = place.to_str().unwrap();
    let found = |url: &str, with_file: bool, with_credential: bool| {
        let mut content = format!("[journal]\nurl = \"{url}\"\n");
        if with_file {
            let named = named.to_str().unwrap();
            content.extend(["password_file = '", named, "'\n"]);
        }
        let mut variables = signed_in(&[]);
        if with_credential {
            variables.insert("CREDENTIALS_DIRECTORY".to_owned(), credentials.to_owned());
        }
        let path = file("journal_password_settings", content);
        let settings = settings::load(Some(&path), &variables).unwrap();
        let warned = settings.findings().iter().any(|finding| {
            finding.setting == "journal.password_file" && finding.sentence.contains("chmod 600")
        });
        assert_eq!(warned, with_file);
        let password = settings.journal.shared.unwrap().password;
        password.map(|password| password.expose_secret().to_owned())
    };
    let (bare, full) = ("postgres://u@db/j", "postgres://u:in-url@db/j");
    for (url, with_file, with_credential, expected) in [
        (bare, false, false, None),
        (bare, false, true, Some("from-systemd")),
        (bare, true, true, Some("from-file")),
        (full, false, true, None),
        (full, true, true, Some("from-file")),
    ] {
        let found = found(url, with_file, with_credential);
        assert_eq!(
            found.as_deref(),
            expected,
            "{url} {with_file} {with_credential}"
        );
    }
}

#[test]
fn the_example_of_the_readme_finds_its_password_under_systemd() {
    let section = "### Several daemons on one journal";
    let example = in_readme(section, "toml");
    let without = example
        .lines()
        .filter(|line| !line.starts_with("password_file"));
    let path = file("readme_replica", without.collect::<Vec<_>>().join("\n"));
    let credentials = loaded_by(&in_readme(section, "ini"), "readme_password");
    let given = signed_in(&[("CREDENTIALS_DIRECTORY", &credentials)]);
    let shared = settings::load(Some(&path), &given).unwrap().journal.shared;
    let password = shared.unwrap().password.unwrap();
    assert_eq!(password.expose_secret(), "of-journal_password");
    let unreadable = example.replace("/etc/callback-prioritizer/", "/nowhere/");
    let refused = refusal("readme_password_file", &unreadable);
    let remedy = "under systemd leave the setting out and load the credential `journal_password`";
    assert!(refused.contains(remedy), "{refused}");
}

#[test]
fn nothing_shows_the_password() {
    let with = |password: &str| -> Settings {
        let url = format!("postgres://u:{password}@db/j?options=-c%20x=canary");
        settings::load(
            None,
            &signed_in(&[("CALLBACK_PRIORITIZER__JOURNAL__URL", &url)]),
        )
        .unwrap()
    };
    let settings = with("canary");
    let findings = settings.findings();
    let shown = format!("{settings:?} {:?} {findings:?}", settings.describe());
    assert!(!shown.contains(CANARY), "{shown}");
    let changes = settings.changes_to(&with("canary-of-tomorrow"));
    let named: Vec<_> = changes
        .iter()
        .map(|change| change.setting.as_str())
        .collect();
    assert_eq!(named, ["journal.url"]);
    assert!(!format!("{changes:?}").contains(CANARY));
    for wrong in [
        "canary",
        "postgres://u:pa/sscanary@db/j",
        "postgres://u:pa/s?canary@db/j",
        "postgres://u:pa#canary@db/j",
        "postgres://u:pa@canary@db/j",
        "postgres://u:pa@canary/x@db/j",
    ] {
        let wrong = [("CALLBACK_PRIORITIZER__JOURNAL__URL", wrong)];
        let refused = settings::load(None, &signed_in(&wrong)).unwrap_err();
        assert!(!format!("{refused} {refused:?}").contains(CANARY));
    }
}
