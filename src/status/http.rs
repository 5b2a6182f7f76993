//! The snapshot over HTTP.
//!
//! - `GET /`: the page, with `?queue=` for one queue only; `GET /events`: what changes on it, as it happens.
//! - `GET /livez`: 200 while the daemon's loops turn.
//! - `GET /readyz`: 200 while every callback that waits is looked after: there was a token and a first sweep, the journal
//!   works, and what is due gets done. 503 otherwise; the body says why. Idle is ready.
//! - `GET /status.json`: all that there is to know, once.
//! - `GET /metrics`: the numbers, for Prometheus.
//!
//! Served from before the first request to the platform until the end. Nothing here changes anything, and nothing that is
//! shown is secret or personal. An address that cannot be listened on costs the page, not the callbacks.

mod guard;

mod server;

mod stream;

use std::{future::ready, sync::Arc};

use axum::{
    Json, Router,
    extract::{Query, State},
    http::{
        HeaderMap, StatusCode,
        header::{ACCEPT, CONTENT_TYPE},
    },
    middleware,
    response::{Html, IntoResponse, Response, Sse},
    routing::get,
};
use jiff::Timestamp;
use serde::Deserialize;
use tokio::{net::TcpListener, sync::Semaphore};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{Health, Report, Status, metrics, page};
use crate::settings;

/// Pages that may be open at once: less than there may be connections, so that probes and metrics have theirs.
const READERS: usize = 24;

/// What is served, and what time it is.
#[derive(Clone)]
pub(crate) struct Page {
    /// The snapshot.
    pub(crate) status: Status,
    /// The time at the platform, which all that is due is told by.
    pub(crate) clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
}

impl Page {
    /// Serves where these settings say until stopped.
    pub(crate) async fn serve(self, settings: settings::Status, stop: CancellationToken) {
        let settings::Status {
            listen,
            allow_remote: _,
            hosts,
        } = settings;
        let listener = match TcpListener::bind(listen).await {
            Ok(listener) => listener,
            Err(error) => {
                warn!(%listen, %error, "the status page cannot be served: choose another address with status.listen");
                return stop.cancelled().await;
            }
        };
        let address = listener.local_addr().unwrap_or(listen);
        info!(listen = %address, "status page");
        self.status.update(|now| now.page = Some(address));
        let routes = self.routes(hosts.into(), stop.clone());
        server::run(listener, routes, stop).await;
    }

    /// The endpoints.
    fn routes(self, hosts: guard::Hosts, stop: CancellationToken) -> Router {
        let readers = Arc::new(Semaphore::new(READERS));
        let file = |kind, text: &'static str| get(async move || ([(CONTENT_TYPE, kind)], text));
        Router::new()
            .route("/", get(shown))
            .route(
                "/events",
                get(move |State(page), asked| ready(events(page, asked, stop, readers))),
            )
            .route("/page.css", file("text/css; charset=utf-8", page::STYLE))
            .route(
                "/page.js",
                file("text/javascript; charset=utf-8", page::SCRIPT),
            )
            .route("/icon.svg", file("image/svg+xml", page::ICON))
            .route("/livez", get(live))
            .route("/readyz", get(looked_after))
            .route(
                "/status.json",
                get(async |State(page): State<Self>| Json(page.report())),
            )
            .route("/metrics", get(metrics))
            .fallback(async || (StatusCode::NOT_FOUND, "there is nothing here\n"))
            .with_state(self)
            .layer(middleware::from_fn_with_state(hosts, guard::guard))
    }

    /// All that there is to know.
    fn report(&self) -> Report {
        self.status.report((self.clock)())
    }

    /// How the daemon is.
    fn health(&self) -> Health {
        self.status.health((self.clock)())
    }
}

/// What a page is asked for.
#[derive(Deserialize)]
struct Asked {
    /// The queue whose callbacks are shown; none, or an empty one, for all.
    #[serde(default)]
    queue: String,
}

impl Asked {
    /// The queue, where one is named.
    fn queue(&self) -> Option<&str> {
        Some(self.queue.as_str()).filter(|queue| !queue.is_empty())
    }
}

/// The page.
async fn shown(State(page): State<Page>, Query(asked): Query<Asked>) -> Html<String> {
    Html(page::page(&page.report(), asked.queue()).into_string())
}

/// News for a page that is open.
fn events(
    page: Page,
    Query(asked): Query<Asked>,
    stop: CancellationToken,
    readers: Arc<Semaphore>,
) -> Response {
    let Ok(permit) = readers.try_acquire_owned() else {
        let words = "too many pages are open: close one, or reload this one to see newer figures\n";
        return (StatusCode::SERVICE_UNAVAILABLE, words).into_response();
    };
    let queue = asked.queue().map(str::to_owned);
    Sse::new(stream::news(page, queue, stop, permit)).into_response()
}

/// Whether the loops turn.
async fn live(State(page): State<Page>) -> Response {
    let health = page.health();
    probe(health.live, "live", &health)
}

/// Whether every callback that waits is looked after.
async fn looked_after(State(page): State<Page>) -> Response {
    let health = page.health();
    probe(health.ready, "ready", &health)
}

/// The numbers, in the format that is asked for.
async fn metrics(State(page): State<Page>, headers: HeaderMap) -> Response {
    let accepted = headers.get_all(ACCEPT).iter();
    let mut accepted = accepted.filter_map(|accepts| accepts.to_str().ok());
    let open_metrics = accepted.any(|accepts| accepts.contains("application/openmetrics-text"));
    let (kind, text) = metrics::encode(page.status.figures((page.clock)()), open_metrics);
    ([(CONTENT_TYPE, kind)], text).into_response()
}

/// The answer to a probe, with the reasons where it is no.
fn probe(good: bool, word: &str, health: &Health) -> Response {
    if good {
        return (StatusCode::OK, format!("{word}\n")).into_response();
    }
    let words = format!("not {word}: {}\n", health.why.join("; "));
    (StatusCode::SERVICE_UNAVAILABLE, words).into_response()
}

#[cfg(test)]
mod tests;
