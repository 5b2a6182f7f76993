//! A conversation and its life cycle.
//!
//! Scheduled, waiting, alerted in vain, answered, transferred, over: each step changes legs the way it was recorded in
//! a real organisation. Two of those ways catch the unwary, which is why they are kept here to the letter: an
//! unanswered alert leaves the ACD leg as it was, and an answer ends the ACD leg while the customer's stays `connected`.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;

use super::{Dice, Disconnect, Ladder, Leg, LegState, Media, Purpose, User};
use crate::{
    clock,
    conversation::{ConversationId, ParticipantId, Priority, QueueId},
};

/// A person who called: all of it is personal data that no log may hold.
#[derive(Clone, Debug)]
pub struct Customer {
    /// Name, as the flow or the web form took it.
    pub name: String,
    /// Telephone number in E.164.
    pub number: String,
    /// What a flow noted on the participant.
    pub attributes: BTreeMap<String, String>,
}

impl Customer {
    /// A made-up person.
    pub(crate) fn made_up(dice: &mut Dice) -> Self {
        let (name, number) = (dice.name(), dice.number());
        let email = format!("{}@example.com", name.to_lowercase().replace(' ', "."));
        let attributes = [
            ("pcEnvironment".to_owned(), "sandbox".to_owned()),
            ("number".to_owned(), number.clone()),
            ("email".to_owned(), email),
        ];
        Self {
            name,
            number,
            attributes: attributes.into(),
        }
    }
}

/// Everything between one customer and the contact centre on one occasion.
#[derive(Clone, Debug)]
pub(crate) struct Conversation {
    /// Its id.
    pub(crate) id: ConversationId,
    /// Call or callback.
    pub(crate) media: Media,
    /// Who it is with.
    pub(crate) customer: Customer,
    /// When it was made.
    pub(crate) start: Timestamp,
    /// When it was over.
    pub(crate) end: Option<Timestamp>,
    /// When the customer first called, which for a callback is before it was made.
    pub(crate) arrived: Timestamp,
    /// For when a callback was planned.
    pub(crate) due: Timestamp,
    /// How the in-queue flow raises a call.
    pub(crate) ladder: Option<Ladder>,
    /// How long an agent will need, where the traffic has fixed it.
    pub(crate) handling: Option<Duration>,
    /// How many alerts will go unanswered before an agent takes it.
    pub(crate) misses: u32,
    /// Skills asked of the agent, as ids.
    pub(crate) skills: Vec<String>,
    /// Language asked of the agent, as an id.
    pub(crate) language: Option<String>,
    /// Whether it waits for one agent.
    pub(crate) agent_owned: bool,
    /// Whether it is a voicemail.
    pub(crate) voicemail: bool,
    /// All legs, oldest first; the customer's is the first.
    pub(crate) legs: Vec<Leg>,
}

/// What a conversation needs to be made.
pub(crate) struct Opening {
    /// Queue it is for.
    pub(crate) queue: QueueId,
    /// Priority it has there.
    pub(crate) priority: Priority,
    /// Who it is with.
    pub(crate) customer: Customer,
    /// When it is made.
    pub(crate) at: Timestamp,
    /// For when it is planned; for a call the same as `at`.
    pub(crate) due: Timestamp,
}

impl Conversation {
    /// A conversation with a customer's and an ACD leg. A callback's are `scheduled` until it enters its queue.
    pub(crate) fn open(dice: &mut Dice, media: Media, opening: Opening) -> Self {
        let Opening {
            queue,
            priority,
            customer,
            at,
            due,
        } = opening;
        let initial = match media {
            Media::Call => LegState::Connected,
            Media::Callback => LegState::Scheduled,
        };
        let caller = Leg::new(dice, media, Purpose::Customer, &queue, initial, at);
        let mut acd = Leg::new(dice, media, Purpose::Acd, &queue, initial, at);
        acd.peer = Some(caller.session.clone());
        acd.base = priority;
        Self {
            id: dice.conversation(),
            media,
            customer,
            start: at,
            end: None,
            arrived: at,
            due,
            ladder: None,
            handling: None,
            misses: 0,
            skills: Vec::new(),
            language: None,
            agent_owned: false,
            voicemail: false,
            legs: vec![caller, acd],
        }
    }

    /// The customer called before, and waited in the queue until the callback was made of the call.
    pub(crate) fn called(&mut self, dice: &mut Dice, arrived: Timestamp) {
        self.arrived = arrived;
        if arrived < self.start {
            let queue = self.legs[0].queue.clone();
            let mut call = Leg::new(
                dice,
                Media::Call,
                Purpose::Acd,
                &queue,
                LegState::Connected,
                arrived,
            );
            call.peer = Some(self.legs[0].session.clone());
            call.finish(self.start, Disconnect::Client);
            self.legs.insert(1, call);
        }
    }

    /// It is due: the customer's and the ACD leg become `connected`.
    pub(crate) fn enter(&mut self, at: Timestamp) {
        for leg in &mut self.legs {
            if leg.is_live() && leg.state == LegState::Scheduled {
                leg.connect(at);
            }
        }
    }

    /// The leg with which it waits: the newest live ACD leg that is `connected`.
    pub(crate) fn waiting(&self) -> Option<&Leg> {
        self.legs.iter().rev().find(|leg| leg.waits())
    }

    /// The newest ACD leg, live or not.
    pub(crate) fn last_acd(&self) -> Option<&Leg> {
        let acd = |leg: &&Leg| leg.purpose == Purpose::Acd;
        self.legs.iter().rev().find(acd)
    }

    /// Whether it is a callback that is not due yet.
    pub(crate) fn is_scheduled(&self) -> bool {
        self.last_acd()
            .is_some_and(|leg| leg.is_live() && leg.state == LegState::Scheduled)
    }

    /// The agent's leg that lives: it rings or talks.
    pub(crate) fn agent(&self) -> Option<&Leg> {
        let live = |leg: &&Leg| leg.purpose == Purpose::Agent && leg.is_live();
        self.legs.iter().rev().find(live)
    }

    /// The leg that rings at an agent.
    pub(crate) fn ringing(&self) -> Option<&Leg> {
        self.agent().filter(|leg| leg.state == LegState::Alerting)
    }

    /// The leg with this id.
    pub(crate) fn leg(&self, id: &ParticipantId) -> Option<&Leg> {
        self.legs.iter().find(|leg| leg.id == *id)
    }

    /// The leg with this id, to change it.
    pub(crate) fn leg_mut(&mut self, id: &ParticipantId) -> Option<&mut Leg> {
        self.legs.iter_mut().find(|leg| leg.id == *id)
    }

    /// The priority that an ACD leg has at a time: what was set, and what the ladder has added since.
    pub(crate) fn priority(&self, leg: &Leg, now: Timestamp) -> Priority {
        leg.base.plus(self.climbed(leg, now))
    }

    /// Sets the priority of the leg it waits with; the ladder goes on from there.
    pub(crate) fn set_priority(&mut self, to: Priority, now: Timestamp) {
        if let Some(leg) = self.waiting() {
            let (id, climbed) = (leg.id.clone(), self.climbed(leg, now));
            if let Some(leg) = self.leg_mut(&id) {
                leg.base = to.plus(-climbed);
            }
        }
    }

    /// Points that the ladder has added to a leg by a time.
    fn climbed(&self, leg: &Leg, now: Timestamp) -> i64 {
        match (self.ladder, leg.connected) {
            (Some(ladder), Some(entered)) => {
                ladder.points_after(clock::elapsed(entered, leg.end.unwrap_or(now)))
            }
            _ => 0,
        }
    }

    /// An agent is alerted; the ACD leg stays as it is.
    pub(crate) fn alert(&mut self, dice: &mut Dice, user: User, at: Timestamp) -> ParticipantId {
        let queue = self.last_acd().unwrap_or(&self.legs[0]).queue.clone();
        let mut leg = Leg::new(
            dice,
            self.media,
            Purpose::Agent,
            &queue,
            LegState::Alerting,
            at,
        );
        leg.peer = Some(self.legs[0].session.clone());
        leg.user = Some(user);
        let id = leg.id.clone();
        self.legs.push(leg);
        id
    }

    /// The agent who is alerted answers: the ACD leg ends in the same instant, the customer's goes on.
    pub(crate) fn answer(&mut self, at: Timestamp) {
        for leg in &mut self.legs {
            if leg.waits() {
                leg.finish(at, Disconnect::Transfer);
            } else if leg.is_live() && leg.state == LegState::Alerting {
                leg.connect(at);
            }
        }
    }

    /// It enters a queue, from another one or from an agent: a new ACD leg, a new stay, a new base.
    pub(crate) fn requeue(
        &mut self,
        dice: &mut Dice,
        queue: &QueueId,
        priority: Priority,
        at: Timestamp,
    ) {
        self.finish(at, |leg| {
            (leg.purpose != Purpose::Customer).then_some(Disconnect::Transfer)
        });
        let mut acd = Leg::new(
            dice,
            self.media,
            Purpose::Acd,
            queue,
            LegState::Connected,
            at,
        );
        acd.peer = Some(self.legs[0].session.clone());
        acd.base = priority;
        self.legs.push(acd);
    }

    /// Ends every live leg for which `why` has a reason.
    pub(crate) fn finish(&mut self, at: Timestamp, why: impl Fn(&Leg) -> Option<Disconnect>) {
        for leg in &mut self.legs {
            if leg.is_live()
                && let Some(why) = why(leg)
            {
                leg.finish(at, why);
            }
        }
    }
}
