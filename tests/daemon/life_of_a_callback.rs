//! What happens to a callback from its arrival to its end?

use std::time::Duration;

use callback_prioritizer::{
    conversation::Priority,
    sandbox::{Call, Callback, Situation},
};

use crate::{
    harness::{Centre, minutes, pass},
    log::Log,
};

#[tokio::test(start_paused = true)]
async fn it_is_raised_on_schedule_until_it_is_answered() {
    let centre = Centre::open().await;
    let daemon = centre.start_ready().await;
    let id = centre.callback();
    daemon.tracks(1).await;
    pass(Duration::from_secs(1)).await;
    for step in 1..=30 {
        pass(minutes(5)).await;
        assert_eq!(centre.priority(&id), step, "a second after its due time");
    }
    centre.world().answer(&id).unwrap();
    daemon.tracks(0).await;
    assert_eq!(daemon.now().answered, 1);
    let written = centre.writes(&id);
    pass(minutes(60)).await;
    assert_eq!(
        centre.writes(&id),
        written,
        "nothing is written after the answer"
    );
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn due_times_count_from_queue_entry_and_do_not_drift() {
    let centre = Centre::open().await.set("POLICY__WAIT", "30s");
    let daemon = centre.start_ready().await;
    let id = centre.callback();
    let entered = centre.world().now();
    daemon.until(|now| now.raises == 100).await;
    let writes = centre.world().writes();
    for (write, step) in writes.iter().zip(1..) {
        let late = (write.at - (entered + Duration::from_secs(30) * step))
            .total(jiff::Unit::Millisecond)
            .unwrap();
        assert!(
            (0.0..1_000.0).contains(&late),
            "step {step} was {late} ms late"
        );
    }
    assert_eq!(centre.writes(&id), (1..=100).collect::<Vec<i64>>());
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn one_already_waiting_at_the_start_gets_all_that_is_due_in_one_write() {
    let centre = Centre::open().await;
    let support = centre.queue("Support");
    let waiting = Callback::to(&support)
        .at_priority(3)
        .waiting_for(minutes(17));
    let id = centre.world().add_callback(waiting);
    let daemon = centre.start_ready().await;
    daemon.until(|now| now.raises == 1).await;
    assert_eq!(
        centre.writes(&id),
        [6],
        "three steps in 17 minutes on a base of 3"
    );
    pass(minutes(3)).await;
    pass(Duration::from_secs(1)).await;
    assert_eq!(centre.writes(&id), [6, 7], "the fourth at 20 minutes");
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_transfer_starts_anew_with_the_priority_it_brings() {
    let centre = Centre::open().await;
    let daemon = centre.start_ready().await;
    let id = centre.callback();
    daemon.until(|now| now.raises == 2).await;
    let sales = centre.queue("Sales");
    centre
        .world()
        .transfer(&id, &sales, Some(Priority::clamped(50)))
        .unwrap();
    pass(minutes(4)).await;
    assert_eq!(centre.writes(&id), [1, 2], "the old schedule is over");
    pass(minutes(2)).await;
    assert_eq!(
        centre.writes(&id),
        [1, 2, 51],
        "five minutes after the transfer"
    );
    assert_eq!(
        daemon.now().foreign_changes,
        0,
        "a new visit has a base of its own"
    );
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_scheduled_one_is_left_alone_until_it_waits() {
    let centre = Centre::with(|options| options.due_delay = minutes(1)).await;
    let daemon = centre.start_ready().await;
    let support = centre.queue("Support");
    let planned = Callback::to(&support).scheduled_in(minutes(60));
    let id = centre.world().add_callback(planned);
    daemon.tracks(1).await;
    pass(minutes(59)).await;
    assert_eq!(centre.writes(&id), [0; 0]);
    assert!(centre.looks(&id) <= 2, "nobody looks at it before its time");
    crate::harness::until(centre.world(), |world| {
        world.situation(&id) == Some(Situation::Waiting)
    })
    .await;
    pass(Duration::from_secs(299)).await;
    assert_eq!(
        centre.writes(&id),
        [0; 0],
        "the time counts from queue entry"
    );
    pass(Duration::from_secs(2)).await;
    assert_eq!(centre.writes(&id), [1]);
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_missed_alert_changes_nothing() {
    let centre = Centre::open().await;
    let daemon = centre.start_ready().await;
    let id = centre.callback();
    daemon.tracks(1).await;
    for _ in 0..4 {
        pass(minutes(2)).await;
        centre.world().alert(&id).unwrap();
    }
    pass(minutes(8)).await;
    assert_eq!(centre.writes(&id), [1, 2, 3]);
    assert_eq!(daemon.now().tracked, 1);
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_supervisors_change_is_the_new_base_and_is_never_lowered() {
    let centre = Centre::open().await;
    let daemon = centre.start_ready().await;
    let id = centre.callback();
    daemon.until(|now| now.raises == 2).await;
    pass(minutes(1)).await;
    centre
        .world()
        .set_priority(&id, Priority::clamped(40))
        .unwrap();
    daemon.until(|now| now.foreign_changes == 1).await;
    daemon.until(|now| now.raises == 3).await;
    assert_eq!(centre.priority(&id), 41);
    centre
        .world()
        .set_priority(&id, Priority::clamped(10))
        .unwrap();
    daemon.until(|now| now.raises == 4).await;
    assert_eq!(centre.writes(&id), [1, 2, 41, 11]);
    assert_eq!(daemon.now().foreign_changes, 2);
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn it_stops_at_max_raises_and_stays_there() {
    let centre = Centre::open().await.set("POLICY__MAX_RAISES", "2");
    let daemon = centre.start_ready().await;
    let id = centre.callback();
    daemon.until(|now| now.limited == 1).await;
    pass(minutes(60)).await;
    assert_eq!(centre.writes(&id), [1, 2]);
    let now = daemon.now();
    assert_eq!(
        (now.limited, now.tracked),
        (1, 0),
        "said once, and not tracked any more"
    );
    assert!(centre.looks(&id) <= 6, "{} looks", centre.looks(&id));
    let sales = centre.queue("Sales");
    centre.world().transfer(&id, &sales, None).unwrap();
    pass(minutes(6)).await;
    assert_eq!(centre.writes(&id), [1, 2, 3], "a transfer is a new visit");
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn it_stops_at_max_priority() {
    let centre = Centre::open()
        .await
        .set("POLICY__MAX_PRIORITY", "5")
        .set("POLICY__INCREMENT", "2");
    let daemon = centre.start_ready().await;
    let id = centre.callback();
    daemon.until(|now| now.limited == 1).await;
    pass(minutes(60)).await;
    assert_eq!(centre.writes(&id), [2, 4, 5]);
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn one_that_a_supervisor_lowers_from_max_priority_is_raised_again_from_there() {
    for told in [true, false] {
        let centre = Centre::with(|options| options.priority_events = told).await;
        let centre = centre.set("POLICY__MAX_PRIORITY", "3");
        let daemon = centre.start_ready().await;
        let id = centre.callback();
        daemon.until(|now| now.limited == 1).await;
        pass(minutes(10)).await;
        let looks = centre.looks(&id);
        let set = centre.world().set_priority(&id, Priority::clamped(1));
        set.unwrap();
        // Where no event tells of it, the next sweep does.
        daemon.tracks(1).await;
        daemon.until(|now| now.limited == 2).await;
        assert_eq!(centre.writes(&id), [1, 2, 3, 2, 3], "told: {told}");
        pass(minutes(30)).await;
        assert_eq!(daemon.now().tracked, 0, "told: {told}");
        let looks = centre.looks(&id) - looks;
        assert!(looks <= 5, "{looks} looks, told: {told}");
        daemon.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn it_ends_when_the_customer_hangs_up_or_a_flow_takes_it() {
    let centre = Centre::open().await;
    let daemon = centre.start_ready().await;
    let (gone, taken) = (centre.callback(), centre.callback());
    daemon.tracks(2).await;
    pass(Duration::from_secs(1)).await;
    centre.world().hangup(&gone).unwrap();
    centre.world().leave_queue(&taken).unwrap();
    daemon.until(|now| now.left == 2 && now.tracked == 0).await;
    pass(minutes(30)).await;
    assert!(centre.world().writes().is_empty());
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn calls_are_never_touched() {
    let centre = Centre::with(|options| options.bulk_topics = true).await;
    let daemon = centre.start_ready().await;
    let call = centre.world().add_call(Call::to(&centre.queue("Support")));
    let callback = centre.callback();
    daemon.until(|now| now.raises == 3).await;
    assert_eq!(centre.looks(&call), 0);
    assert_eq!(centre.writes(&call), [0; 0]);
    assert_eq!(centre.writes(&callback), [1, 2, 3]);
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn queues_that_are_not_ours_are_left_alone() {
    let centre = Centre::open().await.set("CALLBACKS__QUEUES", "Sup*");
    let daemon = centre.start_ready().await;
    let sales = centre.queue("Sales");
    let (ours, theirs) = (
        centre.callback(),
        centre.world().add_callback(Callback::to(&sales)),
    );
    daemon.until(|now| now.raises == 1).await;
    centre.world().transfer(&ours, &sales, None).unwrap();
    daemon.tracks(0).await;
    pass(minutes(30)).await;
    assert_eq!(centre.writes(&ours), [1]);
    assert_eq!(centre.writes(&theirs), [0; 0]);
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_writes_nothing() {
    let log = Log::listen();
    let centre = Centre::open().await.set("CALLBACKS__DRY_RUN", "true");
    let daemon = centre.start_ready().await;
    let id = centre.callback();
    daemon.tracks(1).await;
    pass(minutes(31)).await;
    assert_eq!(centre.requests("PATCH", "/"), 0);
    let now = daemon.now();
    assert_eq!((now.raises, now.refused_raises), (0, 0), "not even tried");
    assert_eq!(
        (now.dry_run, now.would_be_raised),
        (true, 6),
        "told as such, once for each step"
    );
    assert_eq!(log.count(&["priority would be raised"]), 6);
    assert_eq!(centre.priority(&id), 0);
    daemon.stop().await;
}
