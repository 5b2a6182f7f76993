//! What can go wrong with a request, as the caller needs to know it.
//!
//! Statuses and bodies are read here and nowhere else. A failure carries what an operator needs to find the request at
//! the platform (status, code, correlation id) and nothing personal: the platform's sentences and bodies stay out.

use std::{error::Error, fmt, time::Duration};

use reqwest::{StatusCode, header::HeaderMap};
use tokio::time::Instant;

use super::{answer::read, wire::ErrorBody};
use crate::backoff::Backoff;

/// Hold after a 429 that does not say how long: a sixth of the minute that the platform counts in.
const DEFAULT_HOLD: Duration = Duration::from_secs(10);
/// Longest hold believed; a larger number is more likely a mistake than a rule.
const LONGEST_HOLD: Duration = Duration::from_mins(15);
/// Longest code or id taken over from an answer, in characters.
const MAX_WORD: usize = 80;

/// What a caller can do about a failed request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// Try again after a backoff: the network, a time-out, a 5xx.
    Transient,
    /// Try again, but not before `until`. Every other request waits as well: the platform has asked for a hold, or there
    /// is no token.
    Throttled {
        /// End of the hold that the platform asked for.
        until: Instant,
    },
    /// The thing asked for is over. No error for a tracker.
    Gone,
    /// The credentials or a permission are refused. Somebody must act.
    Denied,
    /// The platform understood something else than was meant: note it, give up on this one.
    Unexpected,
}

/// A failed request. `Display` is one line without personal data; the cause is the [`Error::source`].
#[derive(Debug)]
pub struct Failure {
    /// What to do about it.
    pub kind: FailureKind,
    /// Which call failed.
    call: &'static str,
    /// With which status, where there was an answer.
    status: Option<StatusCode>,
    /// What happened, in words of our own.
    what: String,
    /// The platform's trace of the request, for its support.
    correlation_id: Option<String>,
    /// What the network or the parser said.
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl Failure {
    /// A failure without an answer from the platform.
    pub(crate) fn local(
        kind: FailureKind,
        call: &'static str,
        what: impl Into<String>,
        source: Option<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self {
            kind,
            call,
            status: None,
            what: what.into(),
            correlation_id: None,
            source,
        }
    }

    /// The failure that an answer with this status means.
    pub(crate) fn of_answer(
        call: &'static str,
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Self {
        let body: ErrorBody = read(body).unwrap_or_default();
        let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let kind = match status.as_u16() {
            429 => FailureKind::Throttled {
                until: Instant::now() + hold(header("retry-after"), body.message.as_deref()),
            },
            503 if header("retry-after").is_some() => FailureKind::Throttled {
                until: Instant::now() + hold(header("retry-after"), None),
            },
            401 | 403 => FailureKind::Denied,
            404 | 410 => FailureKind::Gone,
            408 | 425 | 500..=599 => FailureKind::Transient,
            _ => FailureKind::Unexpected,
        };
        let code = body.code.as_deref().and_then(word);
        Self {
            kind,
            call,
            status: Some(status),
            what: [Some(status.to_string()), code]
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
                .join(" "),
            correlation_id: header("inin-correlation-id")
                .or(body.context_id.as_deref())
                .and_then(word),
            source: None,
        }
    }

    /// Which call failed.
    #[must_use]
    pub fn call(&self) -> &'static str {
        self.call
    }

    /// The status of the answer, if there was one.
    pub(crate) fn status(&self) -> Option<StatusCode> {
        self.status
    }

    /// The platform's trace of the request, if it answered with one.
    #[must_use]
    pub fn correlation_id(&self) -> Option<&str> {
        self.correlation_id.as_deref()
    }

    /// Whether asking again later can help without anybody's doing.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(
            self.kind,
            FailureKind::Transient | FailureKind::Throttled { .. }
        )
    }

    /// The same failure, for a caller to whom it will have passed when it asks again.
    pub(crate) fn passing(mut self) -> Self {
        self.kind = FailureKind::Transient;
        self
    }

    /// The same failure, for a caller who need not ask again before then.
    pub(crate) fn until(mut self, until: Instant) -> Self {
        self.kind = FailureKind::Throttled { until };
        self
    }

    /// How long to wait before asking again: to the end of the hold where there is one, as nothing is gained before it and
    /// nothing after it; else as long as repeated failures suggest.
    pub(crate) fn delay(&self, backoff: &mut Backoff) -> Duration {
        let suggested = backoff.next();
        match self.kind {
            FailureKind::Throttled { until } => until.saturating_duration_since(Instant::now()),
            _ => suggested,
        }
    }

    /// The same failure once more, for a caller that meets it while it is remembered; without its cause.
    pub(crate) fn again(&self) -> Self {
        Self {
            kind: self.kind,
            call: self.call,
            status: self.status,
            what: self.what.clone(),
            correlation_id: self.correlation_id.clone(),
            source: None,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.call, self.what)
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source
            .as_deref()
            .map(|source| source as &(dyn Error + 'static))
    }
}

/// How long the platform asks to wait: the header's seconds ("always specified as a number of seconds", the official
/// clients), else the sentence's `[59] seconds`, else a default.
fn hold(header: Option<&str>, sentence: Option<&str>) -> Duration {
    let in_sentence = || {
        let (_, rest) = sentence?.split_once('[')?;
        rest.split_once(']')?.0.parse().ok()
    };
    let seconds = header
        .and_then(|text| text.trim().parse::<u64>().ok())
        .or_else(in_sentence);
    seconds
        .map_or(DEFAULT_HOLD, Duration::from_secs)
        .clamp(Duration::from_secs(1), LONGEST_HOLD)
}

/// A short plain word of an answer, safe to print; anything else is dropped.
pub(super) fn word(text: &str) -> Option<String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let fits = !text.is_empty() && text.len() <= MAX_WORD && text.bytes().all(plain);
    fits.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(status: u16, headers: &[(&'static str, &str)], body: &str) -> Failure {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        let status = StatusCode::from_u16(status).unwrap();
        Failure::of_answer("test", status, &map, body.as_bytes())
    }

    #[test]
    fn statuses_become_the_five_kinds() {
        use FailureKind::{Denied, Gone, Transient, Unexpected};
        for (status, kind) in [
            (400, Unexpected),
            (401, Denied),
            (403, Denied),
            (404, Gone),
            (408, Transient),
            (409, Unexpected),
            (410, Gone),
            (302, Unexpected),
            (500, Transient),
            (503, Transient),
            (504, Transient),
        ] {
            assert_eq!(failure(status, &[], "").kind, kind, "{status}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_throttled_request_says_until_when() {
        let recorded = include_str!("../../tests/fixtures/error-429.json");
        for (headers, body, seconds) in [
            (&[("retry-after", "17")][..], "", 17),
            (&[], recorded, 59),
            (&[], "{}", 10),
            (&[("retry-after", "0")], "", 1),
            (&[("retry-after", "99999999")], "", 900),
            (&[("retry-after", "soon")], "", 10),
        ] {
            let FailureKind::Throttled { until } = failure(429, headers, body).kind else {
                panic!("throttled");
            };
            assert_eq!((until - Instant::now()).as_secs(), seconds, "{headers:?}");
        }
    }

    #[test]
    fn it_prints_code_and_nothing_personal() {
        let body = r#"{"code":"bad.request","message":"Jane Roe +15555550123","contextId":"c-1"}"#;
        let failure = failure(400, &[], body);
        assert_eq!(failure.to_string(), "test: 400 Bad Request bad.request");
        assert_eq!(failure.correlation_id(), Some("c-1"));
        let hostile = self::failure(400, &[("inin-correlation-id", "a b")], r#"{"code":"a\nb"}"#);
        assert_eq!(hostile.to_string(), "test: 400 Bad Request");
        assert_eq!(hostile.correlation_id(), None);
    }
}
