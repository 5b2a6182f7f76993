//! A faithful Genesys Cloud in process, for the demo, the tests, and anyone who wants to try the daemon.
//!
//! Real HTTP and real WebSockets on loopback, close enough to the platform for its official SDKs: log in at
//! `http://127.0.0.1:PORT` with the client credentials `sandbox` / `sandbox`. The contact centre behind it routes for
//! real: conversations stand in line by score, and agents take whoever is first. Queues `Support` and `Sales` exist
//! from the start.
//!
//! The official SDKs need its address and nothing else, as in Python:
//!
//! ```python
//! PureCloudPlatformClientV2.configuration.host = "http://127.0.0.1:PORT"
//! client = PureCloudPlatformClientV2.api_client.ApiClient()
//! client = client.get_client_credentials_token("sandbox", "sandbox")
//! ```
//!
//! Two rules make it a tool for tests. Everything left to chance comes from one seed. Everything that takes time takes
//! it on tokio's clock, so that with a paused clock, in one runtime with its client, hours pass in milliseconds.
//!
//! What it leaves out: media, users, flows, permissions beyond those that faults take away, and every endpoint that is
//! not listed in `api`. Where the platform's behaviour is not known for certain, [`Options`] has a switch.
//!
//! # Control endpoints
//!
//! They stand for customers, agents, supervisors and bad luck. No token is needed. Bodies and answers are JSON, whatever
//! type the header says; a time is a number of seconds or a text with a unit (`250ms`, `90s`, `5m`, `1h`); a queue is
//! meant by its name or id. What happens to a conversation is answered with its situation.
//!
//! | request | what it does |
//! |---|---|
//! | `POST /sandbox/queues {"name"}` | makes a queue: `{"queueId"}` |
//! | `GET /sandbox/queues/{queue}/line` | ids of those who wait, first to be offered first |
//! | `POST /sandbox/callbacks {"queue","priority"?,"scheduledIn"?,"waited"?,"name"?,"number"?}` | a callback: `{"conversationId"}` |
//! | `POST /sandbox/calls {"queue","priority"?,"ladder"?,"waited"?}` | a call, raised by a point each `ladder`: `{"conversationId"}` |
//! | `POST /sandbox/agents {"queue","count","handling"}` | agents who take who is first, with this mean handling time |
//! | `POST /sandbox/traffic {"queue","seed"?,"lasts"?,"gap"?}` | callers arrive as in a rush hour: `{"arrivals"}` |
//! | `GET /sandbox/conversations/{id}` | `{"conversationId","situation","priority"}` |
//! | `POST /sandbox/conversations/{id}/alert` | an agent is alerted for 30 s and does not answer |
//! | `POST /sandbox/conversations/{id}/answer` | an agent answers |
//! | `POST /sandbox/conversations/{id}/hangup` | the conversation is over |
//! | `POST /sandbox/conversations/{id}/leave` | it leaves its queue and lives on in none |
//! | `POST /sandbox/conversations/{id}/transfer {"queue","priority"?}` | it moves to a queue |
//! | `POST /sandbox/conversations/{id}/priority {"priority"}` | a supervisor sets its priority |
//! | `GET /sandbox/writes` | priorities set over the API: `[{"conversationId","from","to","at","token"}]` |
//! | `GET /sandbox/requests` | requests so far: `[{"at","method","path","status","token"}]` |
//! | `GET /sandbox/outcomes` | what became of every conversation: when it arrived, entered, was answered, ended |
//! | `POST /sandbox/faults {"fault",…}` | causes trouble, as below |
//! | `DELETE /sandbox/faults` | takes back all trouble that is still planned |
//!
//! | `"fault"` | with | trouble |
//! |---|---|---|
//! | `requests` | `"method"?,"path"?,"times"?` and an `"effect"` | requests whose path begins so go wrong, so often or always |
//! | `events` | `"fate"`: `lost`, `twice`, `late` (`"delay"`) or `held`; `"topic"?,"times"?` | events whose topic contains this text go astray |
//! | `release_events` | `"order"?` | held events arrive: in this order of positions, or the last first |
//! | `cut_sockets`, `silence_sockets`, `announce_closing` | | open sockets are reset, fall silent, or get a notice and close 60 s later |
//! | `close_sockets` | `"code"` | open sockets are closed |
//! | `refuse_sockets` | `"status","times"?` | new sockets are refused |
//! | `flap_sockets` | `"life"?` | new sockets are cut after this time |
//! | `send_text` | `"text"` | open sockets get a text, whatever it is |
//! | `evict_channels`, `revoke_tokens` | | channels vanish, tokens become invalid |
//! | `disable_client` | `"disabled"` | no more tokens |
//! | `forbid_queue` | `"queue"` | 403 for writes to its conversations |
//! | `reject_topics` | `"topic"` | topics that begin so are rejected |
//!
//! | `"effect"` | with | what becomes of the request |
//! |---|---|---|
//! | `answer` | `"status","retryAfter"?` | answered so, and nothing is done |
//! | `applied_then_answer` | `"status"` | done, and answered so |
//! | `applied_then_cut`, `cut` | | done, or not, and the connection is reset |
//! | `delay` | `"delay"` | done at once, and answered late |
//! | `body` | `"body"` | answered 200 with this, and nothing is done |
//! | `invalid_client`, `token_rate_limit` | | refused as the token endpoint refuses |

pub mod scenario;

mod api;
mod channels;
mod connection;
mod faults;
mod tokens;
mod view;
mod world;

use std::{
    future::Future,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::{CancellationToken, DropGuard};

pub use api::Request;
pub use faults::{Effect, Fate, Faults, RequestFault};
pub(crate) use world::Dice;
pub use world::{
    Call, Callback, Customer, Handling, Ladder, Media, Refused, Situation, User, World, Write,
    score,
};

use crate::clock::Clock;
use api::Platform;
use channels::Channels;
use connection::{Link, Listener};
use faults::Plan;
use tokens::Tokens;
use world::State;

/// Limits of the platform. See <https://developer.genesys.cloud/organization/organization/limits>.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Requests that one token may make in any 60 seconds: `client.credentials.token.rate.per.minute`.
    pub requests_per_minute: usize,
    /// How long a token lives: the platform's default is a day.
    pub token_lifetime: Duration,
    /// How long a channel lives from its last subscription.
    pub channel_lifetime: Duration,
    /// Topics that a channel may have.
    pub max_topics: usize,
    /// Channels that a client may have.
    pub max_channels: usize,
    /// Time from one heartbeat of a socket to the next.
    pub heartbeat: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        let day = Duration::from_hours(24);
        Self {
            requests_per_minute: 300,
            token_lifetime: day,
            channel_lifetime: day,
            max_topics: 1000,
            max_channels: 20,
            heartbeat: Duration::from_secs(30),
        }
    }
}

/// What a sandbox is to be like. Switches are for behaviour in which organisations differ, or that is not known.
#[derive(Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "switches that know nothing of each other, each with its own name"
)]
pub struct Options {
    /// Where to listen; a free port of loopback by default.
    pub listen: SocketAddr,
    /// Decides everything that is left to chance.
    pub seed: u64,
    /// Says what time it is. Must be [`Clock::anchored`] where tokio's clock is paused.
    pub clock: Clock,
    /// Limits of the platform.
    pub limits: Limits,
    /// Id that a client logs in with.
    pub client_id: String,
    /// Secret that a client logs in with.
    pub client_secret: String,
    /// How long every request takes before it is looked at.
    pub latency: Duration,
    /// Detail topics may be subscribed for all conversations, as `{id}` or `*`.
    pub bulk_topics: bool,
    /// Queue topics may be subscribed; otherwise they lack a permission.
    pub queue_topics: bool,
    /// Several topics may be combined into one.
    pub combined_topics: bool,
    /// Queue topics tell of a change of priority alone.
    pub priority_events: bool,
    /// The activity query wants a predicate on `queueId`.
    pub queue_filter_required: bool,
    /// Largest page of the activity query.
    pub activity_page_max: usize,
    /// Most details that analytics lists; of more, the oldest and the newest half are listed and marked `truncated`.
    pub truncate_details: Option<usize>,
    /// A conversation that is alerting counts as `oWaiting` too, and not only as `oAlerting`.
    pub alerting_counts_as_waiting: bool,
    /// How far behind the analytics queries are.
    pub analytics_lag: Duration,
    /// A channel ends when the token that made it does.
    pub channels_end_with_token: bool,
    /// Status of a write to a conversation that is in no queue.
    pub not_waiting_status: u16,
    /// Longest time from when a callback is due to when it enters its queue. On the platform it is up to a minute.
    pub due_delay: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            seed: 0,
            clock: Clock::System,
            limits: Limits::default(),
            client_id: "sandbox".to_owned(),
            client_secret: "sandbox".to_owned(),
            latency: Duration::ZERO,
            bulk_topics: false,
            queue_topics: true,
            combined_topics: true,
            priority_events: true,
            queue_filter_required: false,
            activity_page_max: 1000,
            truncate_details: None,
            alerting_counts_as_waiting: false,
            analytics_lag: Duration::ZERO,
            channels_end_with_token: true,
            not_waiting_status: 409,
            due_delay: Duration::ZERO,
        }
    }
}

/// A Genesys Cloud that runs until it is dropped.
#[derive(Debug)]
pub struct Sandbox {
    /// Where it listens.
    address: SocketAddr,
    /// Everything that it answers from.
    platform: Arc<Platform>,
    /// The server and the course of the world. Dropping it ends them.
    tasks: JoinSet<()>,
    /// Dropping it resets every connection.
    _connections: DropGuard,
}

impl Sandbox {
    /// Starts a sandbox in the runtime that this is called in.
    pub async fn start(options: Options) -> io::Result<Self> {
        let listener = TcpListener::bind(options.listen).await?;
        let address = listener.local_addr()?;
        let platform = Arc::new(platform(options, address));
        for name in ["Support", "Sales"] {
            let _found_by_name = platform.world.add_queue(name);
        }
        let all = CancellationToken::new();
        let listener = Listener {
            listener,
            all: all.clone(),
        };
        let router = api::router(Arc::clone(&platform));
        let service = router.into_make_service_with_connect_info::<Link>();
        let mut tasks = JoinSet::new();
        tasks.spawn(platform.world.clone().run());
        tasks.spawn(async move {
            // Never ends: accepting goes on after every error.
            let _ended = axum::serve(listener, service).await;
        });
        Ok(Self {
            address,
            platform,
            tasks,
            _connections: all.drop_guard(),
        })
    }

    /// The address of its API and of its login.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The contact centre.
    #[must_use]
    pub fn world(&self) -> &World {
        &self.platform.world
    }

    /// A handle for asking for trouble.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.platform.faults
    }

    /// All requests that were made, oldest first, without those to the control endpoints.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.platform.requests().clone()
    }

    /// How many sockets are open.
    #[must_use]
    pub fn open_sockets(&self) -> usize {
        self.platform.channels.open_sockets()
    }

    /// Topics that channels are subscribed to, as they were asked for.
    #[must_use]
    pub fn subscriptions(&self) -> Vec<String> {
        let channels = &self.platform.channels;
        channels
            .each(|channel| channel.subscriptions.clone())
            .concat()
    }

    /// Runs until a future is done, or for ever if it is not.
    pub async fn run_until(mut self, stop: impl Future<Output = ()>) {
        tokio::select! {
            () = stop => {}
            // Neither the server nor the world ends by itself.
            _ = self.tasks.join_next() => {}
        }
    }
}

/// Everything that a sandbox with these options answers from.
fn platform(options: Options, address: SocketAddr) -> Platform {
    let (seed, clock, limits) = (options.seed, options.clock, options.limits);
    let plan = Plan::default();
    let channels = Channels::new(clock, limits, plan.clone(), seed);
    let tokens = Tokens::new(clock, limits, seed);
    let state = State::new(seed, options.due_delay, options.priority_events);
    let world = World::new(clock, state, channels.clone());
    let faults = Faults::new(
        plan.clone(),
        channels.clone(),
        tokens.clone(),
        world.clone(),
    );
    Platform {
        options,
        authority: address.to_string(),
        world,
        channels,
        tokens,
        plan,
        faults,
        requests: Mutex::default(),
        correlations: Mutex::new(Dice::seeded(seed.wrapping_add(1))),
    }
}
