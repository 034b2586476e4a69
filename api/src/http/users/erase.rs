use crate::http::{
    answer::{Accepted, CommandAnswer, Errand, carry_out},
    app::App,
    auth::Asker,
    input::{DryRun, Segment, Wish},
    problem::Problem,
};
use axum::extract::State;
use domain::{Command, Subject, UserId, user};

/// Destroys the personal data of a deleted user, for ever. The path holds the user's id.
#[utoipa::path(post, path = "/v1/users/{login}/erase", tag = "users", operation_id = "erase_user",
    params(("login" = uuid::Uuid, Path, description = "The id of the deleted user: a login may be somebody else's by now"),
        DryRun),
    responses((status = 200, body = CommandAnswer)))]
pub(super) async fn erase(
    State(app): State<App>,
    asker: Asker,
    Segment(user): Segment<UserId>,
    wish: Wish,
) -> Result<Accepted, Problem> {
    let command = Command::User(user::Command::Erase { user });
    carry_out(&app, &asker, &wish, Errand::new(command).on(Subject::User(user))).await
}
