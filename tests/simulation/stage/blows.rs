//! What befalls one replica, and when all was well.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::Stage;
use crate::{among::Blow, model::Verdict, together::Run};

impl Stage {
    /// Something befalls one replica.
    pub(super) async fn strike(&mut self, who: usize, blow: Blow) {
        let service = &mut self.services[who];
        match blow {
            Blow::Freeze(point, hold) => service.gate.freeze(point, hold),
            Blow::Stall(hold) => service.gate.stall(hold),
            Blow::CutOff(time, hangs) => service.gate.cut_off(time, hangs),
            Blow::Cut => {
                if let Some(link) = &service.link {
                    link.cut();
                }
            }
            Blow::Crash(Some(down)) => service.restart_after(Duration::from_secs(down)).await,
            Blow::Crash(None) => service.end().await,
        }
    }

    /// Notes that all is well, where it is.
    pub(super) fn note_calm(&mut self, now: Timestamp) {
        let Some(since) = self.model.calm_since() else {
            return;
        };
        match self.calms.last_mut().filter(|(from, _)| *from == since) {
            Some((_, to)) => *to = now,
            None => self.calms.push((since, now)),
        }
    }

    /// Judges the requests of all replicas.
    pub(super) fn judge_together(&self) -> Verdict {
        let span = |(from, to): &(Instant, Instant)| (self.then(*from), self.then(*to));
        let gates = || self.services.iter().map(|service| &service.gate);
        let outages = gates().flat_map(|gate| gate.outages());
        let shut = gates().map(|gate| {
            let both = gate.freezes().into_iter().chain(gate.outages());
            both.map(|both| span(&both)).collect()
        });
        let run = Run {
            requests: self.common.wire.requests(),
            plan: &self.plan,
            model: &self.model,
            notes: &self.notes(),
            starts: self.services.iter().map(|one| one.starts.clone()).collect(),
            outages: outages.map(|outage| span(&outage)).collect(),
            shut: shut.collect(),
            calms: &self.calms,
        };
        run.judge()
    }

    /// What time it was, or will be, at an instant.
    fn then(&self, at: Instant) -> Timestamp {
        let (wall, now) = (self.sandbox.world().now(), Instant::now());
        let then = match at.checked_duration_since(now) {
            Some(later) => wall.saturating_add(later),
            None => wall.saturating_sub(now.duration_since(at)),
        };
        then.unwrap_or(wall)
    }
}
