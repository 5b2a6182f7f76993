//! A rush hour as data, and what became of it.
//!
//! Traffic is drawn once, from a seed, with every arrival's time, kind and handling time fixed. The same list can then be
//! played under different rules of priority, and what differs in the outcome is due to the rules alone. An arrival is a
//! caller: most stay on the line, some take a callback after a while. The callback's place in line is its entry into
//! the queue, later than the call was, and that is the place it can lose.
//!
//! A callback is *overtaken* by a call that arrived after the customer had called, and was offered to an agent while the
//! callback waited. Before it has entered its queue nobody can know that there will be one, and what an agent makes of an
//! offer is not the line's doing: one who lets it ring costs a call as much as a callback.

use std::time::Duration;

use jiff::Timestamp;

use super::world::{Conversation, Dice, Handling, Ladder, LegState, Media, Purpose};
use crate::{
    clock,
    conversation::{ConversationId, Priority, QueueId},
};

/// What kind of traffic comes to a queue.
#[derive(Clone, Copy, Debug)]
pub struct Traffic {
    /// How long callers keep coming.
    pub lasts: Duration,
    /// Mean time from one caller to the next.
    pub gap: Duration,
    /// Share of callers, from 0 to 1, who take a callback.
    pub callbacks: f64,
    /// Longest time on the line before taking one.
    pub decides_within: Duration,
    /// How long agents need.
    pub handling: Handling,
    /// How the in-queue flow raises calls.
    pub ladder: Option<Ladder>,
    /// Share of conversations, from 0 to 1, for which the first agent alerted does not answer.
    pub missed_alerts: f64,
}

impl Traffic {
    /// An hour in which callers come a little faster than ten agents can serve them.
    pub const RUSH_HOUR: Self = Self {
        lasts: Duration::from_hours(1),
        gap: Duration::from_secs(20),
        callbacks: 0.25,
        decides_within: Duration::from_mins(2),
        handling: Handling::LogNormal(Duration::from_secs(200), 0.6),
        ladder: Some(Ladder::A_POINT_A_MINUTE),
        missed_alerts: 0.05,
    };

    /// Draws the callers. One seed gives one list.
    #[must_use]
    pub fn draw(&self, seed: u64) -> Vec<Arrival> {
        let mut dice = Dice::seeded(seed);
        let mut arrivals = Vec::new();
        let mut clock = dice.exponential(self.gap);
        while clock < self.lasts {
            let takes_callback = dice.chance(self.callbacks);
            let decides = dice.up_to(self.decides_within);
            let handling = self.handling.draw(&mut dice);
            let missed = dice.chance(self.missed_alerts);
            let (media, enters) = if takes_callback {
                (Media::Callback, clock + decides)
            } else {
                (Media::Call, clock)
            };
            arrivals.push(Arrival {
                media,
                arrives: whole_ms(clock),
                enters: whole_ms(enters),
                handling: whole_ms(handling),
                missed_alerts: missed.into(),
                ladder: self.ladder.filter(|_| media == Media::Call),
            });
            clock += dice.exponential(self.gap);
        }
        arrivals
    }
}

/// A duration in whole milliseconds, as all times of the world are.
fn whole_ms(duration: Duration) -> Duration {
    Duration::from_millis(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

/// One caller of a scenario, with everything decided that chance decides.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// Whether the caller stays on the line or takes a callback.
    pub media: Media,
    /// When the customer calls, from the scenario's start.
    pub arrives: Duration,
    /// When the call or the callback enters the queue.
    pub enters: Duration,
    /// How long an agent will need.
    pub handling: Duration,
    /// How many alerts go unanswered first.
    pub missed_alerts: u32,
    /// How the flow raises it while it waits.
    pub ladder: Option<Ladder>,
}

/// What became of one conversation.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Which one.
    pub conversation: ConversationId,
    /// Call or callback.
    pub media: Media,
    /// Queue it waits or waited in last.
    pub queue: QueueId,
    /// When the customer first called.
    pub arrived: Timestamp,
    /// When it entered the queue for the first time; absent while it is scheduled.
    pub entered: Option<Timestamp>,
    /// When it was first offered to an agent; absent if it was not.
    pub offered: Option<Timestamp>,
    /// When an agent first took it; absent if none has.
    pub answered: Option<Timestamp>,
    /// When it was over.
    pub ended: Option<Timestamp>,
    /// How long an agent needs, where the scenario fixed it.
    pub handling: Option<Duration>,
    /// Priority that was set last, not counting the ladder.
    pub priority: Priority,
}

impl Outcome {
    /// What became of this conversation.
    pub(crate) fn of(conversation: &Conversation) -> Option<Self> {
        let acd = conversation.last_acd()?;
        let mut legs = conversation.legs.iter();
        let entered =
            legs.find(|leg| leg.purpose == Purpose::Acd && leg.media == conversation.media);
        let took = |leg: &&super::world::Leg| {
            leg.purpose == Purpose::Agent && leg.initial == LegState::Alerting
        };
        let mut answers = conversation.legs.iter().filter(took);
        let offered = answers.clone().next();
        Some(Self {
            conversation: conversation.id.clone(),
            media: conversation.media,
            queue: acd.queue.clone(),
            arrived: conversation.arrived,
            entered: entered.and_then(|leg| leg.connected),
            offered: offered.map(|leg| leg.start),
            answered: answers.find_map(|leg| leg.connected),
            ended: conversation.end,
            handling: conversation.handling,
            priority: acd.base,
        })
    }

    /// How long the customer waited from the call to the answer, if there was one.
    #[must_use]
    pub fn waited(&self) -> Option<Duration> {
        self.answered.map(|at| clock::elapsed(self.arrived, at))
    }
}

/// What customers of one kind went through.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Waits {
    /// How many there were.
    pub all: usize,
    /// How many were answered.
    pub answered: usize,
    /// Mean time from the call to the answer.
    pub mean: Duration,
    /// Time within which 95 of 100 were answered.
    pub p95: Duration,
    /// Longest time.
    pub longest: Duration,
}

impl Waits {
    /// What customers of one kind went through.
    #[must_use]
    pub fn of(outcomes: &[Outcome], media: Media) -> Self {
        let of_kind = || outcomes.iter().filter(|outcome| outcome.media == media);
        let mut waits: Vec<_> = of_kind().filter_map(Outcome::waited).collect();
        waits.sort_unstable();
        let Some(&longest) = waits.last() else {
            return Self {
                all: of_kind().count(),
                ..Self::default()
            };
        };
        let answered = u32::try_from(waits.len()).unwrap_or(u32::MAX);
        Self {
            all: of_kind().count(),
            answered: waits.len(),
            mean: waits.iter().sum::<Duration>() / answered,
            // The nearest-rank percentile: an observed wait, never one in between.
            p95: waits[(waits.len() * 95).div_ceil(100) - 1],
            longest,
        }
    }
}

/// Difference between two times of this world, at least.
const A_MOMENT: Duration = Duration::from_millis(1);

/// For each callback, how many calls came later and were offered to an agent while it waited: the places it lost.
#[must_use]
pub fn overtakes(outcomes: &[Outcome]) -> Vec<usize> {
    overtakes_by(outcomes, Duration::ZERO)
}

/// The same of calls that came later by this or more.
#[must_use]
pub fn overtakes_by(outcomes: &[Outcome], later: Duration) -> Vec<usize> {
    let of_kind = |media| {
        outcomes
            .iter()
            .filter(move |outcome| outcome.media == media)
    };
    let overtook = |call: &Outcome, callback: &Outcome| {
        call.queue == callback.queue
            && clock::elapsed(callback.arrived, call.arrived) >= later.max(A_MOMENT)
            && call.offered.is_some_and(|call| {
                let waited = callback.entered.is_some_and(|entered| entered <= call);
                waited && callback.offered.is_none_or(|callback| call < callback)
            })
    };
    of_kind(Media::Callback)
        .map(|callback| {
            of_kind(Media::Call)
                .filter(|call| overtook(call, callback))
                .count()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_gives_one_list_of_callers() {
        let traffic = Traffic::RUSH_HOUR;
        let (one, two) = (traffic.draw(1), traffic.draw(1));
        assert_eq!(format!("{one:?}"), format!("{two:?}"));
        assert_ne!(format!("{one:?}"), format!("{:?}", traffic.draw(2)));
        assert!((120..240).contains(&one.len()), "{}", one.len());
        let callbacks = one.iter().filter(|a| a.media == Media::Callback).count();
        assert!((20..80).contains(&callbacks), "{callbacks}");
        assert!(one.iter().all(|a| a.enters >= a.arrives));
    }

    /// An outcome of a conversation that arrived and was answered at these seconds.
    fn outcome(media: Media, arrived: i64, answered: Option<i64>) -> Outcome {
        let at = |second| Timestamp::from_second(second).unwrap();
        Outcome {
            conversation: ConversationId::from_random([1; 16]),
            media,
            queue: QueueId::from_random([2; 16]),
            arrived: at(arrived),
            entered: Some(at(arrived)),
            offered: answered.map(at),
            answered: answered.map(at),
            ended: None,
            handling: None,
            priority: Priority::default(),
        }
    }

    #[test]
    fn a_callback_is_overtaken_by_a_later_call_that_is_offered_first() {
        let callback = outcome(Media::Callback, 10, Some(100));
        for (call, expected) in [
            (outcome(Media::Call, 5, Some(50)), 0),
            (outcome(Media::Call, 20, Some(50)), 1),
            (outcome(Media::Call, 20, Some(150)), 0),
            (outcome(Media::Call, 20, None), 0),
            (outcome(Media::Callback, 20, Some(50)), 0),
        ] {
            let lost: usize = overtakes(&[callback.clone(), call.clone()]).iter().sum();
            assert_eq!(lost, expected, "{call:?}");
        }
        let pair = [callback, outcome(Media::Call, 70, Some(90))];
        let lost = |later| overtakes_by(&pair, Duration::from_secs(later));
        assert_eq!((lost(60), lost(61)), (vec![1], vec![0]), "a minute later");
        let never = outcome(Media::Callback, 10, None);
        assert_eq!(overtakes(&[never, outcome(Media::Call, 20, Some(50))]), [1]);
    }

    #[test]
    fn waits_are_counted_from_the_call() {
        let outcomes: Vec<_> = (1..=20)
            .map(|n| outcome(Media::Call, 0, Some(n)))
            .chain([
                outcome(Media::Call, 0, None),
                outcome(Media::Callback, 0, None),
            ])
            .collect();
        let waits = Waits::of(&outcomes, Media::Call);
        assert_eq!((waits.all, waits.answered), (21, 20));
        assert_eq!(waits.mean, Duration::from_millis(10_500));
        assert_eq!(waits.p95, Duration::from_secs(19));
        assert_eq!(waits.longest, Duration::from_secs(20));
        assert_eq!(Waits::of(&outcomes, Media::Callback).answered, 0);
    }
}
