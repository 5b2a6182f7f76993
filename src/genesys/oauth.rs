//! The bearer token: client credentials, one request at a time, renewed before it ends.
//!
//! The lock is held across the request, so that a hundred callers who find no token cause one request (single flight).
//! A failure is remembered for a while for the same reason: while the credentials are refused, callers are told so
//! without another request. Not every 400 of this endpoint means wrong credentials: it has a rate limit of its own
//! that answers `400 rate limit exceeded`.

use std::{sync::Arc, time::Duration};

use reqwest::{
    StatusCode, Url,
    header::{HeaderValue, RETRY_AFTER},
};
use secrecy::{ExposeSecret, SecretString};
use tokio::{
    sync::Mutex,
    time::{Instant, timeout},
};
use tracing::{debug, error, info};

use super::{
    answer::{DEADLINE, network_failure, read, read_body},
    failure::{Failure, FailureKind},
    limiter::Limiter,
    wire::TokenAnswer,
};
use crate::{backoff::Backoff, status::Status, trouble::Trouble};

/// Name of this call in failures and counts.
const CALL: &str = "token";
/// Life of a token whose answer does not say: the least that an OAuth client can be set to, SDK `OAuthClient`.
const SHORTEST_LIFE: Duration = Duration::from_mins(5);
/// Longest life that is believed: "between 5mins and 48hrs", SDK `OAuthClient`.
const LONGEST_LIFE: Duration = Duration::from_hours(48);
/// Least time between two tokens that are given up because they were refused. A platform that refuses one and then the
/// next means something else than the token.
const REFUSAL_GAP: Duration = Duration::from_secs(30);
/// Shortest life that is believed, so that an answer of 0 does not make every request ask for a token.
const LEAST_LIFE: Duration = Duration::from_secs(1);
/// Longest time before its end at which a token is renewed. A channel is said to end with the token that made it, so
/// there must be time to have its successor up: as much as a channel's own end is given.
const RENEW_AHEAD: Duration = Duration::from_hours(1);
/// Share of a token's life after which it is renewed, for short-lived ones: four fifths.
const RENEW_SHARE: u32 = 5;
/// Delay after refused credentials: an administrator acts in minutes, and each try is a failed login at the platform.
const REFUSED_DELAY: Duration = Duration::from_mins(1);

/// A token in use.
#[derive(Clone)]
pub(super) struct Bearer {
    /// The `Authorization` header, marked as sensitive.
    pub(super) header: HeaderValue,
    /// When to get the next one.
    pub(super) renew_at: Instant,
    /// Until when it is good: renewing it may take more than one try.
    ends: Instant,
    /// Which token this is; tells a refusal of this one from a late refusal of an older one.
    number: u64,
}

/// What is known of the token.
#[derive(Default)]
struct State {
    /// The token, while it is good.
    bearer: Option<Bearer>,
    /// Tokens received so far.
    received: u64,
    /// When a token was last given up because it was refused.
    refused_at: Option<Instant>,
    /// Why there is none.
    failed: Option<NoToken>,
    /// Failures in a row.
    backoff: Backoff,
    /// What was said of them.
    trouble: Trouble,
}

/// Why there is no token, and until when nobody asks for one again.
#[derive(Debug)]
pub(crate) struct NoToken {
    /// How the request for one failed.
    failure: Failure,
    /// When somebody may.
    until: Instant,
}

impl NoToken {
    /// The same once more, for a caller that meets it while it is remembered.
    fn again(&self) -> Self {
        Self {
            failure: self.failure.again(),
            until: self.until,
        }
    }

    /// How long nobody asks for one again.
    pub(crate) fn delay(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }

    /// What it means to a request that was not sent for it: whatever is wrong with the token, all that this caller can do
    /// is to come again when the next one is asked for. A delay of its own would only come on top of that.
    pub(super) fn of_request(self) -> Failure {
        self.failure.until(self.until)
    }
}

impl From<NoToken> for Failure {
    /// What it means to somebody who wants a token and nothing else.
    fn from(none: NoToken) -> Self {
        none.failure
    }
}

/// Gets, keeps and renews the token of one OAuth client.
pub(super) struct TokenSource {
    /// Where tokens come from.
    url: Url,
    /// The OAuth client's id.
    client_id: String,
    /// Its secret.
    client_secret: SecretString,
    /// Connections.
    http: reqwest::Client,
    /// The token request is a request like any other: it waits for its permit and obeys holds.
    limiter: Arc<Limiter>,
    /// Which of the client's tokens it is.
    lane: usize,
    /// Where requests are counted.
    status: Status,
    /// Held across a renewal: single flight.
    state: Mutex<State>,
}

impl TokenSource {
    /// A source that has no token yet.
    pub(super) fn new(
        login_url: &Url,
        client_id: String,
        client_secret: SecretString,
        http: reqwest::Client,
        limiter: Arc<Limiter>,
        lane: usize,
        status: Status,
    ) -> Self {
        let mut url = login_url.clone();
        url.set_path(&format!(
            "{}/oauth/token",
            login_url.path().trim_end_matches('/')
        ));
        Self {
            url,
            client_id,
            client_secret,
            http,
            limiter,
            lane,
            status,
            state: Mutex::default(),
        }
    }

    /// A token that is good for now; a new one where there is none or its end is near. One that cannot be renewed yet is
    /// used to its end.
    pub(super) async fn bearer(&self) -> Result<Bearer, NoToken> {
        let mut state = self.state.lock().await;
        let now = Instant::now();
        if let Some(bearer) = state.bearer.as_ref().filter(|bearer| now < bearer.renew_at) {
            return Ok(bearer.clone());
        }
        if let Some(remembered) = state.failed.as_ref().filter(|failed| now < failed.until) {
            return state.lasting().ok_or(remembered.again());
        }
        match self.request().await {
            Ok((header, life)) => Ok(state.keep(header, life)),
            Err(failure) => {
                let failed = state.fail(failure);
                state.lasting().ok_or(failed)
            }
        }
    }

    /// Forgets a token that the platform refused, unless it has been replaced since or another one was refused just before.
    pub(super) async fn refuse(&self, refused: &Bearer) {
        let mut state = self.state.lock().await;
        let in_use = state.bearer.as_ref().map(|bearer| bearer.number) == Some(refused.number);
        let again = state
            .refused_at
            .is_some_and(|at| at.elapsed() < REFUSAL_GAP);
        if in_use && !again {
            state.refused_at = Some(Instant::now());
            debug!("token refused before its end: getting another");
            state.bearer = None;
        }
    }

    /// Asks for a token: the header that carries it, and its life.
    async fn request(&self) -> Result<(HeaderValue, Duration), Failure> {
        let (permit, _alone) = self.limiter.permit_alone(self.lane).await;
        permit.spend();
        let request = self
            .http
            .post(self.url.clone())
            .basic_auth(&self.client_id, Some(self.client_secret.expose_secret()))
            .form(&[("grant_type", "client_credentials")]);
        let answer = async {
            let response = request
                .send()
                .await
                .map_err(|error| network_failure(CALL, error))?;
            let (status, headers) = (response.status(), response.headers().clone());
            let body = read_body(CALL, response).await?;
            if status.is_success() {
                return parse(&body);
            }
            let mut failure = Failure::of_answer(CALL, status, &headers, &body);
            failure.kind = kind(
                status,
                failure.kind,
                headers.contains_key(RETRY_AFTER),
                &body,
            );
            if let FailureKind::Throttled { until } = failure.kind {
                self.limiter.hold(until);
            }
            Err(failure)
        };
        let sent = Instant::now();
        let answer = timeout(DEADLINE, answer).await.unwrap_or_else(|_late| {
            Err(Failure::local(
                FailureKind::Transient,
                CALL,
                "no answer in time",
                None,
            ))
        });
        let failed = answer.as_ref().err().map(|failure| failure.kind);
        self.status.count_request(CALL, failed, sent.elapsed());
        answer
    }
}

impl State {
    /// Takes a new token into use.
    fn keep(&mut self, header: HeaderValue, life: Duration) -> Bearer {
        self.failed = None;
        if let Some(over) = self.trouble.over() {
            let after_s = over.after.as_secs();
            info!(attempts = over.times, after_s, "token received again");
        }
        self.backoff.reset();
        self.received += 1;
        let ends = Instant::now() + life;
        let bearer = Bearer {
            header,
            renew_at: ends - RENEW_AHEAD.min(life / RENEW_SHARE),
            ends,
            number: self.received,
        };
        self.bearer = Some(bearer.clone());
        bearer
    }

    /// The token that could not be renewed, as long as it is good.
    fn lasting(&self) -> Option<Bearer> {
        let bearer = self.bearer.as_ref();
        bearer
            .filter(|bearer| Instant::now() < bearer.ends)
            .cloned()
    }

    /// Remembers a failure, so that it is said once and asked again only after a delay.
    fn fail(&mut self, failure: Failure) -> NoToken {
        let delay = match failure.kind {
            FailureKind::Denied => REFUSED_DELAY,
            _ => failure.delay(&mut self.backoff),
        };
        // Silence is said by those who want the token for something.
        let news = self.trouble.met(&failure.to_string());
        if news && failure.kind == FailureKind::Denied {
            error!(
                error = %failure,
                correlation_id = failure.correlation_id(),
                "credentials refused: nothing can be raised until the OAuth client is enabled again or its id and secret are corrected"
            );
        }
        let failed = NoToken {
            failure,
            until: Instant::now() + delay,
        };
        self.failed = Some(failed.again());
        failed
    }
}

/// What a refused token request means: this endpoint says 400 for wrong credentials and for too many requests alike.
fn kind(status: StatusCode, general: FailureKind, says_when: bool, body: &[u8]) -> FailureKind {
    let text = String::from_utf8_lossy(body).to_ascii_lowercase();
    let limited = says_when || text.contains("rate limit");
    match status {
        StatusCode::BAD_REQUEST if limited => FailureKind::Transient,
        StatusCode::BAD_REQUEST if text.contains("invalid") || text.contains("unauthorized") => {
            FailureKind::Denied
        }
        StatusCode::BAD_REQUEST => FailureKind::Transient,
        _ => general,
    }
}

/// The token and its life in a good answer.
fn parse(body: &[u8]) -> Result<(HeaderValue, Duration), Failure> {
    let unexpected = |what| Failure::local(FailureKind::Transient, CALL, what, None);
    let answer: TokenAnswer =
        read(body).map_err(|_secret| unexpected("the answer holds no token"))?;
    let mut header = HeaderValue::try_from(format!("Bearer {}", answer.access_token))
        .map_err(|_secret| unexpected("the token is no header value"))?;
    header.set_sensitive(true);
    let life = answer.expires_in.map_or(SHORTEST_LIFE, Duration::from_secs);
    Ok((header, life.clamp(LEAST_LIFE, LONGEST_LIFE)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_400_is_not_always_a_wrong_secret() {
        let general = FailureKind::Unexpected;
        for (body, says_when, expected) in [
            (r#"{"error":"invalid_client"}"#, false, FailureKind::Denied),
            (r#"{"error":"invalid_grant"}"#, false, FailureKind::Denied),
            ("rate limit exceeded", false, FailureKind::Transient),
            (
                r#"{"error":"Rate Limit Exceeded"}"#,
                false,
                FailureKind::Transient,
            ),
            ("", true, FailureKind::Transient),
            ("try later", false, FailureKind::Transient),
        ] {
            assert_eq!(
                kind(StatusCode::BAD_REQUEST, general, says_when, body.as_bytes()),
                expected,
                "{body}"
            );
        }
        assert_eq!(
            kind(StatusCode::UNAUTHORIZED, FailureKind::Denied, false, b""),
            FailureKind::Denied
        );
    }

    #[test]
    fn a_bad_answer_is_told_without_its_content() {
        for body in [
            &b"{\"access_token\": 5}"[..],
            b"canary",
            b"{\"access_token\":\"a\\nb\"}",
        ] {
            let failure = parse(body).unwrap_err();
            assert!(!format!("{failure} {failure:?}").contains("canary"));
        }
        assert_eq!(parse(b"{\"access_token\":\"t\"}").unwrap().1, SHORTEST_LIFE);
    }
}
