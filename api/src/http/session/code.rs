use super::begin::SessionView;
use crate::http::{
    app::App,
    auth::session_cookie,
    backend::begin_session,
    input::{Body, Nothing, Query},
    problem::Problem,
};
use axum::{
    Json,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
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
    let (secret, session, user) = begin_session(&app, proven).await?;
    let (csrf_token, expires_at) = (Some(secret.csrf().to_string()), session.expires_at);
    let view = SessionView { login: user.login, role: user.role, csrf_token, expires_at };
    Ok(([(header::SET_COOKIE, session_cookie(app.settings(), &secret))], Json(view)).into_response())
}
