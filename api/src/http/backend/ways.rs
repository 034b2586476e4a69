use super::provider::{reached_at, within};
use crate::http::{
    app::App,
    input::{Nothing, Query},
};
use axum::{Json, extract::State};
use domain::backend::BackendKind;
use serde::Serialize;

/// How one signs in here.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct Ways {
    /// The sort of backend: `local`, `github` or `oidc`.
    #[schema(value_type = String, example = "oidc")]
    backend: BackendKind,
    /// The address that a browser begins to sign in at: the whole of it, below `public_url` where that is set. Null where one signs
    /// in with login and password (`POST /v1/session`). The break-glass operator has a password under every backend.
    #[schema(example = "https://dkube.example/auth/oidc/start")]
    start: Option<String>,
}

/// How one signs in here. Answers anybody.
#[utoipa::path(get, path = "/v1/auth", tag = "session", operation_id = "ways_to_sign_in",
    responses((status = 200, body = Ways)), security(()))]
pub(super) async fn ways(State(app): State<App>, Query(Nothing {}): Query<Nothing>) -> Json<Ways> {
    // Programs decide by it.
    app.catch_up().await;
    let backend = app.present(|state| state.cluster().sign_in().kind());
    let path = format!("/auth/{backend}/start");
    let address = || reached_at(&app, &path).map_or_else(|| within(&app, &path), String::from);
    let start = (backend != BackendKind::Local).then(address);
    Json(Ways { backend, start })
}
