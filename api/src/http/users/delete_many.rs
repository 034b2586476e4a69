use crate::http::{
    answer::{Accepted, CommandAnswer, Errand, carry_out},
    app::App,
    auth::Asker,
    input::{Body, DryRun, Wish},
    problem::Problem,
};
use axum::extract::State;
use domain::{Command, Login, user};
use serde::Deserialize;

/// Users to be deleted, all or none.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DeleteUsers {
    /// Their logins.
    #[schema(value_type = Vec<String>)]
    logins: Vec<Login>,
}

/// Deletes many users, all or none.
#[utoipa::path(post, path = "/v1/users/delete", tag = "users", operation_id = "delete_users", params(DryRun),
    request_body = DeleteUsers, responses((status = 200, body = CommandAnswer)))]
pub(super) async fn delete_many(
    State(app): State<App>,
    asker: Asker,
    wish: Wish,
    body: Body<DeleteUsers>,
) -> Result<Accepted, Problem> {
    let logins = body.value.logins;
    let command = Command::User(user::Command::Delete { logins: logins.clone() });
    carry_out(&app, &asker, &wish, Errand::new(command).naming(logins).with(&body.raw)).await
}
