//! What a line listens to, and how that gets onto its channel while it changes.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;
use tracing::{Instrument, debug, info};

use super::{Command, Job, Line, Served, connection::Connection};
use crate::{
    conversation::ConversationId,
    genesys::{Channel, Failure, MAX_TOPICS, Topic},
    source::subscription::{self, Form, Subscribed, Wanted},
};

/// Conversations refused in a row after which a channel is not asked for more of them. A few may be refused for reasons of
/// their own: over already, or in a division that the OAuth client may not see.
const REFUSED_IN_A_ROW: usize = 5;
/// How long what is new is collected before it is subscribed to, so that a rush costs few requests.
const COLLECT: Duration = Duration::from_millis(500);
/// The same for conversations where queue topics tell of them anyway, though of some things only by and by.
const COLLECT_LONG: Duration = Duration::from_secs(30);

impl Line {
    /// Notes a change in what to listen to.
    pub(super) fn obey(&mut self, served: &mut Served, command: Command) {
        match command {
            Command::Follow(id) => {
                self.followed.insert(id);
                served.flush_after(self.patience());
                return;
            }
            Command::Unfollow(id) => {
                // A single topic cannot be taken off a channel; it is left out when the list is next put whole.
                self.followed.remove(&id);
                return;
            }
            Command::AddQueue(topic) if !self.queues.contains(&topic) => self.queues.push(topic),
            Command::AddQueue(_) => return,
        }
        self.count();
        served.flush_after(COLLECT);
    }

    /// Plans to subscribe to what is not on the connection yet.
    pub(super) fn flush_missing(&self, served: &mut Served) {
        if let Some(missing) = self.missing(&served.connection) {
            let hurry = !missing.queues.is_empty();
            served.flush_after(if hurry { COLLECT } else { self.patience() });
        }
    }

    /// How long conversations are collected.
    fn patience(&self) -> Duration {
        if self.sight.hears_queues() {
            COLLECT_LONG
        } else {
            COLLECT
        }
    }

    /// What is not on the connection yet; nothing where all is.
    ///
    /// Single topics cannot be taken off a channel. So where there is no room left for what is new, the whole list is put,
    /// which leaves out what is not followed any more.
    pub(super) fn missing(&self, connection: &Connection) -> Option<Wanted> {
        let queues: Vec<Topic> = self
            .queues
            .iter()
            .skip(connection.queues)
            .cloned()
            .collect();
        let conversations: Vec<ConversationId> = match self.form {
            Form::Refused => Vec::new(),
            Form::Combined | Form::Apart => self
                .followed
                .difference(&connection.conversations)
                .cloned()
                .collect(),
        };
        let new = queues.len() + conversations.len() * self.form.topics_each();
        if new == 0 {
            return None;
        }
        if connection.subscribed.topics + new > MAX_TOPICS {
            return Some(self.wanted());
        }
        Some(Wanted {
            queues,
            conversations,
            form: self.form,
            bulk: false,
            replace: false,
            refused: Arc::clone(&self.refused),
        })
    }

    /// Subscribes to what was collected.
    pub(super) fn flush(&self, served: &mut Served) {
        served.flush_at = None;
        let Some(wanted) = self.missing(&served.connection) else {
            return;
        };
        served.subscribing = true;
        let (genesys, status) = (Arc::clone(&self.genesys), self.status.clone());
        let channel = Arc::clone(&served.connection.channel);
        let job = async move {
            let result = subscription::subscribe(&genesys, &channel, &wanted, &status).await;
            Job::Subscribe(channel, wanted, result)
        };
        served.jobs.spawn(job.in_current_span());
    }

    /// Notes which topics were added, if it is to the channel that is in use still. A lost channel is replaced at once.
    pub(super) fn subscribed(
        &mut self,
        served: &mut Served,
        channel: &Arc<Channel>,
        wanted: Wanted,
        result: Result<Subscribed, Failure>,
    ) {
        served.subscribing = false;
        if !Arc::ptr_eq(channel, &served.connection.channel) {
            self.flush_missing(served);
            return;
        }
        match result {
            Ok(subscribed) => {
                self.note_form(served, &subscribed, wanted.conversations.len());
                served.connection.add(wanted, subscribed);
                self.reassess(served);
                self.flush_missing(served);
            }
            Err(failure) if failure.is_passing() => {
                debug!(error = %failure, "topics not added: trying again");
                served.flush_at = Some(Instant::now() + failure.delay(&mut served.backoff));
            }
            Err(failure) => {
                info!(line = self.number, error = %failure, "the channel takes no topics: replacing it");
                served.replace_at = Instant::now();
            }
        }
    }

    /// Learns which form works; gives it up for this channel when all are refused again and again.
    pub(super) fn note_form(&mut self, served: &mut Served, subscribed: &Subscribed, asked: usize) {
        self.form = subscribed.form;
        match subscribed.refused_conversations {
            0 if asked > 0 => {
                served.refused_in_a_row = 0;
                self.said.followed();
            }
            refused => served.refused_in_a_row += refused,
        }
        if served.refused_in_a_row >= REFUSED_IN_A_ROW {
            self.form = Form::Refused;
            self.said.not_followed();
        }
    }

    /// What a new channel is to be subscribed to. What was refused before is tried again: permissions change.
    pub(super) fn wanted(&self) -> Wanted {
        Wanted {
            queues: self.queues.clone(),
            conversations: self.followed.iter().cloned().collect(),
            form: match self.form {
                Form::Refused => Form::Combined,
                form => form,
            },
            bulk: self.number == 0,
            replace: true,
            refused: Arc::clone(&self.refused),
        }
    }
}
