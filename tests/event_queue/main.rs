//! The whole daemon with the SQS queue that EventBridge fills, before a real SQS interface: moto's, a process of its own. So
//! time is real here, and what is awaited is asked for again and again.
//!
//! Without Python or `PyPI` nothing of this can be tried, and each test says so; with `SQS=must` it fails instead.

#![cfg(feature = "aws")]
#![expect(
    clippy::unwrap_used,
    reason = "what surprises a test ends it, in its helping functions too"
)]

mod centre;

#[path = "../daemon/obstacle.rs"]
mod obstacle;

mod server;

use std::time::Duration;

use callback_prioritizer::sandbox::Callback;

use crate::{
    centre::{Centre, gone, message},
    server::within_aws,
};

#[test]
fn what_the_queue_tells_is_noted_and_then_deleted_and_what_it_lost_is_swept() {
    within_aws(
        "what_the_queue_tells_is_noted_and_then_deleted_and_what_it_lost_is_swept",
        async |queue| {
            let centre = Centre::open(&queue, "5s").await;
            let daemon = centre.start().await;
            let told = centre.callback();
            queue
                .send(&message(&told, "acd.start", Duration::ZERO))
                .await;
            daemon.until(|now| now.event_queue.deleted == 1).await;
            assert!(centre.has_noted(&told));
            assert_eq!(queue.left().await, (0, 0));
            let lost = centre.callback();
            daemon.until(|now| now.tracked == 2).await;
            daemon.until_noted(&centre, &lost).await;

            centre.world().answer(&told).unwrap();
            queue.send(&message(&told, "acd.end", Duration::ZERO)).await;
            let now = daemon.until(|now| now.event_queue.deleted == 2).await;
            assert_eq!((now.tracked, now.answered), (1, 1));
            assert_eq!(now.sockets, 0, "no notifications are listened to");
            daemon.stop().await;
        },
    );
}

#[test]
fn duplicates_and_what_comes_out_of_order_change_nothing() {
    within_aws(
        "duplicates_and_what_comes_out_of_order_change_nothing",
        async |queue| {
            let centre = Centre::open(&queue, "10m").await;
            let daemon = centre.start().await;
            let (waiting, answered) = (centre.callback(), centre.callback());
            centre.world().answer(&answered).unwrap();
            for _ in 0..5 {
                queue
                    .send(&message(&answered, "acd.end", Duration::ZERO))
                    .await;
                queue
                    .send(&message(&answered, "acd.start", Duration::ZERO))
                    .await;
                queue
                    .send(&message(&waiting, "acd.start", Duration::ZERO))
                    .await;
            }
            let now = daemon.until(|now| now.event_queue.deleted == 15).await;
            assert_eq!((now.tracked, now.event_queue.held), (1, 0));
            assert!(centre.has_noted(&waiting) && !centre.has_noted(&answered));
            assert!(centre.looks() <= 10, "{} looks", centre.looks());
            assert_eq!(queue.left().await, (0, 0));
            daemon.stop().await;
        },
    );
}

#[test]
fn an_hour_of_backlog_is_read_without_a_look_at_what_is_over() {
    within_aws(
        "an_hour_of_backlog_is_read_without_a_look_at_what_is_over",
        async |queue| {
            let centre = Centre::open(&queue, "10m").await;
            let support = centre.queue();
            for minute in 1..60 {
                let age = Duration::from_mins(60 - minute);
                for _ in 0..4 {
                    queue.put_off(message(&gone(), "acd.start", age));
                    queue.put_off(message(&gone(), "acd.end", age));
                }
                if minute % 12 == 0 {
                    let waiting = Callback::to(&support).waiting_for(age);
                    let waiting = centre.world().add_callback(waiting);
                    queue.put_off(message(&waiting, "acd.start", age));
                }
            }
            let sent = queue.send_all().await;
            assert_eq!(sent, 59 * 8 + 4);
            let daemon = centre.start().await;
            let now = daemon.until(|now| now.event_queue.deleted == sent).await;
            assert_eq!(now.tracked, 4);
            // Of the last five minutes, which a sweep may not list yet: four arrivals a minute.
            assert!(
                centre.looks_in_vain() <= 20,
                "{} looks",
                centre.looks_in_vain()
            );
            assert_eq!(queue.left().await, (0, 0));
            assert_eq!(now.event_queue.received, sent, "each once");
            daemon.stop().await;
        },
    );
}

#[test]
fn while_the_journal_is_down_a_message_is_neither_deleted_nor_delivered_again() {
    within_aws(
        "while_the_journal_is_down_a_message_is_neither_deleted_nor_delivered_again",
        async |queue| {
            let centre = Centre::open(&queue, "10m").await;
            let daemon = centre.start().await;
            centre.journal_works(false);
            let first = centre.callback();
            queue
                .send(&message(&first, "acd.start", Duration::ZERO))
                .await;
            daemon.until(|now| now.journal_trouble.is_some()).await;
            // Three times as long as the queue hides a message.
            let now = daemon
                .stays(3 * server::HIDES, |now| now.event_queue.held == 1)
                .await;
            assert_eq!((now.event_queue.received, now.event_queue.deleted), (1, 0));
            assert_eq!(queue.left().await, (0, 1), "hidden, not deleted");
            centre.journal_works(true);
            daemon.until(|now| now.event_queue.deleted == 1).await;
            assert!(centre.has_noted(&first));

            centre.journal_works(false);
            let second = centre.callback();
            queue
                .send(&message(&second, "acd.start", Duration::ZERO))
                .await;
            daemon
                .until(|now| now.event_queue.held == 1 && now.journal_trouble.is_some())
                .await;
            daemon.kill();
            assert!(!centre.has_noted(&second));
            centre.journal_works(true);
            queue.shows_again().await;
            let daemon = centre.start().await;
            let now = daemon.until(|now| now.event_queue.deleted == 1).await;
            assert_eq!((now.tracked, now.event_queue.received), (2, 1));
            assert!(centre.has_noted(&second));
            assert_eq!(queue.left().await, (0, 0));
            daemon.stop().await;
        },
    );
}

#[test]
fn what_is_not_understood_goes_to_the_dead_letters() {
    within_aws(
        "what_is_not_understood_goes_to_the_dead_letters",
        async |queue| {
            let centre = Centre::open(&queue, "10m").await;
            let daemon = centre.start().await;
            queue.send("no event at all").await;
            queue.until_dead_letters(1).await;
            let now = daemon
                .until(|now| now.event_queue.strange == server::DELIVERIES)
                .await;
            assert_eq!((now.event_queue.deleted, now.event_queue.held), (0, 0));
            daemon.stop().await;
        },
    );
}

#[test]
fn what_keeps_the_queue_from_being_read_is_passing() {
    within_aws(
        "what_keeps_the_queue_from_being_read_is_passing",
        async |queue| {
            let centre = Centre::open(&queue, "10m").await;
            let daemon = centre.start().await;
            // An empty queue is no trouble: longer than any request but a long poll takes.
            daemon
                .stays(Duration::from_secs(12), |now| now.event_queue.read)
                .await;
            let url = queue.drop_it().await;
            daemon.until(|now| !now.event_queue.read).await;
            assert!(
                daemon.now().ready,
                "callbacks are looked after all the same"
            );
            assert_eq!(queue.make().await, url);
            daemon.until(|now| now.event_queue.read).await;
            daemon.stop().await;
        },
    );
}

#[test]
fn check_says_whether_the_queue_can_be_read() {
    within_aws("check_says_whether_the_queue_can_be_read", async |queue| {
        let centre = Centre::open(&queue, "10m").await;
        queue.send("no event at all").await;
        let (code, out) = centre.check(&[]).await;
        assert_eq!(code, Some(0), "{out}");
        assert!(
            out.contains("may be read and emptied; about 1 messages wait in it"),
            "{out}"
        );
        assert!(!out.contains("no dead-letter queue"), "{out}");
        assert_eq!(queue.left().await, (1, 0), "it shows again at once");

        let (code, out) = centre.check(&[("AWS_ACCESS_KEY_ID", "")]).await;
        assert_eq!(code, Some(77), "{out}");
        assert!(
            out.contains("no AWS credentials could be had; check the AWS credentials"),
            "{out}"
        );

        queue.drop_it().await;
        let (code, out) = centre.check(&[]).await;
        assert_eq!(code, Some(69), "{out}");
        assert!(out.contains("there is no such queue"), "{out}");
        assert!(!out.contains(server::SECRET), "{out}");
    });
}
