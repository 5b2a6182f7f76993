//! One WebSocket connection: frames in, events out, and a reason when it ends.
//!
//! All state dies with the connection. Any frame is a sign of life; after 20 s without one a ping asks, after 35 s the
//! connection is dead even if TCP disagrees. The platform's heartbeats come every 30 s, so it is the ping that decides.
//! Reconnecting is not done here.

use std::{fmt, sync::Arc, time::Duration};

use futures_util::{SinkExt, StreamExt};
use tokio::{
    net::TcpStream,
    time::{Instant, sleep_until, timeout},
};
use tokio_tungstenite::{
    Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config,
    tungstenite::{self, Message, Utf8Bytes, protocol::WebSocketConfig},
};
use tracing::debug;

use super::{
    channel::Channel,
    event::{self, Event, Reading},
    rest::Genesys,
};
use crate::status::Status;

/// Longest time for TCP, TLS and the upgrade together.
const CONNECT_DEADLINE: Duration = Duration::from_secs(10);
/// Silence after which the platform is asked whether it is there.
const PING_AFTER: Duration = Duration::from_secs(20);
/// Silence after which the connection is given up: one heartbeat and its margin, the official client's figure.
const DEAD_AFTER: Duration = Duration::from_secs(35);
/// Largest message that is read; larger ones are passed over.
const MAX_MESSAGE: usize = 1024 * 1024;
/// Largest message that is received at all: beyond it the connection cannot be kept.
const MAX_RECEIVED: usize = 4 * 1024 * 1024;
/// Bytes read at once; the library's own default would cost 128 KiB a connection.
const READ_BUFFER: usize = 16 * 1024;
/// The platform's own form of a ping; answered with a `channel.metadata` message.
const PING: &str = r#"{"message":"ping"}"#;

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum EndReason {
    /// The platform closed it.
    Closed,
    /// The connection broke.
    Broken,
    /// Nothing came, not even an answer to a ping.
    Silent,
    /// A message was too large to be received.
    TooLarge,
    /// The platform gives this channel no more events.
    ChannelLost,
    /// Its successor is up.
    Replaced,
    /// It was never up: the network, TLS or the upgrade failed.
    Unreachable,
    /// The platform refused the upgrade.
    Refused,
}

impl EndReason {
    /// Its name, in the log and as a label.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Broken => "broken",
            Self::Silent => "silent",
            Self::TooLarge => "too_large",
            Self::ChannelLost => "channel_lost",
            Self::Replaced => "replaced",
            Self::Unreachable => "unreachable",
            Self::Refused => "refused",
        }
    }
}

impl fmt::Display for EndReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What came.
#[derive(Debug)]
pub(crate) enum Incoming {
    /// News of a callback.
    Event(Event),
    /// This socket will close within a minute: have its successor up before.
    Closing,
}

/// An open connection.
pub(crate) struct Socket {
    /// The connection itself.
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// When the last frame came.
    heard: Instant,
    /// Whether it was asked for a sign of life since.
    pinged: bool,
    /// Where strange frames are counted.
    status: Status,
}

impl Socket {
    /// Connects to a channel.
    pub(crate) async fn connect(
        genesys: &Genesys,
        channel: &Channel,
        status: Status,
    ) -> Result<Self, EndReason> {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .max_message_size(Some(MAX_RECEIVED))
            .max_frame_size(Some(MAX_RECEIVED));
        let connector = Connector::Rustls(Arc::clone(&genesys.tls));
        let connecting =
            connect_async_tls_with_config(channel.uri(), Some(config), true, Some(connector));
        match timeout(CONNECT_DEADLINE, connecting).await {
            Ok(Ok((stream, _response))) => Ok(Self {
                stream,
                heard: Instant::now(),
                pinged: false,
                status,
            }),
            Ok(Err(tungstenite::Error::Http(_))) => Err(EndReason::Refused),
            Ok(Err(_)) | Err(_) => Err(EndReason::Unreachable),
        }
    }

    /// The next thing that matters. May be given up and called again without loss.
    pub(crate) async fn next(&mut self) -> Result<Incoming, EndReason> {
        loop {
            let (quiet, then_dead) = if self.pinged {
                (DEAD_AFTER, true)
            } else {
                (PING_AFTER, false)
            };
            tokio::select! {
                biased;
                frame = self.stream.next() => {
                    // It may have waited here for as long as this process was stopped, and others may have been lost.
                    if self.heard.elapsed() > DEAD_AFTER {
                        return Err(EndReason::Silent);
                    }
                    self.heard = Instant::now();
                    self.pinged = false;
                    if let Some(incoming) = self.read(frame)? {
                        return Ok(incoming);
                    }
                }
                () = sleep_until(self.heard + quiet) => {
                    if then_dead {
                        return Err(EndReason::Silent);
                    }
                    self.ping().await?;
                }
            }
        }
    }

    /// Says goodbye, briefly.
    pub(crate) async fn close(mut self) {
        let _closed = timeout(Duration::from_secs(1), self.stream.close(None)).await;
    }

    /// Asks for a sign of life.
    async fn ping(&mut self) -> Result<(), EndReason> {
        self.pinged = true;
        let ping = self
            .stream
            .send(Message::Text(Utf8Bytes::from_static(PING)));
        match timeout(DEAD_AFTER.saturating_sub(PING_AFTER), ping).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(EndReason::Broken),
            Err(_) => Err(EndReason::Silent),
        }
    }

    /// Makes sense of a frame; nothing where it is but a sign of life.
    fn read(
        &self,
        frame: Option<Result<Message, tungstenite::Error>>,
    ) -> Result<Option<Incoming>, EndReason> {
        match frame {
            Some(Ok(Message::Text(text))) if text.len() > MAX_MESSAGE => {
                Ok(self.strange("large", text.len()))
            }
            Some(Ok(Message::Text(text))) => match event::read(&text) {
                Reading::Event(event) => Ok(Some(Incoming::Event(event))),
                Reading::Closing => Ok(Some(Incoming::Closing)),
                Reading::Lost => Err(EndReason::ChannelLost),
                Reading::Life => Ok(None),
                Reading::Other => Ok(self.strange("unknown", text.len())),
                Reading::Malformed => Ok(self.strange("malformed", text.len())),
            },
            Some(Ok(Message::Binary(bytes))) => Ok(self.strange("binary", bytes.len())),
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => Ok(None),
            None
            | Some(
                Ok(Message::Close(_))
                | Err(tungstenite::Error::ConnectionClosed | tungstenite::Error::AlreadyClosed),
            ) => Err(EndReason::Closed),
            Some(Err(tungstenite::Error::Capacity(_))) => Err(EndReason::TooLarge),
            Some(Err(_)) => Err(EndReason::Broken),
        }
    }

    /// Counts a frame that is passed over; its content stays out of the log.
    fn strange(&self, kind: &'static str, bytes: usize) -> Option<Incoming> {
        debug!(kind, bytes, "frame passed over");
        self.status.count_strange_frame();
        None
    }
}
