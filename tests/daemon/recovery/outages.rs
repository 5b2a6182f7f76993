//! What if the platform, or the way to it, is gone for an hour?

use std::time::Duration;

use callback_prioritizer::sandbox::{Effect, Request, RequestFault};
use tokio::time::Instant;

use super::{
    CATCH_UP, caught_up_by_one_write_each, raised_once,
    relay::{Cable, Relay},
};
use crate::harness::{Centre, minutes, pass};

/// Beginning of the path of the priority PATCH.
const WRITE: &str = "/api/v2/routing/conversations/";
/// Requests in an hour without answers that are no storm: each callback, the sweep and the line once in half a minute.
const NO_STORM: u64 = 2 * 60 * 24;

/// A platform at the other end of a cable.
async fn wired() -> (Centre, Relay) {
    let centre = Centre::open().await;
    let relay = Relay::to(&centre.sandbox.url());
    let url = relay.url();
    let centre = centre
        .set("GENESYS__API_URL", &url)
        .set("GENESYS__LOGIN_URL", &url);
    (centre, relay)
}

#[tokio::test(start_paused = true)]
async fn connections_refused_for_an_hour_are_caught_up_by_one_write_each() {
    hour_behind_a_cable_that_is(Cable::Refusing).await;
}

#[tokio::test(start_paused = true)]
async fn half_open_connections_for_an_hour_are_caught_up_by_one_write_each() {
    hour_behind_a_cable_that_is(Cable::Dead).await;
}

/// An hour without a way to the platform, for requests and sockets alike.
async fn hour_behind_a_cable_that_is(cable: Cable) {
    let (centre, relay) = wired().await;
    let daemon = centre.start_ready().await;
    let ids = raised_once(&centre, &daemon).await;
    relay.is(cable);
    let faults = centre.sandbox.faults();
    faults.refuse_sockets(503, None);
    match cable {
        Cable::Dead => faults.silence_sockets(),
        Cable::Whole | Cable::Refusing => faults.cut_sockets(),
    }
    let (arrived, asked) = (centre.sandbox.requests().len(), daemon.now().requests);
    pass(minutes(60)).await;
    let asked = daemon.now().requests - asked;
    assert!((60..NO_STORM).contains(&asked), "{asked} in an hour");
    assert_eq!(centre.sandbox.requests().len(), arrived, "none arrived");
    assert_eq!(daemon.now().sockets, 0);

    relay.is(Cable::Whole);
    faults.clear();
    caught_up_by_one_write_each(&centre, &daemon, &ids, CATCH_UP).await;
    assert_eq!(daemon.now().sockets, 1);
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_platform_that_resets_everything_for_an_hour_is_caught_up_by_one_write_each() {
    hour_in_which_every_request_meets(Effect::Cut).await;
}

#[tokio::test(start_paused = true)]
async fn a_platform_that_answers_503_for_an_hour_is_caught_up_by_one_write_each() {
    hour_in_which_every_request_meets(Effect::Answer(503, None)).await;
}

/// An hour in which every request goes wrong alike, and no socket opens.
async fn hour_in_which_every_request_meets(effect: Effect) {
    let centre = Centre::open().await;
    let daemon = centre.start_ready().await;
    let ids = raised_once(&centre, &daemon).await;
    let faults = centre.sandbox.faults();
    faults.requests(RequestFault::to("", "/", effect));
    faults.refuse_sockets(503, None);
    faults.cut_sockets();
    let asked = daemon.now().requests;
    pass(minutes(60)).await;
    let asked = daemon.now().requests - asked;
    assert!((60..NO_STORM).contains(&asked), "{asked} in an hour");
    faults.clear();
    caught_up_by_one_write_each(&centre, &daemon, &ids, CATCH_UP).await;
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn writes_that_arrive_without_an_answer_for_an_hour_are_never_taken_for_somebody_elses() {
    let centre = Centre::open().await;
    let daemon = centre.start_ready().await;
    let id = centre.callback();
    daemon.until(|now| now.raises == 1).await;
    let lost = RequestFault::to("PATCH", WRITE, Effect::AppliedThenCut);
    centre.sandbox.faults().requests(lost);
    pass(minutes(60)).await;
    centre.sandbox.faults().clear();
    pass(minutes(6)).await;
    let mut writes = centre.writes(&id);
    assert!(writes.is_sorted(), "{writes:?}");
    writes.dedup();
    assert_eq!(writes, (1..=14).collect::<Vec<i64>>());
    assert_eq!(daemon.now().foreign_changes, 0);
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_socket_that_fell_silent_costs_neither_a_raise_nor_a_write_after_the_answer() {
    let centre = Centre::open().await;
    let daemon = centre.start_ready().await;
    let (waits, taken) = (centre.callback(), centre.callback());
    daemon.tracks(2).await;
    pass(Duration::from_secs(290)).await;
    centre.sandbox.faults().silence_sockets();
    let silent = Instant::now();
    centre.world().answer(&taken).unwrap();
    pass(Duration::from_secs(11)).await;
    assert_eq!(daemon.now().connects, 1, "nobody knows of the silence yet");
    assert_eq!(centre.writes(&waits), [1], "on time");
    assert_eq!(centre.requests("PATCH", &format!("{WRITE}{taken}")), 0);
    assert_eq!(daemon.now().answered, 1);
    let sweeps = daemon.now().sweeps;
    daemon
        .until(|now| now.connects == 2 && now.sweeps > sweeps)
        .await;
    let renewed = silent.elapsed();
    assert!(renewed < Duration::from_secs(40), "{renewed:?}");
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_429_storm_is_waited_out_also_while_the_socket_reconnects() {
    let centre = Centre::open().await.set("POLICY__WAIT", "20s");
    let daemon = centre.start_ready().await;
    let ids: Vec<_> = (0..20).map(|_| centre.callback()).collect();
    daemon.until(|now| now.raises == 20).await;
    let faults = centre.sandbox.faults();
    faults.requests(RequestFault::to("", "/", Effect::Answer(429, Some(50))));
    daemon.until(|now| !now.throttled.is_zero()).await;
    for _ in 0..6 {
        pass(Duration::from_secs(25)).await;
        faults.cut_sockets();
        pass(Duration::from_secs(95)).await;
    }
    faults.clear();
    let over = centre.world().now();
    let before: Vec<_> = ids.iter().map(|id| centre.writes(id).len()).collect();
    let last = centre.sandbox.requests();
    let throttled: Vec<_> = last.iter().filter(|one| one.status == Some(429)).collect();
    assert!((10..400).contains(&throttled.len()), "{}", throttled.len());
    daemon.until(|now| now.connects > 1).await;
    pass(minutes(1)).await;
    for refused in throttled {
        let until = refused.at + Duration::from_secs(50);
        // What was on its way when the answer came cannot be called back.
        let inside = |one: &&Request| one.at > refused.at && one.at < until;
        let requests = centre.sandbox.requests();
        let inside: Vec<_> = requests.iter().filter(inside).collect();
        assert!(inside.is_empty(), "{refused:?}: {inside:?}");
    }
    for (id, before) in ids.iter().zip(before) {
        let writes = centre.world().writes();
        let of_this = writes.iter().filter(|write| write.conversation == *id);
        let after: Vec<_> = of_this.skip(before).collect();
        assert!(
            after[0].at > over && after[0].to.points() >= 36,
            "{after:?}"
        );
    }
    daemon.stop().await;
}
