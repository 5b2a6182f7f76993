//! Which notification hosts are acceptable.
//!
//! The platform answers the request for a channel with the URI of a WebSocket, and the daemon connects to it. A forged
//! answer must not lead elsewhere: only secure sockets on the region's own domain, on the gateway that the settings
//! name, or, for a sandbox on this machine, plain ones on loopback. The URI itself is a secret, for whoever has it can
//! take the channel over, so a refusal gives the reason and never the URI.

use reqwest::Url;

use super::{endpoint::is_loopback, region::Region};

/// Longest URI accepted, in bytes. The platform's have about 100.
const MAX_LENGTH: usize = 2048;

/// Judges the URIs that channels are offered at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamingHost {
    /// The region's domain, whose subdomains are accepted.
    domain: String,
    /// Host and port of an https gateway that stands in for the platform.
    gateway: Option<(String, u16)>,
    /// Whether the API itself is on this machine, so that plain sockets on it are acceptable too.
    sandbox: bool,
}

/// Why a channel's URI is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RefusedUri {
    /// Something that parsers disagree about.
    #[error("the channel's URI holds letters that no URI has, or is too long")]
    Letters,
    /// Not in the form `wss://host/path`.
    #[error("the channel's URI is not in its plain form")]
    Form,
    /// Neither `wss` nor an acceptable `ws`.
    #[error("the channel's URI is not for a secure WebSocket")]
    Scheme,
    /// It carries credentials.
    #[error("the channel's URI carries a user or password")]
    User,
    /// It has a fragment, which a WebSocket has not.
    #[error("the channel's URI has a fragment")]
    Fragment,
    /// Not the port for secure WebSockets.
    #[error("the channel's URI names another port than 443")]
    Port,
    /// Not the region's.
    #[error("the channel's host is not on the region's domain")]
    Host,
}

impl StreamingHost {
    /// The judge for this region, where requests go to `api_url`.
    #[must_use]
    pub fn new(region: &Region, api_url: &Url) -> Self {
        let gateway = (api_url.scheme() == "https")
            .then(|| api_url.host_str().map(str::to_owned))
            .flatten()
            .zip(api_url.port_or_known_default());
        Self {
            domain: region.domain().to_owned(),
            gateway,
            sandbox: is_loopback(api_url),
        }
    }

    /// The URI, parsed, where the daemon may connect to it.
    pub fn accepts(&self, connect_uri: &str) -> Result<Url, RefusedUri> {
        let authority = authority(connect_uri)?;
        let url = Url::parse(connect_uri).map_err(|_| RefusedUri::Form)?;
        if url.fragment().is_some() {
            return Err(RefusedUri::Fragment);
        }
        let host = url.host_str().ok_or(RefusedUri::Form)?;
        let port = url.port_or_known_default().ok_or(RefusedUri::Form)?;
        // What the parser had to repair (`0x7f.1`, `%6d`, `:0443`, `//`) another parser may read differently.
        let as_read = [host.to_owned(), format!("{host}:{port}")];
        if !as_read.contains(&authority.to_ascii_lowercase()) {
            return Err(RefusedUri::Form);
        }
        match url.scheme() {
            "ws" if self.sandbox && is_loopback(&url) => Ok(url),
            "wss" => self.judge_secure(host, port).map(|()| url),
            _ => Err(RefusedUri::Scheme),
        }
    }

    /// Judges host and port of a secure socket.
    fn judge_secure(&self, host: &str, port: u16) -> Result<(), RefusedUri> {
        let gateway = self.gateway.as_ref();
        if gateway.is_some_and(|gateway| (gateway.0.as_str(), gateway.1) == (host, port)) {
            return Ok(());
        }
        if !self.is_on_domain(host) && gateway.is_none_or(|gateway| gateway.0 != host) {
            return Err(RefusedUri::Host);
        }
        if port == 443 {
            Ok(())
        } else {
            Err(RefusedUri::Port)
        }
    }

    /// Whether `host` is a proper subdomain of the region's domain.
    fn is_on_domain(&self, host: &str) -> bool {
        host.strip_suffix(&self.domain)
            .and_then(|rest| rest.strip_suffix('.'))
            .is_some_and(|labels| {
                !labels.is_empty() && labels.split('.').all(|label| !label.is_empty())
            })
    }

    /// In words, for `check`.
    pub(super) fn describe(&self) -> String {
        let mut words = format!("secure WebSockets on {}", self.domain);
        if let Some((host, _)) = &self.gateway
            && !self.is_on_domain(host)
        {
            words.push_str(" or ");
            words.push_str(host);
        }
        if self.sandbox {
            words.push_str(", or plain ones on this machine");
        }
        words
    }
}

/// The part of the URI between `//` and its path, exactly as it came.
fn authority(uri: &str) -> Result<&str, RefusedUri> {
    let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'\\';
    if uri.len() > MAX_LENGTH || !uri.bytes().all(plain) {
        return Err(RefusedUri::Letters);
    }
    let (_, rest) = uri.split_once("://").ok_or(RefusedUri::Form)?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return Err(RefusedUri::User);
    }
    Ok(authority)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The judge for Frankfurt's region with requests going to this URL.
    fn judge(api_url: &str) -> StreamingHost {
        let region = Region::try_from("mypurecloud.de".to_owned()).unwrap();
        StreamingHost::new(&region, &api_url.parse().unwrap())
    }

    #[test]
    fn the_platforms_own_uris_are_accepted() {
        let judge = judge("https://api.mypurecloud.de/");
        for uri in [
            "wss://streaming.mypurecloud.de/channels/streaming-0-canary",
            "wss://streaming.mypurecloud.de:443/channels/x",
            "wss://carrierpigeon.mypurecloud.de/channels/x?a=b",
            "wss://streaming.eu.mypurecloud.de/channels/x%20y",
            "WSS://Streaming.MyPureCloud.de/channels/x",
        ] {
            assert!(judge.accepts(uri).is_ok(), "{uri}");
        }
    }

    #[test]
    fn hostile_uris_are_refused_for_the_right_reason() {
        use RefusedUri::{Form, Fragment, Host, Letters, Port, Scheme, User};
        let judge = judge("https://api.mypurecloud.de/");
        let long = format!("wss://streaming.mypurecloud.de/{}", "x".repeat(MAX_LENGTH));
        for (uri, reason) in [
            ("wss://streaming.mypurecloud.de.evil.com/x", Host),
            ("wss://evilmypurecloud.de/x", Host),
            ("wss://evil-mypurecloud.de/x", Host),
            ("wss://mypurecloud.de/x", Host),
            ("wss://streaming.mypurecloud.de./x", Host),
            ("wss://.mypurecloud.de/x", Host),
            ("wss://a..mypurecloud.de/x", Host),
            ("wss://streaming.mypurecloud.com/x", Host),
            ("wss://evil.com/streaming.mypurecloud.de", Host),
            ("wss://evil.com/?streaming.mypurecloud.de", Host),
            ("wss://evil.com:443/wss://streaming.mypurecloud.de/", Host),
            ("wss://EVIL.COM/.mypurecloud.de", Host),
            ("wss://127.0.0.1/x", Host),
            ("wss://169.254.169.254/latest", Host),
            ("wss://[::1]/x", Host),
            ("wss://localhost/x", Host),
            ("wss://streaming.xn--mypurecloud-zzz.de/x", Host),
            ("wss://evil.com#.mypurecloud.de/", Fragment),
            ("wss://streaming.mypurecloud.de/x#y", Fragment),
            ("wss://streaming.mypurecloud.de@evil.com/x", User),
            ("wss://canary:canary@streaming.mypurecloud.de/x", User),
            ("wss://@streaming.mypurecloud.de/x", User),
            ("wss://streaming.mypurecloud.de:80/x", Port),
            ("wss://streaming.mypurecloud.de:8443/x", Port),
            ("wss://streaming.mypurecloud.de:0443/x", Form),
            ("wss://streaming.mypurecloud.de:/x", Form),
            ("wss://streaming.mypurecloud.de:99999/x", Form),
            ("wss:///streaming.mypurecloud.de/x", Form),
            ("wss:streaming.mypurecloud.de/x", Form),
            ("wss://streaming%2emypurecloud.de/x", Form),
            ("wss://evil.com%2f.mypurecloud.de/x", Form),
            ("wss://0x7f.1/x", Form),
            ("wss://2130706433/x", Form),
            ("wss://", Form),
            ("", Form),
            ("streaming.mypurecloud.de", Form),
            ("ws://streaming.mypurecloud.de/x", Scheme),
            ("ws://127.0.0.1:8080/x", Scheme),
            ("https://streaming.mypurecloud.de/x", Scheme),
            ("ftp://streaming.mypurecloud.de/x", Scheme),
            ("file://streaming.mypurecloud.de/etc/passwd", Form),
            ("wss://evil.com\\.mypurecloud.de/x", Letters),
            ("wss:\\\\streaming.mypurecloud.de/x", Letters),
            (" wss://streaming.mypurecloud.de/x", Letters),
            ("wss://streaming.mypurecloud.de/x\n", Letters),
            ("wss://streaming.mypure\tcloud.de/x", Letters),
            ("wss://streaming.mypurecl\u{43e}ud.de/x", Letters),
            ("wss://evil.com\u{ff0f}.mypurecloud.de/x", Letters),
            ("wss://streaming\u{3002}mypurecloud.de/x", Letters),
            ("wss://streaming.mypurecloud.de/\0", Letters),
            (long.as_str(), Letters),
        ] {
            let refusal = judge.accepts(uri).unwrap_err();
            assert_eq!(refusal, reason, "{uri}");
            assert!(!refusal.to_string().contains("mypurecloud"), "{refusal}");
        }
    }

    #[test]
    fn plain_sockets_are_for_a_sandbox_on_this_machine() {
        let judge = judge("http://127.0.0.1:8080/");
        for good in [
            "ws://127.0.0.1:8080/channels/x",
            "ws://localhost:9999/x",
            "ws://[::1]:8080/x",
            "wss://streaming.mypurecloud.de/x",
        ] {
            assert!(judge.accepts(good).is_ok(), "{good}");
        }
        for (bad, reason) in [
            ("ws://10.0.0.1/x", RefusedUri::Scheme),
            ("ws://127.0.0.1.evil.com/x", RefusedUri::Scheme),
            ("ws://localhost.evil.com/x", RefusedUri::Scheme),
            ("ws://127.1/x", RefusedUri::Form),
            ("ws://streaming.mypurecloud.de/x", RefusedUri::Scheme),
            ("wss://127.0.0.1/x", RefusedUri::Host),
        ] {
            assert_eq!(judge.accepts(bad), Err(reason), "{bad}");
        }
    }

    #[test]
    fn a_gateway_may_carry_the_notifications_itself() {
        let judge = judge("https://gw.example:8443/genesys/");
        for good in [
            "wss://gw.example:8443/x",
            "wss://gw.example/x",
            "wss://streaming.mypurecloud.de/x",
        ] {
            assert!(judge.accepts(good).is_ok(), "{good}");
        }
        for (bad, reason) in [
            ("wss://gw.example:9000/x", RefusedUri::Port),
            ("wss://a.gw.example:8443/x", RefusedUri::Host),
            ("wss://gw.example.evil.com/x", RefusedUri::Host),
            ("ws://gw.example/x", RefusedUri::Scheme),
            ("wss://streaming.mypurecloud.de:8443/x", RefusedUri::Port),
        ] {
            assert_eq!(judge.accepts(bad), Err(reason), "{bad}");
        }
    }
}
