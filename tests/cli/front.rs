//! A front before the sandbox that passes requests on, answers some of them itself, and remembers what must stay secret.
//!
//! The sandbox's own faults have bodies of the platform's kind. A platform, a gateway or a proxy may say anything, and
//! what they say most often is what they were given.

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use axum::{
    Router,
    body::{Bytes, to_bytes},
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use callback_prioritizer::sandbox::Sandbox;
use serde_json::Value;
use tokio::{net::TcpListener, sync::watch, task::JoinSet, time::timeout};

/// Largest body passed on.
const LARGEST: usize = 16 * 1024 * 1024;
/// Time after which something that has not happened is a failure, however busy the machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// An answer of the front's own.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// Method of the requests that get it.
    method: &'static str,
    /// Beginning of their path.
    path: String,
    /// Its status.
    status: u16,
    /// Its body.
    body: String,
}

/// The front.
pub(crate) struct Front {
    /// Its address.
    pub(crate) url: String,
    /// What its handler sees too.
    shared: Arc<Shared>,
    /// The server; dropping it ends it.
    _server: JoinSet<()>,
}

/// What the front and its handler see.
struct Shared {
    /// Where requests go.
    sandbox: String,
    /// With what.
    http: reqwest::Client,
    /// Answers that are still to be given, each once.
    answers: watch::Sender<Vec<Answer>>,
    /// Tokens, channel ids and connect URIs that went through.
    secrets: Mutex<Vec<String>>,
}

impl Front {
    /// A front before a sandbox.
    pub(crate) async fn before(sandbox: &Sandbox) -> Self {
        // Another test has installed it, or this one does.
        let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared {
            sandbox: sandbox.url(),
            http: reqwest::Client::new(),
            answers: watch::Sender::default(),
            secrets: Mutex::default(),
        });
        let router = Router::new().fallback(pass).with_state(Arc::clone(&shared));
        let mut server = JoinSet::new();
        server.spawn(async move {
            // Never ends: accepting goes on after every error.
            let _ended = axum::serve(listener, router).await;
        });
        Self {
            url,
            shared,
            _server: server,
        }
    }

    /// The next request with this method whose path begins so gets this answer.
    pub(crate) fn answer(&self, method: &'static str, path: &str, status: u16, body: &str) {
        let answer = Answer {
            method,
            path: path.to_owned(),
            status,
            body: body.to_owned(),
        };
        self.shared
            .answers
            .send_modify(|answers| answers.push(answer));
    }

    /// Waits until all answers have been given.
    pub(crate) async fn all_given(&self) {
        let mut answers = self.shared.answers.subscribe();
        let given = timeout(PATIENCE, answers.wait_for(Vec::is_empty)).await;
        let left = self.shared.answers.borrow().clone();
        assert!(given.is_ok(), "never asked for: {left:?}");
    }

    /// Tokens, channel ids and connect URIs that went through so far.
    pub(crate) fn secrets(&self) -> Vec<String> {
        self.shared.secrets().clone()
    }
}

impl Shared {
    /// The secrets, for one look or change.
    fn secrets(&self) -> MutexGuard<'_, Vec<String>> {
        self.secrets.lock().unwrap()
    }

    /// The answer of the front's own to a request, if there is one.
    fn own(&self, method: &str, path: &str) -> Option<Answer> {
        let mut own = None;
        self.answers.send_if_modified(|answers| {
            let hit = answers
                .iter()
                .position(|answer| answer.method == method && path.starts_with(&answer.path));
            own = hit.map(|hit| answers.remove(hit));
            own.is_some()
        });
        own
    }

    /// Remembers what is secret in an answer.
    fn remember(&self, path: &str, body: &[u8]) {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let keys: &[&str] = match path {
            "/oauth/token" => &["access_token"],
            "/api/v2/notifications/channels" => &["id", "connectUri"],
            _ => &[],
        };
        let found = keys.iter().filter_map(|key| body[key].as_str());
        self.secrets().extend(found.map(str::to_owned));
    }
}

/// Answers a request, or passes it on.
async fn pass(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    if let Some(answer) = shared.own(parts.method.as_str(), &path) {
        shared.remember(&path, answer.body.as_bytes());
        return reply(answer.status, answer.body);
    }
    let body: Bytes = to_bytes(body, LARGEST).await.unwrap();
    let mut onward = shared
        .http
        .request(parts.method, format!("{}{}", shared.sandbox, parts.uri))
        .body(body);
    for name in [header::AUTHORIZATION, header::CONTENT_TYPE] {
        if let Some(value) = parts.headers.get(&name) {
            onward = onward.header(name, value);
        }
    }
    let Ok(answer) = onward.send().await else {
        return StatusCode::BAD_GATEWAY.into_response();
    };
    let status = answer.status().as_u16();
    let body = answer.text().await.unwrap_or_default();
    shared.remember(&path, body.as_bytes());
    reply(status, body)
}

/// An answer in JSON.
fn reply(status: u16, body: String) -> Response {
    let status = StatusCode::from_u16(status).unwrap();
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}
