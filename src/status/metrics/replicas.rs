//! The numbers of replicas: who lives, and what came of sharing a journal.

use std::fmt;

use super::{Out, Report, number};

impl Out<'_, '_> {
    /// The other daemons on the same journal, and what came of sharing it.
    pub(super) fn replicas(&mut self) -> fmt::Result {
        self.gauges(
            "replicas",
            "Replicas that share the journal, this one included, by whether they give signs of life; 0 where it is for one daemon alone.",
            |Report { numbers, .. }| {
                let living = numbers.replicas.iter().filter(|replica| replica.lives).count();
                let dead = numbers.replicas.len() - living;
                vec![
                    (vec![("state", "living")], number(living)),
                    (vec![("state", "dead")], number(dead)),
                ]
            },
        )?;
        self.counter(
            "claims_lost",
            "Raises whose claim another replica had taken over before they were noted.",
            |report| report.numbers.claims_lost,
        )?;
        self.counter(
            "repairs",
            "Priorities that a write which arrived late had lowered, and that were raised again.",
            |report| report.numbers.repairs,
        )
    }
}
