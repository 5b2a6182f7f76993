//! A client of the sandbox that says what it means: what a test asks for, and nothing about how.

use callback_prioritizer::{
    clock::Clock,
    conversation::ConversationId,
    sandbox::{Options, Sandbox},
};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};

/// A sandbox like this one, on the paused clock, on a Monday morning.
pub(crate) async fn start(options: Options) -> Sandbox {
    let clock = Clock::anchored("2026-01-05T09:00:00Z".parse().unwrap());
    Sandbox::start(Options { clock, ..options }).await.unwrap()
}

/// An HTTP client.
pub(crate) fn http() -> Client {
    // Another test has installed it, or this one does.
    let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
    Client::new()
}

/// Asks for a token.
pub(crate) fn login(sandbox: &Sandbox, secret: &str) -> RequestBuilder {
    http()
        .post(format!("{}/oauth/token", sandbox.url()))
        .basic_auth("sandbox", Some(secret))
        .form(&[("grant_type", "client_credentials")])
}

/// A client that has logged in.
pub(crate) struct Api {
    /// Its connections.
    pub(crate) http: Client,
    /// Where the sandbox is.
    pub(crate) url: String,
    /// Its token.
    pub(crate) token: String,
}

impl Api {
    /// Logs in.
    pub(crate) async fn login(sandbox: &Sandbox) -> Self {
        let answer = login(sandbox, "sandbox").send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        let body: Value = answer.json().await.unwrap();
        Self {
            http: http(),
            url: sandbox.url(),
            token: body["access_token"].as_str().unwrap().to_owned(),
        }
    }

    /// A request to be sent.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.url);
        self.http.request(method, url).bearer_auth(&self.token)
    }

    /// Sends a request, with a body if it has one.
    pub(crate) async fn send(&self, method: Method, path: &str, body: Value) -> Response {
        let request = self.request(method, path);
        let request = match body {
            Value::Null => request,
            body => request.json(&body),
        };
        request.send().await.unwrap()
    }

    /// Gets what there is.
    pub(crate) async fn get(&self, path: &str) -> Value {
        expect(self.send(Method::GET, path, Value::Null).await, 200).await
    }

    /// Posts something that will be accepted.
    pub(crate) async fn post(&self, path: &str, body: Value) -> Value {
        expect(self.send(Method::POST, path, body).await, 200).await
    }

    /// Writes a priority.
    pub(crate) async fn raise(&self, id: &ConversationId, priority: i64) -> Response {
        let path = format!("/api/v2/routing/conversations/{id}");
        let body = json!({ "priority": priority });
        self.send(Method::PATCH, &path, body).await
    }
}

/// The body of an answer that has this status.
pub(crate) async fn expect(answer: Response, status: u16) -> Value {
    let found = answer.status().as_u16();
    let text = answer.text().await.unwrap();
    assert_eq!(found, status, "{text}");
    serde_json::from_str(&text).unwrap_or(Value::Null)
}
