//! The snapshot over HTTP, on loopback.
//!
//! - `GET /livez`: 200 while the daemon's tasks turn.
//! - `GET /readyz`: 200 once every callback that waited at the start is known, 503 before, and while the journal does
//!   not work.
//! - `GET /status.json`: the snapshot.
//!
//! Nothing here changes anything, and nothing that is shown is secret or personal. An address that cannot be listened on
//! costs the page, not the callbacks.

use std::net::SocketAddr;

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::Status;

/// Serves until stopped.
pub(crate) async fn serve(listen: SocketAddr, status: Status, stop: CancellationToken) {
    let listener = match TcpListener::bind(listen).await {
        Ok(listener) => listener,
        Err(error) => {
            warn!(%listen, %error, "the status page cannot be served: choose another address with status.listen");
            return stop.cancelled().await;
        }
    };
    let address = listener.local_addr().unwrap_or(listen);
    info!(listen = %address, "status page");
    let serving = axum::serve(listener, routes(status))
        .with_graceful_shutdown(stop.clone().cancelled_owned());
    if let Err(error) = serving.await {
        warn!(%listen, %error, "the status page is served no more");
        stop.cancelled().await;
    }
}

/// The endpoints.
fn routes(status: Status) -> Router {
    Router::new()
        .route("/livez", get(async || "live\n"))
        .route("/readyz", get(ready))
        .route(
            "/status.json",
            get(async |State(status): State<Status>| Json(status.snapshot())),
        )
        .with_state(status)
}

/// Whether every callback that waits is looked after, or why not.
async fn ready(State(status): State<Status>) -> Response {
    let now = status.snapshot();
    if now.ready {
        return (StatusCode::OK, "ready\n").into_response();
    }
    let why = now
        .journal_trouble
        .unwrap_or_else(|| "the first sweep is not done".to_owned());
    let words = format!("not ready: {why}\n");
    (StatusCode::SERVICE_UNAVAILABLE, words).into_response()
}

#[cfg(test)]
mod tests {
    use axum::{body::Body, body::to_bytes, http::Request};
    use tower::ServiceExt;

    use super::*;

    async fn get(status: &Status, path: &str) -> (StatusCode, String) {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = routes(status.clone()).oneshot(request).await.unwrap();
        let code = response.status();
        let body = to_bytes(response.into_body(), 100_000).await.unwrap();
        (code, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn ready_after_the_first_sweep_while_the_journal_works() {
        let status = Status::default();
        assert_eq!(get(&status, "/livez").await.0, StatusCode::OK);
        assert_eq!(
            get(&status, "/readyz").await.0,
            StatusCode::SERVICE_UNAVAILABLE
        );
        status.update(|now| now.swept = true);
        assert_eq!(get(&status, "/readyz").await.0, StatusCode::OK);
        status.update(|now| now.journal_trouble = Some("disk full".to_owned()));
        let (code, body) = get(&status, "/readyz").await;
        assert_eq!(code, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(body, "not ready: disk full\n");
        status.update(|now| now.journal_trouble = None);
        let (code, body) = get(&status, "/status.json").await;
        assert_eq!(code, StatusCode::OK);
        assert!(body.contains("\"ready\":true"), "{body}");
    }
}
