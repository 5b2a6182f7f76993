//! What is asked of the status page: is it well, and can it be abused?

mod live;
mod scanner;
mod shown;

use std::{net::SocketAddr, time::Duration};

use callback_prioritizer::sandbox::{Effect, RequestFault};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::harness::{Centre, Running, minutes, pass};

/// Where a daemon's page is.
async fn address(daemon: &Running) -> SocketAddr {
    let now = daemon.until(|now| now.page.is_some()).await;
    now.page.expect("just awaited")
}

/// Sends this and reads what comes until the end; at most a megabyte.
async fn send(to: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(to).await.expect("a connection");
    // Whoever refuses early may close before all of it is read.
    let _refused = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let _reset = stream.take(1 << 20).read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

/// The answer to an ordinary GET.
pub(crate) async fn get(to: SocketAddr, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nhost: {to}\r\nconnection: close\r\n\r\n");
    send(to, request.as_bytes()).await
}

/// The status of an answer, or 0 where there was none.
pub(crate) fn status(answer: &str) -> u16 {
    let version = answer
        .get(..9)
        .filter(|version| version.starts_with("HTTP/1."));
    let status = version.and(answer.get(9..12));
    status.map_or(0, |status| status.parse().expect("a status"))
}

/// What `/readyz` says, without its headers.
async fn ready(to: SocketAddr) -> (u16, String) {
    let answer = get(to, "/readyz").await;
    let body = answer.split("\r\n\r\n").nth(1).unwrap_or_default();
    (status(&answer), body.trim().to_owned())
}

#[tokio::test(start_paused = true)]
async fn it_says_what_the_start_waits_for() {
    let centre = Centre::open().await;
    let down = Effect::Answer(503, None);
    let faults = centre.sandbox.faults();
    faults.requests(RequestFault::to("POST", "/oauth/token", down.clone()).times(2));
    faults.requests(RequestFault::to("POST", "/api/v2/analytics", down).times(2));
    let daemon = centre.start();
    let page = address(&daemon).await;
    let (code, why) = ready(page).await;
    assert_eq!(code, 503);
    assert!(why.contains("there is no token yet"), "{why}");
    assert_eq!(
        status(&get(page, "/livez").await),
        200,
        "waiting is no hang"
    );
    daemon.until(|now| now.signed_in).await;
    let (code, why) = ready(page).await;
    assert_eq!(code, 503);
    assert!(why.contains("the first sweep is not done"), "{why}");
    daemon.until(|now| now.ready).await;
    assert_eq!(ready(page).await, (200, "ready".to_owned()));
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn work_that_is_overdue_while_nothing_moves_is_not_ready_and_idle_is() {
    let centre = Centre::open().await;
    let daemon = centre.start_ready().await;
    let page = address(&daemon).await;
    pass(minutes(180)).await;
    assert_eq!(ready(page).await.0, 200, "idle is not stuck");
    let id = centre.callback();
    daemon.until(|now| now.raises == 1).await;
    assert_eq!(ready(page).await.0, 200);
    let faults = centre.sandbox.faults();
    faults.requests(RequestFault::to(
        "PATCH",
        "/api/v2/routing",
        Effect::Answer(503, None),
    ));
    pass(minutes(6)).await;
    assert_eq!(ready(page).await.0, 200, "overdue for a minute");
    pass(minutes(2)).await;
    let (code, why) = ready(page).await;
    assert_eq!(code, 503, "{why}");
    assert!(
        why.contains("raises are overdue and nothing moves: 1 of them"),
        "{why}"
    );
    assert_eq!(
        status(&get(page, "/livez").await),
        200,
        "a new start would not help"
    );
    faults.clear();
    daemon.until(|now| now.raises == 2).await;
    assert_eq!(ready(page).await, (200, "ready".to_owned()));
    // Somebody takes it while the platform refuses writes again: nothing is left to do.
    faults.requests(RequestFault::to(
        "PATCH",
        "/api/v2/routing",
        Effect::Answer(503, None),
    ));
    pass(minutes(10)).await;
    assert_eq!(ready(page).await.0, 503);
    centre.world().answer(&id).expect("it waits");
    daemon.tracks(0).await;
    assert_eq!(ready(page).await.0, 200);
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_sends_nothing_or_never_ends_is_let_go() {
    let centre = Centre::open().await;
    let daemon = centre.start_ready().await;
    let page = address(&daemon).await;
    for begun in ["", "GET /", "GET / HTTP/1.1\r\nhost: localhost\r\nx: "] {
        let started = tokio::time::Instant::now();
        let answer = send(page, begun.as_bytes()).await;
        let took = started.elapsed();
        assert!(status(&answer) != 200, "{answer}");
        let patience = Duration::from_secs(4)..Duration::from_secs(10);
        assert!(patience.contains(&took), "{begun:?}: {took:?}");
    }
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn more_connections_than_there_is_room_for_are_closed_and_cost_nobody_anything() {
    let centre = Centre::open().await;
    let daemon = centre.start_ready().await;
    let page = address(&daemon).await;
    let mut held = Vec::new();
    for _ in 0..64 {
        held.push(TcpStream::connect(page).await.expect("a connection"));
    }
    assert_eq!(status(&get(page, "/livez").await), 0, "closed unanswered");
    let id = centre.callback();
    daemon.until(|now| now.raises == 1).await;
    assert_eq!(centre.writes(&id).len(), 1);
    assert_eq!(
        status(&get(page, "/livez").await),
        200,
        "those who sent nothing are gone"
    );
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn it_is_reached_under_the_names_of_the_settings_and_no_others() {
    let centre = Centre::open()
        .await
        .set("STATUS__HOSTS", "callbacks.example.com");
    let daemon = centre.start_ready().await;
    let page = address(&daemon).await;
    for (host, expected) in [("callbacks.example.com", 200), ("other.example.com", 421)] {
        let request = format!("GET / HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        assert_eq!(
            status(&send(page, request.as_bytes()).await),
            expected,
            "{host}"
        );
    }
    daemon.stop().await;
}
