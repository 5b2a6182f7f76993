//! Lists of things that have names and not much else: skills, languages, divisions.

use std::sync::Arc;

use axum::{
    Extension, Json,
    extract::{Query, State},
};
use serde_json::{Value, json};

use super::{Platform, TokenNumber, answer::Refusal, query::Page};
use crate::sandbox::view::DIVISION;

/// Most entries on a page.
const PAGE_MAX: usize = 500;

/// `GET /api/v2/routing/skills`.
pub(super) async fn skills(
    State(platform): State<Arc<Platform>>,
    Extension(_token): Extension<TokenNumber>,
    Query(page): Query<Page>,
) -> Result<Json<Value>, Refusal> {
    let skills = platform.world.look(|state, _| state.skills.clone());
    listing(page, "/api/v2/routing/skills", &skills)
}

/// `GET /api/v2/routing/languages`.
pub(super) async fn languages(
    State(platform): State<Arc<Platform>>,
    Extension(_token): Extension<TokenNumber>,
    Query(page): Query<Page>,
) -> Result<Json<Value>, Refusal> {
    let languages = platform.world.look(|state, _| state.languages.clone());
    listing(page, "/api/v2/routing/languages", &languages)
}

/// `GET /api/v2/authorization/divisions`.
pub(super) async fn divisions(
    Extension(_token): Extension<TokenNumber>,
    Query(page): Query<Page>,
) -> Result<Json<Value>, Refusal> {
    let home = [(DIVISION.to_owned(), "Home".to_owned())];
    listing(page, "/api/v2/authorization/divisions", &home)
}

/// A page of a list.
fn listing(page: Page, path: &str, all: &[(String, String)]) -> Result<Json<Value>, Refusal> {
    let page = page.at_most(PAGE_MAX)?;
    let entity = |(id, name): &(String, String)| json!({"id": id, "name": name, "selfUri": format!("{path}/{id}")});
    let entities: Vec<Value> = page.of(all).iter().map(entity).collect();
    Ok(Json(json!({
        "entities": entities,
        "pageSize": page.page_size,
        "pageNumber": page.page_number,
        "total": all.len(),
        "pageCount": page.count(all.len()),
    })))
}
