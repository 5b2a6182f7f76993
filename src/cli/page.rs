//! What the daemon on this machine says at its status page, for the commands that ask for it.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use reqwest::{Client, StatusCode};

use super::{Exit, Failed, Source};
use crate::{genesys::loopback_client, settings};

/// How long the answer may take. It is made of what is known.
const PATIENCE: Duration = Duration::from_secs(5);

/// The page of one daemon.
pub(super) struct Page {
    /// Connections.
    client: Client,
    /// Where it is.
    address: SocketAddr,
}

impl Page {
    /// The page of the daemon with these settings; nothing else of them needs to be there.
    pub(super) fn of(source: &Source) -> Result<Self, Failed> {
        let environment = settings::environment(std::env::vars_os())?;
        let listen = settings::load_listen(source.config.as_deref(), &environment)?;
        if listen.port() == 0 {
            return Err(Failed::new(
                Exit::Settings,
                "status.listen has the port 0, which stands for any that is free, so nobody knows whom to ask: write a port",
            ));
        }
        let client = loopback_client().map_err(|error| Failed::new(Exit::Internal, error))?;
        Ok(Self {
            client,
            address: nearest(listen),
        })
    }

    /// What is answered there.
    pub(super) async fn get(&self, what: &str) -> Result<(StatusCode, String), Failed> {
        let url = format!("http://{}/{what}", self.address);
        let silent = |error: reqwest::Error| {
            let error = error.without_url();
            let sentence = format!(
                "nothing answers at {url}: is the daemon running, with the same `status.listen`? ({error})"
            );
            Failed::new(Exit::Unreachable, sentence)
        };
        let answer = self.client.get(&url).timeout(PATIENCE).send().await;
        let answer = answer.map_err(silent)?;
        let status = answer.status();
        Ok((status, answer.text().await.map_err(silent)?))
    }
}

/// Where to ask a daemon that listens there: on loopback, where it listens on every address.
fn nearest(listen: SocketAddr) -> SocketAddr {
    let address = match listen.ip() {
        IpAddr::V4(address) if address.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(address) if address.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        address => address,
    };
    SocketAddr::new(address, listen.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_daemon_on_every_address_is_asked_on_loopback() {
        for (listen, asked) in [
            ("127.0.0.1:9187", "127.0.0.1:9187"),
            ("0.0.0.0:9187", "127.0.0.1:9187"),
            ("[::]:80", "[::1]:80"),
            ("10.0.0.3:80", "10.0.0.3:80"),
        ] {
            assert_eq!(nearest(listen.parse().unwrap()), asked.parse().unwrap());
        }
    }
}
