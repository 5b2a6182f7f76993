//! What is refused before anything is done, with which exit code, and is it said what to do?

use std::fs;

use crate::program::{Ended, Program, folder};

/// Runs the program without credentials or anything else; it must print nothing but a complaint.
async fn complaint(name: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let Ended { code, out, err } = Program::new(name, arguments).finish().await;
    assert_eq!(out, "");
    assert!(!err.contains("panicked"), "{err}");
    (code, err)
}

#[tokio::test]
async fn a_command_line_that_is_not_understood_ends_with_64() {
    for (name, arguments, said) in [
        ("flag", &["run", "--loud"][..], "--loud"),
        ("command", &["walk"], "walk"),
        ("nothing", &[], "Usage"),
        ("value", &["sandbox", "--seed", "many"], "--seed"),
        ("address", &["sandbox", "--listen", "here"], "--listen"),
    ] {
        let (code, err) = complaint(&format!("usage-{name}"), arguments).await;
        assert_eq!(code, Some(64), "{arguments:?}");
        assert!(err.contains(said), "{err}");
    }
}

#[tokio::test]
async fn a_sandbox_for_everybody_is_refused() {
    let (code, err) = complaint("everybody", &["sandbox", "--listen", "0.0.0.0:1"]).await;
    assert_eq!(code, Some(64));
    assert!(
        err.contains("--listen") && err.contains("loopback"),
        "{err}"
    );
    assert_eq!(err.lines().count(), 1, "{err}");
}

#[tokio::test]
async fn bad_settings_end_with_78_and_their_place() {
    for command in ["run", "check"] {
        let path = folder(&format!("bad-settings-{command}")).join("settings.toml");
        fs::write(&path, "[callbacks]\n\n[policy]\n  wiat = \"5m\"\n").unwrap();
        let config = path.to_str().unwrap();
        let name = format!("bad-settings-of-{command}");
        let (code, err) = complaint(&name, &[command, "--config", config]).await;
        assert_eq!(code, Some(78));
        let place = format!("{config}:4:3: policy.wiat");
        assert!(err.contains(&place) && err.contains("wait"), "{err}");
        assert_eq!(err.lines().count(), 1, "{err}");
    }
}

#[tokio::test]
async fn a_settings_file_that_is_not_there_ends_with_78() {
    let (code, err) = complaint("absent", &["run", "--config", "absent.toml"]).await;
    assert_eq!(code, Some(78));
    assert!(err.contains("absent.toml"), "{err}");
}

#[tokio::test]
async fn missing_credentials_end_with_78_and_where_they_are_looked_for() {
    let (id, secret) = (
        "GENESYSCLOUD_OAUTHCLIENT_ID",
        "GENESYSCLOUD_OAUTHCLIENT_SECRET",
    );
    for command in ["run", "check"] {
        for (given, missing) in [(secret, "client_id"), (id, secret)] {
            let name = format!("no-{missing}-{command}");
            let program = Program::new(&name, &[command]).with(given, "something");
            let Ended { code, err, .. } = program.finish().await;
            assert_eq!(code, Some(78));
            assert!(err.contains(missing), "{err}");
            assert_eq!(err.lines().count(), 1, "{err}");
        }
    }
}

#[tokio::test]
async fn a_variable_that_is_no_setting_ends_with_78_and_its_name() {
    let program = Program::new("variable", &["check"]).set("POLICY__WIAT", "5m");
    let Ended { code, err, .. } = program.finish().await;
    assert_eq!(code, Some(78));
    assert!(err.contains("CALLBACK_PRIORITIZER__POLICY__WAIT"), "{err}");
}
