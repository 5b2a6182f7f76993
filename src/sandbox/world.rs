//! The contact centre: queues with their lines, conversations, agents.
//!
//! The world knows nothing of HTTP. It has verbs, each of which happens at the moment it is called; what follows later
//! (a scheduled callback becomes due, an alert is given up, an agent has finished) happens by itself on the world's
//! clock, which is tokio's, so that a paused clock runs hours in milliseconds. Whatever happens is told on the
//! notification channels before the verb returns.
//!
//! Tests wait for a condition with [`World::until`] and need no sleep.

mod agenda;
mod conversation;
mod course;
mod dice;
mod events;
mod leg;
mod media;
mod routing;
mod situation;
mod state;
mod steps;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::{
    sync::{Notify, watch},
    time::timeout,
};

pub use conversation::Customer;
pub use media::{Call, Callback, Ladder, Media, User};
pub use routing::{Handling, score};
pub use situation::{Refused, Situation, Write};

pub(crate) use agenda::{minus, plus};
pub(crate) use conversation::Conversation;
pub(crate) use dice::Dice;
pub(crate) use events::AcdOutcome;
pub(crate) use leg::{Disconnect, Leg, LegState, Purpose, Segment};
pub(crate) use state::{Queue, State};
pub(crate) use steps::ALERT;

use super::{
    channels::Channels,
    scenario::{Arrival, Outcome},
};
use crate::{
    clock::Clock,
    conversation::{ConversationId, Priority, QueueId},
};

/// A handle on the world; all clones are of one world.
#[derive(Clone, Debug)]
pub struct World(Arc<Shared>);

/// What all handles share.
#[derive(Debug)]
struct Shared {
    /// Says what time it is.
    clock: Clock,
    /// Everything there is. Held for one step at a time and never across an await.
    state: Mutex<State>,
    /// Where happenings are told.
    channels: Channels,
    /// Counts changes, so that they can be waited for.
    changes: watch::Sender<u64>,
    /// Wakes the task that runs the agenda when there may be something sooner on it.
    sooner: Notify,
}

impl World {
    /// An empty world.
    pub(crate) fn new(clock: Clock, state: State, channels: Channels) -> Self {
        Self(Arc::new(Shared {
            clock,
            state: Mutex::new(state),
            channels,
            changes: watch::Sender::new(0),
            sooner: Notify::new(),
        }))
    }

    /// The time in the world, in whole milliseconds as all of its times are.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let now = self.0.clock.now();
        Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
    }

    /// Makes a queue.
    #[must_use]
    pub fn add_queue(&self, name: &str) -> QueueId {
        self.step(|state, now| state.add_queue(name, now))
    }

    /// Makes a skill; its id.
    #[must_use]
    pub fn add_skill(&self, name: &str) -> String {
        self.step(|state, _| {
            let id = state.dice.uuid();
            state.skills.push((id.clone(), name.to_owned()));
            id
        })
    }

    /// Makes a language; its id.
    #[must_use]
    pub fn add_language(&self, name: &str) -> String {
        self.step(|state, _| {
            let id = state.dice.uuid();
            state.languages.push((id.clone(), name.to_owned()));
            id
        })
    }

    /// The queue with this name or id.
    #[must_use]
    pub fn queue(&self, name: &str) -> Option<QueueId> {
        self.look(|state, _| {
            let named = |queue: &&Queue| queue.name == name || queue.id.to_string() == name;
            state
                .queues
                .iter()
                .find(named)
                .map(|queue| queue.id.clone())
        })
    }

    /// Makes a callback, which waits at once or when it is due.
    #[must_use = "the id is the only way to refer to it"]
    pub fn add_callback(&self, callback: Callback) -> ConversationId {
        self.step(|state, now| state.add_callback(callback, now))
    }

    /// Makes a call, which waits at once.
    #[must_use = "the id is the only way to refer to it"]
    pub fn add_call(&self, call: Call) -> ConversationId {
        self.step(|state, now| state.add_call(call, now))
    }

    /// Alerts an agent who will not answer: after 30 s the alert is over, and nothing has changed for the ACD leg.
    pub fn alert(&self, id: &ConversationId) -> Result<(), Refused> {
        self.step(|state, now| state.alert_in_vain(id, now))
    }

    /// An agent answers: the one who is alerted, or else another.
    pub fn answer(&self, id: &ConversationId) -> Result<(), Refused> {
        self.step(|state, now| state.answer(id, now))
    }

    /// The customer hangs up, or the callback is withdrawn: the conversation is over.
    pub fn hangup(&self, id: &ConversationId) -> Result<(), Refused> {
        self.step(|state, now| state.hang_up(id, now))
    }

    /// Moves it to a queue; without a priority it keeps the one it has.
    pub fn transfer(
        &self,
        id: &ConversationId,
        queue: &QueueId,
        priority: Option<Priority>,
    ) -> Result<(), Refused> {
        self.step(|state, now| state.transfer(id, queue, priority, now))
    }

    /// It leaves its queue and lives on in none, as in a flow.
    pub fn leave_queue(&self, id: &ConversationId) -> Result<(), Refused> {
        self.step(|state, now| state.leave_queue(id, now))
    }

    /// Someone else, such as a supervisor, sets its priority. This is not noted as a write.
    pub fn set_priority(&self, id: &ConversationId, priority: Priority) -> Result<(), Refused> {
        self.step(|state, now| state.set_priority(id, priority, now).map(drop))
    }

    /// Sets what a client asked for with the platform's API, and notes the write of a priority.
    pub(crate) fn set_attributes(
        &self,
        id: &ConversationId,
        priority: Option<Priority>,
        skills: Option<Vec<String>>,
        token: usize,
    ) -> Result<(), Refused> {
        self.step(|state, now| {
            let conversation = state.live(id)?;
            conversation.waiting().ok_or(Refused::NotWaiting)?;
            if let Some(skills) = skills {
                conversation.skills = skills;
            }
            let Some(to) = priority else { return Ok(()) };
            let from = state.set_priority(id, to, now)?;
            state.writes.push(Write {
                conversation: id.clone(),
                from,
                to,
                at: now,
                token,
            });
            Ok(())
        })
    }

    /// Gives a queue agents who take whoever is first in line.
    pub fn add_agents(&self, queue: &QueueId, count: usize, handling: Handling) {
        self.step(|state, now| state.add_agents(queue, count, handling, now));
    }

    /// Lets the callers of a scenario arrive at a queue, each at its time from now.
    pub fn play(&self, queue: &QueueId, arrivals: &[Arrival]) {
        self.step(|state, now| state.play(queue, arrivals, now));
    }

    /// What became of every conversation, in the order they were made.
    #[must_use]
    pub fn outcomes(&self) -> Vec<Outcome> {
        self.look(|state, _| state.outcomes())
    }

    /// The priority it waits with, or waited with last.
    #[must_use]
    pub fn priority(&self, id: &ConversationId) -> Option<Priority> {
        self.look(|state, now| {
            let conversation = state.conversation(id).ok()?;
            let leg = conversation.last_acd()?;
            Some(conversation.priority(leg, now))
        })
    }

    /// What it is at.
    #[must_use]
    pub fn situation(&self, id: &ConversationId) -> Option<Situation> {
        self.look(|state, _| Some(Situation::of(state.conversation(id).ok()?)))
    }

    /// Who waits in a queue, first to be offered first. Those who are alerting are left out.
    #[must_use]
    pub fn line(&self, queue: &QueueId) -> Vec<ConversationId> {
        self.look(|state, now| state.line(queue, now))
    }

    /// All priority writes that were applied, oldest first.
    #[must_use]
    pub fn writes(&self) -> Vec<Write> {
        self.look(|state, _| state.writes.clone())
    }

    /// Waits until a condition holds. It is asked at once, and again after every change and every request.
    pub async fn until(&self, mut condition: impl FnMut(&Self) -> bool) {
        let mut changes = self.0.changes.subscribe();
        while !condition(self) {
            // The sender lives as long as this handle.
            let _changed = changes.changed().await;
        }
    }

    /// Waits until something has changed since the call.
    pub async fn changed(&self) {
        let _changed = self.0.changes.subscribe().changed().await;
    }

    /// Notes that something outside the world changed that somebody may wait for.
    pub(crate) fn touch(&self) {
        self.0.changes.send_modify(|count| *count += 1);
    }

    /// Reads the state as it is now.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&State, Timestamp) -> T) -> T {
        let now = self.now();
        look(&self.lock(), now)
    }

    /// Takes one step: what is due first, then the step, then what follows from it at once, and all of it is told.
    fn step<T>(&self, step: impl FnOnce(&mut State, Timestamp) -> T) -> T {
        let now = self.now();
        let mut state = self.lock();
        state.advance(now);
        let result = step(&mut state, now);
        state.offer(now);
        state.tell(&self.0.channels, now);
        drop(state);
        self.0.sooner.notify_one();
        self.touch();
        result
    }

    /// Lets happen what happens by itself, for ever.
    pub(crate) async fn run(self) {
        loop {
            self.step(|_, _| ());
            // The step above has just left a wake-up behind; it is not news.
            self.0.sooner.notified().await;
            let next = self.lock().agenda.next();
            let sooner = self.0.sooner.notified();
            match next {
                // A timer far in the future would let a paused clock jump there.
                None => sooner.await,
                Some(at) => {
                    let _due_or_woken = timeout(self.0.clock.until(at), sooner).await;
                }
            }
        }
    }

    /// The state, for one step. A step that panicked elsewhere does not stop the world.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
