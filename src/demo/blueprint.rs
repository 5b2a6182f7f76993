//! The published blueprint's loop, as it is meant to run: what most contact centres would use instead.
//!
//! For each callback that enters a queue: five times, wait five minutes, get the state of the *first* participant's
//! callback, get the priority of the *first* ACD participant, set that plus one. Three requests a raise; nothing after 25
//! minutes; and since the first participant is the customer, whose leg stays connected, it goes on after the answer.
//! Failures are passed over, as the workflow's empty branches do.

use std::{collections::HashSet, time::Duration};

use serde_json::{Value, json};
use tokio::{task::JoinSet, time::sleep};

use super::DemoError;
use crate::{
    conversation::ConversationId,
    genesys::loopback_client,
    sandbox::{Media, Sandbox, World},
};

/// Raises made for a callback.
const LOOPS: usize = 5;
/// Time before each of them.
const WAIT: Duration = Duration::from_mins(5);

/// The loop's trigger and its data actions.
pub(super) struct Blueprint {
    /// Where callbacks enter: the trigger listens to the platform from within.
    world: World,
    /// The data actions.
    actions: Actions,
}

/// The data actions, over REST.
#[derive(Clone)]
struct Actions {
    /// Connections.
    http: reqwest::Client,
    /// The platform.
    url: String,
}

impl Blueprint {
    /// The loop for this platform.
    pub(super) fn new(sandbox: &Sandbox) -> Result<Self, DemoError> {
        let http = loopback_client().map_err(|error| std::io::Error::other(error.to_string()))?;
        Ok(Self {
            world: sandbox.world().clone(),
            actions: Actions {
                http,
                url: sandbox.url(),
            },
        })
    }

    /// Starts a loop for each callback that enters a queue, for ever.
    pub(super) async fn run(self) {
        let mut token = None;
        while token.is_none() {
            token = self.actions.token().await;
        }
        let token = token.unwrap_or_default();
        let mut triggered = HashSet::new();
        let mut loops = JoinSet::new();
        loop {
            for outcome in self.world.outcomes() {
                let enters = outcome.media == Media::Callback && outcome.entered.is_some();
                if enters && triggered.insert(outcome.conversation.clone()) {
                    let actions = self.actions.clone();
                    let token = token.clone();
                    loops.spawn(async move { actions.raise(&outcome.conversation, &token).await });
                }
            }
            self.world.changed().await;
        }
    }
}

impl Actions {
    /// A bearer token.
    async fn token(&self) -> Option<String> {
        let request = self
            .http
            .post(format!("{}/oauth/token", self.url))
            .basic_auth("sandbox", Some("sandbox"))
            .form(&[("grant_type", "client_credentials")]);
        let answer: Value = request.send().await.ok()?.json().await.ok()?;
        Some(answer["access_token"].as_str()?.to_owned())
    }

    /// The workflow for one callback.
    async fn raise(&self, id: &ConversationId, token: &str) {
        for _ in 0..LOOPS {
            sleep(WAIT).await;
            let state = self.get(id, token).await;
            let state = state["participants"][0]["callbacks"][0]["state"].as_str();
            if !matches!(state, Some("waiting" | "connected")) {
                return;
            }
            let conversation = self.get(id, token).await;
            let participants = conversation["participants"]
                .as_array()
                .cloned()
                .unwrap_or_default();
            let acd = participants
                .iter()
                .find(|participant| participant["purpose"] == "acd");
            let priority = acd.and_then(|acd| acd["conversationRoutingData"]["priority"].as_i64());
            let Some(priority) = priority else {
                continue;
            };
            let request = self
                .http
                .patch(format!("{}/api/v2/routing/conversations/{id}", self.url))
                .bearer_auth(token)
                .json(&json!({ "priority": priority + 1 }));
            // The workflow's failure branch is empty.
            let _unseen = request.send().await;
        }
    }

    /// The conversation; null where it cannot be had.
    async fn get(&self, id: &ConversationId, token: &str) -> Value {
        let request = self
            .http
            .get(format!("{}/api/v2/conversations/{id}", self.url))
            .bearer_auth(token);
        match request.send().await {
            Ok(response) => response.json().await.unwrap_or_default(),
            Err(_unseen) => Value::Null,
        }
    }
}
