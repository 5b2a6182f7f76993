//! What a seed decides where several replicas share a journal: the same world and the same trouble as for one daemon, and what
//! befalls one replica and not the others. Drawn apart, so that a seed stays what it was for one.

use std::time::Duration;

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::{
    gate::{Hold, Point},
    plan::{Operation, Plan, gap, maybe, pick},
};

/// Most replicas of a run.
const REPLICAS: usize = 4;

/// What befalls one replica.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Blow {
    /// It is frozen at this point, or where it is.
    Freeze(Point, Hold),
    /// What it sends is held, and it goes on.
    Stall(Hold),
    /// Its connections to the platform are cut.
    Cut,
    /// It is killed, and started again after so many seconds, or never.
    Crash(Option<u64>),
    /// It cannot reach the database for so long; whether that shows at once or after a while.
    CutOff(Duration, bool),
}

impl Plan {
    /// What this seed decides for several replicas.
    pub(crate) fn among(seed: u64) -> Self {
        let mut dice = ChaCha8Rng::seed_from_u64(seed.rotate_left(16) ^ 0x0fe1_1035);
        let dice = &mut dice;
        let mut plan = Self::of(seed);
        plan.replicas = dice.random_range(2..=REPLICAS);
        plan.durable = false;
        // Short, so that another step is due while somebody is frozen with the one before in hand.
        let waits = if plan.tight { 70..=160 } else { 30..=100 };
        plan.policy.wait = Duration::from_secs(dice.random_range(waits));
        if plan.tight {
            // Each has its own upkeep.
            let replicas = u32::try_from(plan.replicas).expect("a few");
            plan.rate *= replicas;
            plan.platform.token_lifetime = Duration::from_hours(24);
        }
        plan.operations = with_blows(dice, plan.replicas, plan.operations);
        if dice.random_bool(0.6) {
            let overtakes = overtaking(dice, &mut plan);
            plan.operations.splice(1..1, overtakes);
        }
        plan
    }
}

/// Callbacks arrive and whoever writes is frozen with the write in hand, longer than its claim and the time to the next step
/// together: so another one goes on, and the write comes late.
fn overtaking(dice: &mut impl Rng, plan: &mut Plan) -> Vec<(Duration, Operation)> {
    plan.policy.wait = Duration::from_secs(dice.random_range(30..=55));
    let arrival = Operation::Arrive {
        sales: false,
        priority: 0,
        waited: 0,
        due_in: None,
    };
    let mut all = vec![(Duration::from_secs(1), arrival); dice.random_range(2..=4)];
    for _ in 0..dice.random_range(2..=4) {
        let hold = Hold {
            time: Duration::from_millis(dice.random_range(60_000..=90_000)),
            late: dice.random_bool(0.9),
        };
        let blow = match dice.random_range(0..4) {
            0 => Blow::Stall(hold),
            _ => Blow::Freeze(Point::BeforeWrite, hold),
        };
        let who = dice.random_range(0..plan.replicas);
        all.push((gap(dice), Operation::To(who, blow)));
        // The others are well meanwhile.
        let pause = Duration::from_millis(dice.random_range(30_000..60_000));
        all.extend([(pause, Operation::Rest), (pause, Operation::Rest)]);
    }
    all
}

/// The same with what befalls one replica, in storms, and with longer calms: what is repaired is repaired by sweeps.
fn with_blows(
    dice: &mut impl Rng,
    replicas: usize,
    operations: Vec<(Duration, Operation)>,
) -> Vec<(Duration, Operation)> {
    let mut all = Vec::with_capacity(operations.len() * 2);
    let mut storm = false;
    for (number, (time, operation)) in operations.into_iter().enumerate() {
        let who = dice.random_range(0..replicas);
        let rests = matches!(operation, Operation::Rest);
        if storm && dice.random_bool(0.6) && !rests && !matches!(operation, Operation::Calm) {
            all.push((gap(dice), blow(dice, replicas)));
        }
        storm = match operation {
            Operation::Calm => number == 0,
            Operation::Rest => true,
            _ => storm,
        };
        let operation = match operation {
            Operation::Kill(_) | Operation::Restart(_) | Operation::SetClock(_) => {
                Operation::Of(who, Box::new(operation))
            }
            Operation::DiskFull => Operation::To(who, cut_off(dice)),
            Operation::Pause | Operation::Resume | Operation::Reload => Operation::Rest,
            other => other,
        };
        all.push((time, operation));
        if rests && dice.random_bool(0.5) {
            all.push((time, Operation::Rest));
        }
    }
    all
}

/// Something that befalls one replica, or the database of all.
fn blow(dice: &mut impl Rng, replicas: usize) -> Operation {
    let who = dice.random_range(0..replicas);
    let blow = match dice.random_range(0..20) {
        0..=10 => Blow::Freeze(point(dice), hold(dice)),
        11..=13 => Blow::Stall(hold(dice)),
        14 => Blow::Cut,
        15..=16 => {
            // The first one always comes back: somebody must be there.
            let never = who > 0 && dice.random_bool(0.3);
            Blow::Crash((!never).then(|| dice.random_range(0..90)))
        }
        17..=18 => cut_off(dice),
        _ => return Operation::NoDatabase(outage(dice), dice.random_bool(0.5)),
    };
    Operation::To(who, blow)
}

/// One replica cannot reach the database.
fn cut_off(dice: &mut impl Rng) -> Blow {
    Blow::CutOff(outage(dice), dice.random_bool(0.5))
}

/// How long the database is away: a moment, or minutes.
fn outage(dice: &mut impl Rng) -> Duration {
    let longest = pick(dice, &[10, 60, 600]);
    Duration::from_secs(dice.random_range(1..=longest))
}

/// Where a replica is frozen: mostly around a write.
fn point(dice: &mut impl Rng) -> Point {
    pick(
        dice,
        &[
            Point::Anywhere,
            Point::BeforeClaim,
            Point::ClaimGranted,
            Point::BeforeWrite,
            Point::BeforeWrite,
            Point::BeforeWrite,
            Point::Written,
            Point::BeforeCommit,
            Point::Committed,
        ],
    )
}

/// How long, and what becomes of what is given up: half of them outlast a claim.
fn hold(dice: &mut impl Rng) -> Hold {
    let long = maybe(dice, 0.6, |dice| dice.random_range(31_000..=90_000));
    let time = long.unwrap_or_else(|| dice.random_range(300..=31_000));
    Hold {
        time: Duration::from_millis(time),
        late: dice.random_bool(0.8),
    }
}
