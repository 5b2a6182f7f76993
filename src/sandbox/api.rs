//! The platform's HTTP interface.
//!
//! Every request takes one way: it is delayed as the network would, struck by a fault if one is planned, admitted by its
//! token and the token's rate limit, and answered. Every answer has a correlation id and the sandbox's own date, and
//! every request but those to the control endpoints is noted. Whatever the platform does not have is a 404.

mod analytics;
mod answer;
mod control;
mod conversations;
mod gate;
mod named;
mod notifications;
mod oauth;
mod query;
mod queues;
mod socket;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware,
    routing::{any, get, patch, post},
};
use jiff::Timestamp;

use super::{
    Options,
    channels::Channels,
    faults::{Faults, Plan},
    tokens::Tokens,
    world::{Dice, World},
};
use answer::Refusal;

/// Largest request body, in bytes: `request.bytes.max` on the platform's page of limits.
const BODY_MAX: usize = 512_000;

/// One request that was made, as a test driver sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// When it arrived.
    pub at: Timestamp,
    /// Its method.
    pub method: String,
    /// Its path, with the query.
    pub path: String,
    /// With which status it was answered; absent if its connection was cut.
    pub status: Option<u16>,
    /// Which token it came with: the first one given out is 1.
    pub token: Option<usize>,
}

/// Everything that requests are answered from.
#[derive(Debug)]
pub(super) struct Platform {
    /// What it was told to be like.
    pub(super) options: Options,
    /// Where it is, as `127.0.0.1:8080`.
    pub(super) authority: String,
    /// The contact centre.
    pub(super) world: World,
    /// Its notification channels.
    pub(super) channels: Channels,
    /// The tokens it gave out.
    pub(super) tokens: Tokens,
    /// What is to go wrong.
    pub(super) plan: Plan,
    /// For those who ask for trouble over HTTP.
    pub(super) faults: Faults,
    /// Requests that were made.
    pub(super) requests: Mutex<Vec<Request>>,
    /// Makes correlation ids, from dice of its own so that requests do not change what conversations there are.
    pub(super) correlations: Mutex<Dice>,
}

impl Platform {
    /// The list of requests, for one look or change.
    pub(super) fn requests(&self) -> MutexGuard<'_, Vec<Request>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An id by which an answer can be traced.
    fn correlation(&self) -> String {
        let mut dice = self.correlations.lock();
        dice.as_mut()
            .map_or_else(|poisoned| poisoned.get_mut().uuid(), |dice| dice.uuid())
    }
}

/// What handlers are given.
type Shared = axum::extract::State<Arc<Platform>>;

/// Number of the token that a request came with.
#[derive(Clone, Copy, Debug)]
struct TokenNumber(usize);

/// All routes.
pub(super) fn router(platform: Arc<Platform>) -> Router {
    let gated = platform_routes()
        .fallback(async || Refusal::not_found("HTTP 404 Not Found"))
        .method_not_allowed_fallback(async || Refusal::not_found("HTTP 404 Not Found"))
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .layer(middleware::from_fn_with_state(
            Arc::clone(&platform),
            gate::pass,
        ));
    control::routes()
        .layer(middleware::from_fn(answer::plain))
        .merge(gated)
        .with_state(platform)
}

/// The platform's own routes.
fn platform_routes() -> Router<Arc<Platform>> {
    Router::new()
        .route("/oauth/token", post(oauth::token))
        .route("/channels/{id}", any(socket::open))
        .route(
            "/api/v2/notifications/availabletopics",
            get(notifications::available_topics),
        )
        .route(
            "/api/v2/notifications/channels",
            get(notifications::list).post(notifications::create),
        )
        .route(
            "/api/v2/notifications/channels/{id}",
            axum::routing::head(notifications::exists),
        )
        .route(
            "/api/v2/notifications/channels/{id}/subscriptions",
            get(notifications::subscriptions)
                .post(notifications::add)
                .put(notifications::replace)
                .delete(notifications::remove),
        )
        .route("/api/v2/conversations/{id}", get(conversations::nested))
        .route(
            "/api/v2/conversations/callbacks/{id}",
            get(conversations::callback),
        )
        .route("/api/v2/conversations/calls/{id}", get(conversations::call))
        .route(
            "/api/v2/routing/conversations/{id}",
            patch(conversations::set_attributes),
        )
        .route("/api/v2/routing/queues", get(queues::list))
        .route("/api/v2/routing/queues/{id}", get(queues::one))
        .route("/api/v2/routing/skills", get(named::skills))
        .route("/api/v2/routing/languages", get(named::languages))
        .route("/api/v2/authorization/divisions", get(named::divisions))
        .route(
            "/api/v2/analytics/conversations/activity/query",
            post(analytics::activity),
        )
        .route(
            "/api/v2/analytics/queues/observations/query",
            post(analytics::observations),
        )
}
