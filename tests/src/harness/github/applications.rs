//! What an app does with its users' tokens, as itself.
use super::{Shared, guard, problem::Problem};
use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    access_token: String,
}

/// `DELETE /applications/{client_id}/token`: the token ends.
pub(super) async fn end_token(
    State(shared): State<Shared>,
    Path(client): Path<String>,
    headers: HeaderMap,
    body: Option<Json<Wanted>>,
) -> Result<Response, Problem> {
    end(&shared, &client, &headers, body, |shared, token, _| shared.site().apps.end(token))
}

/// `DELETE /applications/{client_id}/grant`: every token of the token's user ends, and the user is asked anew.
pub(super) async fn end_grant(
    State(shared): State<Shared>,
    Path(client): Path<String>,
    headers: HeaderMap,
    body: Option<Json<Wanted>>,
) -> Result<Response, Problem> {
    end(&shared, &client, &headers, body, |shared, _, user| shared.site().apps.revoke(user, Some(&client)))
}

fn end(
    shared: &Shared,
    client: &str,
    headers: &HeaderMap,
    body: Option<Json<Wanted>>,
    end: impl FnOnce(&Shared, &str, u64),
) -> Result<Response, Problem> {
    guard::app(shared, client, headers)?;
    let Some(Json(Wanted { access_token })) = body else {
        return Err(Problem::new(422, "Validation Failed", "apps/oauth-applications"));
    };
    let token = shared.site().apps.token(&access_token).cloned();
    let token = token.filter(|token| token.client.as_deref() == Some(client)).ok_or_else(Problem::not_found)?;
    end(shared, &access_token, token.user);
    Ok(StatusCode::NO_CONTENT.into_response())
}
