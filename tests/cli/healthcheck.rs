//! Does `healthcheck` tell a container what the daemon says of itself?

use std::net::TcpListener;

use callback_prioritizer::sandbox::{Options, Sandbox};

use crate::program::{Program, folder};

/// A port that nobody listens on.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

#[tokio::test]
async fn healthcheck_tells_ready_from_not_ready_from_nobody() {
    let sandbox = Sandbox::start(Options::default()).await.unwrap();
    let listen = format!("127.0.0.1:{}", free_port());
    let ask = async |arguments: &[&str]| {
        let program = Program::new("healthcheck", arguments).set("STATUS__LISTEN", &listen);
        program.finish().await
    };
    let nobody = ask(&["healthcheck"]).await;
    assert_eq!((nobody.code, nobody.out.as_str()), (Some(69), ""));
    assert!(
        nobody.err.contains("is the daemon running"),
        "{}",
        nobody.err
    );

    let journal = folder("healthcheck-journal");
    let program = Program::new("healthy", &["run"])
        .in_sandbox(&sandbox)
        .set("STATUS__LISTEN", &listen)
        .set(
            "JOURNAL__PATH",
            journal.join("journal.db").to_str().unwrap(),
        );
    let daemon = program.start();
    daemon.logs("sweep done", 1).await;
    let ready = ask(&["healthcheck"]).await;
    assert_eq!(
        (ready.code, ready.out.as_str()),
        (Some(0), "ready\n"),
        "{}",
        ready.err
    );
    let live = ask(&["healthcheck", "--live"]).await;
    assert_eq!((live.code, live.out.as_str()), (Some(0), "live\n"));
    daemon.signal("TERM");
    assert_eq!(daemon.ended().await.code, Some(0));
}

#[tokio::test]
async fn healthcheck_says_why_the_daemon_is_not_ready() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let listen = listener.local_addr().unwrap().to_string();
    let words = "not ready: the first sweep is not done\n";
    let routes = axum::Router::new().route(
        "/readyz",
        axum::routing::get(
            move || async move { (axum::http::StatusCode::SERVICE_UNAVAILABLE, words) },
        ),
    );
    let mut serving = tokio::task::JoinSet::new();
    serving.spawn(async move { axum::serve(listener, routes).await });
    let program = Program::new("unready", &["healthcheck"]).set("STATUS__LISTEN", &listen);
    let ended = program.finish().await;
    assert_eq!(ended.code, Some(69));
    assert_eq!(ended.err, format!("error: {words}"));
}

#[tokio::test]
async fn healthcheck_needs_a_port_to_ask() {
    let program = Program::new("any-port", &["healthcheck"]).set("STATUS__LISTEN", "127.0.0.1:0");
    let ended = program.finish().await;
    assert_eq!(ended.code, Some(78));
    assert!(ended.err.contains("write a port"), "{}", ended.err);
}
