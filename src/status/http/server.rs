//! Connections to the page: few, short, and none of them can hold up the others or the daemon.
//!
//! A client has seconds to send a request, and must keep it short. A connection ends after some minutes, whoever is to
//! blame that it lasted; browsers come back by themselves. More of them than there is room for are closed unanswered.

use std::{pin::pin, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

/// Connections at once; a browser opens up to six for a page, and probes and metrics need one each.
const CONNECTIONS: usize = 64;
/// Time in which a request must have come, with all its headers.
const REQUEST_WITHIN: Duration = Duration::from_secs(5);
/// Longest request with its headers, bytes. A browser sends about one thousand.
const LONGEST_REQUEST: usize = 16 * 1_024;
/// Headers of a request.
const HEADERS: usize = 64;
/// Longest life of a connection.
const LIFE: Duration = Duration::from_mins(5);
/// Longest time that an answer under way may take once its connection has to end.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// Rest after a connection could not be accepted, for lack of file descriptors.
const BREATHER: Duration = Duration::from_millis(500);

/// Answers until stopped, then lets answers under way finish.
pub(super) async fn run(listener: TcpListener, router: Router, stop: CancellationToken) {
    let mut connections = JoinSet::new();
    let mut breathless = false;
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            Some(_ended) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((_stream, _peer)) if connections.len() >= CONNECTIONS => {
                    debug!(connections = CONNECTIONS, "too many connections to the status page: one more was closed");
                }
                Ok((stream, _peer)) => {
                    breathless = false;
                    connections.spawn(converse(stream, router.clone(), stop.clone()));
                }
                Err(error) => {
                    if !std::mem::replace(&mut breathless, true) {
                        warn!(%error, "a connection to the status page could not be accepted");
                    }
                    sleep(BREATHER).await;
                }
            },
        }
    }
    while connections.join_next().await.is_some() {}
}

/// Answers one client.
async fn converse(stream: TcpStream, router: Router, stop: CancellationToken) {
    // Answers are small; waiting to fill a packet would only make them late.
    let _as_it_is = stream.set_nodelay(true);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(REQUEST_WITHIN)
        .max_headers(HEADERS)
        .max_buf_size(LONGEST_REQUEST)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut connection = pin!(connection);
    tokio::select! {
        // Whatever the client did to end it is its own affair.
        _ended = connection.as_mut() => return,
        () = sleep(LIFE) => {}
        () = stop.cancelled() => {}
    }
    connection.as_mut().graceful_shutdown();
    let _timely = timeout(LAST_WORDS, connection).await;
}
