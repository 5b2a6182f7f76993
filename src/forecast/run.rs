//! One run: callers come, wait, are served, and what they went through is measured.
//!
//! Events are taken in order of time: an arrival, a decision to take a callback, a hang-up, an agent who has finished, an alert
//! that was in vain. After each, agents who are free take whoever is first.

use std::{cmp::Reverse, collections::BinaryHeap};

use super::{
    Model,
    line::{Item, Line},
    measure::{Measured, Measuring},
    millis,
};
use crate::{conversation::Priority, sandbox::Dice};

/// What is to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    /// An agent has finished.
    Free,
    /// A caller takes a callback, if they still wait on the line.
    Decides(u64),
    /// A caller hangs up, if they still wait on the line.
    HangsUp(u64),
    /// An alert is over, and whoever was offered waits on.
    AlertEnds(usize),
}

/// A run under way.
pub(super) struct Run<'a> {
    /// What is run.
    model: &'a Model,
    /// What is left to chance.
    dice: Dice,
    /// Who waits on the line.
    calls: Line,
    /// Who waits for a callback.
    callbacks: Line,
    /// Agents who are free.
    free: usize,
    /// What is to happen, soonest first.
    agenda: BinaryHeap<Reverse<(i64, Due)>>,
    /// Those who were offered to agents who let it ring, and whether each is a callback.
    ringing: Vec<Option<(Item, bool)>>,
    /// Callers to come.
    left: u64,
    /// Callers who came.
    came: u64,
    /// When the next one comes.
    next: i64,
    /// What is measured.
    measuring: Measuring,
}

impl<'a> Run<'a> {
    /// A run that has not begun.
    pub(super) fn new(model: &'a Model, callers: u64, seed: u64) -> Self {
        let mut dice = Dice::seeded(seed);
        let next = millis(dice.exponential(model.gap));
        Self {
            model,
            dice,
            calls: Line::new(&model.calls, true),
            callbacks: Line::new(&model.policy, model.entry_reset),
            free: model.agents,
            agenda: BinaryHeap::new(),
            ringing: Vec::new(),
            left: callers,
            came: 0,
            next,
            measuring: Measuring::new(callers),
        }
    }

    /// Lets all callers come and everybody be served, and tells what was measured.
    pub(super) fn finish(mut self) -> Measured {
        loop {
            let event = self.agenda.peek().map(|Reverse((at, _))| *at);
            let now = match event {
                Some(at) if self.left == 0 || at <= self.next => {
                    let Some(Reverse((_, due))) = self.agenda.pop() else {
                        break;
                    };
                    self.happen(due, at);
                    at
                }
                _ if self.left > 0 => self.arrive(),
                _ => break,
            };
            self.serve(now);
        }
        self.measuring.end()
    }

    /// The next caller comes; when that is.
    fn arrive(&mut self) -> i64 {
        let (now, number, model) = (self.next, self.came, self.model);
        self.came += 1;
        self.left -= 1;
        self.next = now + millis(self.dice.exponential(model.gap));
        let handling = millis(model.handling.draw(&mut self.dice));
        let takes_callback = self.dice.chance(model.callbacks);
        if takes_callback && model.decides_after.is_zero() {
            self.callbacks.join(number, now, now, handling);
            return now;
        }
        self.calls.join(number, now, now, handling);
        if takes_callback {
            let decides = millis(model.decides_after);
            self.agenda
                .push(Reverse((now.saturating_add(decides), Due::Decides(number))));
        }
        if let Some(patience) = model.patience {
            let hangs_up = now + millis(self.dice.exponential(patience));
            self.agenda.push(Reverse((hangs_up, Due::HangsUp(number))));
        }
        now
    }

    /// Lets something happen.
    fn happen(&mut self, due: Due, now: i64) {
        match due {
            Due::Free => self.free += 1,
            Due::Decides(number) => {
                if let Some(caller) = self.calls.take(number) {
                    self.callbacks
                        .join(number, caller.origin, now, caller.handling);
                }
            }
            Due::HangsUp(number) => {
                if let Some(caller) = self.calls.take(number) {
                    self.measuring.hung_up(&caller);
                }
            }
            Due::AlertEnds(place) => {
                self.free += 1;
                if let Some((item, is_callback)) =
                    self.ringing.get_mut(place).and_then(Option::take)
                {
                    let line = if is_callback {
                        &mut self.callbacks
                    } else {
                        &mut self.calls
                    };
                    line.put_back(item);
                }
            }
        }
    }

    /// Agents who are free take whoever is first.
    fn serve(&mut self, now: i64) {
        while self.free > 0 {
            let call = self.calls.first(now);
            let callback = self.callbacks.first(now);
            let is_callback = match (call, callback) {
                (None, None) => return,
                (Some(_), None) => false,
                (None, Some(_)) => true,
                // Equal scores keep the order of arrival.
                (Some((at, call)), Some((place, callback))) => {
                    let earlier =
                        self.callbacks.waiting[place].number < self.calls.waiting[at].number;
                    callback < call || callback == call && earlier
                }
            };
            let (line, first) = if is_callback {
                (&mut self.callbacks, callback)
            } else {
                (&mut self.calls, call)
            };
            let Some(item) = first.and_then(|(place, _)| line.waiting.remove(place)) else {
                return;
            };
            self.free -= 1;
            self.offer(item, is_callback, now);
        }
    }

    /// An agent is offered somebody, and takes them or lets it ring.
    fn offer(&mut self, item: Item, is_callback: bool, now: i64) {
        if !is_callback {
            self.overtake(item.origin);
        }
        if self.dice.chance(self.model.missed_alerts) {
            let alert = millis(self.model.alert);
            let place = self
                .ringing
                .iter()
                .position(Option::is_none)
                .unwrap_or(self.ringing.len());
            if place == self.ringing.len() {
                self.ringing.push(None);
            }
            self.ringing[place] = Some((item, is_callback));
            self.agenda
                .push(Reverse((now.saturating_add(alert), Due::AlertEnds(place))));
            return;
        }
        self.measuring.served(&item, is_callback, now);
        self.agenda.push(Reverse((now + item.handling, Due::Free)));
    }

    /// A call is offered whose caller came then: callbacks whose callers came a minute or more earlier are overtaken.
    fn overtake(&mut self, origin: i64) {
        let earlier = self
            .callbacks
            .waiting
            .iter_mut()
            .take_while(|item| item.origin + millis(Priority::WORTH) <= origin);
        earlier.for_each(|item| item.overtaken = true);
    }
}
