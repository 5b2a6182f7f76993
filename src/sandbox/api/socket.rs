//! The WebSocket of a channel.
//!
//! One task for each socket: it sends what the channel orders, a heartbeat every 30 seconds, answers `ping` with
//! `pong`, and closes when the channel expires. Whoever knows the channel's id may connect; nothing else is asked.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::{
    extract::{
        ConnectInfo, Path, State,
        ws::{
            CloseFrame, Message, WebSocket, WebSocketUpgrade, rejection::WebSocketUpgradeRejection,
        },
    },
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::json;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until, timeout};

use super::{Platform, answer::Refusal, notifications::subscribe_to};
use crate::sandbox::{
    channels::{Attached, NORMAL, Order},
    connection::Link,
};

/// Time from the notice of a maintenance to the end of the socket.
const NOTICE: Duration = Duration::from_mins(1);

/// Longest wait for a client to answer a goodbye.
const GOODBYE: Duration = Duration::from_secs(5);

/// The platform goes away: the close code of maintenance and of idle sockets.
const GOING_AWAY: u16 = 1001;

/// A message that a client may send.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct FromClient {
    /// `ping` or `subscribe`.
    message: String,
    /// Topics to subscribe to.
    #[serde(default)]
    topics: Vec<String>,
    /// Comes back with the answer.
    correlation_id: Option<String>,
}

/// `GET /channels/{id}` with an upgrade.
pub(super) async fn open(
    State(platform): State<Arc<Platform>>,
    ConnectInfo(link): ConnectInfo<Link>,
    Path(id): Path<String>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let Ok(upgrade) = upgrade else {
        return Refusal::bad_request("A WebSocket upgrade is expected").into_response();
    };
    if let Some(status) = platform.plan.refused_upgrade() {
        return Refusal::with_status(status, None).into_response();
    }
    let Some(attached) = platform.channels.attach(&id) else {
        let message = "The notification channel was not found.";
        return Refusal::new(StatusCode::UNAUTHORIZED, "bad.credentials", message).into_response();
    };
    upgrade.on_upgrade(async move |socket| {
        platform.world.touch();
        let number = attached.number;
        Session::new(&platform, &id, attached, link)
            .run(socket)
            .await;
        platform.channels.detach(&id, number);
        platform.world.touch();
    })
}

/// Why a socket ends.
#[derive(Clone, Copy)]
enum End {
    /// It says goodbye first.
    Close(u16, &'static str),
    /// Its connection is reset.
    Cut,
    /// The client has gone already.
    Gone,
}

/// A socket that is open.
struct Session<'a> {
    /// The platform it belongs to.
    platform: &'a Platform,
    /// Its channel's id.
    id: &'a str,
    /// Its place at the channel.
    attached: Attached,
    /// Its connection.
    link: Link,
    /// Texts that are to be sent later, by time and order.
    late: BTreeMap<(Instant, u64), String>,
    /// When it will end, and how, if that is known.
    ends: Option<(Instant, End)>,
}

impl<'a> Session<'a> {
    /// A socket that has just been opened.
    fn new(platform: &'a Platform, id: &'a str, attached: Attached, link: Link) -> Self {
        let life = platform.plan.socket_life();
        Self {
            platform,
            id,
            attached,
            link,
            late: BTreeMap::new(),
            ends: life.map(|life| (Instant::now() + life, End::Cut)),
        }
    }

    /// Lives until its end, and ends as it should.
    async fn run(mut self, mut socket: WebSocket) {
        match self.live(&mut socket).await {
            End::Gone => {}
            End::Cut => self.link.cut(),
            End::Close(code, reason) => {
                let reason = reason.into();
                let goodbye = Message::Close(Some(CloseFrame { code, reason }));
                if socket.send(goodbye).await.is_ok() {
                    let _answered = timeout(GOODBYE, async {
                        while let Some(Ok(_)) = socket.recv().await {}
                    })
                    .await;
                }
            }
        }
    }

    /// Serves orders, messages and timers until there is a reason to end.
    async fn live(&mut self, socket: &mut WebSocket) -> End {
        let period = self.platform.options.limits.heartbeat;
        let mut heartbeat = interval_at(Instant::now() + period, period);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let late = self.late.first_key_value().map(|((at, _), _)| *at);
            let ends = self.ends.map(|(at, _)| at);
            let expires = self.expires();
            let done = tokio::select! {
                biased;
                order = self.attached.orders.recv() => self.obey(order, socket).await,
                message = socket.recv() => self.hear(message, socket).await,
                () = wait_until(late) => self.send_late(socket).await,
                () = wait_until(ends) => self.ends.map(|(_, end)| end),
                // Asking for the channel removes it when it has expired, which orders this socket to close.
                () = wait_until(expires) => None,
                _ = heartbeat.tick() => say(socket, &metadata("WebSocket Heartbeat")).await,
            };
            if let Some(end) = done {
                return end;
            }
        }
    }

    /// When its channel expires, on tokio's clock.
    fn expires(&self) -> Option<Instant> {
        let ends = self.platform.channels.ends(self.id)?;
        let left = self.platform.options.clock.until(ends);
        Some(Instant::now() + left)
    }

    /// Does what the channel orders; without a channel there is nothing left to do.
    async fn obey(&mut self, order: Option<Order>, socket: &mut WebSocket) -> Option<End> {
        match order {
            None => Some(End::Close(NORMAL, "the channel is gone")),
            Some(Order::Renewed) => None,
            Some(Order::Send(text, Duration::ZERO)) => say(socket, &text).await,
            Some(Order::Send(text, delay)) => {
                let position = u64::try_from(self.late.len()).unwrap_or(u64::MAX);
                self.late.insert((Instant::now() + delay, position), text);
                None
            }
            Some(Order::SendBinary(bytes)) => {
                let sent = socket.send(Message::Binary(bytes.into())).await;
                sent.is_err().then_some(End::Gone)
            }
            Some(Order::Closing(notice)) => {
                let end = End::Close(GOING_AWAY, "maintenance");
                self.ends = Some((Instant::now() + NOTICE, end));
                say(socket, &notice).await
            }
            Some(Order::Close(code, reason)) => Some(End::Close(code, reason)),
            Some(Order::Cut) => Some(End::Cut),
            Some(Order::Silence) => Some(self.hold_still().await),
        }
    }

    /// Says and hears nothing more, and keeps the connection open until it is taken away.
    async fn hold_still(&mut self) -> End {
        loop {
            match self.attached.orders.recv().await {
                None | Some(Order::Cut | Order::Close(..)) => return End::Cut,
                Some(_) => {}
            }
        }
    }

    /// Sends the text that is due.
    async fn send_late(&mut self, socket: &mut WebSocket) -> Option<End> {
        let (_, text) = self.late.pop_first()?;
        say(socket, &text).await
    }

    /// Answers what the client says. Pings of the protocol itself are answered beneath.
    async fn hear(
        &mut self,
        message: Option<Result<Message, axum::Error>>,
        socket: &mut WebSocket,
    ) -> Option<End> {
        let text = match message {
            None | Some(Err(_) | Ok(Message::Close(_))) => return Some(End::Gone),
            Some(Ok(Message::Text(text))) => text,
            Some(Ok(_)) => return None,
        };
        let answer = match serde_json::from_str::<FromClient>(&text) {
            Ok(said) if said.message == "ping" => metadata("pong"),
            Ok(said) if said.message == "subscribe" => self.subscribe(said),
            _ => json!({"result": "400", "status": "failure", "message": "unknown message"})
                .to_string(),
        };
        say(socket, &answer).await
    }

    /// Subscribes the channel to more topics, as the client asked over the socket.
    fn subscribe(&self, said: FromClient) -> String {
        let outcome = subscribe_to(self.platform, self.id, said.topics, false, false);
        let mut answer = match outcome {
            Ok(_) => json!({"result": "200", "status": "subscribed"}),
            Err(refusal) => json!({
                "result": refusal.status.as_str(),
                "status": "failure",
                "message": refusal.message,
            }),
        };
        if let Some(id) = said.correlation_id {
            answer["correlationId"] = json!(id);
        }
        answer.to_string()
    }
}

/// Sends a text; the end, if the client has gone.
async fn say(socket: &mut WebSocket, text: &str) -> Option<End> {
    let sent = socket.send(Message::Text(text.into())).await;
    sent.is_err().then_some(End::Gone)
}

/// A message about the channel itself.
fn metadata(message: &str) -> String {
    // Written by hand, so that it is the documented text to the letter.
    format!(r#"{{"topicName":"channel.metadata","eventBody":{{"message":"{message}"}}}}"#)
}

/// Waits until an instant; for ever, if there is none.
async fn wait_until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}
