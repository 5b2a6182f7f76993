//! The snapshot over HTTP.
//!
//! - `GET /`: the page, with `?queue=` for one queue only; `GET /events`: what changes on it, as it happens.
//! - where there are several organisations, `?organization=` is one of them, in all of these but `/metrics`; without it, all
//!   are meant, in brief.
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

use super::{Health, Overview, Report, Status, metrics, page, page::Tab};
use crate::{conversation::Organization, settings};

/// Pages that may be open at once: less than there may be connections, so that probes and metrics have theirs.
const READERS: usize = 24;

/// An organisation, or the only one, as it is shown.
#[derive(Clone)]
pub(crate) struct Shown {
    /// Which.
    pub(crate) organization: Organization,
    /// The snapshot.
    pub(crate) status: Status,
    /// The time at the platform, which all that is due is told by.
    pub(crate) clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
}

impl Shown {
    /// All that there is to know.
    fn report(&self) -> Report {
        let report = self.status.report((self.clock)());
        self.whose(report)
    }

    /// The same without the callbacks themselves.
    fn figures(&self) -> Report {
        let report = self.status.figures((self.clock)());
        self.whose(report)
    }

    /// A report with whose it is.
    fn whose(&self, report: Report) -> Report {
        let organization = self.organization.clone();
        Report {
            organization,
            ..report
        }
    }
}

/// What is served: one organisation without a name, or any number of them that have some.
#[derive(Clone)]
pub(crate) struct Page(Arc<[Shown]>);

impl From<Vec<Shown>> for Page {
    fn from(shown: Vec<Shown>) -> Self {
        Self(shown.into())
    }
}

/// What somebody asks about.
#[derive(Clone)]
enum About {
    /// One organisation.
    One(Shown),
    /// All of them.
    All,
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
        for shown in self.0.iter() {
            shown.status.update(|now| now.page = Some(address));
        }
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
            .route("/status.json", get(told))
            .route("/metrics", get(metrics))
            .fallback(async || (StatusCode::NOT_FOUND, "there is nothing here\n"))
            .with_state(self)
            .layer(middleware::from_fn_with_state(hosts, guard::guard))
    }

    /// What is asked about; nothing where no organisation has that name.
    fn about(&self, asked: &Asked) -> Option<About> {
        let unnamed = |shown: &&Shown| shown.organization.name().is_none();
        match (asked.organization.as_str(), self.0.iter().find(unnamed)) {
            ("", Some(only)) => Some(About::One(only.clone())),
            ("", None) => Some(About::All),
            (name, _) => {
                let named = |shown: &&Shown| shown.organization.name() == Some(name);
                self.0.iter().find(named).cloned().map(About::One)
            }
        }
    }

    /// All organisations in brief.
    fn overview(&self) -> Overview {
        let reports: Vec<_> = self.0.iter().map(Shown::figures).collect();
        let now = reports.iter().map(|report| report.now).max();
        Overview::of(now.unwrap_or(Timestamp::UNIX_EPOCH), &reports)
    }

    /// The organisations to choose from; none where there is but one, which has no name.
    fn tabs(&self) -> Vec<Tab> {
        let named = self
            .0
            .iter()
            .filter(|shown| shown.organization.name().is_some());
        named.map(|shown| Tab::of(&shown.figures())).collect()
    }

    /// How what is asked about is.
    fn health(&self, about: &About) -> Health {
        match about {
            About::One(shown) => shown.status.health((shown.clock)()),
            About::All => self.overview().health,
        }
    }
}

/// What a page is asked for.
#[derive(Deserialize)]
struct Asked {
    /// The queue whose callbacks are shown; none, or an empty one, for all.
    #[serde(default)]
    queue: String,
    /// The organisation; none, or an empty one, for all.
    #[serde(default)]
    organization: String,
}

impl Asked {
    /// The queue, where one is named.
    fn queue(&self) -> Option<&str> {
        Some(self.queue.as_str()).filter(|queue| !queue.is_empty())
    }
}

/// The page.
async fn shown(State(page): State<Page>, Query(asked): Query<Asked>) -> Response {
    let tabs = page.tabs();
    let text = match page.about(&asked) {
        Some(About::One(shown)) => page::page(&shown.report(), asked.queue(), &tabs),
        Some(About::All) => page::overview::page(&page.overview(), &tabs),
        None => return nobody(),
    };
    Html(text.into_string()).into_response()
}

/// All that there is to know, once.
async fn told(State(page): State<Page>, Query(asked): Query<Asked>) -> Response {
    match page.about(&asked) {
        Some(About::One(shown)) => Json(shown.report()).into_response(),
        Some(About::All) => Json(page.overview()).into_response(),
        None => nobody(),
    }
}

/// The answer where no organisation has the name that is asked for.
fn nobody() -> Response {
    (
        StatusCode::NOT_FOUND,
        "there is no organisation of that name\n",
    )
        .into_response()
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
    let Some(about) = page.about(&asked) else {
        return nobody();
    };
    let queue = asked.queue().map(str::to_owned);
    Sse::new(stream::news(page, about, queue, stop, permit)).into_response()
}

/// Whether the loops turn.
async fn live(State(page): State<Page>, Query(asked): Query<Asked>) -> Response {
    let Some(about) = page.about(&asked) else {
        return nobody();
    };
    let health = page.health(&about);
    probe(health.live, "live", &health)
}

/// Whether every callback that waits is looked after.
async fn looked_after(State(page): State<Page>, Query(asked): Query<Asked>) -> Response {
    let Some(about) = page.about(&asked) else {
        return nobody();
    };
    let health = page.health(&about);
    probe(health.ready, "ready", &health)
}

/// The numbers, in the format that is asked for.
async fn metrics(State(page): State<Page>, headers: HeaderMap) -> Response {
    let accepted = headers.get_all(ACCEPT).iter();
    let mut accepted = accepted.filter_map(|accepts| accepts.to_str().ok());
    let open_metrics = accepted.any(|accepts| accepts.contains("application/openmetrics-text"));
    let reports = page.0.iter().map(Shown::figures).collect();
    let (kind, text) = metrics::encode(reports, open_metrics);
    ([(CONTENT_TYPE, kind)], text).into_response()
}

/// The answer to a probe, with the reasons where it is no.
fn probe(good: bool, word: &str, health: &Health) -> Response {
    if good && health.why.is_empty() {
        return (StatusCode::OK, format!("{word}\n")).into_response();
    }
    if good {
        let words = format!("{word}, but for {}\n", health.why.join("; "));
        return (StatusCode::OK, words).into_response();
    }
    let words = format!("not {word}: {}\n", health.why.join("; "));
    (StatusCode::SERVICE_UNAVAILABLE, words).into_response()
}

#[cfg(test)]
mod tests;
