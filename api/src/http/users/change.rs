use crate::http::{
    answer::{Accepted, CommandAnswer, Errand, carry_out},
    app::App,
    auth::Asker,
    input::{Body, Change, DryRun, Segment, Target, Wish},
    problem::Problem,
};
use axum::extract::State;
use domain::{Command, GroupName, Login, Role, user};
use serde::Deserialize;

/// A change of a user: what is left out stays.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangeUser {
    /// What they shall be allowed to do.
    #[schema(value_type = Option<String>, example = "operator")]
    role: Option<Role>,
    /// The group that they shall move to, in one step; null: into none.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    group: Change<GroupName>,
    /// Whether they shall be shut out.
    suspended: Option<bool>,
}

/// Changes a user's role or group, or shuts them out.
#[utoipa::path(patch, path = "/v1/users/{login}", tag = "users", operation_id = "change_user",
    params(("login" = String, Path, description = "The user"), DryRun), request_body = ChangeUser,
    responses((status = 200, body = CommandAnswer)))]
pub(super) async fn change(
    State(app): State<App>,
    asker: Asker,
    Segment(login): Segment<Login>,
    wish: Wish,
    body: Body<ChangeUser>,
) -> Result<Accepted, Problem> {
    let ChangeUser { role, group, suspended } = body.value;
    let (target, named) = (Target::Login(login.clone()), login.clone());
    let command = Command::User(user::Command::Change { login, role, group: group.wanted(), suspended });
    carry_out(&app, &asker, &wish, Errand::new(command).about(target).naming([named]).with(&body.raw)).await
}
