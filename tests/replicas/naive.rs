//! The worker that most would write, beside the daemons under the same blows: reads the priority, adds to it, writes it.
//!
//! It is not a careless one. Its crew shares a store in which a step is claimed before it is made and noted after, and what a
//! killed one had claimed is free when it starts again; it hears of every callback from the platform's own list, at once and
//! for nothing; and it tries again where no answer comes. What it lacks is only that its write says where to go to, rather
//! than by how much.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use callback_prioritizer::{conversation::ConversationId, sandbox::World};
use jiff::Timestamp;
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep},
};

use crate::{
    centre::{Centre, WRITE},
    rhythm::{CREW, Crew},
};

/// Tasks of one worker.
const TASKS: usize = 4;
/// How long a claim lasts.
const LEASE: Duration = Duration::from_secs(30);
/// How long one rests when nothing is due, or when something went wrong.
const REST: Duration = Duration::from_millis(50);

/// What is known of a callback.
struct Row {
    /// When it entered its queue.
    entered: Timestamp,
    /// The steps that were made.
    step: i64,
    /// Who has claimed the next one, and until when.
    claim: Option<(usize, Instant)>,
    /// Whether it waits no more.
    over: bool,
}

/// What the crew shares.
struct Store {
    /// The callbacks.
    rows: Mutex<HashMap<ConversationId, Row>>,
    /// Time from one step to the next.
    wait: Duration,
}

impl Store {
    /// The callbacks, for one look or change.
    fn rows(&self) -> MutexGuard<'_, HashMap<ConversationId, Row>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Claims the step that is due for longest.
    fn claim(&self, who: usize, now: Timestamp) -> Option<ConversationId> {
        let mut rows = self.rows();
        let due = |row: &Row| row.entered + self.wait * u32::try_from(row.step + 1).unwrap();
        let free = |row: &Row| row.claim.is_none_or(|(_, until)| until < Instant::now());
        let ready = rows
            .iter_mut()
            .filter(|(_, row)| !row.over && free(row) && due(row) <= now);
        let (id, row) = ready.min_by_key(|(_, row)| due(row))?;
        row.claim = Some((who, Instant::now() + LEASE));
        Some(id.clone())
    }

    /// Notes a step as made, if its claim lasts; or the callback as gone.
    fn settle(&self, who: usize, id: &ConversationId, made: bool) {
        let mut rows = self.rows();
        let Some(row) = rows.get_mut(id) else {
            return;
        };
        if !made {
            row.over = true;
        } else if row.claim.take_if(|(by, _)| *by == who).is_some() {
            row.step += 1;
        }
    }
}

/// One worker.
struct Worker {
    /// Which of the crew it is.
    who: usize,
    /// Its connections.
    client: Client,
    /// Where the platform is.
    url: String,
    /// The platform, for its list.
    world: World,
    /// What it shares with the others.
    store: Arc<Store>,
    /// Whether it is stopped.
    stopped: watch::Receiver<bool>,
}

impl Worker {
    /// Works until it is killed.
    async fn work(mut self) {
        let token = loop {
            match self.sign_in().await {
                Some(token) => break token,
                None => sleep(REST).await,
            }
        };
        loop {
            self.while_stopped().await;
            match self.store.claim(self.who, self.world.now()) {
                Some(id) => self.raise(&token, &id).await,
                None => sleep(REST).await,
            }
        }
    }

    /// Waits while it is stopped.
    async fn while_stopped(&mut self) {
        let _goes_on = self.stopped.wait_for(|stopped| !stopped).await;
    }

    /// Asks for a token.
    async fn sign_in(&mut self) -> Option<String> {
        self.while_stopped().await;
        let request = self
            .client
            .post(format!("{}/oauth/token", self.url))
            .basic_auth("sandbox", Some("sandbox"))
            .form(&[("grant_type", "client_credentials")]);
        let answer: Value = request.send().await.ok()?.json().await.ok()?;
        answer["access_token"].as_str().map(str::to_owned)
    }

    /// Reads, adds and writes, and does it again where that fails.
    async fn raise(&mut self, token: &str, id: &ConversationId) {
        loop {
            let look = self
                .ask(
                    token,
                    Method::GET,
                    &format!("/api/v2/conversations/{id}"),
                    None,
                )
                .await;
            if let Some(conversation) = look {
                let Some(priority) = waiting_priority(&conversation) else {
                    return self.store.settle(self.who, id, false);
                };
                let body = json!({"priority": priority + 1});
                let write = self
                    .ask(token, Method::PATCH, &format!("{WRITE}{id}"), Some(body))
                    .await;
                if write.is_some() {
                    return self.store.settle(self.who, id, true);
                }
            }
            sleep(REST).await;
        }
    }

    /// The answer to a request, where it is one that says that it was done.
    async fn ask(
        &mut self,
        token: &str,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Option<Value> {
        self.while_stopped().await;
        let mut request = self
            .client
            .request(method, format!("{}{path}", self.url))
            .bearer_auth(token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await;
        self.while_stopped().await;
        let answer = answer.ok()?;
        if answer.status() == StatusCode::TOO_MANY_REQUESTS {
            sleep(Duration::from_secs(1)).await;
        }
        let answer = answer.error_for_status().ok()?;
        Some(answer.json().await.unwrap_or_default())
    }
}

/// The priority of a callback that waits.
fn waiting_priority(conversation: &Value) -> Option<i64> {
    let legs = conversation["participants"].as_array()?.iter();
    let mut waiting = legs.filter(|leg| {
        let mut callbacks = leg["callbacks"].as_array().into_iter().flatten();
        leg["purpose"] == "acd"
            && leg["endTime"].is_null()
            && callbacks.any(|callback| callback["state"] == "connected")
    });
    let leg = waiting.next_back()?;
    Some(
        leg["conversationRoutingData"]["priority"]
            .as_i64()
            .unwrap_or_default(),
    )
}

/// The crew.
pub(crate) struct Naive {
    /// Where the platform is.
    url: String,
    /// The platform.
    world: World,
    /// What they share.
    store: Arc<Store>,
    /// The tasks of each.
    tasks: [JoinSet<()>; CREW],
    /// Stops each.
    stops: [watch::Sender<bool>; CREW],
}

impl Naive {
    /// A crew at this platform, at work.
    pub(crate) fn start_at(centre: &Centre) -> Self {
        // Another test has installed it, or this one does.
        let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let store = Store {
            rows: Mutex::default(),
            wait: centre.wait,
        };
        let mut crew = Self {
            url: centre.sandbox.url(),
            world: centre.sandbox.world().clone(),
            store: Arc::new(store),
            tasks: Default::default(),
            stops: Default::default(),
        };
        for which in 0..CREW {
            crew.start(which);
        }
        crew
    }

    /// The crew hears of all who wait.
    pub(crate) fn hear(&self, centre: &Centre) {
        let entered = centre.entered();
        let mut rows = self.store.rows();
        for id in centre.line() {
            let entered = entered[&id];
            rows.entry(id).or_insert(Row {
                entered,
                step: 0,
                claim: None,
                over: false,
            });
        }
    }

    /// What each callback should have at least by what was noted as done.
    pub(crate) fn committed(&self) -> HashMap<ConversationId, i64> {
        let rows = self.store.rows();
        let noted = rows.iter().map(|(id, row)| (id.clone(), row.step));
        noted.collect()
    }
}

impl Crew for Naive {
    fn start(&mut self, which: usize) {
        for row in self.store.rows().values_mut() {
            row.claim.take_if(|(by, _)| *by == which);
        }
        self.stops[which].send_replace(false);
        for _ in 0..TASKS {
            let worker = Worker {
                who: which,
                client: Client::new(),
                url: self.url.clone(),
                world: self.world.clone(),
                store: Arc::clone(&self.store),
                stopped: self.stops[which].subscribe(),
            };
            self.tasks[which].spawn(worker.work());
        }
    }

    fn kill(&mut self, which: usize) {
        self.tasks[which] = JoinSet::new();
    }

    fn stop(&mut self, which: usize) {
        self.stops[which].send_replace(true);
    }

    fn go_on(&mut self, which: usize) {
        self.stops[which].send_replace(false);
    }
}
