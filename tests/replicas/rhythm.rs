//! Who is killed or stopped, and when: the same blows for every crew.

use std::time::Duration;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use tokio::time::{Instant, sleep_until};

/// How many there are in a crew.
pub(crate) const CREW: usize = 3;
/// Shortest and longest time from one blow to the next, in seconds.
const BLOWS: (f64, f64) = (0.2, 0.8);
/// Shortest and longest time for which one is stopped, in seconds.
const STOPS: (f64, f64) = (0.3, 8.0);
/// Longest time for which one that was killed is out.
const OUT: Duration = Duration::from_millis(300);

/// Some that can be killed and stopped.
pub(crate) trait Crew {
    /// It is started.
    fn start(&mut self, which: usize);

    /// It is killed, whether it is stopped or not.
    fn kill(&mut self, which: usize);

    /// It stops where it is.
    fn stop(&mut self, which: usize);

    /// It goes on from there.
    fn go_on(&mut self, which: usize);
}

/// How one of them is.
#[derive(Clone, Copy, PartialEq)]
enum State {
    /// It works.
    Works,
    /// It was killed, and is started again then.
    Out(Instant),
    /// It was stopped at the first time, and goes on at the second.
    Stopped(Instant, Instant),
}

/// Strikes.
pub(crate) struct Rhythm {
    /// Decides when, and whom.
    dice: ChaCha8Rng,
    /// How each of them is.
    states: [State; CREW],
    /// How many were killed.
    pub(crate) kills: usize,
    /// For how long each one was stopped that was.
    pub(crate) stops: Vec<Duration>,
}

impl Rhythm {
    /// One by these dice, for crews that work.
    pub(crate) fn new(dice: ChaCha8Rng) -> Self {
        Self {
            dice,
            states: [State::Works; CREW],
            kills: 0,
            stops: Vec::new(),
        }
    }

    /// Waits for the time of the next blow, and deals it. Who is to come back before then does.
    pub(crate) async fn strike(&mut self, crews: &mut [&mut dyn Crew]) {
        let (shortest, longest) = BLOWS;
        let seconds = self.dice.random_range(shortest..longest);
        let blow = Instant::now() + Duration::from_secs_f64(seconds);
        self.bring_back_until(blow, crews).await;
        let which = self.choose();
        let stops_once_in = if self.stopped() == 0 { 3 } else { 8 };
        if self.dice.random_ratio(1, stops_once_in) {
            self.stop(which, crews);
        } else {
            self.kill(which, crews);
        }
    }

    /// All come back.
    pub(crate) fn end(&mut self, crews: &mut [&mut dyn Crew]) {
        for which in 0..CREW {
            self.bring_back(which, crews);
        }
    }

    /// Waits until then. Who is to come back before does.
    async fn bring_back_until(&mut self, end: Instant, crews: &mut [&mut dyn Crew]) {
        loop {
            let back = |(which, state): (usize, &State)| match *state {
                State::Works => None,
                State::Out(until) | State::Stopped(_, until) => Some((until, which)),
            };
            let next = self.states.iter().enumerate().filter_map(back).min();
            match next.filter(|(at, _)| *at < end) {
                Some((at, which)) => {
                    sleep_until(at).await;
                    self.bring_back(which, crews);
                }
                None => return sleep_until(end).await,
            }
        }
    }

    /// One of those who work, as long as another one does; else any who is not out. So most stops last as long as they
    /// should, and somebody works nearly always.
    fn choose(&mut self) -> usize {
        let all = |wanted: &dyn Fn(State) -> bool| -> Vec<usize> {
            (0..CREW)
                .filter(|which| wanted(self.states[*which]))
                .collect()
        };
        let mut whom = all(&|state| state == State::Works);
        if whom.len() < 2 {
            whom = all(&|state| !matches!(state, State::Out(_)));
        }
        whom[self.dice.random_range(0..whom.len())]
    }

    /// How many are stopped.
    fn stopped(&self) -> usize {
        let stopped = |state: &&State| matches!(state, State::Stopped(..));
        self.states.iter().filter(stopped).count()
    }

    /// Stops one, unless it is already.
    fn stop(&mut self, which: usize, crews: &mut [&mut dyn Crew]) {
        if self.states[which] != State::Works {
            return self.kill(which, crews);
        }
        let (shortest, longest) = STOPS;
        let now = Instant::now();
        let until = now + Duration::from_secs_f64(self.dice.random_range(shortest..longest));
        self.states[which] = State::Stopped(now, until);
        for crew in crews {
            crew.stop(which);
        }
    }

    /// Kills one.
    fn kill(&mut self, which: usize, crews: &mut [&mut dyn Crew]) {
        if let State::Stopped(since, _) = self.states[which] {
            self.stops.push(since.elapsed());
        }
        self.kills += 1;
        self.states[which] = State::Out(Instant::now() + OUT.mul_f64(self.dice.random()));
        for crew in crews {
            crew.kill(which);
        }
    }

    /// One comes back, unless it works.
    fn bring_back(&mut self, which: usize, crews: &mut [&mut dyn Crew]) {
        match std::mem::replace(&mut self.states[which], State::Works) {
            State::Works => {}
            State::Out(_) => {
                for crew in crews {
                    crew.start(which);
                }
            }
            State::Stopped(since, _) => {
                self.stops.push(since.elapsed());
                for crew in crews {
                    crew.go_on(which);
                }
            }
        }
    }
}
