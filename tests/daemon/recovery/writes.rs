//! What if a write meets a callback that is not what it was?

use std::time::Duration;

use callback_prioritizer::{
    conversation::{ConversationId, Priority},
    sandbox::{Effect, RequestFault},
};

use crate::harness::{Centre, Running, minutes, pass, until};
use crate::log::Log;

/// Beginning of the path of the priority PATCH.
const WRITE: &str = "/api/v2/routing/conversations/";

#[tokio::test(start_paused = true)]
async fn one_answered_while_its_write_is_on_the_way_is_let_go_without_a_second_try() {
    for status in [400, 404, 409] {
        let log = Log::listen();
        let centre = Centre::with(|options| {
            options.not_waiting_status = status;
            options.latency = Duration::from_secs(1);
        })
        .await;
        let daemon = centre.start_ready().await;
        let id = centre.callback();
        // The look before the write is answered, and the write takes a second to arrive.
        until(centre.world(), |_| centre.looks(&id) == 1).await;
        pass(Duration::from_millis(500)).await;
        centre.world().answer(&id).unwrap();
        daemon.tracks(0).await;
        pass(minutes(30)).await;
        assert_eq!(centre.requests("PATCH", WRITE), 1, "{status}: one try");
        assert_eq!(centre.writes(&id), [0; 0], "{status}");
        let now = daemon.now();
        assert_eq!((now.answered, now.tracked), (1, 0), "{status}");
        let outcome = ["callback finished", "\"outcome\":\"answered\""];
        assert_eq!(log.count(&outcome), 1, "{status}");
        let loud = log.count(&["\"WARN\""]) + log.count(&["\"ERROR\""]);
        assert_eq!(loud, 0, "{status}: quietly");
        daemon.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn two_supervisors_changes_between_two_raises_leave_the_second_as_the_base() {
    let centre = Centre::open().await;
    let daemon = centre.start_ready().await;
    let id = centre.callback();
    daemon.until(|now| now.raises == 2).await;
    for points in [40, 25] {
        pass(minutes(1)).await;
        let set = centre.world().set_priority(&id, Priority::clamped(points));
        set.unwrap();
    }
    daemon.until(|now| now.raises == 4).await;
    assert_eq!(centre.writes(&id), [1, 2, 26, 27]);
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn two_supervisors_changes_while_it_was_down_leave_the_second_as_the_base() {
    let centre = Centre::open().await;
    let daemon = centre.start_ready().await;
    let id = centre.callback();
    daemon.until(|now| now.raises == 2).await;
    daemon.kill();
    for points in [40, 25] {
        pass(minutes(1)).await;
        let set = centre.world().set_priority(&id, Priority::clamped(points));
        set.unwrap();
    }
    let daemon = centre.start_ready().await;
    daemon.until(|now| now.raises == 2).await;
    assert_eq!(centre.writes(&id), [1, 2, 26, 27]);
    assert_eq!(daemon.now().foreign_changes, 1);
    daemon.stop().await;
}

/// A callback that was raised twice, a minute apart, and is raised no more; the first write of all was given no answer, so
/// it may arrive still. Nobody tells of changes.
async fn raised_to_the_last_over_a_lost_write() -> (Centre, Running, ConversationId) {
    let centre = Centre::with(|options| options.priority_events = false).await;
    let centre = centre
        .set("POLICY__WAIT", "60s")
        .set("POLICY__MAX_RAISES", "2");
    let lost = RequestFault::to("PATCH", WRITE, Effect::Cut).times(1);
    centre.sandbox.faults().requests(lost);
    let daemon = centre.start_ready().await;
    let id = centre.callback();
    daemon.until(|now| now.raises == 2).await;
    (centre, daemon, id)
}

#[tokio::test(start_paused = true)]
async fn a_write_that_arrives_after_the_last_raise_is_made_good_within_a_minute() {
    let (centre, daemon, id) = raised_to_the_last_over_a_lost_write().await;
    pass(Duration::from_secs(30)).await;
    centre
        .world()
        .set_priority(&id, Priority::clamped(1))
        .unwrap();
    daemon.until(|now| now.raises == 3).await;
    assert_eq!(centre.writes(&id), [1, 2, 2]);
    assert_eq!(daemon.now().foreign_changes, 0);
    // When none can arrive any more, it is let go of.
    daemon.until(|now| now.limited == 1).await;
    assert_eq!(daemon.now().tracked, 0);
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_a_supervisor_sets_is_no_write_of_ours_that_comes_minutes_late() {
    let (centre, daemon, id) = raised_to_the_last_over_a_lost_write().await;
    daemon.kill();
    pass(minutes(5)).await;
    centre
        .world()
        .set_priority(&id, Priority::clamped(1))
        .unwrap();
    let centre = centre.set("POLICY__MAX_RAISES", "20");
    let daemon = centre.start_ready().await;
    daemon.until(|now| now.raises == 1).await;
    assert_eq!(daemon.now().foreign_changes, 1);
    daemon.stop().await;
}
