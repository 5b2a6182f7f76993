//! Does `explain` say what the rules make of a callback?

use std::{fs, path::Path};

use callback_prioritizer::sandbox::{Callback, Options, Sandbox};

use crate::program::{Ended, Program, folder};

/// Each file: what is asked on the first line, then the settings, then after a line of three dashes the answer.
#[tokio::test]
async fn each_policy_is_explained_as_it_was_once_read_and_found_right() {
    let folder_of_them = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/explanations");
    let files: Vec<_> = fs::read_dir(folder_of_them)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    assert!(files.len() > 10, "{files:?}");
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let (asked, rest) = text.split_once('\n').unwrap();
        let (settings, expected) = rest.split_once("---\n").unwrap();
        let name = format!("explain-{}", file.file_stem().unwrap().display());
        let place = folder(&format!("{name}-settings")).join("settings.toml");
        fs::write(&place, settings).unwrap();
        let place = place.display().to_string();
        let asked = asked.strip_prefix("# ").unwrap().split(' ');
        let arguments: Vec<&str> = ["explain", "--config", &place]
            .into_iter()
            .chain(asked)
            .collect();
        let Ended { code, out, err } = Program::new(&name, &arguments).finish().await;
        assert_eq!((code, err.as_str()), (Some(0), ""), "{}", file.display());
        assert_eq!(out, expected, "{}", file.display());
    }
}

#[tokio::test]
async fn what_is_asked_wrongly_is_refused_in_a_sentence() {
    for (name, arguments, code, sentence) in [
        (
            "moment",
            &["--at", "noon"][..],
            64,
            "--at: `noon` is no moment: write a day and a time",
        ),
        ("day", &["--at", "someday 12:00"], 64, "`someday` is no day"),
        (
            "priority",
            &["--priority", "99999999999"],
            64,
            "--priority: 99999999999 is out of range",
        ),
        (
            "attribute",
            &["--attribute", "tier"],
            64,
            "expected NAME=VALUE",
        ),
        (
            "both",
            &["--conversation", "c1", "--queue", "Sales"],
            64,
            "cannot be used with",
        ),
        (
            "credentials",
            &["--conversation", "c1"],
            78,
            "without it nobody can sign in",
        ),
    ] {
        let arguments: Vec<&str> = ["explain"].iter().chain(arguments).copied().collect();
        let ended = Program::new(&format!("explain-wrong-{name}"), &arguments)
            .finish()
            .await;
        assert_eq!(ended.code, Some(code), "{name}: {}", ended.err);
        assert!(ended.err.contains(sentence), "{name}: {}", ended.err);
        assert_eq!(ended.out, "", "{name}");
    }
    let contradictory = Program::new("explain-contradictory", &["explain"])
        .set("POLICY__STEPS", "[{ after = \"2m\", add = 5 }]")
        .set("POLICY__WAIT", "1m")
        .finish()
        .await;
    assert_eq!(contradictory.code, Some(78));
    assert!(
        contradictory.err.contains("policy.wait"),
        "{}",
        contradictory.err
    );
}

#[tokio::test]
async fn a_conversation_is_read_and_nothing_is_written() {
    let sandbox = Sandbox::start(Options::default()).await.unwrap();
    let support = sandbox.world().queue("Support").unwrap();
    let waiting = Callback::to(&support)
        .at_priority(3)
        .waiting_for(std::time::Duration::from_mins(12))
        .with_attribute("tier", "canary");
    let id = sandbox.world().add_callback(waiting).to_string();
    let explain = |name: &str, id: &str, json: bool| {
        let arguments = ["explain", "--conversation", id, "--raises", "1", "--json"];
        let arguments = &arguments[..if json { 6 } else { 5 }];
        Program::new(name, arguments).in_sandbox(&sandbox)
    };
    let Ended { code, out, err } = explain("explain-seen", &id, true).finish().await;
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    let told: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (&told["priority"], &told["base"]),
        (&3.into(), &3.into()),
        "{out}"
    );
    assert_eq!(told["raises"][0]["to"], 5, "what is overdue: {out}");
    assert!(!out.contains("canary"), "{out}");

    let Ended { code, out, .. } = explain("explain-text", &id, false).finish().await;
    assert_eq!(code, Some(0));
    assert!(out.contains("Now:    priority 3"), "{out}");
    let gone = explain(
        "explain-gone",
        "00000000-0000-4000-8000-000000000000",
        false,
    )
    .finish()
    .await;
    assert_eq!(gone.code, Some(64), "{}", gone.err);
    assert_eq!(sandbox.world().writes(), []);
}
