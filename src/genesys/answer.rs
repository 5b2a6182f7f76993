//! What comes back: read up to a limit, parsed, or failed without a word of it being printed.

use std::{error::Error, time::Duration};

use reqwest::Response;
use serde::de::DeserializeOwned;

use super::failure::{Failure, FailureKind};

/// Longest time from sending a request to the end of its answer.
pub(crate) const DEADLINE: Duration = Duration::from_secs(10);
/// Largest body read, in bytes. A page of 100 rows has some hundred kilobytes.
const MAX_BODY: usize = 8 * 1024 * 1024;

/// The failure of a call whose answer is not what was meant.
pub(super) fn unexpected(call: &'static str, what: impl Into<String>) -> Failure {
    Failure::local(FailureKind::Unexpected, call, what, None)
}

/// Reads an answer's JSON; an empty body reads as null.
pub(super) fn parse<T: DeserializeOwned>(call: &'static str, body: &[u8]) -> Result<T, Failure> {
    let body = body.trim_ascii();
    let json = if body.is_empty() { b"null" } else { body };
    read(json).map_err(|error| {
        // Only the place: the parser's own sentence may quote the body.
        let (line, column) = (error.line(), error.column());
        let what =
            format!("the answer is not what the platform documents (line {line}, column {column})");
        unexpected(call, what)
    })
}

/// Reads JSON as text, as frames are read: the program has one copy of all that reads instead of two.
pub(super) fn read<T: DeserializeOwned>(json: &[u8]) -> serde_json::Result<T> {
    serde_json::from_str(&String::from_utf8_lossy(json))
}

/// Reads a body up to the largest that is accepted.
pub(super) async fn read_body(
    call: &'static str,
    mut response: Response,
) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|error| network_failure(call, error))?
    {
        if body.len() + chunk.len() > MAX_BODY {
            let what = format!("the answer is larger than {MAX_BODY} bytes");
            return Err(Failure::local(FailureKind::Unexpected, call, what, None));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// The failure of a request that brought no answer. The URL stays out: a token or an id may be in it.
pub(super) fn network_failure(call: &'static str, error: reqwest::Error) -> Failure {
    let error = error.without_url();
    let what = if error.is_connect() {
        // Why a connection does not come up is the operator's to mend, and nothing was said on it yet that is a secret.
        let what = format!("the platform cannot be reached: {}", root_cause(&error));
        return Failure::local(FailureKind::Transient, call, what, Some(Box::new(error)));
    } else if error.is_timeout() {
        "no answer in time"
    } else {
        "the connection broke"
    };
    Failure::local(FailureKind::Transient, call, what, Some(Box::new(error)))
}

/// The innermost reason of an error, in one line: a name that is not known, a port that is closed, a certificate that is
/// not trusted.
fn root_cause(error: &dyn Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    let words = innermost.to_string();
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}
