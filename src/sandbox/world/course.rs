//! The course of things: what is due happens, and idle agents are offered whoever is first in line.
//!
//! After every step agents are offered conversations until no idle agent has anyone left in line, so that the world
//! never rests with work undone.

use std::time::Duration;

use jiff::Timestamp;

use super::{
    Call, Callback, Media, User,
    agenda::{Due, plus},
    conversation::Conversation,
    routing::{Activity, Agent, Handling, score},
    state::State,
    steps::ALERT,
};
use crate::{
    conversation::{ConversationId, QueueId},
    sandbox::scenario::{Arrival, Outcome},
};

/// How long an agent of the sandbox lets it ring before answering.
const PICK_UP: Duration = Duration::from_secs(2);

impl State {
    /// Lets everything happen that is due by `now`, in order of time.
    pub(super) fn advance(&mut self, now: Timestamp) {
        while let Some((at, due)) = self.agenda.take(now) {
            self.happen(due, at);
            self.offer(at);
        }
    }

    /// Lets one thing happen.
    fn happen(&mut self, due: Due, at: Timestamp) {
        match due {
            Due::Enters(id) => self.enter(&id, at),
            Due::AlertEnds(id, leg) => self.miss(&id, &leg, at),
            Due::PicksUp(id, leg) => {
                let rings = |found: &Conversation| found.ringing().is_some_and(|it| it.id == leg);
                if self.conversations.get(&id).is_some_and(rings) {
                    // It rings, so it waits: an answer cannot be refused.
                    let _answered = self.answer(&id, at);
                }
            }
            Due::HandlingEnds(id, leg) => self.finish(&id, &leg, at),
            Due::Responds(number) => {
                if self.agents[number].activity == Activity::NotResponding {
                    self.agents[number].activity = Activity::Idle(at);
                }
            }
            Due::Arrives(queue, arrival) => self.arrive(&queue, &arrival, at),
        }
    }

    /// Offers conversations to idle agents, longest idle first, until there is nothing to offer.
    pub(super) fn offer(&mut self, at: Timestamp) {
        let idle =
            |(number, agent): (usize, &Agent)| agent.idle_since().map(|since| (since, number));
        let mut idle: Vec<_> = self.agents.iter().enumerate().filter_map(idle).collect();
        idle.sort_unstable();
        for (_, number) in idle {
            let queue = self.agents[number].queue.clone();
            let Some(id) = self.first_in_line(&queue, at) else {
                continue;
            };
            let Ok(leg) = self.alert(&id, Some(number), at) else {
                continue;
            };
            self.agents[number].activity = Activity::Busy(id.clone());
            let misses = self
                .conversations
                .get(&id)
                .is_some_and(|found| found.misses > 0);
            if misses {
                self.agenda.add(plus(at, ALERT), Due::AlertEnds(id, leg));
            } else {
                self.agenda.add(plus(at, PICK_UP), Due::PicksUp(id, leg));
            }
        }
    }

    /// Who waits in a queue, first to be offered first. Those who are alerting are left out.
    pub(super) fn line(&self, queue: &QueueId, now: Timestamp) -> Vec<ConversationId> {
        let line = self.queue(queue).map_or(&[][..], |queue| &queue.line);
        let mut scored: Vec<_> = line
            .iter()
            .filter_map(|id| Some((self.offerable(id, now)?, id)))
            .collect();
        // Stable: equal scores keep the order of entry.
        scored.sort_by_key(|(score, _)| *score);
        scored.into_iter().map(|(_, id)| id.clone()).collect()
    }

    /// The one with the lowest score.
    fn first_in_line(&self, queue: &QueueId, now: Timestamp) -> Option<ConversationId> {
        let line = &self.queue(queue)?.line;
        line.iter()
            .filter_map(|id| Some((self.offerable(id, now)?, id)))
            .min_by_key(|(score, _)| *score)
            .map(|(_, id)| id.clone())
    }

    /// The score of a conversation that can be offered: it waits, and nobody is alerted for it.
    fn offerable(&self, id: &ConversationId, now: Timestamp) -> Option<i64> {
        let conversation = self.conversations.get(id)?;
        let leg = conversation.waiting()?;
        conversation
            .ringing()
            .is_none()
            .then(|| score(leg.entered(), conversation.priority(leg, now)))
    }

    /// Gives a queue agents, idle from now on.
    pub(super) fn add_agents(
        &mut self,
        queue: &QueueId,
        count: usize,
        handling: Handling,
        now: Timestamp,
    ) {
        for _ in 0..count {
            let user = User::made_up(&mut self.dice);
            self.agents.push(Agent {
                user,
                queue: queue.clone(),
                handling,
                activity: Activity::Idle(now),
            });
        }
    }

    /// Puts the callers of a scenario on the agenda.
    pub(super) fn play(&mut self, queue: &QueueId, arrivals: &[Arrival], now: Timestamp) {
        for arrival in arrivals {
            let due = Due::Arrives(queue.clone(), Box::new(arrival.clone()));
            self.agenda.add(plus(now, arrival.enters), due);
        }
    }

    /// A caller of a scenario enters a queue.
    fn arrive(&mut self, queue: &QueueId, arrival: &Arrival, at: Timestamp) {
        match arrival.media {
            Media::Call => {
                let call = Call {
                    ladder: arrival.ladder,
                    handling: Some(arrival.handling),
                    missed_alerts: arrival.missed_alerts,
                    ..Call::to(queue)
                };
                self.add_call(call, at);
            }
            Media::Callback => {
                let callback = Callback {
                    called_before: arrival.enters.saturating_sub(arrival.arrives),
                    handling: Some(arrival.handling),
                    missed_alerts: arrival.missed_alerts,
                    ..Callback::to(queue)
                };
                self.add_callback(callback, at);
            }
        }
    }

    /// What became of every conversation, in the order they were made.
    pub(super) fn outcomes(&self) -> Vec<Outcome> {
        let found = self
            .order
            .iter()
            .filter_map(|id| self.conversations.get(id));
        found.filter_map(Outcome::of).collect()
    }

    /// The agent of the sandbox who is busy with a conversation.
    pub(super) fn agent_at(&self, id: &ConversationId) -> Option<usize> {
        self.agents
            .iter()
            .position(|agent| agent.activity == Activity::Busy(id.clone()))
    }

    /// Whoever was busy with a conversation is idle again.
    pub(super) fn release(&mut self, id: &ConversationId, at: Timestamp) {
        if let Some(number) = self.agent_at(id) {
            self.agents[number].activity = Activity::Idle(at);
        }
    }
}
