//! What every request passes through.
//!
//! The order is the platform's as far as it can be seen from outside: the network, then the gateway's own failures, then
//! the token, then the token's limit, then the resource.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{ConnectInfo, Request as HttpRequest, State},
    http::{StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use jiff::Timestamp;

use super::{
    Platform, Request, TokenNumber,
    answer::{Refusal, finish},
    oauth,
};
use crate::sandbox::{connection::Link, faults::Effect, tokens::Admission};

/// Takes a request from the network to its answer.
pub(super) async fn pass(
    State(platform): State<Arc<Platform>>,
    ConnectInfo(link): ConnectInfo<Link>,
    request: HttpRequest,
    next: Next,
) -> Response {
    if !platform.options.latency.is_zero() {
        tokio::time::sleep(platform.options.latency).await;
    }
    let at = platform.world.now();
    let method = request.method().to_string();
    let uri = request.uri();
    let (path, shown) = (uri.path().to_owned(), uri.to_string());
    let effect = platform.plan.effect(&method, &path);
    let (token, response) = strike(&platform, effect, request, next).await;
    platform.requests().push(Request {
        at,
        method,
        path: shown,
        status: response.as_ref().map(|response| response.status().as_u16()),
        token,
    });
    platform.world.touch();
    let response = response.unwrap_or_else(|| {
        link.cut();
        StatusCode::NO_CONTENT.into_response()
    });
    let correlation = platform.correlation();
    finish(response, &correlation, &http_date(platform.world.now()))
}

/// Answers a request, or lets a fault do it; no answer means that the connection is to be cut.
async fn strike(
    platform: &Platform,
    effect: Option<Effect>,
    request: HttpRequest,
    next: Next,
) -> (Option<usize>, Option<Response>) {
    let refuse = |response: Response| (None, Some(response));
    match effect {
        None => admit(platform, request, next).await,
        Some(Effect::Answer(status, retry_after)) => {
            refuse(Refusal::with_status(status, retry_after).into_response())
        }
        Some(Effect::Cut) => (None, None),
        Some(Effect::AppliedThenAnswer(status)) => {
            let (token, _lost) = admit(platform, request, next).await;
            let answer = Refusal::with_status(status, None).into_response();
            (token, Some(answer))
        }
        Some(Effect::AppliedThenCut) => {
            let (token, _lost) = admit(platform, request, next).await;
            (token, None)
        }
        Some(Effect::Delay(delay)) => {
            let answered = admit(platform, request, next).await;
            tokio::time::sleep(delay).await;
            answered
        }
        Some(Effect::Body(body)) => {
            refuse(([(header::CONTENT_TYPE, "application/json")], body).into_response())
        }
        Some(Effect::InvalidClient) => refuse(oauth::invalid_client(StatusCode::UNAUTHORIZED)),
        Some(Effect::TokenRateLimit) => refuse(oauth::rate_limited()),
    }
}

/// Lets a request in if its token may make it.
async fn admit(
    platform: &Platform,
    mut request: HttpRequest<Body>,
    next: Next,
) -> (Option<usize>, Option<Response>) {
    if !request.uri().path().starts_with("/api/") {
        return (None, Some(next.run(request).await));
    }
    let Some(text) = bearer(&request) else {
        let message = "No authentication bearer token specified in authorization header.";
        let refusal = Refusal::new(StatusCode::UNAUTHORIZED, "authentication.required", message);
        return (None, Some(refusal.into_response()));
    };
    match platform.tokens.admit(text) {
        Admission::Admitted(number) => {
            request.extensions_mut().insert(TokenNumber(number));
            (Some(number), Some(next.run(request).await))
        }
        Admission::Throttled(number, seconds) => (
            Some(number),
            Some(Refusal::throttled(seconds).into_response()),
        ),
        Admission::Unknown => {
            let message = "Invalid login credentials.";
            let refusal = Refusal::new(StatusCode::UNAUTHORIZED, "bad.credentials", message);
            (None, Some(refusal.into_response()))
        }
    }
}

/// The token that a request brings.
fn bearer(request: &HttpRequest) -> Option<&str> {
    let value = request
        .headers()
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?;
    let (scheme, token) = value.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// A time as HTTP writes it.
fn http_date(at: Timestamp) -> String {
    at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_as_http_wants_them() {
        let at = "1994-11-06T08:49:37.9Z".parse().unwrap();
        assert_eq!(http_date(at), "Sun, 06 Nov 1994 08:49:37 GMT");
    }
}
