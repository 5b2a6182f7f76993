//! Chance, all of it from one seed.
//!
//! Ids, names, numbers, arrival gaps and handling times are drawn here and nowhere else, so that two runs with one seed
//! and one order of requests are the same run. People are made up; their telephone numbers are from the range that
//! is reserved for fiction (555-01xx and its neighbours), so that a leak into a log can be searched for and hurts nobody.

use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::conversation::{ConversationId, ParticipantId, QueueId};

/// First names of made-up customers.
const FIRST_NAMES: [&str; 12] = [
    "Ada", "Bela", "Chidi", "Dana", "Emil", "Farah", "Goran", "Hanna", "Ines", "Jonas", "Keiko",
    "Lars",
];

/// Family names of made-up customers.
const FAMILY_NAMES: [&str; 12] = [
    "Abelson",
    "Brightwater",
    "Castellan",
    "Dunmore",
    "Eisenhardt",
    "Fairbairn",
    "Grunwald",
    "Hollister",
    "Ivarsson",
    "Jankowski",
    "Kirkegaard",
    "Lindqvist",
];

/// A seeded source of everything that is left to chance.
#[derive(Debug)]
pub(crate) struct Dice(ChaCha8Rng);

impl Dice {
    /// Dice that fall alike for every use of one seed.
    pub(crate) fn seeded(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// A random UUID in the platform's lower-case form.
    pub(crate) fn uuid(&mut self) -> String {
        uuid::Builder::from_random_bytes(self.0.random())
            .into_uuid()
            .hyphenated()
            .to_string()
    }

    /// An id for a new conversation.
    pub(crate) fn conversation(&mut self) -> ConversationId {
        ConversationId::from_random(self.0.random())
    }

    /// An id for a new leg.
    pub(crate) fn participant(&mut self) -> ParticipantId {
        ParticipantId::from_random(self.0.random())
    }

    /// An id for a new queue.
    pub(crate) fn queue(&mut self) -> QueueId {
        QueueId::from_random(self.0.random())
    }

    /// Words that nobody can guess: a token, a channel's id.
    pub(crate) fn secret(&mut self) -> String {
        let bytes: [u8; 24] = self.0.random();
        base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, bytes)
    }

    /// Whether something with this chance, from 0 to 1, happens.
    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        self.0.random_bool(probability.clamp(0.0, 1.0))
    }

    /// A duration that is as likely to be any between none and `longest`.
    pub(crate) fn up_to(&mut self, longest: Duration) -> Duration {
        longest.mul_f64(self.0.random())
    }

    /// One of these, each as likely; nothing where there are none.
    pub(crate) fn one_of<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        (!all.is_empty()).then(|| &all[self.0.random_range(0..all.len())])
    }

    /// Dice of their own, which go on whatever becomes of these.
    pub(crate) fn another(&mut self) -> Self {
        Self::seeded(self.0.random())
    }

    /// An exponentially distributed number about one.
    pub(crate) fn unit_exponential(&mut self) -> f64 {
        let uniform: f64 = self.0.random();
        -(1.0 - uniform).ln()
    }

    /// A normally distributed number about none, with the deviation one: the Box-Muller transform.
    pub(crate) fn unit_normal(&mut self) -> f64 {
        let (u, v): (f64, f64) = (self.0.random(), self.0.random());
        (-2.0 * (1.0 - u).ln()).sqrt() * (std::f64::consts::TAU * v).cos()
    }

    /// An exponentially distributed duration: the gap between arrivals that know nothing of each other.
    pub(crate) fn exponential(&mut self, mean: Duration) -> Duration {
        mean.mul_f64(self.unit_exponential())
    }

    /// A log-normally distributed duration: what handling times look like, many short and a few very long.
    pub(crate) fn log_normal(&mut self, median: Duration, sigma: f64) -> Duration {
        median.mul_f64((sigma * self.unit_normal()).exp())
    }

    /// A made-up person's name.
    pub(crate) fn name(&mut self) -> String {
        let first = FIRST_NAMES[self.0.random_range(0..FIRST_NAMES.len())];
        let family = FAMILY_NAMES[self.0.random_range(0..FAMILY_NAMES.len())];
        format!("{first} {family}")
    }

    /// A made-up telephone number.
    pub(crate) fn number(&mut self) -> String {
        format!("+1555555{:04}", self.0.random_range(0..10_000_u32))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_gives_one_sequence() {
        let (mut one, mut two) = (Dice::seeded(7), Dice::seeded(7));
        for _ in 0..20 {
            assert_eq!(one.uuid(), two.uuid());
            assert_eq!(one.name(), two.name());
        }
        assert_ne!(Dice::seeded(8).uuid(), Dice::seeded(7).uuid());
    }

    #[test]
    fn distributions_have_the_centre_they_were_asked_for() {
        let mut dice = Dice::seeded(1);
        let minute = Duration::from_mins(1);
        let mean = (0..4000)
            .map(|_| dice.exponential(minute))
            .sum::<Duration>()
            / 4000;
        assert!((55..65).contains(&mean.as_secs()), "{mean:?}");
        let mut times: Vec<_> = (0..4001).map(|_| dice.log_normal(minute, 0.5)).collect();
        times.sort();
        assert!(
            (57..63).contains(&times[2000].as_secs()),
            "{:?}",
            times[2000]
        );
    }
}
