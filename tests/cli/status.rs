//! Does `status` tell of the running daemon what it knows?

use std::net::TcpListener;

use callback_prioritizer::sandbox::{Callback, Effect, Options, RequestFault, Sandbox};
use serde_json::Value;

use crate::program::{Ended, Program};

/// An address on which nobody listens.
fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

/// What the program says that is told only where the daemon shows itself.
async fn asked(name: &str, arguments: &[&str], address: &str) -> Ended {
    let program = Program::new(name, arguments).set("STATUS__LISTEN", address);
    program.finish().await
}

#[tokio::test]
async fn a_daemon_that_is_not_there_cannot_tell() {
    let address = free_address();
    let ended = asked("no-status", &["status"], &address).await;
    assert_eq!((ended.code, ended.out.as_str()), (Some(69), ""));
    let beginning =
        format!("error: nothing answers at http://{address}/status.json: is the daemon");
    assert!(ended.err.starts_with(&beginning), "{}", ended.err);
}

#[tokio::test]
async fn a_daemon_that_runs_tells_how_it_is_and_who_waits() {
    let sandbox = Sandbox::start(Options::default()).await.unwrap();
    let address = free_address();
    let daemon = Program::new("told", &["run"]).set("POLICY__WAIT", "1h");
    let daemon = daemon
        .in_sandbox(&sandbox)
        .set("STATUS__LISTEN", &address)
        .start();
    daemon.logs("\"connected\"", 1).await;
    let queue = sandbox.world().queue("Support").unwrap();
    let id = sandbox
        .world()
        .add_callback(Callback::to(&queue).at_priority(3));
    daemon.logs("callback tracked", 1).await;

    let ended = asked("told-table", &["status"], &address).await;
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    assert!(ended.out.starts_with("ready\n1 tracked"), "{}", ended.out);
    let last = ended.out.lines().last().unwrap();
    let words: Vec<_> = last.split_whitespace().collect();
    assert_eq!((words[0], words[2], words[3]), ("1", "3", "in"), "{last}");
    assert_eq!(
        words[words.len() - 2..],
        ["Support", &id.to_string()[..8]],
        "{last}"
    );

    let ended = asked("told-json", &["status", "--json"], &address).await;
    let told: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(told["callbacks"][0]["conversation"], id.to_string());
    assert_eq!(told["health"]["ready"], true);

    let watch = Program::new("told-watch", &["status", "--watch"]);
    let watch = watch.set("STATUS__LISTEN", &address).start();
    watch.says("Support").await;
    sandbox.world().answer(&id).unwrap();
    watch.says("Nobody waits.").await;
    daemon.signal("TERM");
    daemon.ended().await;
    watch.says("nothing answers at").await;
}

#[tokio::test]
async fn a_daemon_that_waits_for_its_platform_says_so() {
    let sandbox = Sandbox::start(Options::default()).await.unwrap();
    let down = RequestFault::to("POST", "/oauth/token", Effect::Answer(503, None));
    sandbox.faults().requests(down);
    let address = free_address();
    let daemon = Program::new("waits", &["run"]).in_sandbox(&sandbox);
    let daemon = daemon.set("STATUS__LISTEN", &address).start();
    daemon.logs("the platform does not answer yet", 1).await;
    let ended = asked("waits-health", &["healthcheck"], &address).await;
    assert_eq!(ended.code, Some(69));
    assert!(
        ended
            .err
            .starts_with("error: not ready: there is no token yet"),
        "{}",
        ended.err
    );
    let ended = asked("waits-live", &["healthcheck", "--live"], &address).await;
    assert_eq!(ended.code, Some(0), "it is alive all the same");
}
