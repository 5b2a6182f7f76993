//! What the policy promises, told without the daemon.
//!
//! Each stay in a queue has the bases that its points may count from. Mostly that is one: the priority at entry, or what a
//! supervisor set last with the step it counts from. It is a few where nobody outside can know which step the
//! daemon had got to; the first write or the first calm moment tells, and the others are dropped.
//!
//! What happens while events are lost or late is *untold*. The daemon may go on with what it knew for as long as a sweep
//! vouches for it ([`BLIND`]), and what it writes meanwhile counts as crossed too.
//!
//! A write is *crossed* by a change of somebody else's that came after the look the write was decided on, at most
//! [`FRESH`] before its claim. Nobody can prevent that; such a write may lower, and what it stands on is the base before.

mod late;

use std::{collections::BTreeMap, time::Duration};

use callback_prioritizer::{
    clock::elapsed,
    conversation::ConversationId,
    journal::Write as Claimed,
    sandbox::{Request, Write},
};
use jiff::Timestamp;

use crate::{
    plan::{CALM, Plan, Rule},
    witness::Notes,
};

pub(crate) use self::late::Late;

/// What is wrong, in words; nothing if all is well.
pub(crate) type Verdict = Result<(), String>;

/// Age up to which the daemon writes on what it saw, and a moment for what is on its way.
const FRESH: Duration = Duration::from_millis(2_700);
/// Age up to which the daemon writes on what a sweep or an event has told, and a moment for what is on its way.
pub(crate) const BLIND: Duration = Duration::from_secs(125);
/// Time that the daemon is given for what is due.
const GRACE: Duration = Duration::from_secs(2);
/// The same where it has few requests to spend.
const TIGHT_GRACE: Duration = Duration::from_secs(30);
/// How long a request is on its way beside that, at most.
const UNDER_WAY: Duration = Duration::from_millis(50);
/// What is added to both where several replicas stand back for one another.
const STANDS_BACK: Duration = Duration::from_secs(5);
/// How long a replica may be frozen, with all that it would hear.
const FROZEN: Duration = Duration::from_secs(90);
/// How long an alert rings.
const ALERT: Duration = Duration::from_secs(30);

/// That much later.
pub(crate) fn after(at: Timestamp, time: Duration) -> Timestamp {
    at.saturating_add(time).unwrap_or(Timestamp::MAX)
}

/// What points are added to, and from which step on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Base {
    /// Points.
    points: i64,
    /// Step.
    step: u32,
}

/// One stay in a queue.
#[derive(Clone, Debug)]
struct Stay {
    /// When it began to exist.
    began: Timestamp,
    /// From when the time waited counts.
    entered: Timestamp,
    /// Whether the queue is ours.
    ours: bool,
    /// Bases that points may count from.
    bases: Vec<Base>,
    /// Changes by others.
    changes: Vec<Change>,
    /// How long the daemon may not have known of it.
    unknown_for: Duration,
    /// Values written for each step.
    written: BTreeMap<u32, i64>,
    /// Writes that came late and lowered: when, from what, and whether it was raised to that again.
    lowered: Vec<(Timestamp, i64, bool)>,
    /// Whether there may be repairs, each a step of its own that the schedule does not know.
    repaired: bool,
    /// When it was last disturbed by the world.
    touched: Timestamp,
    /// When it ended.
    left: Option<Timestamp>,
    /// How long the daemon may not have known of that.
    end_unknown_for: Duration,
}

/// A change by somebody else.
#[derive(Clone, Debug)]
struct Change {
    /// When.
    at: Timestamp,
    /// To what.
    points: i64,
    /// The bases before.
    before: Vec<Base>,
    /// How long the daemon may not have known of it.
    unknown_for: Duration,
}

/// All stays, and what must be so.
pub(crate) struct Model {
    /// The policy.
    rule: Rule,
    /// How long a request is on its way.
    latency: Duration,
    /// Time that the daemon is given for what is due.
    grace: Duration,
    /// Whether there are several daemons.
    several: bool,
    /// Since when there is no fault; nothing while there may be one.
    calm: Option<Timestamp>,
    /// Whether events may be lost or late.
    deaf: bool,
    /// Since when all queues are paused, where they are.
    pub(crate) paused: Option<Timestamp>,
    /// Stays, oldest first.
    stays: BTreeMap<ConversationId, Vec<Stay>>,
    /// Writes judged so far.
    judged: usize,
}

impl Rule {
    /// Steps due.
    fn due(&self, entered: Timestamp, at: Timestamp) -> u32 {
        let steps = elapsed(entered, at).as_millis() / self.wait.as_millis();
        u32::try_from(steps).unwrap_or(u32::MAX)
    }

    /// Steps due that count.
    fn counted(&self, entered: Timestamp, at: Timestamp) -> u32 {
        self.due(entered, at)
            .min(self.max_raises.unwrap_or(u32::MAX))
    }

    /// Where a step leads to.
    fn target(&self, base: Base, step: u32) -> i64 {
        let points = base.points + self.increment * i64::from(step.saturating_sub(base.step));
        let most = self.max_priority.unwrap_or(i64::MAX).max(base.points);
        points.min(most)
    }
}

impl Model {
    /// Nobody waits yet.
    pub(crate) fn new(plan: &Plan) -> Self {
        let latency = plan.platform.latency;
        let several = plan.replicas > 1;
        let grace = if plan.tight { TIGHT_GRACE } else { GRACE };
        let stands_back = if several { STANDS_BACK } else { Duration::ZERO };
        Self {
            rule: plan.policy,
            latency,
            grace: grace + stands_back + latency * 4,
            several,
            calm: None,
            deaf: false,
            paused: None,
            stays: BTreeMap::new(),
            judged: 0,
        }
    }

    /// There may be a fault from now on.
    pub(crate) fn storm(&mut self) {
        self.calm = None;
    }

    /// Events may be lost or late from now on.
    pub(crate) fn deafen(&mut self) {
        self.deaf = true;
    }

    /// No event is lost any more.
    pub(crate) fn hear(&mut self) {
        self.deaf = false;
    }

    /// An operator has paused all queues.
    pub(crate) fn pause(&mut self, now: Timestamp) {
        self.paused.get_or_insert(now);
    }

    /// Nobody knows whether all queues are paused, until a resume is kept.
    pub(crate) fn doubt(&mut self) {
        self.paused = Some(Timestamp::MAX);
    }

    /// The pause is over: what is due is made good from now on.
    pub(crate) fn resume(&mut self, now: Timestamp) {
        if self.paused.take().is_none() {
            return;
        }
        for stay in self.stays.values_mut().flatten() {
            stay.touched = stay.touched.max(now);
        }
    }

    /// How long the daemon may not know of what happens now.
    fn unknown_for(&self) -> Duration {
        let known = if self.deaf { BLIND } else { FRESH };
        let frozen = self.several && self.calm.is_none();
        known + self.latency + if frozen { FROZEN } else { Duration::ZERO }
    }

    /// Since when there is no fault.
    pub(crate) fn calm_since(&self) -> Option<Timestamp> {
        self.calm
    }

    /// There is no fault from now on.
    pub(crate) fn calm(&mut self, now: Timestamp) {
        self.deaf = false;
        self.calm = Some(self.calm.unwrap_or(now));
    }

    /// A stay begins, now or later.
    pub(crate) fn enter(
        &mut self,
        id: &ConversationId,
        (began, entered): (Timestamp, Timestamp),
        points: i64,
        ours: bool,
    ) {
        let (unknown_for, several) = (self.unknown_for(), self.several);
        self.stays.entry(id.clone()).or_default().push(Stay {
            began,
            entered,
            ours,
            bases: vec![Base { points, step: 0 }],
            changes: Vec::new(),
            unknown_for,
            written: BTreeMap::new(),
            lowered: Vec::new(),
            repaired: several,
            touched: began,
            left: None,
            end_unknown_for: Duration::ZERO,
        });
    }

    /// The stay, if there is one, ends.
    pub(crate) fn leave(&mut self, id: &ConversationId, now: Timestamp) {
        let unknown_for = self.unknown_for();
        // What happens to it later tells nobody anything of that end.
        if let Some(stay) = self.last(id).filter(|stay| stay.left.is_none()) {
            stay.left = Some(now);
            // Its arrival may be told after its end.
            stay.end_unknown_for = unknown_for.max(stay.unknown_for);
        }
    }

    /// An agent is alerted.
    pub(crate) fn alert(&mut self, id: &ConversationId, now: Timestamp) {
        if let Some(stay) = self.last(id) {
            stay.touched = after(now, ALERT);
        }
    }

    /// Somebody else has changed a priority.
    pub(crate) fn change(
        &mut self,
        id: &ConversationId,
        points: i64,
        now: Timestamp,
        notes: &Notes,
    ) {
        let (rule, several) = (self.rule, self.several);
        let unknown_for = self.unknown_for();
        let Some(stay) = self.last(id) else { return };
        // It may pass for a write of ours that comes late, and be repaired; also where nobody has seen what was before it.
        let passes = notes.has_claimed(id, points);
        let before = stay.bases_within(BLIND, now);
        stay.repaired |= several || passes;
        let newest = stay.newest_step(rule, (id, now), notes);
        stay.changed(rule, points, (now, unknown_for), newest);
        if passes {
            stay.add(before);
        }
    }

    /// The newest stay of a conversation.
    fn last(&mut self, id: &ConversationId) -> Option<&mut Stay> {
        self.stays.get_mut(id).and_then(|stays| stays.last_mut())
    }

    /// Judges the writes that were applied since the last time.
    pub(crate) fn judge_writes(&mut self, writes: &[Write], notes: &Notes) -> Verdict {
        for write in writes.iter().skip(self.judged) {
            self.judge_write(write, notes)?;
        }
        self.judged = writes.len();
        Ok(())
    }

    /// Judges one write.
    fn judge_write(&mut self, write: &Write, notes: &Notes) -> Verdict {
        let (rule, unknown_for, id) = (self.rule, self.unknown_for(), &write.conversation);
        let sent_before = |since| write.at <= after(since, self.latency + UNDER_WAY);
        if self.paused.is_some_and(|since| !sent_before(since)) {
            return Err(format!("written while paused: {write:?}"));
        }
        let claim = notes
            .claim(id, write.to, write.at)
            .ok_or_else(|| format!("written without a claim: {write:?}"))?;
        let stays = self.stays.get_mut(id).into_iter().flatten().rev();
        let stay = stays
            .filter(|stay| stay.began <= write.at)
            .find(|stay| stay.left.is_none_or(|left| write.at <= left))
            .ok_or_else(|| format!("written to what does not wait: {write:?}"))?;
        let recent = |at, unknown_for| after(at, unknown_for) >= claim.at;
        let to = write.to.points();
        let step = stay.step_of(rule, &claim);
        let fits = |base: &Base| rule.target(*base, step) == to;
        let crossed = stay.changes.iter().rev();
        let crossed = crossed
            .take_while(|change| recent(change.at, change.unknown_for))
            .map(|change| &change.before)
            .find(|bases| bases.iter().any(fits))
            .cloned();
        let early = step > rule.counted(stay.entered, write.at);
        let not_ours = early || stay.ours_is_not(rule, step, to);
        let newest = stay.newest_step(rule, (id, write.at), notes);
        let before = self.several && claim.at < stay.began;
        let unknown = crossed.is_none() && not_ours && recent(stay.began, stay.unknown_for);
        if before || unknown {
            // Decided on the stay before: to this one it is somebody else's.
            stay.changed(rule, to, (write.at, unknown_for), newest);
            return Ok(());
        }
        if !stay.ours {
            return Err(format!("written in a queue that is not ours: {write:?}"));
        }
        if early {
            return Err(format!("above target: {write:?} by {claim:?}, {stay:?}"));
        }
        if self.several && notes.is_stale(id, &claim, write.at) {
            return stay.late(rule, (step, write), (unknown_for, newest), crossed);
        }
        if stay.bases.iter().any(fits) && write.to >= write.from {
            stay.bases.retain(fits);
        } else {
            let Some(bases) = crossed else {
                let lowered = write.to < write.from;
                let what = if lowered { "lowered" } else { "off target" };
                return Err(format!("{what}: {write:?} by {claim:?}, {stay:?}"));
            };
            stay.bases = bases.into_iter().filter(fits).collect();
        }
        stay.raised(to, write.at);
        let before = stay.written.insert(claim.step, to);
        if before.is_some_and(|before| before != to) {
            return Err(format!(
                "step {} twice, {before:?} before: {write:?}",
                claim.step
            ));
        }
        Ok(())
    }

    /// Judges every waiting callback as it is now, and how many are tracked.
    pub(crate) fn judge(
        &mut self,
        now: Timestamp,
        priority: impl Fn(&ConversationId) -> i64,
        tracked: &[usize],
        requests: &[Request],
    ) -> Verdict {
        let (rule, grace) = (self.rule, self.grace);
        let earlier = now.saturating_sub(grace).unwrap_or(Timestamp::MIN);
        let long_ago = now.saturating_sub(CALM).unwrap_or(Timestamp::MIN);
        let calm = self.calm.is_some_and(|since| since <= long_ago);
        let (mut sure, mut possible) = (0, 0);
        for (id, stays) in &mut self.stays {
            let Some(stay) = stays.last_mut() else {
                continue;
            };
            let settled = calm && stay.touched <= long_ago;
            if stay.began > now || stay.left.is_some() || !stay.ours {
                // One that was planned may be looked at once more when it would have been due.
                let since = stay.left.map_or(stay.began, |left| left.max(stay.began));
                possible += usize::from(since > long_ago);
                continue;
            }
            let points = priority(id);
            let due = rule.counted(stay.entered, now);
            let most = stay.bases.iter().map(|base| rule.target(*base, due)).max();
            if Some(points) > most {
                return Err(format!(
                    "above target: {id} at {points}, at most {most:?}: {stay:?}"
                ));
            }
            let was_due = rule.counted(stay.entered, earlier);
            let limited = |points| {
                rule.max_priority.is_some_and(|most| points >= most) || rule.max_raises == Some(due)
            };
            possible += 1;
            if !settled {
                continue;
            }
            let refused = requests.iter().any(|request| {
                request.method == "PATCH"
                    && request.path.ends_with(&id.to_string())
                    && matches!(request.status, Some(400 | 403 | 404 | 409))
                    && [due, was_due].contains(&rule.counted(stay.entered, request.at))
            });
            if !refused && self.paused.is_none() {
                let fits =
                    |base: &Base| (was_due..=due).any(|step| points == rule.target(*base, step));
                if !stay.bases.iter().any(fits) {
                    return Err(format!(
                        "below target: {id} at {points} at {now}, {due} steps due: {stay:?}"
                    ));
                }
                stay.bases.retain(fits);
            }
            // Refused its last raise, it is let go of.
            sure += usize::from(!limited(points));
        }
        let off = tracked.iter().any(|one| !(sure..=possible).contains(one));
        if calm && off {
            return Err(format!(
                "{tracked:?} tracked at {now}, expected {sure} to {possible}: {:?}",
                self.stays
            ));
        }
        Ok(())
    }

    /// Judges a base that the daemon noted: that somebody else has set it. Or a write of `ours` did, which came after
    /// somebody else's change: then both are in it.
    pub(crate) fn judge_rebase(&self, id: &ConversationId, points: i64, ours: bool) -> Verdict {
        let stays = self.stays.get(id).into_iter().flatten();
        let mut changes = stays.flat_map(|stay| &stay.changes);
        if changes.any(|change| ours || change.points == points) {
            return Ok(());
        }
        Err(format!(
            "taken for somebody else's: {points} of {id}: {:?}",
            self.stays.get(id)
        ))
    }

    /// When a conversation left its queue last before then, if it was in none then, and how long the daemon may not have
    /// known of it.
    pub(crate) fn out_since(&self, id: &str, at: Timestamp) -> Option<(Timestamp, Duration)> {
        let stays = self.stays.iter().find(|(of, _)| of.to_string() == id)?.1;
        if stays
            .iter()
            .any(|stay| stay.began <= at && stay.left.is_none_or(|left| at <= left))
        {
            return None;
        }
        stays
            .iter()
            .filter_map(|stay| Some((stay.left?, stay.end_unknown_for)))
            .rfind(|(left, _)| *left < at)
    }
}

impl Stay {
    /// Whether a value is not what this step leads to here.
    fn ours_is_not(&self, rule: Rule, step: u32, to: i64) -> bool {
        !self.ours || !self.bases.iter().any(|base| rule.target(*base, step) == to)
    }

    /// The step by the schedule that a claim is for.
    fn step_of(&self, rule: Rule, claim: &Claimed) -> u32 {
        if self.repaired {
            return rule.counted(self.entered, claim.covers);
        }
        claim.step
    }

    /// The newest step that is in what was committed before then; nothing where the stay was not seen.
    fn newest_step(
        &self,
        rule: Rule,
        (id, before): (&ConversationId, Timestamp),
        notes: &Notes,
    ) -> Option<u32> {
        let newest = notes.newest_step(id, self.entered, before)?;
        if !self.repaired {
            return Some(newest);
        }
        let covers = notes.covers(id, self.entered, before);
        Some(covers.map_or(0, |until| rule.due(self.entered, until)))
    }

    /// The bases that it counts from, or counted from in the time before.
    fn bases_within(&self, time: Duration, now: Timestamp) -> Vec<Base> {
        let changes = self.changes.iter().rev();
        let recent = changes.take_while(|change| after(change.at, time) >= now);
        let before = recent.flat_map(|change| &change.before);
        self.bases.iter().chain(before).copied().collect()
    }

    /// It may count from these bases as well.
    fn add(&mut self, bases: Vec<Base>) {
        for base in bases {
            if !self.bases.contains(&base) {
                self.bases.push(base);
            }
        }
    }

    /// Somebody else has set the priority, after this step was claimed; nothing where the stay is not known yet.
    fn changed(
        &mut self,
        rule: Rule,
        points: i64,
        (now, unknown_for): (Timestamp, Duration),
        newest: Option<u32>,
    ) {
        let before = self.bases.clone();
        let due = rule.due(self.entered, after(now, unknown_for));
        // What happens to be a value of our own may pass for one.
        let steps = 0..=due.saturating_add(1);
        let own = |base: &Base| steps.clone().any(|step| rule.target(*base, step) == points);
        self.bases.retain(own);
        let counted_from = match newest {
            Some(newest) => (newest..=due).collect(),
            None => vec![0, due],
        };
        for step in counted_from {
            let base = Base { points, step };
            if !self.bases.contains(&base) {
                self.bases.push(base);
            }
        }
        self.changes.push(Change {
            at: now,
            points,
            before,
            unknown_for,
        });
        self.touched = now;
    }
}
