use super::{begin::SessionView, open::open};
use crate::http::{
    app::App,
    input::{Body, Nothing, Query},
    problem::Problem,
};
use axum::{extract::State, response::Response};
use serde::Deserialize;
use uuid::Uuid;

/// What a program shows for the session that its browser began.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SessionCode {
    /// What the browser brought.
    code: Uuid,
    /// What the challenge was made of.
    #[schema(value_type = String, format = Password)]
    verifier: crate::http::auth::Password,
}

/// Gives a program the session that its browser began at `/auth/{kind}/start` with a challenge: sets the session cookie.
#[utoipa::path(post, path = "/v1/session/code", tag = "session", operation_id = "take_session",
    request_body = SessionCode, responses((status = 200, body = SessionView)), security(()))]
pub(super) async fn code(
    State(app): State<App>,
    Query(Nothing {}): Query<Nothing>,
    body: Body<SessionCode>,
) -> Result<Response, Problem> {
    let over = || Problem::new("auth.flow_over", "this code is over, or not yours");
    let SessionCode { code, verifier } = body.value;
    let proven = app.codes.take(code, verifier.reveal(), app.now()).ok_or_else(over)?;
    app.catch_up().await;
    Ok(open(&app, proven).await?.answer(&app))
}
