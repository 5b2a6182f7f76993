//! What stands between a replica and all that is outside of it: journal and network.
//!
//! A process that is stopped cannot be stopped here, because its tasks are the runtime's. But whatever it does shows only
//! outside; so a frozen replica is one of which nothing gets out and to which nothing gets in. Its own timers go on
//! meanwhile, which is worse than a stop: it gives up what it waits for, and what it has sent is on its way all the same.

use std::{sync::Mutex, time::Duration};

use callback_prioritizer::journal::JournalError;
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout_at},
};

/// How long a database that hangs is waited for.
const HANGS: Duration = Duration::from_secs(5);

/// Where a replica is frozen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Point {
    /// Wherever it is.
    Anywhere,
    /// About to ask for a claim.
    BeforeClaim,
    /// Its claim is granted, and it has not heard so.
    ClaimGranted,
    /// It knows its claim, has passed the last guard, and its write has not left.
    BeforeWrite,
    /// Its write has arrived, and it has not heard so.
    Written,
    /// About to note its write.
    BeforeCommit,
    /// Its write is noted, and it has not heard so.
    Committed,
}

/// For how long a replica is frozen, or what it sends is held, and what becomes of that.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hold {
    /// How long.
    pub(crate) time: Duration,
    /// Whether what it sent on a connection that it has given up meanwhile arrives all the same.
    pub(crate) late: bool,
}

/// How it is.
#[derive(Clone, Copy, Debug, Default)]
struct State {
    /// Until when nothing gets in or out.
    frozen: Option<Instant>,
    /// Until when nothing that it sends arrives at the platform.
    stalled: Option<Instant>,
    /// Whether what was held arrives on connections that were given up.
    late: bool,
    /// Until when the database does not answer, and whether it hangs.
    outage: Option<(Instant, bool)>,
    /// Where it is going to be frozen.
    armed: Option<(Point, Hold)>,
}

/// The gate of one replica.
#[derive(Debug)]
pub(crate) struct Gate {
    /// How it is.
    state: watch::Sender<State>,
    /// When there was no database for this replica, at most.
    outages: Mutex<Vec<(Instant, Instant)>>,
    /// When it was frozen, at most.
    freezes: Mutex<Vec<(Instant, Instant)>>,
}

impl Default for Gate {
    fn default() -> Self {
        Self {
            state: watch::Sender::new(State::default()),
            outages: Mutex::default(),
            freezes: Mutex::default(),
        }
    }
}

impl Gate {
    /// Freezes the replica at this point, unless it is frozen already.
    pub(crate) fn freeze(&self, point: Point, hold: Hold) {
        self.state.send_modify(|state| {
            if point == Point::Anywhere {
                self.close(state, hold);
            } else {
                state.armed = Some((point, hold));
            }
        });
    }

    /// Holds what the replica sends, unless it is held already.
    pub(crate) fn stall(&self, hold: Hold) {
        self.state.send_modify(|state| {
            if state.stalled.is_none_or(|until| until <= Instant::now()) {
                state.stalled = Some(Instant::now() + hold.time);
                state.late = hold.late;
            }
        });
    }

    /// Takes the database away for so long.
    pub(crate) fn cut_off(&self, time: Duration, hangs: bool) {
        let (now, until) = (Instant::now(), Instant::now() + time);
        self.outages.lock().expect("no panic").push((now, until));
        self.state
            .send_modify(|state| state.outage = Some((until, hangs)));
    }

    /// Opens it: all that was held goes on.
    pub(crate) fn open(&self) {
        self.state.send_modify(|state| {
            *state = State {
                late: state.late,
                ..State::default()
            };
        });
    }

    /// When the database was away, from and to, at most.
    pub(crate) fn outages(&self) -> Vec<(Instant, Instant)> {
        self.outages.lock().expect("no panic").clone()
    }

    /// When the replica was frozen, from and to, at most.
    pub(crate) fn freezes(&self) -> Vec<(Instant, Instant)> {
        self.freezes.lock().expect("no panic").clone()
    }

    /// The replica is at this point, where it may be frozen.
    pub(crate) fn at(&self, point: Point) {
        self.state.send_if_modified(|state| {
            let here = state.armed.take_if(|(armed, _)| *armed == point);
            if let Some((_, hold)) = here {
                self.close(state, hold);
            }
            here.is_some()
        });
    }

    /// Waits until the replica is not frozen.
    pub(crate) async fn thawed(&self) {
        self.past(|state| state.frozen).await;
    }

    /// Waits until what it sends may leave; whether it does where its connection was given up.
    pub(crate) async fn let_out(&self) -> bool {
        self.past(|state| state.frozen.max(state.stalled)).await;
        self.state.borrow().late
    }

    /// Waits until the replica is not frozen, and asks the database, which may be away.
    pub(crate) async fn database(&self) -> Result<(), JournalError> {
        self.thawed().await;
        let outage = self.state.borrow().outage;
        let Some((_, hangs)) = outage.filter(|(until, _)| *until > Instant::now()) else {
            return Ok(());
        };
        if hangs {
            sleep(HANGS).await;
            self.thawed().await;
        }
        Err(JournalError::new("no database"))
    }

    /// Freezes, unless it is frozen: two that follow one another without a moment between them were one that is too long.
    fn close(&self, state: &mut State, hold: Hold) {
        let now = Instant::now();
        if state.frozen.is_none_or(|until| until <= now) {
            let until = now + hold.time;
            (state.frozen, state.late) = (Some(until), hold.late);
            self.freezes.lock().expect("no panic").push((now, until));
        }
    }

    /// Waits until a time is past, which may change meanwhile.
    async fn past(&self, end: impl Fn(&State) -> Option<Instant>) {
        let mut states = self.state.subscribe();
        loop {
            let until = end(&states.borrow_and_update());
            let Some(until) = until.filter(|until| *until > Instant::now()) else {
                return;
            };
            let _changed_or_past = timeout_at(until, states.changed()).await;
        }
    }
}
