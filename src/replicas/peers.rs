//! Who goes first at a callback: each replica could, and one claim a raise is enough.
//!
//! Those who live agree on an order for each callback without a word (rendezvous hashing), and each stands back for a
//! moment behind those before it. When the first is gone the second goes, a moment later. Nothing depends on it but how
//! often the keeper is asked: where replicas disagree about who lives, two ask for one claim, and one gets it.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::Replica;
use crate::conversation::ConversationId;

/// How long a replica stands back behind each one before it: a claim and a write take tenths of a second.
const STAND_BACK: Duration = Duration::from_secs(1);

/// The replicas that live, as far as this one knows.
#[derive(Debug, Default)]
pub(crate) struct Peers(Mutex<Live>);

/// Their places.
#[derive(Debug, Default)]
struct Live {
    /// This one's.
    me: usize,
    /// The others'.
    others: Vec<usize>,
}

impl Peers {
    /// Learns who lives.
    pub(crate) fn learn(&self, replicas: &[Replica]) {
        let me = replicas.iter().find(|replica| replica.me);
        let others = replicas.iter().filter(|other| other.lives && !other.me);
        *self.live() = Live {
            me: me.map_or(0, |me| me.place),
            others: others.map(|other| other.place).collect(),
        };
    }

    /// How long this replica stands back before it raises a callback that another one would raise as well.
    pub(crate) fn delay(&self, id: &ConversationId) -> Duration {
        let live = self.live();
        if live.others.is_empty() {
            return Duration::ZERO;
        }
        let mine = rank(id, live.me);
        let before = live.others.iter().filter(|other| rank(id, **other) < mine);
        STAND_BACK * u32::try_from(before.count()).unwrap_or_default()
    }

    /// Who lives.
    fn live(&self) -> MutexGuard<'_, Live> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where a place comes for this callback. Programs of different versions may see it differently, which costs a claim.
fn rank(id: &ConversationId, place: usize) -> (u64, usize) {
    let mut hasher = DefaultHasher::new();
    (id, place).hash(&mut hasher);
    (hasher.finish(), place)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::replicas::Deeds;

    /// The view of the replica at place `me`, of three of which the second may be dead.
    fn peers(me: usize, second_lives: bool) -> Peers {
        let replicas = [1, 2, 3].map(|place| Replica {
            place,
            name: place.to_string(),
            since: Timestamp::UNIX_EPOCH,
            lives: place != 2 || second_lives,
            me: place == me,
            deeds: Deeds::default(),
        });
        let peers = Peers::default();
        peers.learn(&replicas);
        peers
    }

    #[test]
    fn one_goes_at_once_and_the_others_one_after_the_other() {
        let mut first = [0; 3];
        for number in 0..3_000_u128 {
            let id = ConversationId::from_random(number.to_be_bytes());
            let mut delays = [1, 2, 3].map(|me| peers(me, true).delay(&id).as_secs());
            first[delays.iter().position(|delay| *delay == 0).unwrap()] += 1;
            delays.sort_unstable();
            assert_eq!(delays, [0, 1, 2]);
        }
        assert!(
            first.iter().all(|count| (900..1_100).contains(count)),
            "{first:?}"
        );
    }

    #[test]
    fn the_callbacks_of_a_dead_one_go_to_the_others_and_theirs_stay() {
        for number in 0..500_u128 {
            let id = ConversationId::from_random(number.to_be_bytes());
            let before = [1, 3].map(|me| peers(me, true).delay(&id));
            let after = [1, 3].map(|me| peers(me, false).delay(&id));
            assert!(after.contains(&Duration::ZERO));
            let was_first = before.iter().position(Duration::is_zero);
            assert!(was_first.is_none_or(|first| after[first].is_zero()));
        }
    }

    #[test]
    fn who_is_alone_never_stands_back() {
        let id = ConversationId::from_random([7; 16]);
        assert_eq!(Peers::default().delay(&id), Duration::ZERO);
    }
}
