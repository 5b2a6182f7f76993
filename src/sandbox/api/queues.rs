//! `GET /api/v2/routing/queues`: listed by name, a page at a time.

use std::sync::Arc;

use axum::{
    Extension, Json,
    extract::{Path, Query, State},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Platform, TokenNumber,
    answer::Refusal,
    query::{Page, name_matches},
};
use crate::sandbox::{
    view::{DIVISION, time},
    world::Queue,
};

/// Most queues on a page.
const PAGE_MAX: usize = 100;

/// Which queues are asked for. Ids may be several, which the query string repeats and this type cannot hold.
#[derive(Debug, Deserialize)]
pub(super) struct Filter {
    /// Name, with `*` at either end.
    name: Option<String>,
}

/// Lists queues.
pub(super) async fn list(
    State(platform): State<Arc<Platform>>,
    Extension(_token): Extension<TokenNumber>,
    Query(page): Query<Page>,
    Query(filter): Query<Filter>,
) -> Result<Json<Value>, Refusal> {
    let page = page.at_most(PAGE_MAX)?;
    let wanted = filter.name.as_deref();
    let mut queues = platform.world.look(|state, _| {
        let named = |queue: &&Queue| wanted.is_none_or(|name| name_matches(name, &queue.name));
        let named = state.queues.iter().filter(named);
        named
            .map(|queue| (queue.name.clone(), entity(queue)))
            .collect::<Vec<_>>()
    });
    queues.sort_by(|(a, _), (b, _)| a.cmp(b));
    let queues: Vec<_> = queues.into_iter().map(|(_, queue)| queue).collect();
    let pages = page.count(queues.len());
    let link = |number: usize| {
        let size = page.page_size;
        let name = wanted.map_or(String::new(), |name| format!("&name={name}"));
        format!("/api/v2/routing/queues?pageSize={size}&pageNumber={number}{name}")
    };
    let mut listing = json!({
        "entities": page.of(&queues),
        "pageSize": page.page_size,
        "pageNumber": page.page_number,
        "total": queues.len(),
        "firstUri": link(1),
        "lastUri": link(pages.max(1)),
        "selfUri": link(page.page_number),
        "pageCount": pages,
    });
    if page.page_number < pages {
        listing["nextUri"] = json!(link(page.page_number + 1));
    }
    if page.page_number > 1 {
        listing["previousUri"] = json!(link(page.page_number - 1));
    }
    Ok(Json(listing))
}

/// One queue.
pub(super) async fn one(
    State(platform): State<Arc<Platform>>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let found = platform.world.look(|state, _| {
        let id = id.parse().ok()?;
        state.queue(&id).map(entity)
    });
    found
        .map(Json)
        .ok_or_else(|| Refusal::not_found(format!("Unable to find queue with id {id}")))
}

/// A queue as REST shows it.
fn entity(queue: &Queue) -> Value {
    json!({
        "id": queue.id,
        "name": queue.name,
        "division": {"id": DIVISION, "name": "Home", "selfUri": format!("/api/v2/authorization/divisions/{DIVISION}")},
        "dateCreated": time(queue.created),
        "dateModified": time(queue.created),
        "mediaSettings": {
            "call": {"alertingTimeoutSeconds": 30, "serviceLevel": {"percentage": 0.8, "durationMs": 20_000}},
            "callback": {"alertingTimeoutSeconds": 30, "serviceLevel": {"percentage": 0.8, "durationMs": 20_000}, "mode": "AgentFirst"},
        },
        "acwSettings": {"wrapupPrompt": "OPTIONAL"},
        "skillEvaluationMethod": "ALL",
        "selfUri": format!("/api/v2/routing/queues/{}", queue.id),
    })
}
