use crate::http::{
    answer::{Accepted, CommandAnswer, Errand, carry_out},
    app::App,
    auth::Asker,
    input::{DryRun, Segment, Wish},
    problem::Problem,
};
use axum::extract::State;
use domain::{Command, Subject, TokenId, token};

/// Ends a token, and the streams that it opened.
#[utoipa::path(delete, path = "/v1/tokens/{id}", tag = "tokens", operation_id = "revoke_token",
    params(("id" = uuid::Uuid, Path, description = "The token"), DryRun),
    responses((status = 200, body = CommandAnswer)))]
pub(super) async fn revoke(
    State(app): State<App>,
    asker: Asker,
    Segment(token): Segment<TokenId>,
    wish: Wish,
) -> Result<Accepted, Problem> {
    let command = Command::Token(token::Command::Revoke { token });
    carry_out(&app, &asker, &wish, Errand::new(command).on(Subject::Token(token))).await
}
