//! What if another program with the same OAuth client takes our channel, or its place?

use std::time::Duration;

use callback_prioritizer::sandbox::Sandbox;
use futures_util::StreamExt;
use serde_json::Value;
use tokio::{net::TcpStream, task::JoinSet, time::Instant};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::harness::{Centre, minutes, pass, until};
use crate::log::Log;

/// Channels that one OAuth client may have.
const MOST: usize = 20;
/// Longest time until another channel and a sweep have made good for one that was lost.
const BACK: Duration = Duration::from_secs(10);

/// An open socket of somebody else's.
type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Makes that many channels with the daemon's OAuth client, each with an open socket.
async fn others(sandbox: &Sandbox, number: usize) -> Vec<Socket> {
    // Another test has installed it, or this one does.
    let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let http = reqwest::Client::new();
    let login = http
        .post(format!("{}/oauth/token", sandbox.url()))
        .basic_auth("sandbox", Some("sandbox"))
        .form(&[("grant_type", "client_credentials")]);
    let token: Value = login.send().await.unwrap().json().await.unwrap();
    let mut sockets = Vec::new();
    for _ in 0..number {
        let channel = http
            .post(format!("{}/api/v2/notifications/channels", sandbox.url()))
            .bearer_auth(token["access_token"].as_str().unwrap());
        let channel: Value = channel.send().await.unwrap().json().await.unwrap();
        let (socket, _) = connect_async(channel["connectUri"].as_str().unwrap())
            .await
            .unwrap();
        sockets.push(socket);
    }
    sockets
}

/// Where sockets were opened, in order.
fn opened(sandbox: &Sandbox) -> Vec<String> {
    let requests = sandbox.requests().into_iter();
    let sockets = requests.filter(|request| request.path.starts_with("/channels/"));
    let ws = sandbox.url().replace("http", "ws");
    sockets
        .map(|request| format!("{ws}{}", request.path))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn the_twenty_first_channel_costs_a_reconnect_and_a_sweep() {
    let centre = Centre::open().await;
    let daemon = centre.start_ready().await;
    // So that ours is the channel that was used longest ago, and no sweep is due anyway.
    pass(Duration::from_secs(70)).await;
    let sweeps = daemon.now().sweeps;
    let taken = Instant::now();
    let _others = others(&centre.sandbox, MOST).await;
    daemon
        .until(|now| now.connects == 2 && now.sweeps > sweeps)
        .await;
    assert!(taken.elapsed() < BACK, "{:?}", taken.elapsed());
    let sweeps = daemon.now().sweeps;
    let id = centre.callback();
    daemon.tracks(1).await;
    assert_eq!(daemon.now().sweeps, sweeps, "an event told of it");
    pass(minutes(6)).await;
    assert_eq!(centre.writes(&id), [1]);
    assert_eq!(daemon.now().connects, 2, "nobody is in the way any more");
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_socket_of_another_program_on_our_channel_costs_a_reconnect_and_a_sweep() {
    let centre = Centre::open().await;
    let daemon = centre.start_ready().await;
    let sweeps = daemon.now().sweeps;
    let taken = Instant::now();
    let (_thief, _) = connect_async(&opened(&centre.sandbox)[0]).await.unwrap();
    daemon
        .until(|now| now.connects == 2 && now.sweeps > sweeps)
        .await;
    assert!(taken.elapsed() < BACK, "{:?}", taken.elapsed());
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_program_that_takes_every_channel_is_named_not_fought_and_costs_no_raise() {
    let log = Log::listen();
    let centre = Centre::open().await;
    let daemon = centre.start_ready().await;
    let thieves = async {
        let mut sockets = JoinSet::new();
        let mut taken = Vec::new();
        loop {
            let ours = || opened(&centre.sandbox).last().cloned();
            until(centre.world(), |_| {
                ours().is_some_and(|last| !taken.contains(&last))
            })
            .await;
            let channel = ours().unwrap();
            let (mut socket, _) = connect_async(&channel).await.unwrap();
            taken.push(channel);
            sockets.spawn(async move { while let Some(Ok(_)) = socket.next().await {} });
        }
    };
    let work = async {
        let id = centre.callback();
        let connects = daemon.now().connects;
        pass(minutes(31)).await;
        assert_eq!(centre.writes(&id), [1, 2, 3, 4, 5, 6]);
        let fought = daemon.now().connects - connects;
        assert!((10..120).contains(&fought), "{fought} in half an hour");
        let named = ["\"WARN\"", "another program uses this OAuth client"];
        assert_eq!(log.count(&named), 1, "said once");
    };
    tokio::select! {
        () = thieves => {}
        () = work => {}
    }
    daemon.stop().await;
}
