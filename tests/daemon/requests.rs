//! What if the platform throttles, fails, or refuses?

use std::{collections::BTreeSet, time::Duration};

use callback_prioritizer::{
    daemon::DaemonError,
    sandbox::{Callback, Effect, RequestFault},
};

use tokio::time::Instant;

use crate::{
    harness::{Centre, minutes, pass},
    log::Log,
};

/// The path of the priority PATCH.
const WRITE: &str = "/api/v2/routing/conversations/";

#[tokio::test(start_paused = true)]
async fn refused_credentials_end_the_start_with_a_remedy() {
    let centre = Centre::open().await.secret("wrong");
    let Err(error @ DaemonError::Denied { .. }) = centre.start().ended().await else {
        panic!("denied");
    };
    assert!(error.to_string().contains("client secret"), "{error}");
    assert_eq!(centre.requests("POST", "/oauth/token"), 1, "asked once");
}

#[tokio::test(start_paused = true)]
async fn a_busy_token_endpoint_is_asked_again() {
    // Delays are drawn, so it takes a few to see that none is drawn in vain: at most 1, 2 and 4 s.
    for _ in 0..20 {
        let centre = Centre::open().await;
        let busy = RequestFault::to("POST", "/oauth/token", Effect::TokenRateLimit).times(3);
        centre.sandbox.faults().requests(busy);
        let started = Instant::now();
        let daemon = centre.start_ready().await;
        assert!(started.elapsed() <= Duration::from_millis(7_100));
        assert_eq!(centre.requests("POST", "/oauth/token"), 4);
        daemon.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_is_renewed_before_its_end_and_after_a_refusal_with_one_request_each() {
    let centre = Centre::with(|options| options.limits.token_lifetime = minutes(60)).await;
    let daemon = centre.start_ready().await;
    for _ in 0..40 {
        let _id = centre.callback();
    }
    daemon.tracks(40).await;
    pass(minutes(3 * 60)).await;
    let refused = centre.answered(&[401]);
    assert_eq!(refused, 0, "renewed before the end");
    let tokens = centre.requests("POST", "/oauth/token");
    assert!((3..=5).contains(&tokens), "{tokens} tokens in three hours");
    centre.sandbox.faults().revoke_tokens();
    pass(minutes(6)).await;
    assert_eq!(
        centre.requests("POST", "/oauth/token"),
        tokens + 1,
        "single flight"
    );
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn never_over_the_limit_however_many_wait() {
    let centre = Centre::open().await.set("POLICY__WAIT", "10s");
    let support = centre.queue("Support");
    for _ in 0..200 {
        let _id = centre.world().add_callback(Callback::to(&support));
    }
    let daemon = centre.start();
    pass(minutes(20)).await;
    let throttled = centre.answered(&[429]);
    assert_eq!(throttled, 0);
    let now = daemon.now();
    assert!(now.lateness > Duration::from_secs(10), "measured");
    // 42 can be raised within 10 s; 200 take 47 s.
    let expected = (now.capacity, now.expected_lag.as_secs());
    assert_eq!(expected, (Some(42), 36), "known beforehand");
    let priorities: Vec<i64> = centre
        .world()
        .line(&support)
        .iter()
        .map(|id| centre.priority(id))
        .collect();
    assert!(
        priorities.iter().all(|points| *points > 100),
        "each write makes up for all steps missed"
    );
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn two_tokens_carry_more_and_each_stays_within_its_own_limit() {
    let centre = Centre::open()
        .await
        .set("POLICY__WAIT", "10s")
        .set("GENESYS__TOKENS", "2");
    let support = centre.queue("Support");
    for _ in 0..200 {
        let _id = centre.world().add_callback(Callback::to(&support));
    }
    let daemon = centre.start();
    pass(minutes(20)).await;
    let requests = centre.sandbox.requests();
    assert_eq!(centre.answered(&[429]), 0);
    let carried = requests.len() / 20;
    assert!((500..=560).contains(&carried), "{carried} a minute");
    let channels = requests.iter();
    let channels = channels.filter(|request| request.path.contains("/notifications/"));
    let owners: BTreeSet<_> = channels.map(|request| request.token).collect();
    assert_eq!(owners.len(), 1, "a channel has one owner");
    assert_eq!(centre.requests("POST", "/oauth/token"), 2);
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn never_over_the_limit_while_tokens_are_renewed_under_load() {
    let centre = Centre::with(|options| {
        options.limits.token_lifetime = minutes(5);
        options.latency = Duration::from_secs(2);
    })
    .await
    .set("POLICY__WAIT", "10s");
    let support = centre.queue("Support");
    for _ in 0..200 {
        let _id = centre.world().add_callback(Callback::to(&support));
    }
    let daemon = centre.start();
    pass(minutes(20)).await;
    assert_eq!(centre.answered(&[401, 429]), 0);
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn retry_after_stops_all_requests_until_it_is_over() {
    let centre = Centre::open().await.set("POLICY__WAIT", "10s");
    let daemon = centre.start_ready().await;
    for _ in 0..20 {
        let _id = centre.callback();
    }
    daemon.tracks(20).await;
    let throttle = RequestFault::to("PATCH", WRITE, Effect::Answer(429, Some(45))).times(1);
    centre.sandbox.faults().requests(throttle);
    daemon.until(|now| !now.throttled.is_zero()).await;
    let told = centre
        .sandbox
        .requests()
        .iter()
        .rposition(|request| request.status == Some(429))
        .unwrap();
    pass(minutes(2)).await;
    let requests = centre.sandbox.requests();
    let until = requests[told].at + Duration::from_secs(45);
    // What was on its way when the answer came cannot be called back.
    let inside = requests[told + 1..]
        .iter()
        .filter(|request| request.at > requests[told].at && request.at < until)
        .count();
    assert_eq!(inside, 0);
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_hour_of_5xx_is_caught_up_by_one_write_each() {
    let centre = Centre::open().await;
    let daemon = centre.start_ready().await;
    let ids: Vec<_> = (0..10).map(|_| centre.callback()).collect();
    daemon.until(|now| now.raises == 10).await;
    centre
        .sandbox
        .faults()
        .requests(RequestFault::to("", "/", Effect::Answer(503, None)));
    let before = centre.sandbox.requests().len();
    pass(minutes(60)).await;
    let during = centre.sandbox.requests().len() - before;
    assert!(during < 60 * 40, "{during} requests in an hour of failures");
    centre.sandbox.faults().clear();
    pass(Duration::from_secs(90)).await;
    for id in &ids {
        let writes = centre.writes(id);
        assert_eq!(writes.len(), 2, "{writes:?}");
        assert!(writes[1] >= 13, "{writes:?}");
    }
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_write_that_arrived_without_an_answer_is_ours() {
    for effect in [Effect::AppliedThenAnswer(500), Effect::AppliedThenCut] {
        let centre = Centre::open().await;
        let daemon = centre.start_ready().await;
        let id = centre.callback();
        daemon.until(|now| now.raises == 1).await;
        centre
            .sandbox
            .faults()
            .requests(RequestFault::to("PATCH", WRITE, effect).times(1));
        pass(minutes(30)).await;
        let now = daemon.now();
        assert_eq!((now.foreign_changes, now.raises), (0, 6));
        assert_eq!(centre.writes(&id).last(), Some(&6));
        daemon.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_overdue_before_it_was_known_is_no_lag() {
    let centre = Centre::open().await;
    let waited = minutes(12);
    let support = centre.queue("Support");
    let id = centre.world().add_callback(Callback {
        waited,
        ..Callback::to(&support)
    });
    let daemon = centre.start_ready().await;
    daemon.until(|now| now.raises == 1).await;
    pass(minutes(10)).await;
    assert_eq!(centre.writes(&id), [2, 3, 4]);
    assert_eq!(daemon.now().lateness, Duration::ZERO);
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_look_that_fails_ends_nothing_unless_the_conversation_is_gone() {
    for (status, left) in [(503, 0), (403, 0), (404, 1)] {
        let log = Log::listen();
        let centre = Centre::open().await;
        // Found by the sweep, so that it is looked at; and then by an event that is lost, so that it is looked at again.
        let id = centre.callback();
        let daemon = centre.start_ready().await;
        daemon.until(|now| now.looks == 1).await;
        let look = format!("/api/v2/conversations/{id}");
        let fails = RequestFault::to("GET", &look, Effect::Answer(status, None));
        centre.sandbox.faults().requests(fails);
        pass(minutes(7)).await;
        let now = daemon.now();
        assert_eq!((now.left, now.answered), (left, 0), "{status}");
        assert!(now.looks > 1, "{status}");
        let said = log.count(&["this callback is not raised meanwhile"]);
        assert_eq!(said, usize::from(status == 403), "{status}: once");
        daemon.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_write_to_one_that_still_waits_is_not_repeated_for_the_same_step() {
    let centre = Centre::open().await;
    let daemon = centre.start_ready().await;
    let id = centre.callback();
    for status in [400, 404, 409] {
        centre
            .sandbox
            .faults()
            .requests(RequestFault::to("PATCH", WRITE, Effect::Answer(status, None)).times(1));
    }
    pass(minutes(21)).await;
    assert_eq!(centre.requests("PATCH", WRITE), 4, "one for each step");
    assert_eq!(centre.writes(&id), [4]);
    assert_eq!(daemon.now().refused_raises, 3);
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn one_queue_without_permission_does_not_stop_the_others() {
    let centre = Centre::open().await;
    let sales = centre.queue("Sales");
    centre.sandbox.faults().forbid_queue(&sales);
    let daemon = centre.start_ready().await;
    let (ours, forbidden) = (
        centre.callback(),
        centre.world().add_callback(Callback::to(&sales)),
    );
    pass(minutes(16)).await;
    assert_eq!(centre.writes(&ours), [1, 2, 3]);
    assert_eq!(centre.writes(&forbidden), [0; 0]);
    assert_eq!(daemon.now().tracked, 2);
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn bodies_that_are_no_conversation_are_survived() {
    let centre = Centre::open().await;
    let daemon = centre.start_ready().await;
    for body in ["", "null", "[]", "{", "{\"participants\":7}"] {
        let effect = Effect::Body(body.to_owned());
        centre
            .sandbox
            .faults()
            .requests(RequestFault::to("GET", "/api/v2/conversations/", effect).times(1));
    }
    let id = centre.callback();
    daemon.until(|now| now.raises == 1).await;
    assert_eq!(centre.priority(&id), 1);
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_body_larger_than_8_mib_is_not_read_to_its_end() {
    let centre = Centre::open().await;
    let daemon = centre.start_ready().await;
    let effect = Effect::Body(" ".repeat(9 * 1024 * 1024));
    centre
        .sandbox
        .faults()
        .requests(RequestFault::to("GET", "/api/v2/conversations/", effect).times(1));
    let id = centre.callback();
    daemon.until(|now| now.raises == 1).await;
    assert_eq!(centre.priority(&id), 1);
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_redirect_is_not_followed() {
    let centre = Centre::open().await;
    let daemon = centre.start_ready().await;
    centre.sandbox.faults().requests(
        RequestFault::to("GET", "/api/v2/conversations/", Effect::Answer(302, None)).times(2),
    );
    let id = centre.callback();
    daemon.until(|now| now.raises == 1).await;
    assert_eq!(centre.priority(&id), 1);
    daemon.stop().await;
}
