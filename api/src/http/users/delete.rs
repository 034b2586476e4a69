use crate::http::{
    answer::{Accepted, CommandAnswer, Errand, carry_out},
    app::App,
    auth::Asker,
    input::{DryRun, Segment, Target, Wish},
    problem::Problem,
};
use axum::extract::State;
use domain::{Command, Login, user};

/// Deletes a user. Their history stays.
#[utoipa::path(delete, path = "/v1/users/{login}", tag = "users", operation_id = "delete_user",
    params(("login" = String, Path, description = "The user"), DryRun), responses((status = 200, body = CommandAnswer)))]
pub(super) async fn delete(
    State(app): State<App>,
    asker: Asker,
    Segment(login): Segment<Login>,
    wish: Wish,
) -> Result<Accepted, Problem> {
    let target = Target::Login(login.clone());
    let command = Command::User(user::Command::Delete { logins: vec![login.clone()] });
    carry_out(&app, &asker, &wish, Errand::new(command).about(target).naming([login])).await
}
