//! TCP connections that can be cut.
//!
//! The listener hands out streams that share a token with whoever serves them. Cancelling it makes the next read or
//! write fail, and with no linger the kernel resets the connection instead of closing it politely: to the client it
//! is a cable pulled out. The same tokens, all at once, end every connection when the sandbox is dropped.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::{extract::connect_info::Connected, serve::IncomingStream};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// Delay after a failed accept: the process is out of file descriptors, and trying at once would spin.
const ACCEPT_DELAY: Duration = Duration::from_millis(100);

/// Accepts connections, each with a token of its own.
#[derive(Debug)]
pub(super) struct Listener {
    /// The socket that listens.
    pub(super) listener: TcpListener,
    /// Ends all connections.
    pub(super) all: CancellationToken,
}

impl axum::serve::Listener for Listener {
    type Io = Wire;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Wire, SocketAddr) {
        loop {
            match self.listener.accept().await {
                Ok((stream, peer)) => return (Wire::new(stream, &self.all), peer),
                Err(_exhausted) => tokio::time::sleep(ACCEPT_DELAY).await,
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection that can be cut.
#[derive(Debug)]
pub(super) struct Wire {
    /// The connection.
    stream: TcpStream,
    /// Cuts it.
    cut: CancellationToken,
    /// Wakes a read that waits when it is cut.
    when_cut: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl Wire {
    /// A connection that ends alone or with all.
    fn new(stream: TcpStream, all: &CancellationToken) -> Self {
        let cut = all.child_token();
        // A refused socket option costs a little latency or a polite goodbye, and nothing else.
        let _delayed = stream.set_nodelay(true);
        Self {
            stream,
            when_cut: Box::pin(cut.clone().cancelled_owned()),
            cut,
        }
    }

    /// The error of a connection that was cut.
    fn broken(&self) -> io::Error {
        // On a platform without this option the connection is closed and not reset, which is a cut as well.
        let _polite = self.stream.set_zero_linger();
        io::ErrorKind::ConnectionReset.into()
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.cut.is_cancelled() || self.when_cut.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(self.broken()));
        }
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.cut.is_cancelled() {
            return Poll::Ready(Err(self.broken()));
        }
        Pin::new(&mut self.stream).poll_write(cx, buffer)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.cut.is_cancelled() {
            return Poll::Ready(Err(self.broken()));
        }
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// A request's connection, as its handler sees it.
#[derive(Clone, Debug)]
pub(super) struct Link(CancellationToken);

impl Link {
    /// Resets the connection.
    pub(super) fn cut(&self) {
        self.0.cancel();
    }
}

impl Connected<IncomingStream<'_, Listener>> for Link {
    fn connect_info(stream: IncomingStream<'_, Listener>) -> Self {
        Self(stream.io().cut.clone())
    }
}
