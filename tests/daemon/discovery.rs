//! Is every callback found, whatever the platform allows and whatever gets lost?

use std::time::Duration;

use callback_prioritizer::sandbox::{Callback, Fate};

use crate::harness::{Centre, minutes, pass};

#[tokio::test(start_paused = true)]
async fn one_that_arrives_in_a_network_gap_is_found_at_the_reconnect() {
    let centre = Centre::open().await;
    let daemon = centre.start_ready().await;
    centre.sandbox.faults().refuse_sockets(503, Some(3));
    centre.sandbox.faults().cut_sockets();
    daemon.until(|now| now.sockets == 0).await;
    let id = centre.callback();
    daemon.until(|now| now.connects == 2).await;
    daemon.tracks(1).await;
    pass(minutes(6)).await;
    assert_eq!(centre.writes(&id), [1]);
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn one_whose_events_are_lost_is_found_by_the_sweep() {
    let centre = Centre::open().await;
    let daemon = centre.start_ready().await;
    centre.sandbox.faults().events("", Fate::Lost, None);
    let id = centre.callback();
    pass(Duration::from_secs(61)).await;
    assert_eq!(daemon.now().tracked, 1);
    assert_eq!(daemon.now().sweep_corrections, 1);
    pass(minutes(5)).await;
    assert_eq!(centre.writes(&id), [1]);
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn one_answered_with_its_event_lost_is_let_go_after_a_look() {
    let centre = Centre::open().await;
    let daemon = centre.start_ready().await;
    let id = centre.callback();
    daemon.until(|now| now.raises == 1).await;
    centre.sandbox.faults().events("", Fate::Lost, None);
    centre.world().answer(&id).unwrap();
    pass(Duration::from_secs(61)).await;
    assert_eq!(daemon.now().tracked, 0);
    assert_eq!(daemon.now().answered, 1);
    assert_eq!(
        centre.requests("PATCH", "/"),
        1,
        "nothing was tried after the answer"
    );
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn one_missing_from_a_sweep_is_looked_at_before_it_is_let_go() {
    let centre = Centre::open().await;
    let daemon = centre.start_ready().await;
    let id = centre.callback();
    daemon.tracks(1).await;
    let empty = callback_prioritizer::sandbox::Effect::Body("{\"results\":[]}".to_owned());
    let query = "/api/v2/analytics/conversations/activity/query";
    centre
        .sandbox
        .faults()
        .requests(callback_prioritizer::sandbox::RequestFault::to(
            "POST", query, empty,
        ));
    let looks = centre.looks(&id);
    pass(minutes(4)).await;
    assert_eq!(daemon.now().tracked, 1, "it still waits");
    assert_eq!(
        centre.looks(&id) - looks,
        3,
        "one look for each sweep it was missing from"
    );
    pass(minutes(2)).await;
    assert_eq!(centre.writes(&id), [1]);
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn without_queue_topics_the_bulk_form_is_used_where_it_is_allowed() {
    let centre = Centre::with(|options| {
        options.queue_topics = false;
        options.bulk_topics = true;
    })
    .await;
    let daemon = centre.start_ready().await;
    assert_eq!(daemon.now().refused_topics, 2, "Support and Sales");
    let sweeps = daemon.now().sweeps;
    centre.callback();
    daemon.tracks(1).await;
    assert_eq!(
        daemon.now().sweeps,
        sweeps,
        "an event brought it, not a sweep"
    );
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn without_any_topic_it_works_a_minute_slower() {
    let centre = Centre::with(|options| options.queue_topics = false).await;
    let daemon = centre.start_ready().await;
    let id = centre.callback();
    pass(Duration::from_secs(61)).await;
    assert_eq!(daemon.now().tracked, 1);
    pass(minutes(5)).await;
    assert_eq!(centre.writes(&id), [1]);
    centre.world().answer(&id).unwrap();
    daemon.tracks(0).await;
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn tracked_conversations_have_topics_of_their_own_in_the_form_that_works() {
    for combined in [true, false] {
        let centre = Centre::with(|options| {
            options.combined_topics = combined;
            options.queue_topics = false;
        })
        .await;
        let daemon = centre.start_ready().await;
        let id = centre.callback();
        daemon.tracks(1).await;
        let topics = if combined {
            vec![format!("v2.detail.events.conversation.{id}.acd?start&end")]
        } else {
            ["start", "end"]
                .map(|what| format!("v2.detail.events.conversation.{id}.acd.{what}"))
                .to_vec()
        };
        crate::harness::until(centre.world(), |_| {
            topics
                .iter()
                .all(|topic| centre.sandbox.subscriptions().contains(topic))
        })
        .await;
        let sweeps = daemon.now().sweeps;
        centre.world().answer(&id).unwrap();
        daemon.tracks(0).await;
        assert_eq!(
            daemon.now().sweeps,
            sweeps,
            "its own topic told of the answer"
        );
        daemon.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_platform_that_wants_queues_named_gets_them_named() {
    let centre = Centre::with(|options| options.queue_filter_required = true).await;
    centre.callback();
    let daemon = centre.start_ready().await;
    daemon.tracks(1).await;
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn hundreds_are_swept_page_by_page() {
    let centre = Centre::with(|options| options.activity_page_max = 100)
        .await
        .set("GENESYS__REQUESTS_PER_MINUTE", "3000");
    let (support, sales) = (centre.queue("Support"), centre.queue("Sales"));
    for number in 0..350 {
        let queue = if number % 2 == 0 { &support } else { &sales };
        let _id = centre.world().add_callback(Callback::to(queue));
    }
    let daemon = centre.start();
    daemon.tracks(350).await;
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_a_long_answer_leaves_out_is_asked_for_in_shorter_ones() {
    let centre = Centre::with(|options| {
        options.queue_topics = false;
        options.truncate_details = Some(20);
    })
    .await;
    let queues: Vec<_> = (0..6)
        .map(|number| centre.world().add_queue(&format!("Queue {number}")))
        .collect();
    for queue in &queues {
        for _ in 0..12 {
            let _id = centre.world().add_callback(Callback::to(queue));
        }
    }
    let daemon = centre.start();
    daemon.tracks(6 * 12).await;
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_queue_made_later_is_found() {
    let centre = Centre::open().await;
    let daemon = centre.start_ready().await;
    let queue = centre.world().add_queue("Later");
    pass(minutes(11)).await;
    let topic = format!("v2.routing.queues.{queue}.conversations.callbacks");
    assert!(centre.sandbox.subscriptions().contains(&topic));
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn fifty_events_for_one_conversation_are_one_look() {
    let centre = Centre::open().await;
    let daemon = centre.start_ready().await;
    let id = centre.callback();
    daemon.tracks(1).await;
    pass(Duration::from_secs(30)).await;
    let looks = centre.looks(&id);
    let topic = format!("v2.detail.events.conversation.{id}.acd.start");
    let event = format!(
        r#"{{"topicName":"{topic}","eventBody":{{"conversationId":"{id}","mediaType":"CALLBACK"}}}}"#
    );
    for _ in 0..50 {
        centre.sandbox.faults().send_text(&event);
    }
    pass(Duration::from_secs(20)).await;
    let looked = centre.looks(&id) - looks;
    assert!((1..=3).contains(&looked), "{looked} looks");
    daemon.stop().await;
}
