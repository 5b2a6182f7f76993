//! A run: the platform, one daemon after the other on the same journal or several at once, and the operations of a plan, one by
//! one.

mod blows;

use std::{
    collections::BTreeMap,
    sync::{MutexGuard, PoisonError},
    time::Duration,
};

use callback_prioritizer::{
    clock::Clock,
    conversation::{ConversationId, Priority, QueueId},
    journal::{Event, History, Outcome, Wanted},
    sandbox::{Callback, Effect, Fate, Limits, Options, RequestFault, Sandbox},
};
use futures_util::future::join_all;
use jiff::Timestamp;
use tokio::time::{Instant, sleep, timeout};

use crate::{
    model::{Late, Model, Verdict, after},
    plan::{Operation, Plan},
    service::{Common, Service},
    traffic, trouble,
    witness::{Committed, Notes},
};

/// When every run begins.
const START: &str = "2026-01-05T09:00:00Z";
/// Path of the query that a sweep makes.
const SWEEP: &str = "/api/v2/analytics/conversations/activity/query";
/// Pauses all queues.
const PAUSE: &str = r#"{"order":"pause"}"#;
/// Ends all pauses.
const RESUME: &str = r#"{"order":"resume"}"#;
/// Attempts after which an order must be heard in a calm: for four minutes.
const HEARD: u32 = 1_200;
/// Time from one change of mind to the next.
const DITHER: Duration = Duration::from_millis(200);
/// Longest time that an orderly stop takes.
const STOP: Duration = Duration::from_secs(12);

/// A run.
pub(crate) struct Stage {
    /// What is to happen.
    plan: Plan,
    /// The platform.
    pub(crate) sandbox: Sandbox,
    /// Whoever runs a daemon, for each.
    services: Vec<Service>,
    /// What they have in common.
    common: Common,
    /// When all was well, from and to, as far as that was judged.
    calms: Vec<(Timestamp, Timestamp)>,
    /// What must be so.
    model: Model,
    /// The callbacks, in order of arrival.
    callbacks: Vec<ConversationId>,
}

impl Stage {
    /// Plays a plan to its end.
    pub(crate) async fn play(plan: Plan, run: &str) -> Result<Late, String> {
        let mut stage = Self::open(plan, run).await;
        let played = stage.play_all().await;
        for service in &mut stage.services {
            service.clear_up().await;
        }
        played.map(|()| stage.model.late())
    }

    /// The stage before anything happens.
    async fn open(plan: Plan, run: &str) -> Self {
        let clock = Clock::anchored(START.parse().expect("a time"));
        let platform = plan.platform;
        let options = Options {
            seed: plan.seed,
            clock,
            limits: Limits {
                token_lifetime: platform.token_lifetime,
                ..Limits::default()
            },
            latency: platform.latency,
            bulk_topics: platform.bulk_topics,
            queue_topics: platform.queue_topics,
            combined_topics: platform.combined_topics,
            priority_events: platform.priority_events,
            queue_filter_required: platform.queue_filter_required,
            alerting_counts_as_waiting: platform.alerting_waits,
            channels_end_with_token: platform.channels_end_with_token,
            not_waiting_status: platform.not_waiting_status,
            ..Options::default()
        };
        let sandbox = Sandbox::start(options).await.expect("a free port");
        let common = Common::default();
        let mut services = Vec::with_capacity(plan.replicas);
        for number in 0..plan.replicas {
            let of = (number, &common);
            services.push(Service::new(&plan, &sandbox.url(), clock, run, of).await);
        }
        Self {
            services,
            common,
            calms: Vec::new(),
            sandbox,
            model: Model::new(&plan),
            callbacks: Vec::new(),
            plan,
        }
    }

    /// Plays all operations and judges after each, and all together at the end.
    async fn play_all(&mut self) -> Verdict {
        for (number, (gap, operation)) in self.plan.operations.clone().into_iter().enumerate() {
            let told = |what| format!("at operation {number}, {operation:?}: {what}");
            self.pass(gap).await.map_err(told)?;
            self.judge().map_err(told)?;
            self.happen(&operation).await.map_err(told)?;
        }
        self.judge()?;
        self.judge_journal().await?;
        if self.services.len() > 1 {
            return self.judge_together();
        }
        let requests = self.sandbox.requests();
        traffic::judge(requests, &self.plan, &self.model, &self.services[0].starts)
    }

    /// Lets time pass for all.
    async fn pass(&mut self, time: Duration) -> Verdict {
        let passing = self.services.iter_mut().map(|service| service.pass(time));
        join_all(passing).await.into_iter().collect()
    }

    /// What journals were asked and have answered.
    fn notes(&self) -> MutexGuard<'_, Notes> {
        let notes = self.common.notes.lock();
        notes.unwrap_or_else(PoisonError::into_inner)
    }

    /// Judges what is so now.
    fn judge(&mut self) -> Verdict {
        let now = self.sandbox.world().now();
        self.note_calm(now);
        let world = self.sandbox.world();
        let writes = world.writes();
        {
            let common = self.common.notes.lock();
            let mut notes = common.unwrap_or_else(PoisonError::into_inner);
            if let Some(broken) = notes.broken.first() {
                return Err(broken.clone());
            }
            self.model.judge_writes(&writes, &notes)?;
            for (visit, base, _) in std::mem::take(&mut notes.rebases) {
                let points = base.priority.points();
                let ours = notes.has_claimed(&visit.conversation, points);
                self.model.judge_rebase(&visit.conversation, points, ours)?;
            }
        }
        let mut tracked = Vec::new();
        for daemon in self.services.iter().filter_map(|one| one.daemon.as_ref()) {
            let said = daemon.status.snapshot();
            if said.panics > 0 {
                return Err("a tracker panicked".to_owned());
            }
            tracked.push(said.tracked);
        }
        if tracked.is_empty() && self.services.len() == 1 {
            return Ok(());
        }
        let priority = |id: &ConversationId| world.priority(id).map_or(0, Priority::points);
        let requests = self.sandbox.requests();
        self.model.judge(now, priority, &tracked, &requests)
    }

    /// Judges what the journal tells: no step was committed twice.
    async fn judge_journal(&mut self) -> Verdict {
        let mut committed = BTreeMap::new();
        for Committed { visit, step, .. } in &self.notes().commits {
            let newest = committed.insert(visit.clone(), *step);
            if newest.is_some_and(|newest| newest >= *step) {
                return Err(format!(
                    "step {step} of {visit} was committed after {newest:?}"
                ));
            }
        }
        let Some(path) = self.services[0].closed_file().await else {
            return Ok(());
        };
        let mut told = BTreeMap::new();
        let history = History::open(&path).map_err(|error| error.to_string())?;
        let listening = history.tell(&Wanted::default(), |event| {
            let Event::Write(written) = event else {
                return Ok(());
            };
            if !matches!(written.outcome, Outcome::Raised | Outcome::Arrived) {
                return Ok(());
            }
            let key = (written.visit.clone(), written.write.step);
            match told.insert(key, written.write.to) {
                Some(before) => Err(format!("the history has {before} and then {written:?}")),
                None => Ok(()),
            }
        });
        listening.map_err(|error| error.to_string())?
    }

    /// Lets something happen, where it is possible, and tells the model.
    async fn happen(&mut self, operation: &Operation) -> Verdict {
        match operation {
            Operation::Arrive {
                sales,
                priority,
                waited,
                due_in,
            } => self.arrive(*sales, *priority, *waited, *due_in),
            Operation::Alert(_)
            | Operation::Answer(_)
            | Operation::HangUp(_)
            | Operation::Leave(_)
            | Operation::Transfer(..)
            | Operation::Supervise(..) => self.deed(operation),
            Operation::Dither(which, times) => {
                for number in 0..*times {
                    let by = i64::from(number % 7) - 3;
                    self.deed(&Operation::Supervise(*which, by));
                    sleep(DITHER).await;
                    self.judge()?;
                }
            }
            Operation::Unheard(deed) => self.unheard(deed),
            Operation::Crossed(deed, late) => self.crossed(deed, *late).await?,
            Operation::Kill(_) | Operation::Restart(_) | Operation::SetClock(_) => {
                self.ends(0, operation).await?;
            }
            Operation::Of(who, operation) => self.ends(*who, operation).await?,
            Operation::To(who, blow) => {
                self.model.storm();
                self.model.deafen();
                self.strike(*who, *blow).await;
            }
            Operation::NoDatabase(time, hangs) => {
                self.model.storm();
                for service in &self.services {
                    service.gate.cut_off(*time, *hangs);
                }
            }
            Operation::Calm => self.calm().await?,
            Operation::Pause if self.model.paused.is_none() => self.pause().await,
            Operation::Resume => self.resume(0).await?,
            Operation::Reload => self.services[0].reload(),
            Operation::Pause | Operation::Rest => {}
            fault => {
                self.model.storm();
                if matches!(fault, Operation::Events(..) | Operation::Line(_)) {
                    self.model.deafen();
                }
                self.cause(fault);
            }
        }
        Ok(())
    }

    /// Nothing goes wrong any more.
    async fn calm(&mut self) -> Verdict {
        for service in &mut self.services {
            service.witness.fill(false);
            service.gate.open();
            service.start_by(Instant::now());
        }
        self.sandbox.faults().flap_sockets(None);
        self.sandbox.faults().clear();
        self.resume(HEARD).await?;
        self.model.calm(self.sandbox.world().now());
        Ok(())
    }

    /// A daemon is ended or stopped, or its machine's clock is set.
    async fn ends(&mut self, who: usize, operation: &Operation) -> Verdict {
        let (Operation::Kill(down) | Operation::Restart(down)) = operation else {
            if let Operation::SetClock(by) = operation {
                self.services[who].clock.set(*by);
            }
            return Ok(());
        };
        self.model.storm();
        let stopping = matches!(operation, Operation::Restart(_));
        if let Some(daemon) = self.services[who].daemon.as_ref().filter(|_| stopping) {
            daemon.shutdown.request();
            sleep(STOP).await;
            self.judge()?;
        }
        let down = Duration::from_secs(*down);
        self.services[who].restart_after(down).await;
        Ok(())
    }

    /// An operator pauses all queues.
    async fn pause(&mut self) {
        match self.services[0].order(PAUSE).await {
            (_, true) => self.model.pause(self.sandbox.world().now()),
            // A kill would end it, and nobody knows.
            (true, false) => {
                self.services[0].order(RESUME).await;
                self.model.doubt();
            }
            (false, false) => {}
        }
    }

    /// An operator ends the pause, and tries so often again until that is heard and kept: the daemon may be down, or its
    /// disk full, and then the calm to come ends it.
    async fn resume(&mut self, again: u32) -> Verdict {
        if self.model.paused.is_none() {
            return Ok(());
        }
        for _ in 0..=again {
            match self.services[0].order(RESUME).await {
                (_, true) => {
                    self.model.resume(self.sandbox.world().now());
                    return Ok(());
                }
                // A kill would bring it back.
                (true, false) => self.model.doubt(),
                (false, false) => {}
            }
            self.pass(DITHER).await?;
            self.judge()?;
        }
        if again > 0 {
            return Err("nobody hears that the pause is over".to_owned());
        }
        Ok(())
    }

    /// The world does something of which no event tells.
    fn unheard(&mut self, deed: &Operation) {
        self.model.deafen();
        self.sandbox.faults().events("", Fate::Lost, None);
        self.deed(deed);
        self.sandbox.faults().clear();
        self.model.hear();
    }

    /// The world does something after a sweep has asked and so many seconds before it is answered.
    async fn crossed(&mut self, deed: &Operation, late: u64) -> Verdict {
        let late = Effect::Delay(Duration::from_secs(late));
        let sweep = RequestFault::to("POST", SWEEP, late).times(1);
        self.sandbox.faults().requests(sweep);
        self.sweep_begins().await;
        // What was written before is judged by what was so before.
        self.judge()?;
        self.deed(deed);
        Ok(())
    }

    /// Waits until the next sweep has asked, if one does soon.
    async fn sweep_begins(&self) {
        let asked = || {
            let requests = self.sandbox.requests();
            requests
                .iter()
                .filter(|request| request.path == SWEEP)
                .count()
        };
        let before = asked();
        let begun = self.sandbox.world().until(|_| asked() > before);
        let _in_time = timeout(Duration::from_mins(2), begun).await;
    }

    /// A callback arrives.
    fn arrive(&mut self, sales: bool, priority: i64, waited: u64, due_in: Option<u64>) {
        let world = self.sandbox.world();
        let waited = Duration::from_secs(waited);
        let mut callback = Callback::to(&self.queue(sales))
            .at_priority(priority)
            .waiting_for(waited);
        callback.scheduled_in = due_in.map(Duration::from_secs);
        let began = after(world.now(), callback.scheduled_in.unwrap_or_default());
        let entered = began.saturating_sub(waited).unwrap_or(began);
        let id = world.add_callback(callback);
        let ours = !(sales && self.plan.one_queue);
        self.model.enter(&id, (began, entered), priority, ours);
        self.callbacks.push(id);
    }

    /// Something that the world does to a callback.
    fn deed(&mut self, deed: &Operation) {
        let (Operation::Alert(which)
        | Operation::Answer(which)
        | Operation::HangUp(which)
        | Operation::Leave(which)
        | Operation::Transfer(which, ..)
        | Operation::Supervise(which, _)) = deed
        else {
            return;
        };
        let Some(id) = self.callbacks.get(*which).cloned() else {
            return;
        };
        let world = self.sandbox.world();
        let now = world.now();
        let kept = world.priority(&id).map_or(0, Priority::points);
        // What is not possible as things stand is refused, and then nothing has happened.
        match deed {
            Operation::Alert(_) if world.alert(&id).is_ok() => self.model.alert(&id, now),
            Operation::Answer(_) if world.answer(&id).is_ok() => self.model.leave(&id, now),
            Operation::HangUp(_) if world.hangup(&id).is_ok() => self.model.leave(&id, now),
            Operation::Leave(_) if world.leave_queue(&id).is_ok() => self.model.leave(&id, now),
            Operation::Transfer(_, sales, priority) => {
                let queue = self.queue(*sales);
                if world
                    .transfer(&id, &queue, priority.map(Priority::clamped))
                    .is_ok()
                {
                    self.model.leave(&id, now);
                    let ours = !(*sales && self.plan.one_queue);
                    self.model
                        .enter(&id, (now, now), priority.unwrap_or(kept), ours);
                }
            }
            Operation::Supervise(_, by) => {
                let points = kept + by;
                if world.set_priority(&id, Priority::clamped(points)).is_ok() {
                    let notes = self.common.notes.lock();
                    let notes = notes.unwrap_or_else(PoisonError::into_inner);
                    self.model.change(&id, points, now, &notes);
                }
            }
            _ => {}
        }
    }

    /// One of the two queues.
    pub(crate) fn queue(&self, sales: bool) -> QueueId {
        let name = if sales { "Sales" } else { "Support" };
        self.sandbox.world().queue(name).expect("a queue")
    }

    /// Something goes wrong.
    fn cause(&self, fault: &Operation) {
        if matches!(fault, Operation::DiskFull) {
            self.services[0].witness.fill(true);
        }
        trouble::cause(self, fault, self.plan.platform.retry_after);
    }
}
