//! What goes into the world: calls and callbacks, and how a flow raises calls.

use std::{collections::BTreeMap, time::Duration};

use super::{Customer, Dice};
use crate::conversation::{Priority, QueueId};

/// What kind of conversation it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Media {
    /// The customer is on the line and hears music.
    Call,
    /// The customer has hung up and is called back.
    Callback,
}

impl Media {
    /// The word for it in analytics; detail events have the same in upper case.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Call => "voice",
            Self::Callback => "callback",
        }
    }
}

/// An agent's user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// User id.
    pub(crate) id: String,
    /// Full name.
    pub(crate) name: String,
}

impl User {
    /// A made-up user.
    pub(crate) fn made_up(dice: &mut Dice) -> Self {
        Self {
            id: dice.uuid(),
            name: dice.name(),
        }
    }
}

/// How an in-queue flow raises the priority of a call while it waits.
#[derive(Clone, Copy, Debug)]
pub struct Ladder {
    /// Time from one raise to the next.
    pub every: Duration,
    /// Points added by each.
    pub points: i64,
    /// Most raises it makes.
    pub raises: Option<u32>,
}

impl Ladder {
    /// One point a minute for as long as the call waits.
    pub const A_POINT_A_MINUTE: Self = Self {
        every: Duration::from_mins(1),
        points: 1,
        raises: None,
    };

    /// Points it has added after a time in the queue.
    pub(crate) fn points_after(self, waited: Duration) -> i64 {
        let raises = waited
            .as_millis()
            .checked_div(self.every.as_millis())
            .unwrap_or_default()
            .min(self.raises.unwrap_or(u32::MAX).into());
        i64::try_from(raises)
            .unwrap_or(i64::MAX)
            .saturating_mul(self.points)
    }
}

/// A callback to be made.
#[derive(Clone, Debug)]
pub struct Callback {
    /// Queue it will wait in.
    pub queue: QueueId,
    /// Priority it enters with.
    pub priority: Priority,
    /// How long from now it is due; absent for one that waits at once.
    pub scheduled_in: Option<Duration>,
    /// How long it has been waiting already.
    pub waited: Duration,
    /// How long before it was made the customer called.
    pub called_before: Duration,
    /// Who it is for; absent for a made-up person.
    pub customer: Option<Customer>,
    /// How long an agent will need; absent for what agents usually need.
    pub handling: Option<Duration>,
    /// How many alerts go unanswered before an agent of the sandbox takes it.
    pub missed_alerts: u32,
    /// Ids of skills it asks for.
    pub skills: Vec<String>,
    /// Id of the language it asks for.
    pub language: Option<String>,
    /// Whether it waits for one agent.
    pub agent_owned: bool,
    /// Whether it is a voicemail that was left for the queue.
    pub voicemail: bool,
}

impl Callback {
    /// A callback without priority that waits in a queue at once.
    #[must_use]
    pub fn to(queue: &QueueId) -> Self {
        Self {
            queue: queue.clone(),
            priority: Priority::default(),
            scheduled_in: None,
            waited: Duration::ZERO,
            called_before: Duration::ZERO,
            customer: None,
            handling: None,
            missed_alerts: 0,
            skills: Vec::new(),
            language: None,
            agent_owned: false,
            voicemail: false,
        }
    }

    /// With a participant attribute that a flow has set.
    #[must_use]
    pub fn with_attribute(mut self, name: &str, value: &str) -> Self {
        let customer = self.customer.get_or_insert_with(|| Customer {
            name: "Somebody".to_owned(),
            number: "+15550100".to_owned(),
            attributes: BTreeMap::new(),
        });
        customer
            .attributes
            .insert(name.to_owned(), value.to_owned());
        self
    }

    /// Made of a call that had waited this long.
    #[must_use]
    pub fn called_before(mut self, before: Duration) -> Self {
        self.called_before = before;
        self
    }

    /// With this priority.
    #[must_use]
    pub fn at_priority(mut self, points: i64) -> Self {
        self.priority = Priority::clamped(points);
        self
    }

    /// Due after this time.
    #[must_use]
    pub fn scheduled_in(mut self, delay: Duration) -> Self {
        self.scheduled_in = Some(delay);
        self
    }

    /// Waiting since this long ago.
    #[must_use]
    pub fn waiting_for(mut self, waited: Duration) -> Self {
        self.waited = waited;
        self
    }

    /// For this person.
    #[must_use]
    pub fn for_customer(mut self, name: &str, number: &str) -> Self {
        self.customer = Some(Customer {
            name: name.to_owned(),
            number: number.to_owned(),
            attributes: BTreeMap::from([("number".to_owned(), number.to_owned())]),
        });
        self
    }
}

/// A call to be made.
#[derive(Clone, Debug)]
pub struct Call {
    /// Queue it waits in.
    pub queue: QueueId,
    /// Priority it enters with.
    pub priority: Priority,
    /// How its flow raises it while it waits.
    pub ladder: Option<Ladder>,
    /// How long it has been waiting already.
    pub waited: Duration,
    /// Who calls; absent for a made-up person.
    pub customer: Option<Customer>,
    /// How long an agent will need; absent for what agents usually need.
    pub handling: Option<Duration>,
    /// How many alerts go unanswered before an agent of the sandbox takes it.
    pub missed_alerts: u32,
}

impl Call {
    /// A call without priority and ladder that waits in a queue.
    #[must_use]
    pub fn to(queue: &QueueId) -> Self {
        Self {
            queue: queue.clone(),
            priority: Priority::default(),
            ladder: None,
            waited: Duration::ZERO,
            customer: None,
            handling: None,
            missed_alerts: 0,
        }
    }

    /// With this priority.
    #[must_use]
    pub fn at_priority(mut self, points: i64) -> Self {
        self.priority = Priority::clamped(points);
        self
    }

    /// Raised by its flow while it waits.
    #[must_use]
    pub fn climbing(mut self, ladder: Ladder) -> Self {
        self.ladder = Some(ladder);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ladder_climbs_by_whole_steps_up_to_its_last() {
        let minutes = Duration::from_mins;
        let ladder = Ladder {
            every: minutes(2),
            points: 3,
            raises: Some(2),
        };
        for (waited, points) in [
            (Duration::ZERO, 0),
            (minutes(1), 0),
            (minutes(2), 3),
            (minutes(3), 3),
            (minutes(4), 6),
            (minutes(99), 6),
        ] {
            assert_eq!(ladder.points_after(waited), points, "{waited:?}");
        }
        assert_eq!(Ladder::A_POINT_A_MINUTE.points_after(minutes(60)), 60);
    }
}
