//! The two base URLs that requests go to, and the address the status page listens on.
//!
//! The client secret and bearer tokens travel to these URLs, so they are https. Plain http is for the sandbox on the
//! same machine and is accepted on loopback only. A refusal never repeats the URL: people paste passwords into them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use reqwest::Url;
use serde::Deserialize;

/// Longest host name, RFC 1035.
const LONGEST_NAME: usize = 253;

/// The base of every request to one service: https, or http on loopback, and always with a path that ends in `/`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Endpoint(pub(super) Url);

impl Endpoint {
    /// The service of this name on the region's domain.
    ///
    /// `domain` has been checked to be a host name, so the URL parses; were it not so, the refusal would be reported.
    pub(super) fn on(service: &str, domain: &str) -> Result<Self, String> {
        format!("https://{service}.{domain}/").try_into()
    }
}

impl TryFrom<String> for Endpoint {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'\\';
        if !text.bytes().all(plain) {
            return Err("a URL holds no blanks, backslashes or letters beyond ASCII".to_owned());
        }
        if !text.contains("://") {
            return Err("a URL begins with https://".to_owned());
        }
        let mut url = Url::parse(&text).map_err(|error| format!("this is no URL: {error}"))?;
        if !url.username().is_empty() || url.password().is_some() || text.contains('@') {
            return Err("a URL with a user or password in it is not accepted".to_owned());
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err("a base URL has no `?` and no `#`".to_owned());
        }
        match url.scheme() {
            "https" if url.host_str().is_some() => {}
            "http" if is_loopback(&url) => {}
            "http" => {
                return Err(
                    "plain http would show the client secret to the network: write https, or a loopback address for a sandbox on this machine"
                        .to_owned(),
                );
            }
            _ => return Err("a URL begins with https://".to_owned()),
        }
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        Ok(Self(url))
    }
}

/// Whether a URL leads to this machine without leaving it.
pub(super) fn is_loopback(url: &Url) -> bool {
    let Some(host) = url.host_str() else {
        return false;
    };
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || address
            .parse()
            .is_ok_and(|address: IpAddr| address.is_loopback())
}

/// Where the status page is served. Whether others than this machine may reach it is decided with `allow_remote`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Listen(pub(super) SocketAddr);

impl Default for Listen {
    /// Port 9187 of this machine.
    fn default() -> Self {
        Self(SocketAddr::from((Ipv4Addr::LOCALHOST, 9187)))
    }
}

impl TryFrom<String> for Listen {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let address: SocketAddr = text.parse().map_err(|_| {
            let port = text.rsplit(':').next().unwrap_or_default();
            let port = port.parse().unwrap_or(9187_u16);
            format!("expected an address and a port: write \"127.0.0.1:{port}\"")
        })?;
        Ok(Self(address))
    }
}

/// A name under which the status page is reached, as it stands in the address line of a browser.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct HostName(pub(super) String);

impl TryFrom<String> for HostName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        if text.is_empty() || text.len() > LONGEST_NAME || !text.bytes().all(plain) {
            let shown = text.escape_debug();
            return Err(format!(
                "`{shown}` is no host name: write it without http:// and without a port, such as \"callbacks.example.com\""
            ));
        }
        Ok(Self(text.to_ascii_lowercase()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_always_ends_in_a_slash() {
        for (text, expected) in [
            ("https://api.mypurecloud.de", "https://api.mypurecloud.de/"),
            ("https://gw.example/genesys", "https://gw.example/genesys/"),
            ("https://gw.example:8443/", "https://gw.example:8443/"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/"),
            ("http://localhost:8080/", "http://localhost:8080/"),
            ("http://[::1]:8080", "http://[::1]:8080/"),
        ] {
            let endpoint = Endpoint::try_from(text.to_owned()).unwrap();
            assert_eq!(endpoint.0.as_str(), expected);
        }
    }

    #[test]
    fn what_could_leak_a_secret_is_refused_and_not_repeated() {
        for (text, expected) in [
            ("http://api.mypurecloud.de", "plain http"),
            ("http://10.0.0.1", "plain http"),
            ("http://127.0.0.1.evil.com", "plain http"),
            ("http://localhost.evil.com", "plain http"),
            ("ftp://127.0.0.1", "begins with https"),
            ("file:///etc/passwd", "begins with https"),
            ("api.mypurecloud.de", "begins with https"),
            ("https://", "no URL"),
            (
                "https://canary:canary@api.mypurecloud.de",
                "user or password",
            ),
            ("https://@api.mypurecloud.de", "user or password"),
            ("https://api.mypurecloud.de/?canary=1", "no `?`"),
            ("https://api.mypurecloud.de/#canary", "no `#`"),
            (
                "https://api.mypurecloud.de\\canary",
                "no blanks, backslashes",
            ),
            (" https://api.mypurecloud.de", "no blanks, backslashes"),
        ] {
            let refusal = Endpoint::try_from(text.to_owned()).unwrap_err();
            assert!(refusal.contains(expected), "{text}: {refusal}");
            assert!(!refusal.contains("canary"), "{refusal}");
        }
    }

    #[test]
    fn the_status_page_listens_on_an_address_and_a_port() {
        for good in ["127.0.0.1:9187", "[::1]:9187", "127.0.0.1:0"] {
            assert!(Listen::try_from(good.to_owned()).is_ok(), "{good}");
        }
        for (text, expected) in [
            ("localhost:8080", "write \"127.0.0.1:8080\""),
            ("9187", "write \"127.0.0.1:9187\""),
            ("", "write \"127.0.0.1:9187\""),
        ] {
            let refusal = Listen::try_from(text.to_owned()).unwrap_err();
            assert!(refusal.contains(expected), "{text}: {refusal}");
        }
    }

    #[test]
    fn a_host_name_is_a_name_and_nothing_else() {
        let read = |text: &str| HostName::try_from(text.to_owned());
        assert_eq!(
            read("Callbacks.example.com").unwrap().0,
            "callbacks.example.com"
        );
        for text in [
            "",
            "*",
            "http://a.example",
            "a.example:9187",
            "a/b",
            "ä",
            "a b",
        ] {
            assert!(
                read(text).unwrap_err().contains("is no host name"),
                "{text}"
            );
        }
    }
}
