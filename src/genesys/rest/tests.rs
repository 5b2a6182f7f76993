//! What the request path does not send.

mod dry_run;

use std::collections::BTreeMap;

use tokio::time::Duration;

use super::*;
use crate::orders::{Pause, Pauses};
use crate::sandbox::{Callback, Options, Sandbox};

/// A platform where one callback waits, and a handle on it.
async fn platform(dry_run: bool) -> (Sandbox, ConversationId, Genesys) {
    let clock = Clock::anchored("2026-01-05T09:00:00Z".parse().unwrap());
    let options = Options {
        clock,
        ..Options::default()
    };
    let sandbox = Sandbox::start(options).await.unwrap();
    let queue = sandbox.world().queue("Support").unwrap();
    let id = sandbox.world().add_callback(Callback::to(&queue));
    let settings = [
        ("CALLBACK_PRIORITIZER__GENESYS__API_URL", sandbox.url()),
        ("CALLBACK_PRIORITIZER__GENESYS__LOGIN_URL", sandbox.url()),
        (
            "CALLBACK_PRIORITIZER__GENESYS__CLIENT_ID",
            "sandbox".to_owned(),
        ),
        ("GENESYSCLOUD_OAUTHCLIENT_SECRET", "sandbox".to_owned()),
    ];
    let settings: BTreeMap<_, _> = settings
        .map(|(name, value)| (name.to_owned(), value))
        .into();
    let settings = settings::load(None, &settings).unwrap();
    let orders = Orders::new(settings.rules.clone(), dry_run);
    orders.know_pauses(Pauses::default());
    let status = Status::default();
    let genesys = Genesys::new(&settings.genesys, orders, clock, status, None).unwrap();
    (sandbox, id, genesys)
}

/// In time for a request that is sent now.
fn soon() -> SendBy {
    SendBy {
        at: Instant::now() + DEADLINE,
        uptime: Duration::MAX,
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_whose_claim_may_end_is_not_sent() {
    let (sandbox, id, genesys) = platform(false).await;
    genesys.log_in().await.unwrap();
    let by = SendBy {
        at: Instant::now() + Duration::from_hours(1),
        uptime: genesys.uptime() + Duration::from_secs(20),
    };
    for (seconds, sent) in [(0, true), (19, true), (2, false)] {
        tokio::time::advance(Duration::from_secs(seconds)).await;
        let permit = genesys.permit(Turn::Look).await;
        let written = genesys.set_priority(permit, &id, None, Priority::clamped(1), by);
        let failure = written.await.err();
        assert_eq!(failure.is_none(), sent, "{seconds} s later");
        assert!(failure.is_none_or(|failure| failure.is_passing()));
    }
    assert_eq!(sandbox.world().writes().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_write_that_is_late_is_not_sent() {
    let (sandbox, id, genesys) = platform(false).await;
    genesys.log_in().await.unwrap();
    let decided = Instant::now();
    let by = SendBy {
        at: decided + Duration::from_secs(2),
        uptime: Duration::MAX,
    };
    let one = Priority::clamped(1);
    let permit = genesys.permit(Turn::Look).await;
    assert_eq!(
        genesys
            .set_priority(permit, &id, None, one, by)
            .await
            .unwrap(),
        one
    );

    tokio::time::advance(Duration::from_secs(3)).await;
    let permit = genesys.permit(Turn::Look).await;
    let late = genesys
        .set_priority(permit, &id, None, Priority::clamped(2), by)
        .await;
    assert!(late.unwrap_err().is_passing());
    assert_eq!(sandbox.world().writes().len(), 1);
    assert_eq!(sandbox.world().priority(&id), Some(one));
}

#[tokio::test(start_paused = true)]
async fn a_write_to_a_queue_that_is_paused_or_may_be_is_not_sent() {
    let (sandbox, id, genesys) = platform(false).await;
    let queue = |name| sandbox.world().queue(name).unwrap();
    let (support, sales) = (queue("Support"), queue("Sales"));
    let write = async |queue: Option<&QueueId>, to| {
        let permit = genesys.permit(Turn::Look).await;
        let by = soon();
        let written = genesys.set_priority(permit, &id, queue, Priority::clamped(to), by);
        written.await.map(Priority::points)
    };
    let pause = Pause {
        queue: Some(sales.clone()),
        since: genesys.now(),
        until: None,
    };
    genesys.orders.know_pauses(Pauses::of([pause]));
    assert_eq!(write(Some(&support), 1).await.unwrap(), 1);
    for paused in [Some(&sales), None] {
        assert!(write(paused, 2).await.unwrap_err().is_passing());
    }
    let pauses = std::mem::take;
    assert_eq!(genesys.orders.pauses(pauses).list().len(), 1);
    assert_eq!(write(Some(&sales), 2).await.unwrap(), 2);
    assert_eq!(write(None, 3).await.unwrap(), 3);
    let unknown = Orders::new(crate::policy::rules::Rules::default(), false);
    let genesys = Genesys {
        orders: unknown,
        ..genesys
    };
    let permit = genesys.permit(Turn::Look).await;
    let by = soon();
    let written = genesys.set_priority(permit, &id, None, Priority::clamped(9), by);
    assert!(written.await.unwrap_err().is_passing(), "nobody knows");
    assert_eq!(sandbox.world().writes().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn without_a_token_every_request_waits_for_the_next_attempt_to_get_one() {
    let (sandbox, id, genesys) = platform(false).await;
    sandbox.faults().disable_client(true);
    let refused = Failure::from(genesys.log_in().await.unwrap_err());
    assert_eq!(refused.kind, FailureKind::Denied);
    let permit = genesys.permit(Turn::Look).await;
    let FailureKind::Throttled { until } = genesys.look(permit, &id).await.unwrap_err().kind else {
        panic!("nothing but time can help");
    };
    assert!(until > Instant::now());
    tokio::time::sleep_until(until).await;
    sandbox.faults().disable_client(false);
    let permit = genesys.permit(Turn::Look).await;
    genesys.look(permit, &id).await.unwrap();
    let tokens = sandbox.requests().into_iter();
    assert_eq!(tokens.filter(|one| one.path == "/oauth/token").count(), 2);
}
