//! One of three dies for good while a thousand callbacks wait: how late is what was its to raise, and what was not?

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use callback_prioritizer::{
    conversation::ConversationId,
    sandbox::{Effect, RequestFault},
};
use jiff::Timestamp;
use tokio::time::{interval, sleep, timeout};

use crate::{
    PATIENCE, SEED, alone,
    centre::{Centre, WRITE},
    daemon::Daemon,
    database::Database,
    number,
};

/// Callbacks that wait.
const WAITING: u32 = 1_000;
/// Time from one raise to the next: twenty-five a second are due, spread evenly.
const WAIT: Duration = Duration::from_secs(40);
/// How long a claim lasts.
const LEASE: Duration = Duration::from_secs(30);
/// What a busy machine may need on top of that to raise it.
const MARGIN: Duration = Duration::from_secs(5);
/// Time from the last arrival until everything goes its usual way.
const SETTLING: Duration = Duration::from_secs(10);
/// Writes that are on their way and do not arrive when it dies.
const ON_THEIR_WAY: u32 = 5;
/// Who dies.
const DIES: &str = "r2";

/// One of them.
fn daemon(centre: &Centre, database: &Database, name: &str) -> Daemon {
    let platform = centre.sandbox.url();
    Daemon::new("failover", name)
        .variable("GENESYSCLOUD_OAUTHCLIENT_SECRET", "sandbox")
        .setting("GENESYS__API_URL", &platform)
        .setting("GENESYS__LOGIN_URL", &platform)
        .setting("GENESYS__CLIENT_ID", "sandbox")
        .setting("GENESYS__REQUESTS_PER_MINUTE", "3000")
        .setting("POLICY__WAIT", &format!("{}s", WAIT.as_secs()))
        .setting("STATUS__LISTEN", "127.0.0.1:0")
        .setting("JOURNAL__URL", &database.url)
        .setting("JOURNAL__REPLICA", name)
}

/// How late the steps were that fell due in some time.
struct Lateness(Vec<Duration>);

impl Lateness {
    /// Of these callbacks from the first time to the second. A step is made by the first write that goes as far or further.
    fn of(
        centre: &Centre,
        whose: impl Fn(&ConversationId) -> bool,
        (from, until): (Timestamp, Timestamp),
    ) -> Self {
        let mut made: HashMap<_, Vec<(i64, Timestamp)>> = HashMap::new();
        for write in centre.sandbox.world().writes() {
            let points = write.to.points();
            let of_callback = made.entry(write.conversation).or_default();
            of_callback.push((points, write.at));
        }
        let mut late = Vec::new();
        for (id, entered) in centre.entered() {
            let steps = centre.target(entered, from) + 1..=centre.target(entered, until);
            for step in steps.filter(|_| whose(&id)) {
                let due = entered + centre.wait * u32::try_from(step).unwrap();
                let first = made[&id].iter().find(|(points, _)| *points >= step);
                let at = first.map_or_else(|| centre.sandbox.world().now(), |(_, at)| *at);
                late.push(Duration::try_from(at.duration_since(due)).unwrap_or_default());
            }
        }
        late.sort_unstable();
        Self(late)
    }

    /// The lateness that so many of a hundred do not exceed.
    fn percentile(&self, percent: usize) -> Duration {
        self.0[(self.0.len() * percent).div_ceil(100) - 1]
    }

    /// Says it.
    #[expect(clippy::print_stdout, reason = "this is what it is run for")]
    fn tell(&self, whose: &str) {
        println!(
            "{whose:<34}{:>5} steps, late: median {:.3?}, 99 % {:.3?}, at most {:.3?}; {} by more than 3 s",
            self.0.len(),
            self.percentile(50),
            self.percentile(99),
            self.percentile(100),
            self.0.iter().filter(|late| late.as_secs() >= 3).count(),
        );
    }
}

/// A thousand callbacks arrive, evenly spread over a wait, so that the next step of each is due at a moment of its own.
async fn crowd(centre: &Centre) {
    let mut next = interval(WAIT / WAITING);
    for _ in 0..WAITING {
        next.tick().await;
        let _id = centre.arrive(Duration::ZERO);
    }
}

/// Kills it while it has claimed something that it has not written: some writes are cut off before they arrive, one of its
/// among them.
async fn kill_in_the_act(centre: &Centre, database: &Database, daemon: &mut Daemon) {
    let cut = RequestFault::to("PATCH", WRITE, Effect::Cut);
    let claimed = async {
        loop {
            centre
                .sandbox
                .faults()
                .requests(cut.clone().times(ON_THEIR_WAY));
            for _ in 0..20 {
                sleep(Duration::from_millis(5)).await;
                if !database.claimed_by(DIES).await.is_empty() {
                    return;
                }
            }
        }
    };
    timeout(PATIENCE, claimed)
        .await
        .expect("a claim of its own");
    daemon.kill();
    centre.calm();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_a_dead_ones_to_raise_is_late_by_one_lease_at_most_and_what_was_not_is_not_late() {
    let _alone = alone().await;
    let Some(database) = Database::begin("failover").await else {
        return;
    };
    let centre = Centre::open(number("SEED", SEED), WAIT).await;
    let mut daemons: Vec<_> = ["r1", DIES, "r3"]
        .map(|name| daemon(&centre, &database, name))
        .into();
    for daemon in &mut daemons {
        daemon.start();
        daemon.says("\"connected\"").await;
    }
    crowd(&centre).await;
    // Until its own writes have come back as events, each looks first.
    sleep(SETTLING).await;
    let steady = centre.sandbox.world().now();
    sleep(WAIT).await;

    kill_in_the_act(&centre, &database, &mut daemons[1]).await;
    let died = centre.sandbox.world().now();
    let claimed: HashSet<_> = database.claimed_by(DIES).await.into_iter().collect();
    let raised_last_by = database.raised_last_by().await;
    sleep(WAIT + LEASE + MARGIN).await;

    let before = Lateness::of(&centre, |_| true, (steady, died - MARGIN));
    let until = died + WAIT;
    let was_its = |id: &ConversationId| raised_last_by[id] == DIES;
    let its = Lateness::of(&centre, was_its, (died - MARGIN, until));
    let others = Lateness::of(&centre, |id| !was_its(id), (died, until));
    before.tell("before it died");
    its.tell("after it died, what was its");
    others.tell("after it died, what was not");
    say_claimed(&claimed);
    for daemon in [0, 2] {
        daemons[daemon].stop().await;
        daemons[daemon].is_sound();
    }
    assert!(before.0.len() >= 800 && others.0.len() >= 500 && its.0.len() >= 200);
    assert!(its.percentile(100) <= LEASE + MARGIN);
    // Those who live stand back for it until they take it for dead; and nobody waits for a lease but for what was claimed.
    let held = its.0.iter().filter(|late| late.as_secs() >= 3).count();
    assert!(held <= claimed.len(), "{held} waited for a lease");
    let disturbed = others.percentile(99).saturating_sub(before.percentile(99));
    assert!(disturbed < Duration::from_secs(1), "by {disturbed:?}");
    assert_eq!(database.twice().await, 0);
}

/// Says how many it had claimed.
#[expect(clippy::print_stdout, reason = "this is what it is run for")]
fn say_claimed(claimed: &HashSet<ConversationId>) {
    println!(
        "claimed by it when it died, and not raised: {}",
        claimed.len()
    );
}
