//! What if events come late, twice, in the wrong order, or tell of a visit that is over?

use std::time::Duration;

use callback_prioritizer::{
    conversation::{ConversationId, Priority},
    sandbox::Fate,
};

use crate::harness::{Centre, Running, minutes, pass};

/// A callback that was raised twice in one queue and was then moved to another at a priority of 50, of which no event
/// has told so far; and the daemon that found it out by itself and has raised it once there.
async fn transferred_in_silence() -> (Centre, Running, ConversationId) {
    let centre = Centre::open().await;
    let daemon = centre.start_ready().await;
    let id = centre.callback();
    daemon.until(|now| now.raises == 2).await;
    pass(minutes(1)).await;
    let faults = centre.sandbox.faults();
    faults.events("", Fate::Held, None);
    let sales = centre.queue("Sales");
    centre
        .world()
        .transfer(&id, &sales, Some(Priority::clamped(50)))
        .unwrap();
    daemon.until(|now| now.raises == 3).await;
    assert_eq!(centre.writes(&id), [1, 2, 51]);
    (centre, daemon, id)
}

/// Sees that the callback has been looked at once or twice more and is raised in its new visit as if nothing had come.
async fn goes_on_undisturbed(centre: &Centre, daemon: Running, id: &ConversationId, looks: usize) {
    pass(Duration::from_secs(30)).await;
    let looked = centre.looks(id) - looks;
    assert!((1..=2).contains(&looked), "{looked} looks");
    pass(minutes(10)).await;
    assert_eq!(centre.writes(id), [1, 2, 51, 52, 53]);
    let now = daemon.now();
    assert_eq!((now.tracked, now.foreign_changes, now.left), (1, 0, 0));
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn events_of_the_visit_before_a_transfer_that_come_long_after_it_change_nothing() {
    let (centre, daemon, id) = transferred_in_silence().await;
    let looks = centre.looks(&id);
    let in_order: Vec<usize> = (0..50).collect();
    centre.sandbox.faults().release_events(Some(&in_order));
    goes_on_undisturbed(&centre, daemon, &id, looks).await;
}

#[tokio::test(start_paused = true)]
async fn events_of_the_visit_before_a_transfer_that_come_last_first_change_nothing() {
    let (centre, daemon, id) = transferred_in_silence().await;
    let looks = centre.looks(&id);
    centre.sandbox.faults().release_events(None);
    goes_on_undisturbed(&centre, daemon, &id, looks).await;
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_visit_before_a_transfer_told_ten_times_over_changes_nothing() {
    let (centre, daemon, id) = transferred_in_silence().await;
    let looks = centre.looks(&id);
    let topic = format!("v2.detail.events.conversation.{id}.acd.end");
    let event = format!(
        r#"{{"topicName":"{topic}","eventBody":{{"conversationId":"{id}","mediaType":"CALLBACK"}}}}"#
    );
    for _ in 0..10 {
        centre.sandbox.faults().send_text(&event);
    }
    goes_on_undisturbed(&centre, daemon, &id, looks).await;
}

#[tokio::test(start_paused = true)]
async fn events_that_come_twice_are_raised_once() {
    let centre = Centre::open().await;
    let daemon = centre.start_ready().await;
    centre.sandbox.faults().events("", Fate::Twice, None);
    let id = centre.callback();
    daemon.tracks(1).await;
    pass(minutes(2)).await;
    centre.world().alert(&id).unwrap();
    pass(minutes(14)).await;
    assert_eq!(centre.writes(&id), [1, 2, 3]);
    centre.world().answer(&id).unwrap();
    daemon.tracks(0).await;
    pass(minutes(10)).await;
    assert_eq!(centre.writes(&id), [1, 2, 3]);
    assert_eq!(daemon.now().answered, 1);
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_arrival_told_after_the_answer_costs_one_look_and_no_write() {
    let centre = Centre::open().await;
    let daemon = centre.start_ready().await;
    centre.sandbox.faults().events("", Fate::Held, None);
    let id = centre.callback();
    pass(Duration::from_secs(10)).await;
    centre.world().answer(&id).unwrap();
    // The newest first: what came last is what was first.
    centre.sandbox.faults().release_events(None);
    daemon.until(|now| now.looks > 0).await;
    pass(minutes(30)).await;
    assert!(centre.looks(&id) <= 2, "{}", centre.looks(&id));
    assert_eq!(centre.requests("PATCH", "/"), 0);
    assert_eq!(daemon.now().tracked, 0);
    daemon.stop().await;
}
