//! What if the token is taken away, or the client is disabled, while callbacks wait?

use callback_prioritizer::sandbox::{Callback, Effect, RequestFault};

use super::{CATCH_UP, HOUR, caught_up_by_one_write_each, raised_once};
use crate::harness::{Centre, minutes, pass};
use crate::log::Log;

/// Path of the token request.
const TOKEN: &str = "/oauth/token";

#[tokio::test(start_paused = true)]
async fn a_client_disabled_for_an_hour_is_asked_for_slowly_and_goes_on_by_itself() {
    let log = Log::listen();
    let centre = Centre::open().await;
    let daemon = centre.start_ready().await;
    let ids = raised_once(&centre, &daemon).await;
    centre.sandbox.faults().disable_client(true);
    centre.sandbox.faults().revoke_tokens();
    let before = centre.requests("POST", TOKEN);
    let all = centre.sandbox.requests().len();
    pass(minutes(60)).await;
    let tokens = centre.requests("POST", TOKEN) - before;
    assert!((30..=61).contains(&tokens), "{tokens} in an hour");
    let others = centre.sandbox.requests().len() - all - tokens;
    assert!(others < 20, "{others} requests with a token that is none");
    let error = log.count(&["\"ERROR\"", "credentials refused"]);
    assert_eq!(error, 1, "said once, as an error");

    centre.sandbox.faults().disable_client(false);
    caught_up_by_one_write_each(&centre, &daemon, &ids, CATCH_UP).await;
    assert_eq!(centre.requests("POST", TOKEN) - before - tokens, 1);
    assert_eq!(log.count(&["\"INFO\"", "token received again"]), 1);
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_token_that_expires_while_the_client_is_disabled_is_renewed_when_it_is_enabled() {
    let centre = Centre::with(|options| options.limits.token_lifetime = minutes(10)).await;
    let daemon = centre.start_ready().await;
    let ids = raised_once(&centre, &daemon).await;
    centre.sandbox.faults().disable_client(true);
    // Whatever the token is still good for is done by then.
    pass(minutes(10)).await;
    let before: Vec<_> = ids.iter().map(|id| centre.writes(id).len()).collect();
    let tokens = centre.requests("POST", TOKEN);
    pass(minutes(50)).await;
    let tokens = centre.requests("POST", TOKEN) - tokens;
    assert!((25..=51).contains(&tokens), "{tokens} in fifty minutes");
    centre.sandbox.faults().disable_client(false);
    pass(CATCH_UP).await;
    for (id, before) in ids.iter().zip(before) {
        let writes = centre.writes(id);
        assert_eq!(writes.len(), before + 1, "{writes:?}");
        assert!(writes[before] >= HOUR, "{writes:?}");
    }
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_sign_in_that_is_down_for_an_hour_is_tried_with_growing_delays() {
    let centre = Centre::open().await;
    let daemon = centre.start_ready().await;
    let ids = raised_once(&centre, &daemon).await;
    let down = RequestFault::to("POST", TOKEN, Effect::Answer(503, None));
    centre.sandbox.faults().requests(down);
    centre.sandbox.faults().revoke_tokens();
    let before = centre.requests("POST", TOKEN);
    pass(minutes(60)).await;
    let tokens = centre.requests("POST", TOKEN) - before;
    assert!((60..200).contains(&tokens), "{tokens} in an hour");
    centre.sandbox.faults().clear();
    caught_up_by_one_write_each(&centre, &daemon, &ids, CATCH_UP).await;
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_queue_in_another_division_is_named_once_however_many_wait_in_it() {
    let log = Log::listen();
    let centre = Centre::open().await;
    let sales = centre.queue("Sales");
    centre.sandbox.faults().forbid_queue(&sales);
    let daemon = centre.start_ready().await;
    let ours = centre.callback();
    for _ in 0..5 {
        let _refused = centre.world().add_callback(Callback::to(&sales));
    }
    pass(minutes(31)).await;
    assert_eq!(centre.writes(&ours), [1, 2, 3, 4, 5, 6], "the others go on");
    assert_eq!(daemon.now().refused_raises, 5 * 6, "each is counted");
    let named = log.count(&["not allowed to raise in this queue", &sales.to_string()]);
    assert_eq!(named, 1, "said once");
    assert_eq!(log.count(&["\"WARN\"", "not allowed"]), 1);
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_sign_in_that_is_down_costs_no_raise_while_the_token_is_good() {
    let centre = Centre::with(|options| options.limits.token_lifetime = minutes(60)).await;
    let daemon = centre.start_ready().await;
    let id = centre.callback();
    daemon.tracks(1).await;
    pass(minutes(46)).await;
    let down = RequestFault::to("POST", TOKEN, Effect::Answer(503, None));
    centre.sandbox.faults().requests(down);
    pass(minutes(10)).await;
    assert!(centre.requests("POST", TOKEN) > 1, "it wants another");
    assert_eq!(centre.writes(&id), (1..=11).collect::<Vec<i64>>());
    centre.sandbox.faults().clear();
    pass(minutes(70)).await;
    assert_eq!(centre.writes(&id), (1..=25).collect::<Vec<i64>>());
    daemon.stop().await;
}
