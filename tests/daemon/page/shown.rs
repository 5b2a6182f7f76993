//! What is shown of each callback, and of what happened.

use std::time::Duration;

use callback_prioritizer::{
    conversation::Priority,
    sandbox::{Callback, Effect, RequestFault},
    status::{Outcome, Outlook, Reason, Report, Row},
};

use super::{address, get};
use crate::harness::{Centre, Running, minutes, pass};

/// Everything at this moment.
fn report(centre: &Centre, daemon: &Running) -> Report {
    daemon.status.report(centre.clock.now())
}

/// The only callback that is shown.
fn only(centre: &Centre, daemon: &Running) -> Row {
    let mut rows = report(centre, daemon).callbacks;
    assert_eq!(rows.len(), 1, "{rows:?}");
    rows.remove(0)
}

/// A priority.
fn points(points: i64) -> Priority {
    Priority::new(points).expect("within the platform's range")
}

#[tokio::test(start_paused = true)]
async fn a_callback_is_shown_from_its_arrival_to_its_answer() {
    let centre = Centre::open().await;
    let daemon = centre.start_ready().await;
    let id = centre
        .world()
        .add_callback(Callback::to(&centre.queue("Support")).at_priority(3));
    daemon.tracks(1).await;
    pass(Duration::from_secs(1)).await;
    let row = only(&centre, &daemon);
    let callback = &row.callback;
    assert_eq!(callback.conversation, id);
    assert_eq!(callback.queue.as_deref(), Some("Support"));
    assert_eq!(callback.rule, "policy");
    assert_eq!((callback.base, callback.priority), (points(3), points(3)));
    assert_eq!((row.place, row.why.as_str()), (1, "will be raised to 4"));
    let first = callback.since + minutes(5);
    assert_eq!(
        callback.next,
        Outlook::Raise {
            at: first,
            to: Some(points(4)),
            closed: false
        }
    );
    daemon.until(|now| now.raises == 2).await;
    pass(Duration::from_secs(1)).await;
    let row = only(&centre, &daemon);
    let callback = &row.callback;
    assert_eq!((callback.base, callback.priority), (points(3), points(5)));
    assert_eq!(
        callback.last.map(|last| last.outcome),
        Some(Outcome::Raised)
    );
    let changes: Vec<_> = callback
        .changes
        .iter()
        .map(|change| (change.from.points(), change.to.points()))
        .collect();
    assert_eq!(changes, [(3, 4), (4, 5)]);
    assert_eq!(row.waited.as_secs() / 60, 10);
    assert!(matches!(callback.next, Outlook::Raise { at, .. } if at == first + minutes(10)));

    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_pause_is_shown_with_its_end_and_holds_nothing_against_the_daemon() {
    let centre = Centre::open().await.ordered();
    let daemon = centre.start_ready().await;
    let _id = centre.callback();
    daemon.until(|now| now.raises == 1).await;
    for (order, shown, page, metric) in [
        (
            r#"{"order":"pause"}"#,
            "resumed",
            "<strong>Paused</strong> in all queues",
            "paused 1",
        ),
        (
            r#"{"order":"pause","for_ms":1800000}"#,
            "the pause is over",
            ", until <time",
            "paused 1",
        ),
        (r#"{"order":"resume"}"#, "", "", "paused 0"),
    ] {
        centre.order(order).await;
        pass(minutes(6)).await;
        let row = only(&centre, &daemon);
        let is_paused = matches!(row.callback.next, Outlook::Paused { .. });
        assert_eq!(is_paused, !shown.is_empty(), "{order} {row:?}");
        assert!(row.why.contains(shown), "{order} {}", row.why);
        let address = address(&daemon).await;
        assert!(get(address, "/").await.contains(page), "{order}");
        let told = get(address, "/metrics").await;
        assert!(told.contains(metric), "{order} {told}");
        let health = report(&centre, &daemon).health;
        assert!(health.ready, "{order} {health:?}");
    }
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_happened_is_told_newest_first() {
    let centre = Centre::open().await;
    let daemon = centre.start_ready().await;
    let id = centre.callback();
    daemon.until(|now| now.raises == 2).await;
    centre
        .world()
        .set_priority(&id, points(20))
        .expect("it waits");
    daemon.until(|now| now.foreign_changes == 1).await;
    pass(Duration::from_secs(1)).await;
    let row = only(&centre, &daemon);
    assert_eq!(
        (row.callback.base, row.callback.priority),
        (points(20), points(20))
    );
    assert_eq!(
        row.callback.last.map(|last| last.outcome),
        Some(Outcome::Foreign)
    );

    centre.world().answer(&id).expect("it waits");
    daemon.tracks(0).await;
    let report = report(&centre, &daemon);
    assert!(report.callbacks.is_empty());
    let words: Vec<_> = report
        .events
        .iter()
        .filter(|event| event.conversation.as_ref() == Some(&id))
        .map(|event| event.words.as_str())
        .collect();
    assert_eq!(
        words,
        [
            "finished: answered",
            "somebody else changed it from 2 to 20",
            "raised from 1 to 2",
            "raised from 0 to 1",
            "tracked"
        ]
    );
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn it_is_said_why_a_callback_is_not_raised() {
    let centre = Centre::open().await.file(
        "[policy]\nmax_priority = 2\n[[rules]]\nname = \"not these\"\nqueue = \"Sales\"\nskip = true\n",
    );
    let daemon = centre.start_ready().await;
    let world = centre.world();
    let high = world.add_callback(Callback::to(&centre.queue("Support")).at_priority(1));
    let left = world.add_callback(Callback::to(&centre.queue("Sales")));
    daemon.until(|now| now.limited == 1).await;
    pass(Duration::from_secs(1)).await;
    let rows = report(&centre, &daemon).callbacks;
    let of = |id| {
        rows.iter()
            .find(|row| row.callback.conversation == id)
            .expect("shown")
    };
    let (high, left) = (of(high), of(left));
    assert_eq!(
        high.why,
        "not raised: it has the highest priority that its policy allows"
    );
    assert_eq!(
        high.callback.next,
        Outlook::Never {
            reason: Reason::MaxPriority
        }
    );
    assert_eq!(left.why, "not raised: its rule leaves it alone");
    assert_eq!(left.callback.rule, "not these");
    assert_eq!((high.place, left.place), (1, 1), "each in its own queue");
    // They wait on without a tracker, and go when they do.
    pass(minutes(3)).await;
    assert_eq!(report(&centre, &daemon).callbacks.len(), 2);
    let gone = left.callback.conversation.clone();
    world.hangup(&gone).expect("it waits");
    pass(minutes(3)).await;
    let rows = report(&centre, &daemon).callbacks;
    assert!(
        rows.len() == 1 && rows[0].callback.conversation != gone,
        "{rows:?}"
    );
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_place_is_the_one_that_the_platform_offers_by() {
    let centre = Centre::open().await;
    let daemon = centre.start_ready().await;
    let mut waiting = Vec::new();
    for priority in [0, 7, 1] {
        let callback = Callback::to(&centre.queue("Support")).at_priority(priority);
        waiting.push(centre.world().add_callback(callback));
        pass(minutes(2)).await;
    }
    daemon.tracks(3).await;
    let line = centre.world().line(&centre.queue("Support"));
    let rows = report(&centre, &daemon).callbacks;
    let shown: Vec<_> = rows.iter().map(|row| &row.callback.conversation).collect();
    assert_eq!(shown, waiting.iter().collect::<Vec<_>>(), "oldest first");
    for row in &rows {
        assert_eq!(line[row.place - 1], row.callback.conversation);
    }
    assert_eq!(
        rows.iter().map(|row| row.place).collect::<Vec<_>>(),
        [2, 1, 3]
    );
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_the_platform_refuses_or_a_dry_run_tells_is_shown_as_such() {
    let centre = Centre::open().await;
    let daemon = centre.start_ready().await;
    let refusal = RequestFault::to("PATCH", "/api/v2/routing", Effect::Answer(403, None));
    centre.sandbox.faults().requests(refusal.times(1));
    let _waits = centre.callback();
    daemon.until(|now| now.refused_raises == 1).await;
    pass(Duration::from_secs(10)).await;
    let row = only(&centre, &daemon);
    assert_eq!(
        row.callback.last.map(|last| last.outcome),
        Some(Outcome::Refused)
    );
    assert_eq!(
        row.why,
        "the platform refused the last raise: the next step is tried"
    );
    let bad: Vec<_> = report(&centre, &daemon)
        .events
        .into_iter()
        .filter(|event| event.bad)
        .collect();
    assert!(
        bad.iter()
            .any(|event| event.words == "the platform refused a raise"),
        "{bad:?}"
    );
    daemon.stop().await;

    let centre = Centre::open().await.set("CALLBACKS__DRY_RUN", "true");
    let daemon = centre.start_ready().await;
    let _waits = centre.callback();
    daemon.until(|now| now.would_be_raised == 1).await;
    pass(Duration::from_secs(1)).await;
    let row = only(&centre, &daemon);
    assert_eq!(
        row.callback.last.map(|last| last.outcome),
        Some(Outcome::Told)
    );
    assert_eq!(row.why, "dry run: would be raised to 2");
    assert_eq!(report(&centre, &daemon).overdue, 0);
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_planned_callback_is_shown_once_it_waits() {
    let centre = Centre::open().await;
    let daemon = centre.start_ready().await;
    let planned = Callback::to(&centre.queue("Support")).scheduled_in(minutes(30));
    let _id = centre.world().add_callback(planned);
    pass(minutes(20)).await;
    assert!(report(&centre, &daemon).callbacks.is_empty());
    pass(minutes(12)).await;
    assert_eq!(report(&centre, &daemon).callbacks.len(), 1);
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn numbers_and_callbacks_are_served_and_nothing_personal_among_them() {
    let centre = Centre::open().await;
    let daemon = centre.start_ready().await;
    let page = address(&daemon).await;
    let callback =
        Callback::to(&centre.queue("Support")).for_customer("Canary Caller", "+15550199");
    let id = centre.world().add_callback(callback);
    daemon.until(|now| now.raises == 1).await;
    let json = get(page, "/status.json").await;
    for expected in [
        &format!("\"conversation\":\"{id}\""),
        "\"state\":\"raise\"",
        "\"ready\":true",
        "\"requests_last_minute\":",
        "\"words\":\"notifications: connected\"",
    ] {
        assert!(json.contains(expected), "{expected}\n{json}");
    }
    let metrics = get(page, "/metrics").await;
    for expected in [
        "callback_prioritizer_conversations_tracked 1\n",
        "callback_prioritizer_raises_total{outcome=\"raised\"} 1\n",
        "callback_prioritizer_requests_total{call=\"set_priority\",outcome=\"ok\"} 1\n",
        "callback_prioritizer_requests_total{call=\"token\",outcome=\"ok\"} 1\n",
        "callback_prioritizer_sockets_connected 1\n",
        "callback_prioritizer_raise_lateness_seconds_count 1\n",
    ] {
        assert!(metrics.contains(expected), "{expected}\n{metrics}");
    }
    assert!(!metrics.contains(&id.to_string()), "no ids in labels");
    for shown in [json, metrics] {
        assert!(
            !shown.contains("Canary") && !shown.contains("5550199"),
            "{shown}"
        );
    }
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_is_over_before_the_next_raise_holds_nothing_up_and_a_queue_has_its_name() {
    let centre = Centre::open().await.ordered();
    let daemon = centre.start_ready().await;
    let page = address(&daemon).await;
    let _id = centre.callback();
    daemon.until(|now| now.raises == 1).await;
    for (order, paused) in [
        (
            r#"{"order":"pause","queue":"Support","for_ms":120000}"#,
            false,
        ),
        (
            r#"{"order":"pause","queue":"Support","for_ms":600000}"#,
            true,
        ),
    ] {
        centre.order(order).await;
        pass(Duration::from_secs(1)).await;
        let next = only(&centre, &daemon).callback.next;
        assert_eq!(matches!(next, Outlook::Paused { .. }), paused, "{next:?}");
        let html = get(page, "/").await;
        assert!(
            html.contains("</strong> in the queue Support since"),
            "{html}"
        );
    }
    daemon.stop().await;
}
