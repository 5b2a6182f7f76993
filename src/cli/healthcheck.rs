//! `healthcheck`: asks the daemon on this machine how it is, for a container without a shell or a `curl` of its own.

use std::{
    io::{Write, stdout},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use super::{Exit, Failed, Healthcheck, runtime};
use crate::{genesys::loopback_client, settings};

/// How long the answer may take. It is made of what is known.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks, and says the answer: on stdout where all is well.
pub(super) fn run(command: &Healthcheck) -> Result<Exit, Failed> {
    let environment = settings::environment(std::env::vars_os())?;
    let listen = settings::load_listen(command.source.config.as_deref(), &environment)?;
    if listen.port() == 0 {
        return Err(Failed::new(
            Exit::Settings,
            "status.listen has the port 0, which stands for any that is free, so nobody knows whom to ask: write a port",
        ));
    }
    let what = if command.live { "livez" } else { "readyz" };
    let url = format!("http://{}/{what}", nearest(listen));
    let answer = runtime()?.block_on(ask(&url))?;
    // Whoever asked may want the exit code only.
    let _closed = stdout().write_all(answer.as_bytes());
    Ok(Exit::Ok)
}

/// Asks at this address.
async fn ask(url: &str) -> Result<String, Failed> {
    let client = loopback_client().map_err(|error| Failed::new(Exit::Internal, error))?;
    let silent = |error: reqwest::Error| {
        let error = error.without_url();
        let sentence = format!(
            "nothing answers at {url}: is the daemon running, with the same `status.listen`? ({error})"
        );
        Failed::new(Exit::Unreachable, sentence)
    };
    let answer = client.get(url).timeout(PATIENCE).send().await;
    let answer = answer.map_err(silent)?;
    let status = answer.status();
    let words = answer.text().await.map_err(silent)?;
    if status.is_success() {
        return Ok(words);
    }
    Err(Failed::new(Exit::Unreachable, words.trim_end()))
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
