//! What a dry run sends.

use std::collections::BTreeSet;

use super::*;
use crate::genesys::{NameList, Topic};

/// A request as it arrived: method and path without parameters, ids told by a letter.
type Arrived = (String, String);

/// What arrived, each kind once.
fn arrived(sandbox: &Sandbox) -> BTreeSet<Arrived> {
    let requests = sandbox.requests().into_iter();
    let kind = |request: crate::sandbox::Request| {
        let path = request.path.split('?').next().unwrap_or_default();
        let parts = path.split('/').map(|part| {
            let is_id = part.len() > 30 && part.contains('-');
            if is_id { "ID" } else { part }
        });
        (request.method, parts.collect::<Vec<_>>().join("/"))
    };
    requests.map(kind).collect()
}

/// All that may arrive in a dry run.
fn allowed() -> BTreeSet<Arrived> {
    [
        ("POST", "/oauth/token"),
        ("GET", "/api/v2/conversations/ID"),
        ("GET", "/api/v2/notifications/availabletopics"),
        ("GET", "/api/v2/routing/queues"),
        ("GET", "/api/v2/routing/skills"),
        ("GET", "/api/v2/routing/languages"),
        ("GET", "/api/v2/authorization/divisions"),
        ("POST", "/api/v2/notifications/channels"),
        ("POST", "/api/v2/notifications/channels/ID/subscriptions"),
        ("PUT", "/api/v2/notifications/channels/ID/subscriptions"),
        ("POST", "/api/v2/analytics/conversations/activity/query"),
    ]
    .map(|(method, path)| (method.to_owned(), path.to_owned()))
    .into()
}

#[tokio::test(start_paused = true)]
async fn all_that_the_client_can_ask_leaves_in_a_dry_run_and_its_one_write_does_not() {
    let (sandbox, id, genesys) = platform(true).await;
    genesys.log_in().await.unwrap();
    let support = sandbox.world().queue("Support").unwrap();
    genesys
        .look(genesys.permit(Turn::Look).await, &id)
        .await
        .unwrap();
    genesys.waiting(&[], 100, 1, false).await.unwrap();
    genesys.available_topics().await.unwrap();
    genesys.queues().await.unwrap();
    for list in [NameList::Skills, NameList::Languages, NameList::Divisions] {
        genesys.names(list).await.unwrap();
    }
    let channel = genesys.create_channel().await.unwrap();
    let topics = [Topic::queue_callbacks(&support)];
    for replace in [true, false] {
        genesys.subscribe(&channel, &topics, replace).await.unwrap();
    }
    let permit = genesys.permit(Turn::Look).await;
    let (to, by) = (Priority::clamped(9), soon());
    let written = genesys.set_priority(permit, &id, None, to, by).await;
    assert!(written.unwrap_err().to_string().contains("dry run"));
    assert_eq!(arrived(&sandbox), allowed(), "and nothing else");
    assert_eq!(sandbox.world().writes(), []);
}

/// Paths that a request could have, and where they lead.
fn paths(id: &ConversationId) -> Vec<String> {
    let channels = "api/v2/notifications/channels";
    let channel = "00000000-0000-0000-0000-000000000000";
    [
        String::new(),
        format!("api/v2/routing/conversations/{id}"),
        format!("api/v2/conversations/{id}"),
        format!("api/v2/conversations/callbacks/{id}"),
        "api/v2/conversations/callbacks".to_owned(),
        "api/v2/routing/queues".to_owned(),
        "api/v2/analytics/conversations/details/jobs".to_owned(),
        "api/v2/analytics/conversations/activity/query".to_owned(),
        format!(
            "api/v2/analytics/conversations/activity/query/../../../../routing/conversations/{id}"
        ),
        "oauth/token".to_owned(),
        channels.to_owned(),
        format!("{channels}/"),
        format!("{channels}/{channel}"),
        format!("{channels}/{channel}/subscriptions"),
        format!("{channels}/{channel}/subscriptions/more"),
        format!("{channels}//subscriptions"),
        format!("{channels}/../../routing/conversations/{id}"),
        format!("{channels}/{channel}/../../../routing/conversations/{id}/subscriptions"),
        format!("{channels}elsewhere/subscriptions"),
    ]
    .into()
}

#[tokio::test(start_paused = true)]
async fn no_other_request_leaves_in_a_dry_run_whatever_it_calls_itself() {
    let (sandbox, id, genesys) = platform(true).await;
    genesys.log_in().await.unwrap();
    let effects = [
        Effect::Writes,
        Effect::Reads,
        Effect::Sweeps,
        Effect::Upkeep,
    ];
    let mut left = 0;
    for method in [
        "GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "MERGE",
    ] {
        for path in paths(&id) {
            for effect in effects {
                let method = Method::from_bytes(method.as_bytes()).unwrap();
                let call = Call::new("test", method, path.clone())
                    .sending(json!({"priority": 9}))
                    .which(effect);
                let permit = genesys.permit(Turn::Look).await;
                let before = sandbox.requests().len();
                let _answer = genesys.send(&call, permit).await;
                left += sandbox.requests().len() - before;
            }
        }
    }
    let may_leave = |(method, path): &&Arrived| {
        method != "GET" && !allowed().contains(&(method.clone(), path.clone()))
    };
    let arrived = arrived(&sandbox);
    assert_eq!(arrived.iter().find(may_leave), None);
    assert_eq!(
        arrived.iter().filter(|(method, _)| method != "GET").count(),
        5,
        "the token, the sweep, a channel, and its topics twice: {arrived:?}"
    );
    assert_eq!(left, 4 * (paths(&id).len() + 4));
    assert_eq!(sandbox.world().writes(), []);
}
