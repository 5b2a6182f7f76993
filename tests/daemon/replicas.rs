//! Several daemons on one journal: is every callback where it belongs, by one write, and whoever of them is gone?

mod outage;

use std::time::Duration;

use callback_prioritizer::{
    conversation::{ConversationId, Priority},
    daemon::DaemonError,
    sandbox::{Effect, RequestFault},
};
use jiff::Timestamp;
use tokio::time::{Instant, sleep_until};

use crate::{
    harness::{Centre, Running, minutes, pass},
    log::Log,
};

/// Beginning of the path of the priority PATCH.
const WRITE: &str = "/api/v2/routing/conversations/";
/// Where channels are made.
const CHANNELS: &str = "/api/v2/notifications/channels";
/// Beginning of the path of a look.
const LOOK: &str = "/api/v2/conversations/";
/// Where all that wait are asked for.
const SWEEP: &str = "/api/v2/analytics/conversations/activity/query";

/// So many callbacks, known to all of these replicas.
async fn callbacks(centre: &Centre, replicas: &[&Running], number: usize) -> Vec<ConversationId> {
    let ids: Vec<_> = (0..number).map(|_| centre.callback()).collect();
    for replica in replicas {
        replica.tracks(number).await;
    }
    ids
}

/// The latest that a write came after it was due, of callbacks that entered then and are raised by one point every five
/// minutes.
fn latest(centre: &Centre, entered: Timestamp) -> Duration {
    let writes = centre.world().writes().into_iter();
    let late = writes.map(|write| {
        let due = entered + minutes(5) * u32::try_from(write.to.points()).unwrap();
        Duration::try_from(write.at.duration_since(due)).expect("never early")
    });
    late.max().unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn each_step_is_written_once_on_time_by_one_or_the_other_and_costs_one_request() {
    const WAITING: usize = 20;
    let centre = Centre::open().await;
    let [one, two] = centre.start_replicas(["one", "two"]).await;
    let entered = centre.clock.now();
    let ids = callbacks(&centre, &[&one, &two], WAITING).await;
    // Until their own writes have come back as events, they look first.
    pass(minutes(61)).await;
    let (sweeps, looks) = (centre.requests("POST", SWEEP), all_looks(&centre, &ids));
    pass(minutes(60)).await;
    for id in &ids {
        assert_eq!(centre.writes(id), (1..=24).collect::<Vec<i64>>());
    }
    assert_eq!(
        all_looks(&centre, &ids),
        looks,
        "the journal explains what the other wrote"
    );
    let sweeps = centre.requests("POST", SWEEP) - sweeps;
    assert!((58..=62).contains(&sweeps), "one a round: {sweeps}");
    let raises = [&one, &two].map(|replica| replica.now().raises);
    assert_eq!(raises.iter().sum::<u64>(), 24 * WAITING as u64);
    assert!(
        raises.iter().all(|raises| *raises > 100),
        "both work: {raises:?}"
    );
    assert!(
        latest(&centre, entered) < Duration::from_secs(4),
        "{:?}",
        latest(&centre, entered)
    );
    for replica in [one, two] {
        let now = replica.now();
        assert_eq!(
            (now.foreign_changes, now.claims_lost, now.repairs),
            (0, 0, 0)
        );
        let rounds = now.sweeps + now.sweeps_taken_over;
        assert!(rounds >= 119, "of its own or taken over: {rounds}");
        replica.stop().await;
    }
}

/// How often these were read.
fn all_looks(centre: &Centre, ids: &[ConversationId]) -> usize {
    ids.iter().map(|id| centre.looks(id)).sum()
}

#[tokio::test(start_paused = true)]
async fn the_callbacks_of_a_killed_one_are_raised_by_the_other() {
    let centre = Centre::open().await;
    let [one, two] = centre.start_replicas(["one", "two"]).await;
    let entered = centre.clock.now();
    let ids = callbacks(&centre, &[&one, &two], 10).await;
    pass(minutes(7)).await;
    one.kill();
    pass(minutes(60)).await;
    for id in &ids {
        assert_eq!(centre.writes(id), (1..=13).collect::<Vec<i64>>());
    }
    // It was dead for long when the first of these was due, though it lived when the other began to wait for that.
    let latest = latest(&centre, entered);
    assert!(latest < Duration::from_secs(1), "{latest:?}");
    two.until(|now| now.replicas.iter().any(|one| !one.lives))
        .await;
    two.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_a_killed_one_was_at_is_late_by_its_claim_and_nothing_else_is() {
    let centre = Centre::open().await;
    let [one, two] = centre.start_replicas(["one", "two"]).await;
    let entered = centre.clock.now();
    let ids = callbacks(&centre, &[&one, &two], 10).await;
    pass(minutes(7)).await;
    // Each write of this round is on its way when it happens.
    let slow = Effect::Delay(Duration::from_secs(5));
    centre
        .sandbox
        .faults()
        .requests(RequestFault::to("PATCH", WRITE, slow));
    pass(minutes(3) + Duration::from_secs(1)).await;
    one.kill();
    centre.sandbox.faults().clear();
    pass(minutes(20)).await;
    for id in &ids {
        let writes = centre.writes(id);
        assert_eq!(writes.last(), Some(&6), "{writes:?}");
        let risen = writes.windows(2).all(|pair| pair[0] <= pair[1]);
        assert!(risen, "never lowered: {writes:?}");
    }
    assert!(
        latest(&centre, entered) < Duration::from_secs(35),
        "{:?}",
        latest(&centre, entered)
    );
    two.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_look_that_is_answered_after_others_have_raised_is_no_change_by_somebody_else() {
    let centre = Centre::open().await.set("POLICY__WAIT", "2s");
    let one = centre.start_replica("one");
    one.until(|now| now.ready && now.sockets > 0).await;
    let ids = callbacks(&centre, &[&one], 4).await;
    pass(minutes(1)).await;
    // Answered with what was so when it was asked, and read when the other has raised thrice.
    let slow = Effect::Delay(Duration::from_secs(7));
    let looks = RequestFault::to("GET", LOOK, slow);
    centre.sandbox.faults().requests(looks.times(4));
    let two = centre.start_replica("two");
    two.tracks(4).await;
    pass(minutes(1)).await;
    assert!(ids.iter().any(|id| centre.looks(id) > 0));
    for id in &ids {
        let writes = centre.writes(id);
        assert!(writes.is_sorted(), "never lowered: {writes:?}");
    }
    for replica in [one, two] {
        assert_eq!(replica.now().foreign_changes, 0);
        replica.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn together_they_keep_to_the_budget() {
    // Twice as many as the budget carries.
    const WAITING: usize = 600;
    let centre = Centre::open().await.set("POLICY__WAIT", "1m");
    let [one, two, three] = centre.start_replicas(["one", "two", "three"]).await;
    callbacks(&centre, &[&one, &two, &three], WAITING).await;
    pass(minutes(15)).await;
    assert_eq!(centre.answered(&[429]), 0);
    // Sockets are counted apart from requests.
    let mut requests = centre.sandbox.requests();
    requests.retain(|request| request.path.starts_with("/api/") || request.method == "POST");
    let times: Vec<Timestamp> = requests.iter().map(|request| request.at).collect();
    let in_a_minute = |first: usize| {
        let end = times[first] + minutes(1);
        times[first..].iter().take_while(|at| **at < end).count()
    };
    let most = (0..times.len()).map(in_a_minute).max().unwrap();
    assert!((290..=300).contains(&most), "{most}");
    for replica in [one, two, three] {
        assert!(replica.now().raises > 700, "each has its part");
        replica.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_hold_that_one_meets_is_kept_by_the_other() {
    let centre = Centre::open().await;
    let [one, two] = centre.start_replicas(["one", "two"]).await;
    callbacks(&centre, &[&one, &two], 30).await;
    pass(minutes(4)).await;
    let throttle = Effect::Answer(429, Some(20));
    let fault = RequestFault::to("PATCH", WRITE, throttle).times(1);
    centre.sandbox.faults().requests(fault);
    pass(minutes(3)).await;
    let requests = centre.sandbox.requests();
    let held = requests
        .iter()
        .find(|request| request.status == Some(429))
        .unwrap();
    let during = requests.iter().filter(|request| {
        let later = request.at.duration_since(held.at).as_secs();
        (2..20).contains(&later)
    });
    assert_eq!(during.count(), 0);
    for replica in [one, two] {
        replica.stop().await;
    }
}

/// Two replicas, of which the first takes orders.
async fn one_takes_orders() -> (Centre, [Running; 2]) {
    let centre = Centre::open().await;
    let two = centre.start_replica("two");
    two.until(|now| now.ready).await;
    let centre = centre.ordered();
    let one = centre.start_replica("one");
    one.until(|now| now.ready).await;
    (centre, [one, two])
}

#[tokio::test(start_paused = true)]
async fn a_pause_of_one_holds_for_the_other_and_so_does_its_end() {
    let (centre, [one, two]) = one_takes_orders().await;
    let ids = callbacks(&centre, &[&one, &two], 10).await;
    centre.order(r#"{"order":"pause"}"#).await;
    two.until(|now| now.paused.len() == 1).await;
    pass(minutes(11)).await;
    assert!(ids.iter().all(|id| centre.writes(id).is_empty()));
    centre.order(r#"{"order":"resume"}"#).await;
    two.until(|now| now.paused.is_empty()).await;
    pass(minutes(1)).await;
    assert!(ids.iter().all(|id| centre.writes(id) == [2]));
    for replica in [one, two] {
        replica.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_is_ordered_when_another_ends_is_not_lost() {
    let (centre, [one, two]) = one_takes_orders().await;
    let end = Instant::now() + minutes(1);
    centre
        .order(r#"{"order":"pause","queue":"Sales","for_ms":60000}"#)
        .await;
    two.until(|now| now.paused.len() == 1).await;
    // Before the other has heard of it, both end the first.
    sleep_until(end - Duration::from_millis(50)).await;
    centre.order(r#"{"order":"pause","queue":"Support"}"#).await;
    pass(Duration::from_secs(10)).await;
    for replica in [one, two] {
        let paused = replica.now().paused;
        let queues: Vec<_> = paused.into_iter().map(|pause| pause.queue).collect();
        assert_eq!(queues, [Some(centre.queue("Support"))]);
        replica.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn each_says_that_sweeps_work_again_also_by_what_another_has_found() {
    let log = Log::listen();
    let centre = Centre::open().await.set("CALLBACKS__SWEEP", "10m");
    let replicas = centre.start_replicas(["one", "two"]).await;
    let down = RequestFault::to("POST", SWEEP, Effect::Answer(503, None));
    centre.sandbox.faults().requests(down);
    pass(minutes(30)).await;
    assert_eq!(log.count(&["\"WARN\"", "sweep failed"]), 2);
    centre.sandbox.faults().clear();
    let before = log.count(&["taken over"]);
    pass(minutes(2)).await;
    assert_eq!(log.count(&["taken over"]), before + 1);
    assert_eq!(log.count(&["\"INFO\"", "sweeps work again"]), 2);
    for replica in replicas {
        replica.stop().await;
    }
}

/// How many channels were made.
fn channels(centre: &Centre) -> usize {
    let requests = centre.sandbox.requests().into_iter();
    let made = requests.filter(|one| one.method == "POST" && one.path == CHANNELS);
    made.count()
}

#[tokio::test(start_paused = true)]
async fn starts_that_end_before_their_socket_is_up_make_no_channel_each() {
    let centre = Centre::open().await;
    let [one, mut two] = centre.start_replicas(["one", "two"]).await;
    let topics = format!("{CHANNELS}/");
    let slow = RequestFault::to("", &topics, Effect::Delay(minutes(1)));
    centre.sandbox.faults().requests(slow);
    for _ in 0..3 {
        two.kill();
        two = centre.start_replica("two");
        two.until(|now| now.sweeps > 0).await;
        pass(Duration::from_secs(5)).await;
        assert_eq!(two.now().sockets, 0, "it subscribes still");
    }
    two.kill();
    centre.sandbox.faults().clear();
    let two = centre.start_replica("two");
    two.until(|now| now.sockets > 0).await;
    assert_eq!(channels(&centre), 2);
    for replica in [one, two] {
        replica.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_channel_is_taken_up_again_after_a_restart_unless_it_is_no_more() {
    let centre = Centre::open().await;
    let made = || channels(&centre);
    let [one, mut two] = centre.start_replicas(["one", "two"]).await;
    assert_eq!(made(), 2);
    let id = centre.callback();
    for _ in 0..3 {
        two.kill();
        two = centre.start_replica("two");
        two.until(|now| now.sockets > 0 && now.tracked == 1).await;
        let other = centre.callback();
        pass(Duration::from_secs(1)).await;
        assert_eq!(two.now().tracked, 2, "told by an event");
        centre.world().answer(&other).unwrap();
        two.tracks(1).await;
    }
    assert_eq!(made(), 2);
    two.kill();
    centre.sandbox.faults().evict_channels();
    let two = centre.start_replica("two");
    two.until(|now| now.sockets > 0 && now.tracked == 1).await;
    assert!(made() > 2);
    pass(minutes(6)).await;
    assert_eq!(centre.writes(&id), [1]);
    for replica in [one, two] {
        replica.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_one_has_learnt_of_somebody_else_s_change_is_not_undone_by_what_another_knew_before() {
    let centre = Centre::with(|options| options.priority_events = false).await;
    let [one, two] = centre.start_replicas(["one", "two"]).await;
    let ids = callbacks(&centre, &[&one, &two], 10).await;
    pass(minutes(10) + Duration::from_secs(31)).await;
    for id in &ids {
        let world = centre.world();
        world.set_priority(id, Priority::clamped(50)).unwrap();
    }
    // Of this change no event tells: whoever raises next finds it, and the other one still believes in what was before.
    pass(minutes(10)).await;
    for id in &ids {
        assert_eq!(centre.writes(id), [1, 2, 51, 52]);
    }
    let foreign = [&one, &two].map(|replica| replica.now().foreign_changes);
    assert_eq!(foreign.iter().sum::<u64>(), 10, "each is noted once");
    for replica in [one, two] {
        replica.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_sixth_and_a_namesake_end_with_the_reason() {
    let centre = Centre::open().await;
    let five = centre.start_replicas(["a", "b", "c", "d", "e"]).await;
    let Err(DaemonError::NoPlace(why)) = centre.start_replica("f").ended().await else {
        panic!("it has a place");
    };
    assert!(why.contains("5 replicas run already"), "{why}");
    let mut five = Vec::from(five);
    let again = centre.start_replica("e");
    let before = five.pop().unwrap().ended().await;
    let Err(DaemonError::NoPlace(why)) = before else {
        panic!("it stays");
    };
    assert!(why.contains("the name e"), "{why}");
    again.until(|now| now.ready).await;
    let id = centre.callback();
    pass(minutes(6)).await;
    assert_eq!(centre.writes(&id), [1]);
    five.push(again);
    for replica in five {
        replica.stop().await;
    }
}
