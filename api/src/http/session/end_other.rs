use crate::http::{
    app::App,
    auth::Asker,
    input::{Nothing, Query, Segment},
    problem::Problem,
};
use axum::{extract::State, http::StatusCode};
use uuid::Uuid;

/// Ends a session: one's own, or for operators, anybody's.
#[utoipa::path(delete, path = "/v1/sessions/{id}", tag = "session", operation_id = "end_session",
    params(("id" = uuid::Uuid, Path, description = "The session, as it is listed")),
    responses((status = 204, description = "The session is over")))]
pub(super) async fn end_other(
    State(app): State<App>,
    asker: Asker,
    Segment(id): Segment<Uuid>,
    Query(Nothing {}): Query<Nothing>,
) -> Result<StatusCode, Problem> {
    if app.sessions.end_listed(id, |session| asker.sees_all() || session.user == asker.user) {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Problem::new("session.not_found", "there is no such session"))
    }
}
