//! Whatever happens to callbacks, and whatever becomes of the events that tell of it: are the waiting ones on target,
//! and is nothing written to the others?
//!
//! Each case is a list of steps that the real daemon and the embedded platform live through, under a paused clock of
//! their own. Beside them runs a [`model`], which knows what the policy promises. A case that fails is shrunk and shown.
//! `PROPTEST_CASES` sets how many are tried.

mod model;

use std::time::Duration;

use callback_prioritizer::{
    conversation::{ConversationId, Priority, QueueId},
    sandbox::{Callback, Fate},
};
use jiff::Timestamp;
use proptest::prelude::*;

use self::model::{Model, Verdict, Weather, after};
use crate::harness::{Centre, Running};

/// Cases tried where `PROPTEST_CASES` does not say.
const CASES: u32 = 32;
/// Callbacks in one case at most.
const CALLBACKS: usize = 6;
/// Steps in one case at most: each happens at its own twenty milliseconds of a second.
const STEPS: usize = 40;
/// Time between the moments in a second at which steps may happen.
const SLOT: i64 = 20;

/// What happens in one step.
#[derive(Clone, Debug)]
enum Deed {
    /// A callback arrives in one of the two queues, perhaps with time already waited.
    Arrive {
        /// Whether it is the second queue.
        sales: bool,
        /// Priority it brings.
        priority: i64,
        /// Seconds that it has waited already.
        waited: u64,
    },
    /// An agent is alerted for it and does not answer.
    Alert(usize),
    /// An agent answers it.
    Answer(usize),
    /// Its customer hangs up.
    HangUp(usize),
    /// A flow takes it out of its queue.
    Leave(usize),
    /// It is moved to a queue.
    Transfer {
        /// Which callback.
        which: usize,
        /// Whether it is moved to the second queue.
        sales: bool,
        /// Priority it is given; without one it keeps its own.
        priority: Option<i64>,
    },
    /// Events that were held arrive in this order of their positions, others of them never; from now on events fare so.
    Change(Vec<usize>, Weather),
}

/// A step: time that passes, and what happens then.
#[derive(Clone, Debug)]
struct Step {
    /// Time that passes before; with none it happens in the same instant as the step before.
    pause: u64,
    /// What happens.
    deed: Deed,
}

/// A policy and what happens under it.
#[derive(Clone, Debug)]
struct Case {
    /// Seconds from one raise to the next.
    wait: u64,
    /// Points of one raise.
    increment: i64,
    /// What happens.
    steps: Vec<Step>,
}

/// Any time to pass, in milliseconds: none, a moment, a while, minutes.
fn pauses() -> impl Strategy<Value = u64> {
    prop_oneof![
        2 => Just(0),
        3 => 1..2_000_u64,
        3 => 2_000..45_000_u64,
        1 => 45_000..200_000_u64,
    ]
}

/// Any fate of an event. Late ones arrive between the moments at which steps happen.
fn fates() -> impl Strategy<Value = Fate> {
    prop_oneof![
        3 => Just(Fate::Lost),
        2 => Just(Fate::Twice),
        3 => (0..4_000_u64).prop_map(|slots| Fate::Late(Duration::from_millis(slots * 20 + 10))),
        3 => Just(Fate::Held),
    ]
}

/// Any rules for events: of all topics, of the queues', of the conversations' own; so often or always.
fn weathers() -> impl Strategy<Value = Weather> {
    let topic = prop_oneof![Just(""), Just(".callbacks"), Just(".acd.")];
    let rule = (topic, fates(), proptest::option::of(1..6_u32));
    proptest::collection::vec(rule, 0..3).prop_map(Weather)
}

/// Anything that may happen.
fn deeds() -> impl Strategy<Value = Deed> {
    let which = || 0..CALLBACKS;
    let priority = || 0..100_i64;
    let arrival = (
        any::<bool>(),
        priority(),
        prop_oneof![4 => Just(0), 1 => 1..900_u64],
    );
    let transfer = (which(), any::<bool>(), proptest::option::of(priority()));
    let order = proptest::collection::vec(0..12_usize, 0..16);
    prop_oneof![
        6 => arrival.prop_map(|(sales, priority, waited)| Deed::Arrive { sales, priority, waited }),
        2 => which().prop_map(Deed::Alert),
        2 => which().prop_map(Deed::Answer),
        1 => which().prop_map(Deed::HangUp),
        1 => which().prop_map(Deed::Leave),
        4 => transfer.prop_map(|(which, sales, priority)| Deed::Transfer { which, sales, priority }),
        5 => (order, weathers()).prop_map(|(order, weather)| Deed::Change(order, weather)),
    ]
}

/// Any policy and any steps.
fn cases() -> impl Strategy<Value = Case> {
    let steps = (pauses(), deeds()).prop_map(|(pause, deed)| Step { pause, deed });
    let steps = proptest::collection::vec(steps, 1..STEPS);
    (10..=180_u64, 1..=7_i64, steps).prop_map(|(wait, increment, steps)| Case {
        wait,
        increment,
        steps,
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(CASES),
        max_shrink_iters: 2_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_waiting_are_on_target_and_nobody_else_is_written_to(case in cases()) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(Play::of(case))?;
    }
}

/// A case while it is played.
struct Play {
    /// The platform.
    centre: Centre,
    /// The daemon under test.
    daemon: Running,
    /// What must be so.
    model: Model,
    /// The callbacks, in the order of arrival.
    callbacks: Vec<ConversationId>,
    /// Steps played.
    steps: i64,
}

impl Play {
    /// Plays a case to its end.
    async fn of(case: Case) -> Verdict {
        let wait = Duration::from_secs(case.wait);
        let centre = Centre::open()
            .await
            .set("POLICY__WAIT", &format!("{}s", case.wait))
            .set("POLICY__INCREMENT", &case.increment.to_string());
        let daemon = centre.start_ready().await;
        let mut play = Self {
            model: Model::new(wait, case.increment),
            centre,
            daemon,
            callbacks: Vec::new(),
            steps: 0,
        };
        for step in case.steps {
            play.pass(step.pause).await?;
            play.happen(step.deed);
        }
        // Whatever was missed until now is made up for by the next sweep, however events fare.
        play.pass(61_000).await?;
        play.pass(case.wait * 1_000 + 1_000).await?;
        play.model.judge_all(&play.centre, &play.daemon.now())?;
        play.daemon.stop().await;
        Ok(())
    }

    /// Lets time pass, up to the next moment that belongs to this step alone: no due time, no other step and no late
    /// event falls on it. What crosses on its way in one and the same instant has no order that could be judged.
    async fn pass(&mut self, pause: u64) -> Verdict {
        if pause == 0 {
            return Ok(());
        }
        self.steps += 1;
        let earliest = after(self.centre.clock.now(), Duration::from_millis(pause));
        let (millisecond, mine) = (earliest.as_millisecond(), self.steps * SLOT);
        let until = millisecond + (mine - millisecond).rem_euclid(1_000);
        let until = Timestamp::from_millisecond(until).unwrap();
        while let Some(moment) = self.model.next_moment(self.centre.clock.now(), until) {
            tokio::time::sleep(self.centre.clock.until(moment)).await;
            self.model.judge(&self.centre, &self.daemon.now())?;
        }
        Ok(())
    }

    /// Lets something happen, where it is possible, and tells the model.
    fn happen(&mut self, deed: Deed) {
        let now = self.centre.world().now();
        match deed {
            Deed::Arrive { .. } if self.callbacks.len() == CALLBACKS => {}
            Deed::Arrive {
                sales,
                priority,
                waited,
            } => {
                let waited = Duration::from_secs(waited);
                let callback = Callback::to(&self.queue(sales))
                    .at_priority(priority)
                    .waiting_for(waited);
                let id = self.centre.world().add_callback(callback);
                self.model.enter(&id, now, waited, priority);
                self.callbacks.push(id);
            }
            Deed::Transfer {
                which,
                sales,
                priority,
            } => self.transfer(which, sales, priority, now),
            Deed::Alert(which) => {
                if let Some(id) = self.callbacks.get(which) {
                    // One that does not wait, or is alerted already, is left alone.
                    let _refused = self.centre.world().alert(id);
                }
            }
            Deed::Answer(which) => {
                self.end(which, now, |centre, id| centre.world().answer(id).is_ok());
            }
            Deed::HangUp(which) => {
                self.end(which, now, |centre, id| centre.world().hangup(id).is_ok());
            }
            Deed::Leave(which) => self.end(which, now, |centre, id| {
                centre.world().leave_queue(id).is_ok()
            }),
            Deed::Change(order, weather) => {
                let faults = self.centre.sandbox.faults();
                faults.release_events(Some(&order));
                faults.clear();
                for (topic, fate, times) in &weather.0 {
                    faults.events(topic, *fate, *times);
                }
                self.model.weather = weather;
            }
        }
    }

    /// Ends the wait of a callback, if it waits.
    fn end(
        &mut self,
        which: usize,
        now: Timestamp,
        end: impl FnOnce(&Centre, &ConversationId) -> bool,
    ) {
        if let Some(id) = self.callbacks.get(which)
            && end(&self.centre, id)
        {
            self.model.leave(id, now);
        }
    }

    /// Moves a callback to a queue, out of another one, from an agent or from a flow.
    fn transfer(&mut self, which: usize, sales: bool, priority: Option<i64>, now: Timestamp) {
        let queue = self.queue(sales);
        let Some(id) = self.callbacks.get(which) else {
            return;
        };
        let kept = self.centre.priority(id);
        let given = priority.map(Priority::clamped);
        if self.centre.world().transfer(id, &queue, given).is_ok() {
            self.model.leave(id, now);
            self.model
                .enter(id, now, Duration::ZERO, priority.unwrap_or(kept));
        }
    }

    /// One of the two queues.
    fn queue(&self, sales: bool) -> QueueId {
        self.centre.queue(if sales { "Sales" } else { "Support" })
    }
}
