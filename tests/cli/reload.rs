//! Does SIGHUP make the daemon read its settings again, all of them or none?

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use callback_prioritizer::{
    journal::{Event, History, Wanted},
    sandbox::{Callback, Options, Sandbox},
};
use tokio::time::sleep;

use crate::program::{Process, Program, folder, until};

/// A settings file in a folder of its own, and what it says at first.
fn settings(name: &str, content: &str) -> PathBuf {
    let path = folder(&format!("{name}-settings")).join("settings.toml");
    fs::write(&path, content).unwrap();
    path
}

/// A daemon with this settings file, its journal beside it, and these arguments.
fn daemon(name: &str, file: &Path, arguments: &[&str], sandbox: &Sandbox) -> Process {
    let journal = file.with_file_name("journal.db");
    let config = ["run", "--config", file.to_str().unwrap()];
    let arguments: Vec<&str> = config.iter().chain(arguments).copied().collect();
    Program::new(name, &arguments)
        .in_sandbox(sandbox)
        .set("JOURNAL__PATH", journal.to_str().unwrap())
        .start()
}

/// A platform where a callback has waited for an hour.
async fn sandbox() -> Sandbox {
    let sandbox = Sandbox::start(Options::default()).await.unwrap();
    let support = sandbox.world().queue("Support").unwrap();
    let waiting = Callback::to(&support).waiting_for(Duration::from_hours(1));
    let _id = sandbox.world().add_callback(waiting);
    sandbox
}

/// The priorities that were written.
fn written(sandbox: &Sandbox) -> Vec<i64> {
    let writes = sandbox.world().writes().into_iter();
    writes.map(|write| write.to.points()).collect()
}

#[tokio::test]
async fn sighup_puts_a_changed_file_in_force_and_a_broken_one_not() {
    let sandbox = sandbox().await;
    let file = settings("sighup", "[policy]\nwait = \"30m\"\n");
    let daemon = daemon("sighup", &file, &[], &sandbox);
    daemon.logs("\"connected\"", 1).await;
    daemon.logs("priority raised", 1).await;
    assert_eq!(written(&sandbox), [2]);
    fs::write(
        &file,
        "[policy]\nwait = \"10m\"\n[log]\nlevel = \"debug\"\n",
    )
    .unwrap();
    daemon.signal("HUP");
    daemon.logs("settings reloaded", 1).await;
    until(&sandbox, |sandbox| written(sandbox) == [2, 6]).await;

    fs::write(&file, "[policy]\nwait = \"1m\"\nincrement = \"two\"\n").unwrap();
    daemon.signal("HUP");
    daemon.logs("settings not reloaded", 1).await;
    sleep(Duration::from_secs(1)).await;
    assert_eq!(written(&sandbox), [2, 6]);
    let id = &sandbox.world().writes()[0].conversation;
    sandbox.world().answer(id).unwrap();
    daemon.logs("\"DEBUG\"", 1).await;
    daemon.signal("TERM");
    let ended = daemon.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let log = ended.log();
    let errors: Vec<_> = log.iter().filter(|line| line["level"] == "ERROR").collect();
    assert_eq!(errors.len(), 1, "{errors:?}");
    let error = errors[0]["error"].as_str().unwrap();
    let place = format!("{}:3:13: policy.increment: ", file.display());
    assert!(error.starts_with(&place), "{error}");
    let changed: Vec<_> = log
        .iter()
        .filter(|line| line["message"] == "setting changed")
        .map(|line| {
            let text = |key: &str| line[key].as_str().unwrap_or("-").to_owned();
            format!(
                "{}: {} -> {}",
                text("setting"),
                text("before"),
                text("after")
            )
        })
        .collect();
    assert_eq!(
        changed,
        [
            r#"log.level: "info" -> "debug""#,
            r#"policy.wait: "30m" -> "10m""#
        ]
    );
}

#[tokio::test]
async fn a_dry_run_that_becomes_a_real_one_has_a_journal_that_lasts() {
    let sandbox = sandbox().await;
    let file = settings("turning-real", "[callbacks]\ndry_run = true\n");
    let journal = file.with_file_name("journal.db");
    let real = "[callbacks]\ndry_run = false\n";
    let daemon = daemon("turning-real", &file, &[], &sandbox);
    daemon.logs("priority would be raised", 1).await;
    assert!(!journal.exists());
    fs::write(&file, real).unwrap();
    daemon.signal("HUP");
    daemon.logs("priority raised", 1).await;
    daemon.signal("TERM");
    assert_eq!(daemon.ended().await.code, Some(0));
    let mut told = Vec::new();
    let history = History::open(&journal).unwrap();
    let listener = |event| {
        if let Event::Write(written) = event {
            told.push(written.write.to.points());
        }
        Ok::<(), ()>(())
    };
    history.tell(&Wanted::default(), listener).unwrap().unwrap();
    assert_eq!((told, written(&sandbox)), (vec![12], vec![12]));
}

#[tokio::test]
async fn the_command_line_keeps_it_a_dry_run_and_a_journal_in_use_too() {
    let sandbox = sandbox().await;
    let file = settings("staying-dry", "");
    let by_flag = daemon("staying-dry-1", &file, &["--dry-run"], &sandbox);
    by_flag.logs("priority would be raised", 1).await;
    by_flag.signal("HUP");
    by_flag.logs("settings reloaded", 1).await;
    by_flag.signal("TERM");
    assert_eq!(by_flag.ended().await.code, Some(0));

    let dry = settings("staying-dry-too", "[callbacks]\ndry_run = true\n");
    let dry_run = daemon("staying-dry-2", &dry, &[], &sandbox);
    dry_run.logs("priority would be raised", 1).await;
    let elsewhere = Program::new("staying-dry-3", &["run"])
        .in_sandbox(&sandbox)
        .set("POLICY__WAIT", "2h")
        .set(
            "JOURNAL__PATH",
            dry.with_file_name("journal.db").to_str().unwrap(),
        )
        .start();
    elsewhere.logs("\"connected\"", 1).await;
    fs::write(&dry, "[callbacks]\ndry_run = false\n").unwrap();
    dry_run.signal("HUP");
    dry_run.logs("settings not reloaded", 1).await;
    dry_run
        .logs("is in use by another callback-prioritizer", 1)
        .await;
    assert_eq!(written(&sandbox), [] as [i64; 0]);
    elsewhere.signal("TERM");
    assert_eq!(elsewhere.ended().await.code, Some(0));
    dry_run.signal("HUP");
    dry_run.logs("priority raised", 1).await;
}
