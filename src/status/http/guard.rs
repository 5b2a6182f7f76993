//! Who may ask, and for what: what any page behind a loopback address has to fear is another page in the same browser.
//!
//! A name that somebody else owns may lead to this address (DNS rebinding), and the browser would show that page whatever is
//! here. So the `Host` of a request must be an address, `localhost`, or a name that the settings have. Nothing but GET and
//! HEAD is answered, nothing is allowed to other origins, and what is sent may be used by no page but our own.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{
        HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri,
        header::{
            ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, HOST, REFERRER_POLICY,
            TRANSFER_ENCODING, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
        },
    },
    middleware::Next,
    response::{IntoResponse, Response},
};

/// What our page may load: its own style, script, picture and events, nothing inline, and it may be in no frame.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Headers of every answer.
const HEADERS: [(HeaderName, &str); 7] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    (REFERRER_POLICY, "no-referrer"),
    (CACHE_CONTROL, "no-store"),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
];

/// Names under which the page may be asked for, beside addresses and `localhost`; in lower case.
pub(super) type Hosts = Arc<[String]>;

/// Lets a request through, or says why not; and adds what every answer says to browsers.
pub(super) async fn guard(State(hosts): State<Hosts>, request: Request, next: Next) -> Response {
    let mut answer = match refusal(&hosts, request.method(), request.uri(), request.headers()) {
        None => next.run(request).await,
        Some((status, why)) => (status, why).into_response(),
    };
    let headers = answer.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if answer.status() == StatusCode::METHOD_NOT_ALLOWED {
        let allowed = HeaderValue::from_static("GET, HEAD");
        answer.headers_mut().insert(ALLOW, allowed);
    }
    answer
}

/// Why a request is not answered.
fn refusal(
    hosts: &[String],
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
) -> Option<(StatusCode, &'static str)> {
    if !matches!(*method, Method::GET | Method::HEAD) {
        return Some((
            StatusCode::METHOD_NOT_ALLOWED,
            "nothing can be changed here: only GET is answered\n",
        ));
    }
    let mut named = headers.get_all(HOST).iter();
    let (Some(host), None) = (named.next(), named.next()) else {
        return Some((StatusCode::BAD_REQUEST, "a request names one host\n"));
    };
    let host = host.to_str().unwrap_or_default();
    // A request to a proxy names the host a second time.
    let asked = uri.authority().map_or(host, |authority| authority.as_str());
    if !(is_ours(hosts, host) && is_ours(hosts, asked)) {
        return Some((
            StatusCode::MISDIRECTED_REQUEST,
            "this page is not known by that name: use an address, or add the name to status.hosts\n",
        ));
    }
    let empty = headers
        .get(CONTENT_LENGTH)
        .is_none_or(|length| length == "0");
    if !empty || headers.contains_key(TRANSFER_ENCODING) {
        return Some((StatusCode::BAD_REQUEST, "a question has no content\n"));
    }
    None
}

/// Whether a request for this host is for us. An address proves it: only a name can be made to lead to somebody else's.
fn is_ours(hosts: &[String], host: &str) -> bool {
    if let Some(rest) = host.strip_prefix('[') {
        let Some((address, port)) = rest.split_once(']') else {
            return false;
        };
        return address.parse::<Ipv6Addr>().is_ok() && is_port(port);
    }
    let (name, port) = host.find(':').map_or((host, ""), |at| host.split_at(at));
    let name = name.to_ascii_lowercase();
    let known = name == "localhost" || name.parse::<IpAddr>().is_ok() || hosts.contains(&name);
    known && is_port(port)
}

/// Whether this is nothing, or a colon and a port.
fn is_port(text: &str) -> bool {
    let port = text.strip_prefix(':');
    text.is_empty() || port.is_some_and(|port| port.parse::<u16>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_localhost_and_names_of_the_settings_are_ours() {
        let hosts = ["callbacks.example.com".to_owned()];
        for host in [
            "localhost",
            "LOCALHOST:9187",
            "127.0.0.1:9187",
            "10.1.2.3",
            "[::1]:9187",
            "[2001:db8::1]",
            "Callbacks.Example.com",
            "callbacks.example.com:443",
        ] {
            assert!(is_ours(&hosts, host), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "localhost.evil.example",
            "localhost:9187:1",
            "localhost:",
            "localhost:x",
            "user@localhost",
            "127.0.0.1.evil.example",
            "[::1",
            "[::1]x",
            "[localhost]",
            "example.com",
            "xcallbacks.example.com",
            " localhost",
        ] {
            assert!(!is_ours(&hosts, host), "{host}");
        }
    }
}
