//! Does a raise cost one request while everything is in sight, and is it preceded by a look when something is not?

use std::time::Duration;

use callback_prioritizer::{
    conversation::{ConversationId, Priority},
    sandbox::{Effect, Fate, RequestFault},
};

use crate::harness::{Centre, Running, minutes, pass};

/// Beginning of the path of the priority PATCH.
const WRITE: &str = "/api/v2/routing/conversations/";

/// A daemon that has seen its own writes come back as events.
async fn sighted(centre: &Centre) -> Running {
    let daemon = centre.start_ready().await;
    let _first = centre.callback();
    daemon.until(|now| now.sighted).await;
    daemon
}

/// The same, and another callback that has just arrived.
async fn sighted_with_another(centre: &Centre) -> (Running, ConversationId) {
    let daemon = sighted(centre).await;
    let id = centre.callback();
    daemon.tracks(2).await;
    (daemon, id)
}

/// How often a callback was looked at and written to, since these numbers.
fn since(centre: &Centre, id: &ConversationId, (looks, writes): (usize, usize)) -> (usize, usize) {
    let (looked, written) = asked(centre, id);
    (looked - looks, written - writes)
}

/// How often a callback was looked at, and a write to it was tried.
fn asked(centre: &Centre, id: &ConversationId) -> (usize, usize) {
    let writes = centre.requests("PATCH", &format!("{WRITE}{id}"));
    (centre.looks(id), writes)
}

#[tokio::test(start_paused = true)]
async fn from_its_arrival_to_its_answer_a_callback_costs_its_raises_and_nothing_else() {
    let centre = Centre::open().await;
    let (daemon, id) = sighted_with_another(&centre).await;
    pass(minutes(61)).await;
    assert_eq!(centre.writes(&id), (1..=12).collect::<Vec<i64>>());
    centre.world().answer(&id).unwrap();
    daemon.tracks(1).await;
    pass(minutes(10)).await;
    assert_eq!(asked(&centre, &id), (0, 12));
    assert_eq!(daemon.now().answered, 1);
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_the_journal_knows_is_not_looked_at_after_a_restart() {
    let centre = Centre::open().await;
    let daemon = centre.start_ready().await;
    let ids: Vec<_> = (0..20).map(|_| centre.callback()).collect();
    daemon.until(|now| now.raises == 20).await;
    daemon.stop().await;
    let looks: usize = ids.iter().map(|id| centre.looks(id)).sum();
    let new = centre.callback();
    let daemon = centre.start_ready().await;
    daemon.tracks(21).await;
    pass(minutes(1)).await;
    let after: usize = ids.iter().map(|id| centre.looks(id)).sum();
    assert_eq!((after, centre.looks(&new)), (looks, 1), "only the new one");
    daemon.until(|now| now.raises == 21).await;
    assert!(ids.iter().all(|id| centre.writes(id) == [1, 2]));
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn sweeps_are_not_starved_where_each_raise_still_costs_a_look() {
    let centre = Centre::with(|options| options.activity_page_max = 50).await;
    let centre = centre.set("GENESYS__REQUESTS_PER_MINUTE", "27");
    for _ in 0..120 {
        let _id = centre.callback();
    }
    // They need 48 requests a minute while each raise costs two, and 24 as soon as it costs one.
    let daemon = centre.start();
    daemon.until(|now| now.sighted).await;
    let before = daemon.now();
    pass(minutes(20)).await;
    let now = daemon.now();
    let (looks, raises) = (now.looks - before.looks, now.raises - before.raises);
    assert!(raises > 400 && looks < 50, "{raises} raises, {looks} looks");
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn one_more_line_for_conversations_alone_costs_no_look() {
    let centre = Centre::with(|options| options.limits.max_topics = 1_000).await;
    let daemon = sighted(&centre).await;
    for _ in 0..600 {
        let _id = centre.callback();
    }
    daemon.until(|now| now.sockets == 2).await;
    assert!(daemon.now().sighted, "all queues are heard by the first");
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn hundreds_of_callbacks_cost_hardly_more_than_their_raises() {
    let centre = Centre::open().await;
    let daemon = sighted(&centre).await;
    for _ in 0..400 {
        let _id = centre.callback();
        pass(Duration::from_millis(700)).await;
    }
    pass(minutes(6)).await;
    let before = daemon.now();
    pass(minutes(30)).await;
    let now = daemon.now();
    let (requests, raises) = (now.requests - before.requests, now.raises - before.raises);
    assert!(raises > 2_390, "{raises}");
    assert!(requests * 100 <= raises * 106, "{requests} for {raises}");
    assert_eq!(now.throttled, Duration::ZERO);
    assert!(now.lateness < Duration::from_secs(2), "{:?}", now.lateness);
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn without_a_socket_every_raise_is_preceded_by_a_look() {
    let centre = Centre::open().await;
    let (daemon, id) = sighted_with_another(&centre).await;
    pass(minutes(1)).await;
    let before = asked(&centre, &id);
    centre.sandbox.faults().refuse_sockets(503, None);
    centre.sandbox.faults().cut_sockets();
    daemon.until(|now| !now.sighted).await;
    pass(minutes(10)).await;
    assert_eq!(since(&centre, &id, before), (2, 2));
    centre.sandbox.faults().clear();
    daemon.until(|now| now.sighted).await;
    let raises = daemon.now().raises;
    daemon.until(|now| now.raises >= raises + 2).await;
    pass(minutes(1)).await;
    let before = asked(&centre, &id);
    pass(minutes(10)).await;
    assert_eq!(since(&centre, &id, before), (0, 2), "and in sight again");
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn without_a_recent_sweep_every_raise_is_preceded_by_a_look() {
    let centre = Centre::open().await;
    let (daemon, id) = sighted_with_another(&centre).await;
    pass(minutes(1)).await;
    let fails = RequestFault::to("POST", "/api/v2/analytics/", Effect::Answer(503, None));
    centre.sandbox.faults().requests(fails);
    daemon.until(|now| !now.sighted).await;
    let before = asked(&centre, &id);
    pass(minutes(10)).await;
    assert_eq!(since(&centre, &id, before), (2, 2));
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn where_the_platform_tells_of_no_priority_a_supervisors_change_is_never_lowered() {
    let centre = Centre::with(|options| options.priority_events = false).await;
    let daemon = centre.start_ready().await;
    let id = centre.callback();
    daemon.until(|now| now.raises == 3).await;
    // Right before the next raise, and after the last sweep before it.
    pass(Duration::from_secs(295)).await;
    let set = centre.world().set_priority(&id, Priority::clamped(40));
    set.unwrap();
    daemon.until(|now| now.raises == 4).await;
    assert_eq!(centre.writes(&id), [1, 2, 3, 41]);
    assert!(!daemon.now().sighted);
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_supervisors_change_that_is_told_costs_a_look() {
    let centre = Centre::open().await;
    let (daemon, id) = sighted_with_another(&centre).await;
    pass(minutes(6)).await;
    let before = asked(&centre, &id);
    let set = centre.world().set_priority(&id, Priority::clamped(40));
    set.unwrap();
    pass(minutes(5)).await;
    assert_eq!(centre.writes(&id), [1, 41]);
    let (looks, writes) = since(&centre, &id, before);
    assert!((1..=2).contains(&looks) && writes == 1, "{looks} looks");
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_supervisors_change_that_is_taken_back_at_once_leaves_nothing_behind() {
    let centre = Centre::open().await;
    let (daemon, id) = sighted_with_another(&centre).await;
    pass(minutes(9) + Duration::from_secs(52)).await;
    assert_eq!(centre.writes(&id), [1]);
    for priority in [50, 1] {
        let world = centre.world();
        world
            .set_priority(&id, Priority::clamped(priority))
            .unwrap();
        pass(Duration::from_secs(3)).await;
    }
    pass(minutes(6)).await;
    assert_eq!(centre.writes(&id), [1, 2, 3]);
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_end_that_is_told_while_a_look_waits_its_turn_spares_the_look() {
    let centre = Centre::open().await;
    let (daemon, id) = sighted_with_another(&centre).await;
    pass(minutes(6)).await;
    let sweep = RequestFault::to("POST", "/api/v2/analytics/", Effect::Answer(429, Some(50)));
    centre.sandbox.faults().requests(sweep.times(1));
    daemon.until(|now| now.throttled > Duration::ZERO).await;
    let before = asked(&centre, &id);
    // A change asks for a look, which has to wait for the end of the hold.
    let set = centre.world().set_priority(&id, Priority::clamped(40));
    set.unwrap();
    pass(Duration::from_secs(5)).await;
    centre.world().answer(&id).unwrap();
    daemon.tracks(1).await;
    pass(minutes(2)).await;
    assert_eq!(since(&centre, &id, before), (0, 0));
    assert_eq!(daemon.now().answered, 1);
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn one_answered_with_its_events_lost_costs_one_refused_write_at_most() {
    for status in [400, 404, 409] {
        let centre = Centre::with(|options| options.not_waiting_status = status).await;
        let centre = centre.set("POLICY__WAIT", "10s");
        let (daemon, id) = sighted_with_another(&centre).await;
        pass(Duration::from_secs(11)).await;
        let before = asked(&centre, &id);
        centre.sandbox.faults().events("", Fate::Lost, None);
        centre.world().answer(&id).unwrap();
        daemon.tracks(1).await;
        pass(minutes(10)).await;
        let (looks, writes) = since(&centre, &id, before);
        assert!(looks <= 1 && writes <= 1, "{looks} looks, {writes} writes");
        assert_eq!(daemon.now().answered, 1, "{status}");
        daemon.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_transfer_that_nobody_told_of_is_seen_by_the_next_sweep() {
    let centre = Centre::open().await;
    let (daemon, id) = sighted_with_another(&centre).await;
    pass(minutes(6)).await;
    centre.sandbox.faults().events("", Fate::Lost, None);
    let sales = centre.queue("Sales");
    let moved = centre
        .world()
        .transfer(&id, &sales, Some(Priority::clamped(50)));
    moved.unwrap();
    let looks = centre.looks(&id);
    pass(Duration::from_secs(70)).await;
    assert_eq!(centre.looks(&id) - looks, 1);
    pass(minutes(5)).await;
    assert_eq!(centre.writes(&id), [1, 51]);
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn one_moved_to_a_queue_that_is_not_ours_without_a_word_is_let_go() {
    let centre = Centre::open().await.set("CALLBACKS__QUEUES", "Support");
    let (daemon, id) = sighted_with_another(&centre).await;
    pass(minutes(6)).await;
    centre.sandbox.faults().events("", Fate::Lost, None);
    let sales = centre.queue("Sales");
    centre.world().transfer(&id, &sales, None).unwrap();
    daemon.tracks(1).await;
    pass(minutes(10)).await;
    assert_eq!(centre.writes(&id), [1]);
    assert_eq!(daemon.now().left, 1);
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_arrival_told_long_after_the_end_is_looked_into_and_not_believed() {
    let centre = Centre::open().await.set("POLICY__WAIT", "10s");
    let (daemon, id) = sighted_with_another(&centre).await;
    let faults = centre.sandbox.faults();
    faults.events(".callbacks", Fate::Late(minutes(3)), Some(1));
    centre.world().alert(&id).unwrap();
    pass(Duration::from_secs(35)).await;
    centre.world().answer(&id).unwrap();
    daemon.tracks(1).await;
    let before = asked(&centre, &id);
    pass(minutes(5)).await;
    assert_eq!(since(&centre, &id, before), (1, 0), "a look, and no write");
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_arrival_told_after_a_supervisors_change_is_looked_into_and_not_believed() {
    let centre = Centre::open().await.set("POLICY__MAX_PRIORITY", "50");
    let daemon = sighted(&centre).await;
    let faults = centre.sandbox.faults();
    faults.events(".callbacks", Fate::Late(minutes(3)), Some(1));
    let id = centre.callback();
    let set = centre.world().set_priority(&id, Priority::clamped(60));
    set.unwrap();
    // The change is told first, and says that nothing is to be raised.
    pass(minutes(2)).await;
    assert_eq!(daemon.now().limited, 1);
    pass(minutes(20)).await;
    assert_eq!(centre.writes(&id), [0; 0]);
    assert_eq!(daemon.now().foreign_changes, 0);
    daemon.stop().await;
}
