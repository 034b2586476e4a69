use super::begin::SessionView;
use crate::http::{
    app::App,
    auth::{Asker, Credential, presented_secret},
    input::{Nothing, Query},
    problem::{Problem, denied},
};
use axum::{Json, extract::State, http::HeaderMap};
use domain::Denied;

/// Who is signed in: by session or token.
#[utoipa::path(get, path = "/v1/session", tag = "session", operation_id = "show_session",
    responses((status = 200, body = SessionView)))]
pub(super) async fn current(
    State(app): State<App>,
    asker: Asker,
    Query(Nothing {}): Query<Nothing>,
    headers: HeaderMap,
) -> Result<Json<SessionView>, Problem> {
    let (csrf_token, expires_at) = match asker.credential {
        Credential::Session(_, session) => {
            let secret = presented_secret(app.settings(), &headers);
            (secret.map(|secret| secret.csrf().to_string()), session.expires_at)
        }
        Credential::Token(hash) => {
            let token = app.present(|state| state.cluster().token_by_hash(&hash).map(|token| token.expires_at));
            (None, token.ok_or_else(|| denied(Denied::Unknown))?)
        }
    };
    Ok(Json(SessionView { login: asker.login, role: asker.role, csrf_token, expires_at }))
}
