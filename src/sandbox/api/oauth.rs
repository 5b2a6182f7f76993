//! `POST /oauth/token`: client credentials, in a Basic header or in the form.

use std::{collections::HashMap, sync::Arc};

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::json;

use super::Platform;

/// Gives a client a token.
pub(super) async fn token(
    State(platform): State<Arc<Platform>>,
    headers: HeaderMap,
    body: String,
) -> Response {
    let form: HashMap<String, String> = form(&body);
    if form.get("grant_type").map(String::as_str) != Some("client_credentials") {
        return refused(
            StatusCode::BAD_REQUEST,
            "unsupported_grant_type",
            "the sandbox grants client credentials only",
        );
    }
    let field = |name| form.get(name).cloned();
    let given = basic(&headers).or_else(|| Some((field("client_id")?, field("client_secret")?)));
    let Some((id, secret)) = given else {
        return invalid_client(StatusCode::BAD_REQUEST);
    };
    if id != platform.options.client_id || secret != platform.options.client_secret {
        return invalid_client(StatusCode::UNAUTHORIZED);
    }
    match platform.tokens.give() {
        None => invalid_client(StatusCode::UNAUTHORIZED),
        Some((token, lifetime)) => Json(json!({
            "access_token": token,
            "token_type": "bearer",
            "expires_in": lifetime.as_secs(),
        }))
        .into_response(),
    }
}

/// The refusal of a client that is unknown, disabled, or has the wrong secret.
pub(super) fn invalid_client(status: StatusCode) -> Response {
    refused(status, "invalid_client", "client credentials are invalid")
}

/// The refusal of too many token requests: the endpoint's own limit, with a 400.
pub(super) fn rate_limited() -> Response {
    refused(
        StatusCode::BAD_REQUEST,
        "rate limit exceeded",
        "rate limit exceeded",
    )
}

/// An error in the form of the login service, which is not the `ErrorBody` of the API.
fn refused(status: StatusCode, error: &str, description: &str) -> Response {
    let body = json!({
        "error": error,
        "description": description,
        "error_description": description,
    });
    (status, Json(body)).into_response()
}

/// Id and secret of a Basic header.
fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    Some((id.to_owned(), secret.to_owned()))
}

/// The fields of a form body.
fn form(body: &str) -> HashMap<String, String> {
    body.split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect()
}

/// A form field's text, with `+` and `%xx` taken back.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        let hex = |digit: u8| {
            char::from(digit)
                .to_digit(16)
                .and_then(|d| u8::try_from(d).ok())
        };
        match (first, tail) {
            (b'+', _) => bytes.push(b' '),
            (b'%', [high, low, tail @ ..])
                if let (Some(high), Some(low)) = (hex(*high), hex(*low)) =>
            {
                bytes.push(high * 16 + low);
                rest = tail;
            }
            _ => bytes.push(*first),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_decoded() {
        let form = form("grant_type=client_credentials&client_id=a%2Bb+c&odd=%zz");
        assert_eq!(form["grant_type"], "client_credentials");
        assert_eq!(form["client_id"], "a+b c");
        assert_eq!(form["odd"], "%zz");
    }
}
