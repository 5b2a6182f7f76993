//! Answers: the platform's error body, and what every answer carries.

use axum::{
    Json,
    body::Body,
    extract::Request,
    http::{HeaderName, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use crate::sandbox::world::Refused;

/// Header by which the platform's support finds a request.
pub(super) const CORRELATION: HeaderName = HeaderName::from_static("inin-correlation-id");

/// Why a request is refused, in the words of the platform's `ErrorBody`.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    /// Status of the answer.
    pub(super) status: StatusCode,
    /// The platform's word for the error, such as `not.found`.
    pub(super) code: &'static str,
    /// What went wrong, for people.
    pub(super) message: String,
    /// Whole seconds after which to try again.
    pub(super) retry_after: Option<u64>,
}

impl Refusal {
    /// A refusal with this status, code and message.
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            retry_after: None,
        }
    }

    /// What was asked for makes no sense.
    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad.request", message)
    }

    /// There is no such thing.
    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not.found", message)
    }

    /// The token's permissions do not reach so far.
    pub(super) fn forbidden(permission: &str) -> Self {
        let message = format!(
            "Unable to perform the requested action. You are missing the following permission(s): {permission}"
        );
        Self::new(StatusCode::FORBIDDEN, "missing.permissions", message)
    }

    /// The token has made too many requests.
    pub(super) fn throttled(seconds: u64) -> Self {
        let message =
            format!("Rate limit exceeded the maximum. Retry the request in [{seconds}] seconds");
        Self {
            retry_after: Some(seconds),
            ..Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "too.many.requests.retry.after",
                message,
            )
        }
    }

    /// A refusal with a status that was asked for.
    pub(super) fn with_status(status: u16, retry_after: Option<u64>) -> Self {
        if status == 429 {
            return Self::throttled(retry_after.unwrap_or(1));
        }
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let code = match status.as_u16() {
            401 => "bad.credentials",
            403 => "missing.permissions",
            404 => "not.found",
            408 | 504 => "request.timeout",
            409 => "conflict",
            503 => "service.unavailable",
            400..500 => "bad.request",
            _ => "internal.server.error",
        };
        let reason = status.canonical_reason().unwrap_or("refused");
        Self {
            retry_after,
            ..Self::new(status, code, reason)
        }
    }

    /// The error body, findable by this id.
    fn body(&self, context: &str) -> Value {
        json!({
            "message": self.message,
            "code": self.code,
            "status": self.status.as_u16(),
            "contextId": context,
            "details": [],
            "errors": [],
        })
    }
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        let message = refused.to_string();
        match refused {
            Refused::NoConversation | Refused::NoQueue => Self::not_found(message),
            Refused::NotWaiting | Refused::Alerting => {
                Self::new(StatusCode::CONFLICT, "conflict", message)
            }
        }
    }
}

impl IntoResponse for Refusal {
    /// The body is written by [`finish`], which knows the correlation id.
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Gives an answer what every answer has: its error body, a correlation id, a date.
pub(super) fn finish(response: Response, correlation: &str, date: &str) -> Response {
    let mut response = match refusal_of(&response) {
        None => response,
        Some(refusal) => {
            let mut response = (refusal.status, Json(refusal.body(correlation))).into_response();
            if let Some(seconds) = refusal.retry_after {
                response
                    .headers_mut()
                    .insert(header::RETRY_AFTER, seconds.into());
            }
            response
        }
    };
    let headers = response.headers_mut();
    for (name, text) in [(CORRELATION, correlation), (header::DATE, date)] {
        if let Ok(value) = HeaderValue::from_str(text) {
            headers.insert(name, value);
        }
    }
    response
}

/// The refusal that an answer is. Refusals by the web framework are put into the platform's words.
fn refusal_of(response: &Response) -> Option<Refusal> {
    if let Some(refusal) = response.extensions().get::<Refusal>() {
        return Some(refusal.clone());
    }
    let status = response.status();
    let kind = response.headers().get(header::CONTENT_TYPE);
    let worded = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    let refused = status.is_client_error() && !worded;
    refused.then(|| Refusal::with_status(status.as_u16(), None))
}

/// Finishes answers of the control endpoints, which nobody traces.
pub(super) async fn plain(request: Request<Body>, next: Next) -> Response {
    let response = next.run(request).await;
    match refusal_of(&response) {
        None => response,
        Some(refusal) => (refusal.status, Json(refusal.body(""))).into_response(),
    }
}
