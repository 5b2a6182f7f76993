//! What every keeper of what replicas share promises, as one suite that is run against each of them.
//!
//! In real time, because a keeper has a clock of its own: times are short, and what is expected allows for a slow machine.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use super::{Deeds, Grant, MAX_REPLICAS, Rate, Replica, Replicas, Standing, SweepTurn};

/// What can be put to the test.
pub(crate) trait Bench: Sized + Send + Sync + 'static {
    /// What is tested.
    type Tested: Replicas + 'static;

    /// A new one, with nobody in it; nothing where what it needs is not there, which has been said then.
    fn begin() -> Option<Self>;

    /// What the replica with this name shares with those before it.
    fn start(&self, name: &str) -> Self::Tested;
}

impl Bench for super::MemoryReplicas {
    type Tested = Self;

    fn begin() -> Option<Self> {
        Some(Self::default())
    }

    fn start(&self, name: &str) -> Self {
        Self::start(self, name)
    }
}

/// Runs the whole suite against a keeper.
macro_rules! conformance {
    ($bench:ty) => {
        $crate::replicas::conformance::conformance! { $bench:
            each_has_a_place_and_sees_the_others,
            a_restart_takes_its_own_place_and_its_channels,
            a_sixth_is_refused_until_one_leaves,
            whose_place_a_namesake_took_is_refused,
            all_together_keep_to_the_rate,
            whoever_was_alone_brings_no_burst,
            a_hold_is_for_all,
            one_sweeps_and_the_others_are_told,
            a_sweep_that_failed_is_made_by_another,
            a_sweep_of_one_that_leaves_is_made_by_another,
        }
    };
    ($bench:ty: $($name:ident),+ $(,)?) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
        async fn $name() {
            if let Some(bench) = <$bench as $crate::replicas::conformance::Bench>::begin() {
                $crate::replicas::conformance::$name(bench).await;
            }
        }
    )+};
}

pub(crate) use conformance;

/// Some moment.
const NOW: Timestamp = Timestamp::UNIX_EPOCH;

/// Who is there after a sign of life.
async fn roll(replica: &impl Replicas) -> Vec<Replica> {
    match replica.sign(Deeds::default(), NOW).await.unwrap() {
        Standing::Member(roll) => roll,
        Standing::Refused(why) => panic!("{why}"),
    }
}

/// Why a sign of life is refused.
async fn refusal(replica: &impl Replicas) -> String {
    match replica.sign(Deeds::default(), NOW).await.unwrap() {
        Standing::Refused(why) => why,
        Standing::Member(roll) => panic!("{roll:?}"),
    }
}

pub(crate) async fn each_has_a_place_and_sees_the_others(bench: impl Bench) {
    let (one, two) = (bench.start("one"), bench.start("two"));
    assert_eq!(roll(&one).await.len(), 1);
    let deeds = Deeds {
        tracked: 4,
        raises: 3,
        claims_lost: 2,
        repairs: 1,
    };
    assert!(matches!(
        two.sign(deeds, NOW).await.unwrap(),
        Standing::Member(_)
    ));
    let seen = roll(&one).await;
    let told: Vec<_> = seen
        .iter()
        .map(|seen| {
            (
                seen.place,
                seen.name.as_str(),
                seen.me,
                seen.lives,
                seen.deeds,
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (1, "one", true, true, Deeds::default()),
            (2, "two", false, true, deeds)
        ]
    );
    two.leave().await.unwrap();
    assert_eq!(roll(&one).await.len(), 1);
}

pub(crate) async fn a_restart_takes_its_own_place_and_its_channels(bench: impl Bench) {
    let (one, two) = (bench.start("one"), bench.start("two"));
    assert_eq!(one.kept_channel(0).await.unwrap(), None, "no place yet");
    roll(&one).await;
    roll(&two).await;
    two.keep_channel(0, "first".to_owned()).await.unwrap();
    two.keep_channel(0, "second".to_owned()).await.unwrap();
    two.keep_channel(1, "other".to_owned()).await.unwrap();
    // Killed: it gives no word of leaving.
    let again = bench.start("two");
    let places = roll(&again).await;
    let mine = places.iter().find(|replica| replica.me).unwrap();
    assert_eq!((places.len(), mine.place), (2, 2));
    for _ in 0..2 {
        let kept = again.kept_channel(0).await.unwrap();
        assert_eq!(kept.as_deref(), Some("second"), "until another is kept");
    }
    assert_eq!(
        again.kept_channel(1).await.unwrap().as_deref(),
        Some("other")
    );
    assert_eq!(one.kept_channel(1).await.unwrap(), None, "not its own");
}

pub(crate) async fn a_sixth_is_refused_until_one_leaves(bench: impl Bench) {
    let mut all = Vec::new();
    for number in 0..MAX_REPLICAS {
        let replica = bench.start(&format!("r{number}"));
        roll(&replica).await;
        all.push(replica);
    }
    let sixth = bench.start("sixth");
    let why = refusal(&sixth).await;
    assert!(why.starts_with("5 replicas run already"), "{why}");
    all[3].leave().await.unwrap();
    let places = roll(&sixth).await;
    let mine = places.iter().find(|replica| replica.me).unwrap();
    assert_eq!((places.len(), mine.place), (MAX_REPLICAS, 4));
}

pub(crate) async fn whose_place_a_namesake_took_is_refused(bench: impl Bench) {
    let first = bench.start("same");
    roll(&first).await;
    let second = bench.start("same");
    roll(&second).await;
    let why = refusal(&first).await;
    assert!(why.contains("the name same"), "{why}");
    assert_eq!(roll(&second).await.len(), 1, "the newer one goes on");
}

pub(crate) async fn all_together_keep_to_the_rate(bench: impl Bench) {
    const EACH: usize = 12;
    let rate = Rate {
        interval: Duration::from_millis(20),
        burst: 5,
    };
    let bench = Arc::new(bench);
    let begun = Instant::now();
    let mut senders = JoinSet::new();
    for number in 0..4 {
        let replica = bench.start(&format!("r{number}"));
        senders.spawn(async move {
            let mut times = Vec::new();
            while times.len() < EACH {
                match replica.permit(0, rate, false).await.unwrap() {
                    Grant::Now => times.push(Instant::now()),
                    Grant::In(wait) => sleep(wait).await,
                }
            }
            times
        });
    }
    let granted = senders.join_all().await.concat().len();
    let least = rate.interval * (u32::try_from(granted).unwrap() - rate.burst);
    assert!(
        begun.elapsed() >= least,
        "{:?} < {least:?}",
        begun.elapsed()
    );
    let other = bench.start("r0").permit(1, rate, false).await.unwrap();
    assert_eq!(other, Grant::Now, "another token has a rate of its own");
}

pub(crate) async fn whoever_was_alone_brings_no_burst(bench: impl Bench) {
    let rate = Rate {
        interval: Duration::from_mins(1),
        burst: 9,
    };
    let (one, two) = (bench.start("one"), bench.start("two"));
    assert_eq!(one.permit(0, rate, false).await.unwrap(), Grant::Now);
    for (replica, was_alone) in [(&one, true), (&two, true), (&two, false)] {
        let grant = replica.permit(0, rate, was_alone).await.unwrap();
        let soon = matches!(grant, Grant::In(wait) if wait <= rate.interval);
        assert!(soon, "{grant:?}");
    }
}

pub(crate) async fn a_hold_is_for_all(bench: impl Bench) {
    let (one, two) = (bench.start("one"), bench.start("two"));
    let rate = Rate {
        interval: Duration::from_millis(1),
        burst: 100,
    };
    assert_eq!(two.permit(0, rate, false).await.unwrap(), Grant::Now);
    one.hold(Duration::from_secs(30)).await.unwrap();
    one.hold(Duration::from_secs(1)).await.unwrap();
    for token in [0, 1] {
        let Grant::In(wait) = two.permit(token, rate, false).await.unwrap() else {
            panic!("held");
        };
        let seconds = wait.as_secs();
        assert!((15..=30).contains(&seconds), "{wait:?}");
    }
}

/// An age that every answer of this test has, and none of an earlier one.
const RECENT: Duration = Duration::from_secs(30);

pub(crate) async fn one_sweeps_and_the_others_are_told(bench: impl Bench) {
    let (one, two) = (bench.start("one"), bench.start("two"));
    assert_eq!(one.sweep(RECENT).await.unwrap(), SweepTurn::Ours);
    assert!(matches!(
        two.sweep(RECENT).await.unwrap(),
        SweepTurn::Soon(_)
    ));
    two.swept(Some("not mine".to_owned())).await.unwrap();
    sleep(Duration::from_millis(50)).await;
    one.swept(Some("all".to_owned())).await.unwrap();
    let SweepTurn::Theirs { found, age } = two.sweep(RECENT).await.unwrap() else {
        panic!("it was made");
    };
    assert_eq!(found, "all");
    assert!(
        age >= Duration::from_millis(50),
        "since it was begun: {age:?}"
    );
    let newer = Duration::from_millis(1);
    sleep(2 * newer).await;
    assert_eq!(two.sweep(newer).await.unwrap(), SweepTurn::Ours);
}

pub(crate) async fn a_sweep_that_failed_is_made_by_another(bench: impl Bench) {
    let (one, two) = (bench.start("one"), bench.start("two"));
    assert_eq!(one.sweep(RECENT).await.unwrap(), SweepTurn::Ours);
    one.swept(None).await.unwrap();
    assert_eq!(two.sweep(RECENT).await.unwrap(), SweepTurn::Ours);
    assert!(matches!(
        one.sweep(RECENT).await.unwrap(),
        SweepTurn::Soon(_)
    ));
}

pub(crate) async fn a_sweep_of_one_that_leaves_is_made_by_another(bench: impl Bench) {
    let (one, two) = (bench.start("one"), bench.start("two"));
    roll(&one).await;
    assert_eq!(one.sweep(RECENT).await.unwrap(), SweepTurn::Ours);
    two.leave().await.unwrap();
    assert!(matches!(
        two.sweep(RECENT).await.unwrap(),
        SweepTurn::Soon(_)
    ));
    one.leave().await.unwrap();
    assert_eq!(two.sweep(RECENT).await.unwrap(), SweepTurn::Ours);
}
