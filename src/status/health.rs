//! Whether the daemon turns, and whether it does its work; and if not, why, in words.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Overdue, Snapshot};
use crate::settings::Spelled;

/// Time without a sign of the fleet after which its loop does not turn. It gives one each second.
pub(super) const DEAD: Duration = Duration::from_secs(10);

/// How the daemon is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Whether its loops turn. If not, only a new start helps.
    pub live: bool,
    /// Whether every callback that waits is looked after.
    pub ready: bool,
    /// What is wrong, or what is being waited for: sentences without a full stop.
    pub why: Vec<String>,
}

/// What it takes to say how the daemon is.
pub(super) struct Signs<'a> {
    /// The numbers.
    pub(super) now: &'a Snapshot,
    /// What is overdue.
    pub(super) overdue: Overdue,
    /// Time since the fleet's last sign; nothing before it has started.
    pub(super) silence: Option<Duration>,
    /// For how long the platform wants no requests.
    pub(super) held: Duration,
}

impl Signs<'_> {
    /// How the daemon is.
    pub(super) fn health(&self) -> Health {
        let live = self.silence.is_none_or(|silence| silence < DEAD);
        let mut why = Vec::new();
        if let Some(silence) = self.silence.filter(|_| !live) {
            why.push(format!(
                "the loop that looks after all callbacks has not turned for {}",
                whole(silence)
            ));
        }
        if let Some(down) = &self.now.down {
            why.push(down.clone());
        } else if !self.now.signed_in {
            why.push(
                "there is no token yet: the platform has not let this daemon sign in".to_owned(),
            );
        } else if !self.now.swept {
            why.push("the first sweep is not done: not all who wait are known yet".to_owned());
        }
        why.extend(self.now.journal_trouble.clone());
        if self.overdue.is_stuck() {
            why.push(self.stuck());
        }
        Health {
            live,
            ready: why.is_empty(),
            why,
        }
    }

    /// That nothing moves, and what is known of the reason.
    fn stuck(&self) -> String {
        let Overdue {
            callbacks,
            longest,
            still,
        } = self.overdue;
        let reason = if self.held.is_zero() {
            String::new()
        } else {
            format!(
                ": the platform has asked to hold all requests, for {} more",
                whole(self.held)
            )
        };
        format!(
            "raises are overdue and nothing moves: {callbacks} of them, the first for {}, and none was made for {}{reason}",
            whole(longest),
            whole(still)
        )
    }
}

/// A time in whole seconds, at least one.
fn whole(time: Duration) -> Spelled {
    Spelled(Duration::from_secs(time.as_secs().max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A daemon that does its work.
    fn well() -> Snapshot {
        Snapshot {
            signed_in: true,
            swept: true,
            ..Snapshot::default()
        }
    }

    /// Its health with these signs.
    fn health(now: &Snapshot, overdue: Overdue, silence: u64, held: u64) -> Health {
        let signs = Signs {
            now,
            overdue,
            silence: Some(Duration::from_secs(silence)),
            held: Duration::from_secs(held),
        };
        signs.health()
    }

    #[test]
    fn it_says_what_it_waits_for_and_what_is_wrong() {
        let mut now = Snapshot::default();
        for expected in ["no token yet", "the first sweep is not done"] {
            let said = health(&now, Overdue::default(), 0, 0);
            assert!(said.live && !said.ready);
            assert!(
                said.why.len() == 1 && said.why[0].contains(expected),
                "{said:?}"
            );
            (now.swept, now.signed_in) = (now.signed_in, true);
        }
        now = well();
        assert!(health(&now, Overdue::default(), 9, 0).ready);
        now.journal_trouble = Some("disk full".to_owned());
        assert_eq!(health(&now, Overdue::default(), 0, 0).why, ["disk full"]);
    }

    #[test]
    fn a_loop_that_does_not_turn_is_not_live() {
        let said = health(&well(), Overdue::default(), 10, 0);
        assert!(
            !said.live && !said.ready && said.why[0].contains("for 10s"),
            "{said:?}"
        );
    }

    #[test]
    fn work_that_does_not_move_is_told_with_what_holds_it_up() {
        let overdue = Overdue {
            callbacks: 3,
            longest: Duration::from_secs(190),
            still: Duration::from_secs(125),
        };
        let said = health(&well(), overdue, 0, 40);
        assert!(said.live && !said.ready);
        assert_eq!(
            said.why,
            [
                "raises are overdue and nothing moves: 3 of them, the first for 3m 10s, and none was made for 2m 5s: the platform has asked to hold all requests, for 40s more"
            ]
        );
    }
}
