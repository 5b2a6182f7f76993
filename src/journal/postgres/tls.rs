//! TLS for the client of the database: rustls, verified as all our connections are.

use std::{
    future::Future,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use rustls::{
    ClientConfig,
    pki_types::{InvalidDnsNameError, ServerName},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::{
    Socket,
    tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream},
};
use tokio_rustls::{TlsConnector, client};

use crate::{
    genesys::tls::{self, NoTls},
    settings::Protection,
};

/// Makes connections secure.
#[derive(Clone)]
pub(super) struct Tls(Arc<ClientConfig>);

/// Makes one connection to a host secure.
pub(super) struct ToHost {
    /// How.
    connector: TlsConnector,
    /// What the certificate must be good for.
    host: Result<ServerName<'static>, InvalidDnsNameError>,
}

/// A connection that is secure.
pub(super) struct Secure(client::TlsStream<Socket>);

impl Tls {
    /// As the URL wants it. Made anew for every connection, so that a certificate authority that changes is learned of.
    pub(super) fn new(protection: &Protection) -> Result<Self, NoTls> {
        match protection {
            Protection::Tls { roots: None } => tls::verified(),
            Protection::Tls { roots: Some(file) } => tls::trusting(file),
            Protection::Local => tls::trusting_nobody(),
        }
        .map(Self)
    }
}

impl MakeTlsConnect<Socket> for Tls {
    type Stream = Secure;
    type TlsConnect = ToHost;
    type Error = InvalidDnsNameError;

    /// Asked also where there is no host and TLS is not used, so a name that is none is an error later.
    fn make_tls_connect(&mut self, host: &str) -> Result<ToHost, Self::Error> {
        Ok(ToHost {
            connector: Arc::clone(&self.0).into(),
            host: ServerName::try_from(host.to_owned()),
        })
    }
}

impl TlsConnect<Socket> for ToHost {
    type Stream = Secure;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Secure>> + Send>>;

    fn connect(self, stream: Socket) -> Self::Future {
        Box::pin(async move {
            let host = self.host.map_err(io::Error::other)?;
            Ok(Secure(self.connector.connect(host, stream).await?))
        })
    }
}

impl TlsStream for Secure {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl AsyncRead for Secure {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, into)
    }
}

impl AsyncWrite for Secure {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
