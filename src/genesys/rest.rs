//! The one request path, and the calls made over it.
//!
//! Permit, token, send under a deadline, classify, feed the limiter: every request takes these steps, and no second
//! place builds a URL or reads a status. Writing is special in two ways. The permit of a write is taken by the caller
//! beforehand, because the wait for it may be long and what was true before may not be afterwards. And a write is never
//! repeated in here after a refused token: the caller looks again and decides anew.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use jiff::Timestamp;
use reqwest::{
    Method, StatusCode, Url,
    header::{AUTHORIZATION, DATE, HeaderValue},
};
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::time::{Instant, timeout};
use tracing::trace;

use super::{
    answer::{DEADLINE, network_failure, parse, read_body, unexpected},
    background::background,
    channel::kept::Seal,
    failure::{Failure, FailureKind},
    legs,
    limiter::{Limiter, Permit, Place, Turn},
    oauth::{NoToken, TokenSource},
    time::PlatformTime,
    tls::{self, NoTls},
    wire::{self, Page},
};
use crate::{
    clock::Clock,
    conversation::{ConversationId, Observed, Priority, QueueId},
    orders::Orders,
    replicas::Replicas,
    settings,
    status::Status,
};

/// The token that channels belong to.
const FIRST: usize = 0;

mod call;

mod calls;

mod channels;

mod leave;

mod names;

mod permits;

mod throttle;

use self::{
    call::{Call, Effect},
    throttle::Throttled,
};
pub(crate) use call::SendBy;
pub(super) use calls::sweep_page;
pub(crate) use calls::{MAX_PAGES, Sighting, VisitKey};
pub(crate) use names::NameList;

/// A handle on the platform, shared by everything that asks or writes.
pub(crate) struct Genesys {
    /// Connections; no redirects, rustls.
    http: reqwest::Client,
    /// Base of every REST URL.
    api_url: Url,
    /// Where bearer tokens come from, by lane.
    tokens: Vec<TokenSource>,
    /// Pace of all requests.
    limiter: Arc<Limiter>,
    /// Whether anything may be written, and what rules ask for that only the whole conversation shows.
    orders: Orders,
    /// TLS, for sockets as well.
    pub(super) tls: Arc<rustls::ClientConfig>,
    /// Which socket addresses are believed.
    pub(super) streaming: settings::StreamingHost,
    /// What time it is at the platform.
    time: PlatformTime,
    /// What was said of throttling.
    throttled: Mutex<Throttled>,
    /// Where requests are counted.
    status: Status,
    /// What is shared with others of this OAuth client, where there are any.
    pub(super) replicas: Option<Arc<dyn Replicas>>,
    /// Seals channels that are kept there.
    seal: Option<Seal>,
}

/// Connections kept open for the next request. A burst opens more; each of them holds a quarter of a megabyte.
const IDLE_CONNECTIONS: usize = 16;

impl Genesys {
    /// A handle on the platform that these settings name, for one of these replicas where there are several. Sends nothing
    /// yet.
    ///
    /// # Errors
    /// Where TLS is needed and this system has no trusted roots.
    pub(crate) fn new(
        settings: &settings::Genesys,
        orders: Orders,
        clock: Clock,
        status: Status,
        replicas: Option<Arc<dyn Replicas>>,
    ) -> Result<Self, NoTls> {
        let builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(DEADLINE)
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .user_agent(concat!(
                env!("CARGO_PKG_NAME"),
                "/",
                env!("CARGO_PKG_VERSION")
            ));
        let secure = settings.api_url.scheme() == "https" || settings.login_url.scheme() == "https";
        let (builder, tls) = if secure {
            (builder, tls::verified()?)
        } else {
            // A proxy is for the way out, and there is none.
            (builder.no_proxy(), tls::trusting_nobody()?)
        };
        let builder = builder.tls_backend_preconfigured((*tls).clone());
        let http = builder.build().map_err(NoTls::of_client)?;
        let limiter = Limiter::new(settings.budget);
        let limiter = Arc::new(match &replicas {
            Some(replicas) => limiter.among(Arc::clone(replicas), settings.budget),
            None => limiter,
        });
        let tokens = (0..settings.budget.tokens as usize).map(|lane| {
            TokenSource::new(
                &settings.login_url,
                settings.client_id.clone(),
                settings.client_secret.clone(),
                http.clone(),
                Arc::clone(&limiter),
                lane,
                status.clone(),
            )
        });
        let tokens = tokens.collect();
        Ok(Self {
            http,
            api_url: settings.api_url.clone(),
            tokens,
            limiter,
            orders,
            tls,
            streaming: settings.streaming.clone(),
            time: PlatformTime::new(clock),
            throttled: Mutex::default(),
            status,
            seal: replicas
                .as_ref()
                .and_then(|_| Seal::of(&settings.client_secret)),
            replicas,
        })
    }

    /// Gets a token, if there is none: whether the platform can be reached and the credentials are good.
    pub(crate) async fn log_in(&self) -> Result<(), NoToken> {
        self.tokens[FIRST].bearer().await?;
        self.status.update(|now| now.signed_in = true);
        Ok(())
    }

    /// Gets the token that a permit is for, if it must be renewed: that takes time, which is better spent before a decision
    /// than after it. A failure shows again when the request is sent.
    pub(crate) async fn prepare(&self, permit: &Permit) {
        let _renewed = self.tokens[permit.lane()].bearer().await;
    }

    /// The time now, as the platform has it.
    pub(crate) fn now(&self) -> Timestamp {
        self.time.now()
    }

    /// Whether other daemons may share our OAuth client with us.
    pub(crate) fn has_replicas(&self) -> bool {
        self.replicas.is_some()
    }

    /// What has passed on this machine since some moment before, its sleep included.
    pub(crate) fn uptime(&self) -> Duration {
        self.time.uptime()
    }

    /// Sets a conversation's routing priority: absolute, so that repeating it does no harm.
    ///
    /// `PATCH /api/v2/routing/conversations/{id}`, permission `routing:conversation:edit`. Sends the priority and
    /// nothing else, because an empty list would remove a skill. Returns the priority that the platform has now.
    /// A refused token is a passing failure here; the next request brings a new one. So is a hold that began since the
    /// permit was given: what was decided before it is not written after it, nor is it later than `by`, however long this
    /// process was stopped, or this machine asleep, or there was no token.
    pub(crate) async fn set_priority(
        &self,
        permit: Permit,
        id: &ConversationId,
        queue: Option<&QueueId>,
        to: Priority,
        by: SendBy,
    ) -> Result<Priority, Failure> {
        let path = format!("api/v2/routing/conversations/{id}");
        let call = Call::new("set_priority", Method::PATCH, path)
            .sending(json!({ "priority": to }))
            .in_queue(queue.cloned())
            .by(by);
        let attributes: wire::RoutingAttributes = match self.send(&call, permit).await {
            Ok(body) => parse(call.name, &body).unwrap_or_default(),
            Err(Refusal::Token(failure)) => return Err(failure.passing()),
            Err(Refusal::Call(failure)) => return Err(failure),
        };
        Ok(attributes.priority.map_or(to, Priority::clamped))
    }

    /// What a conversation's callback is doing now, for a permit that was waited for already.
    ///
    /// `GET /api/v2/conversations/{id}`, permission `conversation:communication:view`.
    pub(crate) async fn look(
        &self,
        permit: Permit,
        id: &ConversationId,
    ) -> Result<Observed, Failure> {
        let call = Call::get("look", format!("api/v2/conversations/{id}"));
        let body = self.ask_for_body(&call, permit).await?;
        let conversation: wire::Conversation = parse(call.name, &body)?;
        if conversation.participants.is_empty() {
            // Nobody in it: whatever this is, it does not say that the callback is over.
            return Err(unexpected(call.name, "the answer shows no participants"));
        }
        let mut seen = legs::observe(id, &conversation);
        let asked = self.orders.now().background.clone();
        if let (Observed::Waiting(waiting), Some(asked)) = (&mut seen, asked) {
            let whole: wire::Whole = parse(call.name, &body)?;
            let asked: Vec<&str> = asked.iter().map(String::as_str).collect();
            waiting.background = Some(Box::new(background(&conversation, whole, waiting, &asked)));
        }
        Ok(seen)
    }

    /// Sends a call whose repetition does no harm.
    async fn ask<T: DeserializeOwned>(&self, call: &Call) -> Result<T, Failure> {
        let permit = self.limiter.permit(call.turn()).await;
        self.ask_with(call, permit).await
    }

    /// The same for a permit that was waited for already; one more try where the token was refused.
    async fn ask_with<T: DeserializeOwned>(
        &self,
        call: &Call,
        permit: Permit,
    ) -> Result<T, Failure> {
        let body = self.ask_for_body(call, permit).await?;
        parse(call.name, &body)
    }

    /// The same, not read yet.
    async fn ask_for_body(&self, call: &Call, permit: Permit) -> Result<Vec<u8>, Failure> {
        let answer = match self.send(call, permit).await {
            Err(Refusal::Token(_renewed)) => {
                let permit = self.limiter.permit(call.turn()).await;
                self.send(call, permit).await
            }
            answer => answer,
        };
        answer.map_err(|refusal| match refusal {
            Refusal::Token(failure) | Refusal::Call(failure) => failure,
        })
    }

    /// Sends one request: token, send, classify, and the limiter learns.
    async fn send(&self, call: &Call, permit: Permit) -> Result<Vec<u8>, Refusal> {
        let writes = call.effect == Effect::Writes;
        let mut permit = permit;
        let (tokens, bearer) = loop {
            let tokens = &self.tokens[permit.lane()];
            let bearer = tokens.bearer().await.map_err(NoToken::of_request)?;
            match self.limiter.on_hold_until() {
                Some(until) if writes => {
                    let kind = FailureKind::Throttled { until };
                    return Err(Failure::local(
                        kind,
                        call.name,
                        "not sent: a hold has begun",
                        None,
                    )
                    .into());
                }
                _ => self.limiter.hold_over().await,
            }
            if !permit.is_old() {
                break (tokens, bearer);
            }
            // Many may have waited for the token or the hold, and must not all go at once.
            permit = self.limiter.permit(call.turn()).await;
        };
        let url = self.url(call);
        self.let_out(call, &url)?;
        let sent = Instant::now();
        permit.spend();
        let answer = timeout(DEADLINE, self.exchange(call, url, &bearer.header))
            .await
            .unwrap_or_else(|_late| {
                let kind = FailureKind::Transient;
                Err(Failure::local(kind, call.name, "no answer in time", None))
            });
        let (took, failed) = (
            sent.elapsed(),
            answer.as_ref().err().map(|failure| failure.kind),
        );
        trace!(call = call.name, ?took, ok = failed.is_none(), "request");
        self.status.count_request(call.name, failed, took);
        match answer {
            Ok(body) => {
                self.answered();
                Ok(body)
            }
            Err(failure) if failure.status() == Some(StatusCode::UNAUTHORIZED) => {
                tokens.refuse(&bearer).await;
                Err(Refusal::Token(failure))
            }
            Err(failure) => {
                self.learn(&failure);
                Err(failure.into())
            }
        }
    }

    /// One request and its answer, classified.
    async fn exchange(
        &self,
        call: &Call,
        url: Url,
        authorization: &HeaderValue,
    ) -> Result<Vec<u8>, Failure> {
        let mut request = self
            .http
            .request(call.method.clone(), url)
            .header(AUTHORIZATION, authorization.clone())
            .query(&call.query);
        if let Some(body) = &call.body {
            request = request.json(body);
        }
        let asked = Instant::now();
        let response = request
            .send()
            .await
            .map_err(|error| network_failure(call.name, error))?;
        if let Some(Ok(date)) = response.headers().get(DATE).map(HeaderValue::to_str) {
            self.time.learn(date, asked, Instant::now());
        }
        let (status, headers) = (response.status(), response.headers().clone());
        let body = read_body(call.name, response).await?;
        if status.is_success() {
            Ok(body)
        } else {
            Err(Failure::of_answer(call.name, status, &headers, &body))
        }
    }

    /// Where a call goes.
    fn url(&self, call: &Call) -> Url {
        let mut url = self.api_url.clone();
        let base = self.api_url.path().trim_end_matches('/');
        url.set_path(&format!("{base}/{}", call.path));
        url
    }
}

impl std::fmt::Debug for Genesys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Genesys")
            .field("api_url", &self.api_url.as_str())
            .field("dry_run", &self.orders.now().dry_run)
            .finish_non_exhaustive()
    }
}

/// Why a request brought nothing.
enum Refusal {
    /// The token was refused and is forgotten: asking again brings a new one.
    Token(Failure),
    /// The call failed.
    Call(Failure),
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self::Call(failure)
    }
}

#[cfg(test)]
mod tests;
