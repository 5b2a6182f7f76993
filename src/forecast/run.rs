//! One run: callers come, wait, are served, and what they went through is measured.
//!
//! Events are taken in order of time: an arrival, a decision to take a callback, a hang-up, an agent who has finished, an alert
//! that was in vain, agents who come and go. After each, agents who are free take whoever is first.

use std::{cmp::Reverse, collections::BinaryHeap, iter::Peekable};

use jiff::civil::Date;

use super::{
    Arrivals, Model, NEVER,
    line::{Item, Line, Minutes},
    measure::{Measuring, Work},
    millis,
    overtakes::Offers,
    trace::Trace,
    traffic::{Caller, Callers},
};
use crate::conversation::Priority;

/// What is to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    /// A caller takes a callback, if they still wait on the line.
    Decides(u64),
    /// A caller hangs up, if they still wait on the line.
    HangsUp(u64),
    /// An alert is over, and whoever was offered waits on.
    AlertEnds(usize),
    /// From now on there are so many agents.
    Agents(usize),
}

/// A stretch of time under way.
pub(super) struct Run<'a> {
    /// What is run.
    model: &'a Model,
    /// Who is to come.
    callers: Peekable<Callers<'a>>,
    /// Who waits on the line.
    calls: Line,
    /// Who waits for a callback.
    callbacks: Line,
    /// Agents who are there.
    agents: usize,
    /// Those of them who are free.
    free: usize,
    /// Agents who go when they have finished.
    going: usize,
    /// When agents at work will have finished, soonest first. Apart, because it is what happens most.
    busy: BinaryHeap<Reverse<i64>>,
    /// What else is to happen, soonest first.
    agenda: BinaryHeap<Reverse<(i64, Due)>>,
    /// Calls that were offered to agents.
    offers: Offers,
    /// Those who were offered to agents who let it ring, and whether each is a callback.
    ringing: Vec<Option<(Item, bool)>>,
    /// Callers who came.
    came: u64,
    /// When the last of them did.
    last: i64,
    /// When the first of them did.
    opening: i64,
    /// How far the run is.
    now: i64,
    /// The day whose changes of agents are in the agenda.
    date: Date,
    /// What is measured.
    measuring: &'a mut Measuring,
    /// Where everybody's place is noted, if it is.
    trace: Option<&'a mut Trace>,
}

impl<'a> Run<'a> {
    /// A stretch that begins on this day, with those who come in it.
    pub(super) fn new(
        model: &'a Model,
        (date, callers): (Date, Callers<'a>),
        measuring: &'a mut Measuring,
        trace: Option<&'a mut Trace>,
    ) -> Self {
        let mut callers = callers.peekable();
        let opening = callers.peek().map_or(0, |caller| caller.arrives);
        let mut callbacks =
            Line::of_callbacks(&model.policy, model.entry_reset, model.forgets_the_caller);
        if !matches!(model.arrivals, Arrivals::Steady { .. }) {
            callbacks.minutes = Some(Minutes::from(opening));
        }
        let agents = model.agents.last().unwrap_or_default();
        let mut run = Self {
            model,
            callers,
            calls: Line::of_calls(&model.calls),
            callbacks,
            agents,
            free: agents,
            going: 0,
            busy: BinaryHeap::new(),
            agenda: BinaryHeap::new(),
            offers: Offers::default(),
            ringing: Vec::new(),
            came: 0,
            last: opening,
            opening,
            now: opening,
            date,
            measuring,
            trace,
        };
        run.plan_agents();
        run
    }

    /// Lets all callers come and everybody be served.
    pub(super) fn finish(mut self) {
        loop {
            let free = self.busy.peek().map_or(NEVER, |Reverse(at)| *at);
            let event = self.agenda.peek().map_or(NEVER, |Reverse((at, _))| *at);
            let arrival = self.callers.peek().map_or(NEVER, |caller| caller.arrives);
            let now = free.min(event).min(arrival);
            if now == NEVER || arrival == NEVER && self.nobody_is_left() {
                break;
            }
            if let Some(trace) = &mut self.trace
                && !trace.look(now, &mut self.calls, &mut self.callbacks)
            {
                break;
            }
            self.now = now;
            if free == now {
                self.busy.pop();
                self.finished();
            } else if event <= arrival {
                if let Some(Reverse((_, due))) = self.agenda.pop() {
                    self.happen(due, now);
                }
            } else if let Some(caller) = self.callers.next() {
                self.arrive(caller);
            }
            self.serve(now);
        }
        if let Some(mut minutes) = self.callbacks.minutes {
            // Those in which nothing happened any more count as well.
            let _last = minutes.of(self.now);
            self.measuring.minutes(&minutes.each);
        }
    }

    /// Whether all who came are served, or have hung up.
    fn nobody_is_left(&mut self) -> bool {
        let waiting =
            self.calls.everybody().next().is_some() || self.callbacks.everybody().next().is_some();
        !waiting && self.ringing.iter().all(Option::is_none)
    }

    /// Puts the day's changes of agents into the agenda.
    fn plan_agents(&mut self) {
        for (at, agents) in self.model.agents.on(self.date, &self.model.zone) {
            self.agenda.push(Reverse((at, Due::Agents(agents))));
        }
    }

    /// The next caller comes.
    fn arrive(&mut self, caller: Caller) {
        let (now, number) = (caller.arrives, self.came);
        self.came += 1;
        self.measuring.came(Work {
            hour: (now - self.opening) / 3_600_000,
            needed: caller.handling + i64::from(caller.missed) * millis(self.model.alert),
            there: (now - self.last) * i64::try_from(self.agents).unwrap_or_default(),
        });
        self.last = now;
        let batch = self.measuring.batch_of(number, now);
        let (decides, patience) = (caller.decides, caller.patience);
        if decides == 0 {
            let offers = self.offers.so_far();
            self.callbacks.join(number, caller, now, batch, offers);
            return;
        }
        self.calls.join(number, caller, now, batch, 0);
        if decides < NEVER {
            let at = now.saturating_add(decides);
            self.agenda.push(Reverse((at, Due::Decides(number))));
        }
        if patience < NEVER {
            let at = now.saturating_add(patience);
            self.agenda.push(Reverse((at, Due::HangsUp(number))));
        }
    }

    /// Lets something happen.
    fn happen(&mut self, due: Due, now: i64) {
        match due {
            Due::Decides(number) => {
                if let Some(item) = self.calls.take(number) {
                    self.take_callback(item, now);
                }
            }
            Due::HangsUp(number) => {
                if let Some(item) = self.calls.take(number) {
                    self.hang_up(&item);
                }
            }
            Due::AlertEnds(place) => {
                self.finished();
                let rang = self.ringing.get_mut(place).and_then(Option::take);
                if let Some((item, is_callback)) = rang {
                    self.wait_on(item, is_callback, now);
                }
            }
            Due::Agents(agents) => self.staff(agents),
        }
    }

    /// An agent has finished.
    fn finished(&mut self) {
        if self.going > 0 {
            self.going -= 1;
        } else {
            self.free += 1;
        }
    }

    /// From now on there are so many agents: who has to go and is at work finishes first.
    fn staff(&mut self, agents: usize) {
        let more = agents.saturating_sub(self.agents);
        let stay = more.min(self.going);
        self.going -= stay;
        self.free += more - stay;
        let fewer = self.agents.saturating_sub(agents);
        let at_once = fewer.min(self.free);
        self.free -= at_once;
        self.going += fewer - at_once;
        self.agents = agents;
        let changes_left = |Reverse((_, due)): &Reverse<(i64, Due)>| matches!(due, Due::Agents(_));
        if !self.agenda.iter().any(changes_left)
            && self.model.agents.numbers().count() > 1
            && let Ok(tomorrow) = self.date.tomorrow()
        {
            self.date = tomorrow;
            self.plan_agents();
        }
    }

    /// A caller takes a callback.
    fn take_callback(&mut self, item: Item, now: i64) {
        self.calls.gone(&item);
        let offers = self.offers.so_far();
        self.callbacks
            .join(item.number, item.caller, now, item.batch, offers);
    }

    /// A caller hangs up.
    fn hang_up(&mut self, item: &Item) {
        self.calls.gone(item);
        self.measuring.hung_up(item);
    }

    /// Somebody who was offered in vain waits on where they were, unless they had enough meanwhile.
    fn wait_on(&mut self, mut item: Item, is_callback: bool, now: i64) {
        if is_callback {
            item.offers = self.offers.so_far();
            return self.callbacks.put(item);
        }
        let waited = now - item.caller.arrives;
        let Caller {
            decides, patience, ..
        } = item.caller;
        if decides <= waited.min(patience) {
            self.take_callback(item, now);
        } else if patience <= waited {
            self.hang_up(&item);
        } else {
            self.calls.put(item);
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
                (Some((_, call)), Some((_, callback))) => callback < call,
            };
            let (line, first) = if is_callback {
                (&mut self.callbacks, callback)
            } else {
                (&mut self.calls, call)
            };
            let Some(item) = first.and_then(|(place, _)| line.remove(place)) else {
                return;
            };
            self.free -= 1;
            self.offer(item, is_callback, now);
        }
    }

    /// An agent is offered somebody, and takes them or lets it ring.
    fn offer(&mut self, mut item: Item, is_callback: bool, now: i64) {
        if is_callback {
            if let Some(came) = self.offers.last_since(item.offers) {
                item.behind = item.behind.max(came - item.caller.arrives);
            }
        } else {
            self.offers.note(item.caller.arrives);
        }
        if item.caller.missed > 0 {
            item.caller.missed -= 1;
            let vacant = self.ringing.iter().position(Option::is_none);
            let place = vacant.unwrap_or_else(|| {
                self.ringing.push(None);
                self.ringing.len() - 1
            });
            self.ringing[place] = Some((item, is_callback));
            let over = now.saturating_add(millis(self.model.alert));
            self.agenda.push(Reverse((over, Due::AlertEnds(place))));
            return;
        }
        let ahead = [
            self.calls.earlier_than(item.number, item.caller.arrives),
            self.callbacks
                .earlier_than(item.number, item.caller.arrives),
        ];
        self.measuring.served(&item, is_callback, now, ahead);
        let line = if is_callback {
            &mut self.callbacks
        } else {
            &mut self.calls
        };
        line.gone(&item);
        let finished = now.saturating_add(item.caller.handling);
        self.busy.push(Reverse(finished));
    }
}

/// A minute, milliseconds: by so much later a call must have come for a callback to count as overtaken by it.
pub(super) fn a_point() -> i64 {
    millis(Priority::WORTH)
}
