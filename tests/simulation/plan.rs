//! What a seed decides: the policy, what the platform is like, and the list of operations with their times.

use std::time::Duration;

use callback_prioritizer::sandbox::Fate;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::among::Blow;

/// Callbacks of one run at most.
const CALLBACKS: usize = 6;
/// Time from one operation to the next at most, in milliseconds.
const LONGEST_GAP: u64 = 45_000;
/// Time from the end of all faults to the moment from which the waiting must be on target.
pub(crate) const CALM: Duration = Duration::from_secs(90);

/// Everything that a seed decides.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// The seed.
    pub(crate) seed: u64,
    /// When and how much.
    pub(crate) policy: Rule,
    /// Whether there are few requests to spend.
    pub(crate) tight: bool,
    /// Requests a minute that the daemon is told to make at most.
    pub(crate) rate: u32,
    /// Whether the second queue is none of ours.
    pub(crate) one_queue: bool,
    /// Whether the journal is a file.
    pub(crate) durable: bool,
    /// How many daemons there are at once.
    pub(crate) replicas: usize,
    /// What the platform is like.
    pub(crate) platform: Platform,
    /// What happens, each after this time has passed since the one before.
    pub(crate) operations: Vec<(Duration, Operation)>,
}

/// The policy, as the model knows it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule {
    /// From one raise to the next.
    pub(crate) wait: Duration,
    /// Points of one raise.
    pub(crate) increment: i64,
    /// Most raises.
    pub(crate) max_raises: Option<u32>,
    /// Highest priority.
    pub(crate) max_priority: Option<i64>,
}

/// What the platform of a run is like, where organisations differ.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "switches of the sandbox")]
pub(crate) struct Platform {
    /// How long a request is on its way.
    pub(crate) latency: Duration,
    /// Queue topics may be subscribed.
    pub(crate) queue_topics: bool,
    /// Several topics may be combined.
    pub(crate) combined_topics: bool,
    /// Detail topics for all conversations.
    pub(crate) bulk_topics: bool,
    /// A change of priority alone is told.
    pub(crate) priority_events: bool,
    /// The activity query wants queues.
    pub(crate) queue_filter_required: bool,
    /// Alerting counts as waiting.
    pub(crate) alerting_waits: bool,
    /// Channels end with their token.
    pub(crate) channels_end_with_token: bool,
    /// Status of a write to what does not wait.
    pub(crate) not_waiting_status: u16,
    /// How long a token lives.
    pub(crate) token_lifetime: Duration,
    /// Seconds that every 429 asks to wait.
    pub(crate) retry_after: u64,
}

/// Something that happens.
#[derive(Clone, Debug)]
pub(crate) enum Operation {
    /// A callback arrives, perhaps with time already waited, perhaps planned for later.
    Arrive {
        /// Whether it is for the second queue.
        sales: bool,
        /// Priority it brings.
        priority: i64,
        /// Seconds it has waited already.
        waited: u64,
        /// Seconds until it is due, where it is planned.
        due_in: Option<u64>,
    },
    /// An agent is alerted and does not answer.
    Alert(usize),
    /// An agent answers.
    Answer(usize),
    /// The customer hangs up.
    HangUp(usize),
    /// A flow takes it out of its queue.
    Leave(usize),
    /// It is moved to a queue, with a priority or its own.
    Transfer(usize, bool, Option<i64>),
    /// A supervisor sets its priority, by so much from what it is.
    Supervise(usize, i64),
    /// A supervisor cannot decide: so many changes, 200 ms apart.
    Dither(usize, u8),
    /// The world does something while all is well, and its events are lost: what is known is stale.
    Unheard(Box<Self>),
    /// The world does something while a sweep is under way that has asked before it and is answered so many seconds later.
    Crossed(Box<Self>, u64),
    /// Events of these topics fare so, so often or always.
    Events(&'static str, Fate, Option<u32>),
    /// Events held back arrive in this order.
    Release(Vec<usize>),
    /// Requests go wrong.
    Requests(&'static str, &'static str, Harm, Option<u32>),
    /// Something happens to sockets, channels or tokens.
    Line(LineFault),
    /// The platform is gone: every request and every socket fails.
    Outage(bool),
    /// The daemon is killed, and started again after so many seconds.
    Kill(u64),
    /// The daemon is stopped in good order, and started again after so many seconds.
    Restart(u64),
    /// The journal cannot be written until all is calm.
    DiskFull,
    /// All faults are over.
    Calm,
    /// An operator pauses all queues, if the daemon hears it, until it is ended or all is calm.
    Pause,
    /// An operator ends the pause.
    Resume,
    /// The daemon reads its settings again, which are other rules each time and come to the same.
    Reload,
    /// The clock of the daemon's machine is set by so many minutes, forwards or back.
    SetClock(i64),
    /// Something befalls one replica.
    To(usize, Blow),
    /// The same, to this replica.
    Of(usize, Box<Self>),
    /// Nobody reaches the database for so long; whether that shows at once or after a while.
    NoDatabase(Duration, bool),
    /// Nothing but time.
    Rest,
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Harm {
    /// Answered with this status, and nothing is done.
    Status(u16),
    /// Refused for a while.
    Throttled,
    /// Done, and answered with this status.
    AppliedThen(u16),
    /// Done, and cut.
    AppliedThenCut,
    /// Cut.
    Cut,
    /// Done, and answered after so many seconds.
    Late(u64),
}

/// What happens to sockets, channels and tokens.
#[derive(Clone, Copy, Debug)]
pub(crate) enum LineFault {
    /// Sockets are reset.
    Cut,
    /// Sockets are closed.
    Close(u16),
    /// Sockets fall silent.
    Silence,
    /// Sockets are announced to close.
    Announce,
    /// New sockets are refused.
    Refuse(u16, Option<u32>),
    /// New sockets live so many seconds.
    Flap(u64),
    /// Sockets get something strange.
    Strange,
    /// Channels vanish.
    Evict,
    /// Tokens become invalid.
    Revoke,
    /// The client gets no more tokens.
    Disable,
    /// No permission for the writes of the second queue.
    ForbidSales,
    /// No permission for the queues' topics.
    RejectTopics,
}

impl Plan {
    /// What this seed decides.
    pub(crate) fn of(seed: u64) -> Self {
        let mut dice = ChaCha8Rng::seed_from_u64(seed);
        let dice = &mut dice;
        let tight = dice.random_bool(0.2);
        let policy = Rule {
            wait: Duration::from_secs(dice.random_range(if tight { 120..=300 } else { 30..=300 })),
            increment: dice.random_range(1..=7),
            max_raises: maybe(dice, 0.25, |dice| dice.random_range(1..=6)),
            max_priority: maybe(dice, 0.2, |dice| dice.random_range(10..=120)),
        };
        let platform = Platform {
            latency: maybe(dice, 0.3, |dice| {
                Duration::from_millis(dice.random_range(1..=300))
            })
            .unwrap_or_default(),
            queue_topics: dice.random_bool(0.85),
            combined_topics: dice.random_bool(0.8),
            bulk_topics: dice.random_bool(0.2),
            priority_events: tight || dice.random_bool(0.7),
            queue_filter_required: dice.random_bool(0.2),
            alerting_waits: dice.random_bool(0.4),
            channels_end_with_token: dice.random_bool(0.7),
            not_waiting_status: pick(dice, &[400, 404, 409]),
            token_lifetime: Duration::from_secs(pick(dice, &[300, 900, 86_400, 86_400])),
            retry_after: dice.random_range(2..=50),
        };
        Self {
            seed,
            policy,
            tight,
            rate: if tight { 45 } else { 270 },
            one_queue: dice.random_bool(0.2),
            durable: dice.random_bool(0.15),
            replicas: 1,
            platform,
            operations: with_orders(seed, while_all_is_well(seed, operations(dice, tight))),
        }
    }
}

/// Storms and calms in turn, more wishes than the budget has requests where that is small, and enough time at the end to be on target.
fn operations(dice: &mut impl Rng, tight: bool) -> Vec<(Duration, Operation)> {
    let mut all = vec![(Duration::from_secs(2), Operation::Calm)];
    let mut callbacks = 0;
    for _ in 0..dice.random_range(1..=2) {
        for _ in 0..dice.random_range(4..=18) {
            let operation = if dice.random_bool(0.45) {
                fault(dice)
            } else {
                deed(dice, &mut callbacks)
            };
            all.push((gap(dice), operation));
        }
        all.push((gap(dice), Operation::Calm));
        if tight {
            all.push((gap(dice), Operation::Dither(dice.random_range(0..3), 80)));
        }
        for _ in 0..dice.random_range(0..=4) {
            all.push((gap(dice), deed(dice, &mut callbacks)));
        }
        all.extend((0..8).map(|_| (Duration::from_millis(25_013), Operation::Rest)));
    }
    all
}

/// The same with what may go unnoticed in a calm. Drawn apart, so that a seed stays what it was.
fn while_all_is_well(
    seed: u64,
    mut operations: Vec<(Duration, Operation)>,
) -> Vec<(Duration, Operation)> {
    let mut dice = ChaCha8Rng::seed_from_u64(!seed);
    let mut resting = false;
    for (_, operation) in &mut operations {
        let rests = matches!(operation, Operation::Rest);
        // The first rest of each calm: the others are for what was missed to be found.
        if rests && !resting {
            *operation = unnoticed(&mut dice);
        }
        resting = rests;
    }
    operations
}

/// The same with what operators order: in the middle of anything, and in a calm, with enough of it left to catch up. Drawn
/// apart, likewise.
fn with_orders(
    seed: u64,
    mut operations: Vec<(Duration, Operation)>,
) -> Vec<(Duration, Operation)> {
    let mut dice = ChaCha8Rng::seed_from_u64(seed.rotate_left(32) ^ 0x5eed);
    let mut rests = 0;
    let mut pausing = false;
    for (_, operation) in &mut operations {
        let order = match operation {
            Operation::Rest => {
                rests += 1;
                match rests {
                    1 if dice.random_bool(0.4) => {
                        pausing = true;
                        Some(Operation::Pause)
                    }
                    3 if pausing => Some(Operation::Resume),
                    4 if dice.random_bool(0.3) => Some(Operation::Reload),
                    _ => None,
                }
            }
            Operation::Calm => None,
            _ => {
                (rests, pausing) = (0, false);
                maybe(&mut dice, 0.06, |dice| pick_order(dice.random_range(0..3)))
            }
        };
        if let Some(order) = order {
            *operation = order;
        }
    }
    operations
}

/// An order by its number.
fn pick_order(number: u32) -> Operation {
    match number {
        0 => Operation::Pause,
        1 => Operation::Resume,
        _ => Operation::Reload,
    }
}

/// Something that the world does and the daemon may not hear of, or nothing.
fn unnoticed(dice: &mut impl Rng) -> Operation {
    let which = dice.random_range(0..CALLBACKS);
    let deed = match dice.random_range(0..4) {
        0 => Operation::Answer(which),
        1 => {
            let priority = maybe(dice, 0.5, |dice| dice.random_range(0..100));
            Operation::Transfer(which, dice.random_bool(0.4), priority)
        }
        2 => Operation::HangUp(which),
        _ => Operation::Supervise(which, dice.random_range(-40..=60)),
    };
    match dice.random_range(0..5) {
        0 => Operation::Rest,
        1..=2 => Operation::Unheard(Box::new(deed)),
        _ => Operation::Crossed(Box::new(deed), dice.random_range(1..=9)),
    }
}

/// Something that the world does.
fn deed(dice: &mut impl Rng, callbacks: &mut usize) -> Operation {
    let which = dice.random_range(0..CALLBACKS);
    match dice.random_range(0..20) {
        _ if *callbacks == 0 => arrival(dice, callbacks),
        0..=5 if *callbacks < CALLBACKS => arrival(dice, callbacks),
        6 => Operation::Alert(which),
        7..=8 => Operation::Answer(which),
        9 => Operation::HangUp(which),
        10 => Operation::Leave(which),
        11..=13 => {
            let priority = maybe(dice, 0.5, |dice| dice.random_range(0..100));
            Operation::Transfer(which, dice.random_bool(0.4), priority)
        }
        14 => Operation::Dither(which, dice.random_range(2..=80)),
        _ => Operation::Supervise(which, dice.random_range(-40..=60)),
    }
}

/// A callback arrives.
fn arrival(dice: &mut impl Rng, callbacks: &mut usize) -> Operation {
    *callbacks += 1;
    let waited = maybe(dice, 0.3, |dice| dice.random_range(1..1_200)).unwrap_or_default();
    Operation::Arrive {
        sales: dice.random_bool(0.35),
        priority: dice.random_range(0..60),
        waited,
        due_in: maybe(dice, 0.15, |dice| dice.random_range(5..300)).filter(|_| waited == 0),
    }
}

/// Something that goes wrong.
fn fault(dice: &mut impl Rng) -> Operation {
    match dice.random_range(0..20) {
        0..=3 => {
            let fate = match dice.random_range(0..4) {
                0 => Fate::Lost,
                1 => Fate::Twice,
                2 => Fate::Late(Duration::from_millis(dice.random_range(0..80_000))),
                _ => Fate::Held,
            };
            let topic = pick(dice, &["", ".callbacks", ".acd."]);
            Operation::Events(
                topic,
                fate,
                maybe(dice, 0.5, |dice| dice.random_range(1..6)),
            )
        }
        4 => Operation::Release((0..8).map(|_| dice.random_range(0..10)).collect()),
        5..=10 => harm(dice),
        11..=14 => Operation::Line(line_fault(dice)),
        15 => Operation::Outage(dice.random_bool(0.5)),
        16..=17 => Operation::Kill(dice.random_range(0..90)),
        18 if dice.random_bool(0.5) => Operation::SetClock(pick(dice, &[-60, -7, 7, 60])),
        18 => Operation::Restart(dice.random_range(0..30)),
        _ => Operation::DiskFull,
    }
}

/// Requests go wrong.
fn harm(dice: &mut impl Rng) -> Operation {
    let (method, path) = pick(
        dice,
        &[
            ("PATCH", "/api/v2/routing/conversations/"),
            ("PATCH", "/api/v2/routing/conversations/"),
            ("PATCH", "/api/v2/routing/conversations/"),
            ("GET", "/api/v2/conversations/"),
            ("GET", "/api/v2/conversations/"),
            ("POST", "/api/v2/analytics/"),
            ("", "/api/v2/notifications/"),
            ("POST", "/oauth/token"),
            ("", "/api/"),
            ("", ""),
        ],
    );
    let harm = match dice.random_range(0..12) {
        0..=1 => Harm::Status(pick(dice, &[500, 502, 503, 504])),
        2 => Harm::Status(pick(dice, &[400, 403, 404, 409])),
        3 => Harm::Status(401),
        4..=5 => Harm::Throttled,
        6..=7 => Harm::AppliedThen(pick(dice, &[500, 504])),
        8 => Harm::AppliedThenCut,
        9..=10 => Harm::Cut,
        _ => Harm::Late(dice.random_range(1..=15)),
    };
    let times = maybe(dice, 0.85, |dice| dice.random_range(1..=8));
    Operation::Requests(method, path, harm, times)
}

/// Something happens to sockets, channels or tokens.
fn line_fault(dice: &mut impl Rng) -> LineFault {
    match dice.random_range(0..12) {
        0 => LineFault::Cut,
        1 => LineFault::Close(pick(dice, &[1000, 1001, 1011])),
        2 => LineFault::Silence,
        3 => LineFault::Announce,
        4 => LineFault::Refuse(
            pick(dice, &[404, 429, 503]),
            maybe(dice, 0.7, |dice| dice.random_range(1..5)),
        ),
        5 => LineFault::Flap(dice.random_range(0..20)),
        6 => LineFault::Strange,
        7 => LineFault::Evict,
        8 => LineFault::Revoke,
        9 => LineFault::Disable,
        10 => LineFault::ForbidSales,
        _ => LineFault::RejectTopics,
    }
}

/// Time to the next operation: a moment, or a while. Never none: what crosses in one instant has no order to be judged by.
pub(crate) fn gap(dice: &mut impl Rng) -> Duration {
    let longest = if dice.random_bool(0.4) {
        3_000
    } else {
        LONGEST_GAP
    };
    Duration::from_millis(dice.random_range(1..longest))
}

/// Something, with this chance.
pub(crate) fn maybe<D: Rng, T>(
    dice: &mut D,
    chance: f64,
    draw: impl FnOnce(&mut D) -> T,
) -> Option<T> {
    dice.random_bool(chance).then(|| draw(dice))
}

/// One of these.
pub(crate) fn pick<T: Copy>(dice: &mut impl Rng, all: &[T]) -> T {
    all[dice.random_range(0..all.len())]
}
