//! Does `run` work as a service: does it start, log, raise, and stop when it is told to?

use std::time::Duration;

use callback_prioritizer::sandbox::{Callback, Effect, Options, RequestFault, Sandbox};
use tokio::time::Instant;

use crate::program::{Ended, Process, Program, until};

/// How long requests in flight may take to finish after a signal: what the first `stopping` line says.
const GRACE: Duration = Duration::from_secs(10);

/// A platform as most organisations have it.
async fn sandbox() -> Sandbox {
    Sandbox::start(Options::default()).await.unwrap()
}

/// A daemon that raises every fifth of a second, connected, with one callback that it has raised.
async fn busy(name: &str, sandbox: &Sandbox) -> Process {
    let program = Program::new(name, &["run"]).set("POLICY__WAIT", "200ms");
    let daemon = program.in_sandbox(sandbox).start();
    daemon.logs("\"connected\"", 1).await;
    let support = sandbox.world().queue("Support").unwrap();
    let _waiting = sandbox.world().add_callback(Callback::to(&support));
    daemon.logs("priority raised", 2).await;
    daemon
}

/// Ends it with a signal; it must drain in time.
async fn drained(daemon: Process, signal: &str) -> Ended {
    let asked = Instant::now();
    daemon.signal(signal);
    let ended = daemon.ended().await;
    assert!(asked.elapsed() < GRACE, "{:?}", asked.elapsed());
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let log = ended.log();
    let last = log.last().unwrap();
    assert_eq!(
        (&last["message"], &last["how"]),
        (&"stopped".into(), &"drained".into())
    );
    assert_eq!(last["left"], 0);
    ended
}

#[tokio::test]
async fn sigterm_ends_it_in_good_order() {
    let sandbox = sandbox().await;
    let daemon = busy("sigterm", &sandbox).await;
    drained(daemon, "TERM").await;
}

#[tokio::test]
async fn ctrl_c_ends_it_in_good_order() {
    let sandbox = sandbox().await;
    let daemon = busy("sigint", &sandbox).await;
    drained(daemon, "INT").await;
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    let sandbox = sandbox().await;
    let daemon = busy("twice", &sandbox).await;
    let slow = Effect::Delay(Duration::from_secs(8));
    let path = "/api/v2/routing/conversations/";
    sandbox
        .faults()
        .requests(RequestFault::to("PATCH", path, slow));
    let before = sandbox.world().writes().len();
    until(&sandbox, |sandbox| sandbox.world().writes().len() > before).await;
    daemon.signal("TERM");
    daemon.logs("stopping", 1).await;
    let again = Instant::now();
    daemon.signal("TERM");
    let ended = daemon.ended().await;
    assert!(
        again.elapsed() < Duration::from_secs(4),
        "{:?}",
        again.elapsed()
    );
    assert_eq!(ended.code, Some(0));
    assert!(
        ended.log().iter().any(|line| line["how"] == "aborted"),
        "{}",
        ended.err
    );
}

#[tokio::test]
async fn its_log_is_json_with_the_lines_that_operators_search_for() {
    let sandbox = sandbox().await;
    let daemon = busy("log", &sandbox).await;
    let ended = drained(daemon, "TERM").await;
    assert_eq!(ended.out, "");
    let log = ended.log();
    let line = |message: &str| {
        let mut lines = log.iter().filter(|line| line["message"] == message);
        lines
            .next()
            .unwrap_or_else(|| panic!("{message} is missing: {}", ended.err))
    };
    for message in ["starting", "sweep done", "connected", "callback tracked"] {
        let _found = line(message);
    }
    let raised = line("priority raised");
    for key in ["conversation_id", "visit", "queue_id"] {
        assert!(raised[key].is_string(), "{key}: {raised}");
    }
    for key in ["from", "to", "step", "waited_s", "late_ms"] {
        assert!(raised[key].is_i64(), "{key}: {raised}");
    }
}

#[tokio::test]
async fn a_dry_run_tells_and_writes_nothing() {
    let sandbox = sandbox().await;
    let support = sandbox.world().queue("Support").unwrap();
    let _waiting = sandbox.world().add_callback(Callback::to(&support));
    let program = Program::new("dry", &["run", "--dry-run"]).set("POLICY__WAIT", "200ms");
    let daemon = program.in_sandbox(&sandbox).start();
    daemon.logs("priority would be raised", 1).await;
    drained(daemon, "TERM").await;
    assert_eq!(sandbox.world().writes(), []);
    let patches = sandbox.requests();
    assert!(patches.iter().all(|request| request.method != "PATCH"));
}

#[tokio::test]
async fn refused_credentials_end_it_with_77_and_a_remedy() {
    let sandbox = sandbox().await;
    let program = Program::new("run-refused", &["run"]).at(&sandbox.url(), "wrong");
    let ended = program.finish().await;
    assert_eq!(ended.code, Some(77));
    let log = ended.log();
    let last = log.last().unwrap();
    assert_eq!(last["exit_code"], 77);
    let error = last["error"].as_str().unwrap();
    assert!(
        error.contains("check genesys.client_id and the client secret"),
        "{error}"
    );
}

#[tokio::test]
async fn sigterm_ends_it_while_it_starts() {
    let sandbox = sandbox().await;
    let down = RequestFault::to("", "/", Effect::Answer(503, None));
    sandbox.faults().requests(down);
    let program = Program::new("starting", &["run"]).in_sandbox(&sandbox);
    let daemon = program.start();
    daemon.logs("the platform does not answer yet", 1).await;
    daemon.signal("TERM");
    let ended = daemon.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.err);
}

#[tokio::test]
async fn the_sandbox_says_where_it_is_and_serves_until_sigterm() {
    let program = Program::new("sandbox", &["sandbox", "--listen", "127.0.0.1:0"]);
    let sandbox = program.start();
    let said = sandbox.says("\n").await;
    let (_, rest) = said.split_once("http://").unwrap();
    let url = format!("http://{}", rest.split_whitespace().next().unwrap());
    let check = Program::new("in-sandbox", &["check", "--online"]);
    let checked = check.at(&url, "sandbox").finish().await;
    assert_eq!(checked.code, Some(0), "{}", checked.out);
    sandbox.signal("TERM");
    assert_eq!(sandbox.ended().await.code, Some(0));
}

#[tokio::test]
async fn the_keys_of_its_log_are_plain_words() {
    let sandbox = sandbox().await;
    let daemon = busy("keys", &sandbox).await;
    let ended = drained(daemon, "TERM").await;
    for line in ended.log() {
        for key in line.as_object().unwrap().keys() {
            let plain = |letter: char| letter.is_ascii_lowercase() || letter == '_';
            assert!(key.chars().all(plain), "{key}: {line}");
        }
    }
}

#[tokio::test]
async fn why_no_connection_comes_up_again_is_said_where_everybody_sees_it() {
    let sandbox = sandbox().await;
    let daemon = busy("reconnect", &sandbox).await;
    sandbox.faults().refuse_sockets(403, Some(2));
    sandbox.faults().cut_sockets();
    daemon.logs("\"connected\"", 2).await;
    let ended = drained(daemon, "TERM").await;
    let said = |line: &serde_json::Value| line["level"] == "WARN" && line["reason"] == "refused";
    assert!(ended.log().iter().any(said), "{}", ended.err);
}

#[tokio::test]
async fn libraries_stay_quiet_where_one_of_their_modules_is_asked_to_tell_all() {
    let sandbox = sandbox().await;
    let program = Program::new("modules", &["run"])
        .set("LOG__LEVEL", "info,hyper_util::client::legacy=trace")
        .in_sandbox(&sandbox);
    let daemon = program.start();
    daemon.logs("\"connected\"", 1).await;
    let ended = drained(daemon, "TERM").await;
    let loud = |line: &serde_json::Value| line["level"] == "TRACE" || line["level"] == "DEBUG";
    assert!(!ended.log().iter().any(loud), "{}", ended.err);
}
