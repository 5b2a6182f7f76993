//! The page and the endpoints beside it, asked without a network.

use std::time::Duration;

use axum::{body::Body, body::to_bytes, http::Request};
use tokio::time::{Instant, advance};
use tower::ServiceExt;

use super::*;
use crate::conversation::ConversationId;

/// A page whose time begins at the epoch and runs with tokio's.
fn page(status: &Status) -> Page {
    let since = Instant::now();
    Page::from(vec![Shown {
        organization: Organization::default(),
        status: status.clone(),
        clock: Arc::new(move || Timestamp::UNIX_EPOCH + since.elapsed()),
    }])
}

/// What it answers.
async fn get(page: &Page, path: &str) -> (StatusCode, String) {
    let request = Request::get(path).header("host", "localhost:9187");
    let request = request.body(Body::empty()).unwrap();
    let routes = page.clone().routes(Arc::new([]), CancellationToken::new());
    let response = routes.oneshot(request).await.unwrap();
    let code = response.status();
    let body = to_bytes(response.into_body(), 100_000).await.unwrap();
    (code, String::from_utf8(body.to_vec()).unwrap())
}

/// Why it is not ready.
async fn why(page: &Page) -> String {
    let (code, body) = get(page, "/readyz").await;
    assert_eq!(code, StatusCode::SERVICE_UNAVAILABLE, "{body}");
    body
}

#[tokio::test(start_paused = true)]
async fn ready_after_token_and_first_sweep_while_the_journal_works() {
    let status = Status::default();
    let page = page(&status);
    assert_eq!(get(&page, "/livez").await.0, StatusCode::OK);
    assert!(why(&page).await.contains("there is no token yet"));
    status.update(|now| now.signed_in = true);
    assert!(why(&page).await.contains("the first sweep is not done"));
    status.update(|now| now.swept = true);
    assert_eq!(
        get(&page, "/readyz").await,
        (StatusCode::OK, "ready\n".to_owned())
    );
    status.update(|now| now.journal_trouble = Some("disk full".to_owned()));
    assert_eq!(why(&page).await, "not ready: disk full\n");
    status.update(|now| now.journal_trouble = None);
    let (code, body) = get(&page, "/status.json").await;
    assert_eq!(code, StatusCode::OK);
    assert!(body.contains("\"ready\":true"), "{body}");
}

#[tokio::test(start_paused = true)]
async fn overdue_work_that_does_not_move_is_not_ready_and_idle_is() {
    let status = Status::default();
    let page = page(&status);
    status.update(|now| (now.signed_in, now.swept) = (true, true));
    advance(Duration::from_hours(1)).await;
    assert_eq!(get(&page, "/readyz").await.0, StatusCode::OK, "idle");
    let id = ConversationId::from_random([1; 16]);
    status.due(&id, (page.0[0].clock)());
    advance(Duration::from_secs(119)).await;
    assert_eq!(get(&page, "/readyz").await.0, StatusCode::OK);
    advance(Duration::from_secs(1)).await;
    let said = why(&page).await;
    assert!(
        said.contains("1 of them, the first for 2m, and none was made for 2m"),
        "{said}"
    );
    status.rests(&id, (page.0[0].clock)());
    assert_eq!(
        get(&page, "/readyz").await.0,
        StatusCode::OK,
        "it moves again"
    );
}

#[tokio::test(start_paused = true)]
async fn a_fleet_that_gives_no_sign_is_not_live() {
    let status = Status::default();
    let page = page(&status);
    status.pulse();
    advance(Duration::from_secs(9)).await;
    assert_eq!(get(&page, "/livez").await.0, StatusCode::OK);
    advance(Duration::from_secs(1)).await;
    let (code, body) = get(&page, "/livez").await;
    assert_eq!(code, StatusCode::SERVICE_UNAVAILABLE);
    assert!(
        body.starts_with("not live: the loop that looks after all callbacks"),
        "{body}"
    );
    status.pulse();
    assert_eq!(get(&page, "/livez").await.0, StatusCode::OK);
}
