use super::fetch::fetch;
use crate::http::{
    app::App,
    input::{Nothing, Query},
    problem::Problem,
};
use axum::{Json, extract::State};
use serde::Serialize;

/// What the sign-in backend told.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct Refreshed {
    /// How many people it lists.
    people: usize,
}

/// Fetches anew whom the sign-in backend knows. The server does so by itself once an hour.
#[utoipa::path(post, path = "/v1/directory/refresh", tag = "sign-in backend", operation_id = "refresh_directory",
    responses((status = 200, body = Refreshed)))]
pub(super) async fn refresh(
    State(app): State<App>,
    Query(Nothing {}): Query<Nothing>,
) -> Result<Json<Refreshed>, Problem> {
    app.catch_up().await;
    let none = || Problem::new("directory.none", "the active sign-in backend lists nobody");
    let people = fetch(&app).await?.ok_or_else(none)?;
    Ok(Json(Refreshed { people }))
}
