//! A client of the sandbox that says what it means: what a test asks for, and nothing about how.

use std::time::Duration;

use callback_prioritizer::{
    clock::Clock,
    conversation::ConversationId,
    sandbox::{Options, Sandbox},
};
use futures_util::{SinkExt, StreamExt};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Error, Message},
};

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

/// A WebSocket of a channel, as a client holds it.
pub(crate) struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    /// Connects to a channel.
    pub(crate) async fn open(channel: &Value) -> Self {
        Self::try_open(channel).await.unwrap()
    }

    /// Connects to a channel that may refuse.
    pub(crate) async fn try_open(channel: &Value) -> Result<Self, Error> {
        let uri = channel["connectUri"].as_str().unwrap();
        let (socket, _) = connect_async(uri).await?;
        Ok(Self(socket))
    }

    /// Sends a text.
    pub(crate) async fn say(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    /// The next message of any kind; none when the socket has ended.
    pub(crate) async fn next(&mut self) -> Option<Result<Message, Error>> {
        self.0.next().await
    }

    /// The next text, as JSON.
    pub(crate) async fn hear(&mut self) -> Value {
        let message = self.next().await.unwrap().unwrap();
        serde_json::from_str(message.to_text().unwrap()).unwrap()
    }

    /// Whether nothing is said for a while.
    pub(crate) async fn is_quiet_for(&mut self, while_: Duration) -> bool {
        timeout(while_, self.next()).await.is_err()
    }

    /// The code and the reason with which the socket is closed.
    pub(crate) async fn close(&mut self) -> (u16, String) {
        loop {
            if let Message::Close(Some(frame)) = self.next().await.unwrap().unwrap() {
                return (frame.code.into(), frame.reason.to_string());
            }
        }
    }
}

impl Api {
    /// Makes a channel.
    pub(crate) async fn channel(&self) -> Value {
        self.post("/api/v2/notifications/channels", Value::Null)
            .await
    }

    /// Sets what a channel is subscribed to.
    pub(crate) async fn subscribe(&self, channel: &Value, topics: &[String]) -> Response {
        let id = channel["id"].as_str().unwrap();
        let path = format!("/api/v2/notifications/channels/{id}/subscriptions");
        let topics: Vec<_> = topics.iter().map(|id| json!({ "id": id })).collect();
        self.send(Method::PUT, &path, topics.into()).await
    }

    /// A socket of a new channel with these topics.
    pub(crate) async fn listen(&self, topics: &[String]) -> Socket {
        let channel = self.channel().await;
        expect(self.subscribe(&channel, topics).await, 200).await;
        Socket::open(&channel).await
    }
}
