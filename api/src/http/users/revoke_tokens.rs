use crate::http::{
    answer::{Accepted, CommandAnswer, Errand, carry_out},
    app::App,
    auth::Asker,
    input::{DryRun, Segment, Target, Wish},
    problem::Problem,
};
use axum::extract::State;
use domain::{Command, Login, token};

/// Ends all of a user's tokens, and the streams that they opened: all or none. Sessions go on.
#[utoipa::path(delete, path = "/v1/users/{login}/tokens", tag = "tokens", operation_id = "revoke_user_tokens",
    params(("login" = String, Path, description = "The user"), DryRun), responses((status = 200, body = CommandAnswer)))]
pub(super) async fn revoke_tokens(
    State(app): State<App>,
    asker: Asker,
    Segment(login): Segment<Login>,
    wish: Wish,
) -> Result<Accepted, Problem> {
    let target = Target::Login(login.clone());
    let command = Command::Token(token::Command::RevokeAll { login: login.clone() });
    carry_out(&app, &asker, &wish, Errand::new(command).about(target).naming([login])).await
}
