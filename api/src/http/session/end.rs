use crate::http::{
    app::App,
    auth::{Asker, clear_cookie},
    input::{Nothing, Query},
    problem::{Problem, denied},
};
use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use domain::Denied;

/// Signs out.
#[utoipa::path(delete, path = "/v1/session", tag = "session", operation_id = "sign_out",
    responses((status = 204, description = "The session is over")))]
pub(super) async fn end(
    State(app): State<App>,
    asker: Asker,
    Query(Nothing {}): Query<Nothing>,
) -> Result<Response, Problem> {
    let (key, _) = asker.session().ok_or_else(|| denied(Denied::SessionNeeded))?;
    app.sessions.end(&key);
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, clear_cookie(app.settings()))]).into_response())
}
