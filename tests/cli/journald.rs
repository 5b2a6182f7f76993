//! Does systemd's journal know how serious a line is?

use callback_prioritizer::sandbox::{Options, Sandbox};
use serde_json::Value;

use crate::program::{Program, folder};

#[tokio::test]
async fn in_the_journal_each_line_begins_with_its_level() {
    let sandbox = Sandbox::start(Options::default()).await.unwrap();
    let program = Program::new("journal", &["run"])
        // The second changes nothing, which is worth a warning.
        .set("CALLBACKS__QUEUES", "*,Support")
        .at(&sandbox.url(), "wrong");
    let (code, log) = program.into_journal(&folder("journald").join("log")).await;
    assert_eq!(code, Some(77), "{log}");
    let mut seen = Vec::new();
    for line in log.lines() {
        let (mark, json) = line.split_at(3);
        let value: Value = serde_json::from_str(json).unwrap_or_else(|no| panic!("{no}: {line}"));
        let level = value["level"].as_str().unwrap().to_owned();
        seen.push((mark, level));
    }
    for pair in [("<6>", "INFO"), ("<4>", "WARN"), ("<3>", "ERROR")] {
        let pair = (pair.0, pair.1.to_owned());
        assert!(seen.contains(&pair), "{pair:?}: {log}");
    }
    let known = ["<6>INFO", "<4>WARN", "<3>ERROR"];
    let known = |(mark, level): &(&str, String)| known.contains(&format!("{mark}{level}").as_str());
    assert!(seen.iter().all(known), "{log}");
}

#[tokio::test]
async fn in_the_journal_a_refusal_before_the_log_is_an_error() {
    let program = Program::new("refused", &["run"]).set("POLICY__WAIT", "soon");
    let (code, log) = program.into_journal(&folder("refusal").join("log")).await;
    assert_eq!(code, Some(78));
    assert!(log.starts_with("<3>error: "), "{log}");
}

#[tokio::test]
async fn a_stderr_that_was_redirected_is_not_the_journal() {
    let program = Program::new("elsewhere", &["run"])
        .set("POLICY__WAIT", "soon")
        .with("JOURNAL_STREAM", "8:15");
    let ended = program.finish().await;
    assert!(ended.err.starts_with("error: "), "{}", ended.err);
}
