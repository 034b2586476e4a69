use crate::http::{
    answer::{Accepted, CommandAnswer, Errand, carry_out},
    app::App,
    auth::Asker,
    input::{Body, Change, DryRun, Segment, Wish},
    problem::Problem,
};
use axum::extract::State;
use domain::{Command, GroupName, Login, PoolName, Subject, group};
use serde::Deserialize;

/// A change of a group: what is left out stays.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EditGroup {
    /// Users that are in no group and shall join.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    add_users: Vec<Login>,
    /// Members that shall leave.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    remove_users: Vec<Login>,
    /// The pool to be bound to; null unbinds.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pool: Change<PoolName>,
}

/// Changes a group's members or its pool.
#[utoipa::path(patch, path = "/v1/groups/{name}", tag = "groups", operation_id = "edit_group",
    params(("name" = String, Path, description = "The group"), DryRun), request_body = EditGroup,
    responses((status = 200, body = CommandAnswer)))]
pub(super) async fn edit(
    State(app): State<App>,
    asker: Asker,
    Segment(name): Segment<GroupName>,
    wish: Wish,
    body: Body<EditGroup>,
) -> Result<Accepted, Problem> {
    let EditGroup { add_users, remove_users, pool } = body.value;
    let (subject, named) = (Subject::Group(name.clone()), [add_users.clone(), remove_users.clone()].concat());
    let command = Command::Group(group::Command::Edit { name, add_users, remove_users, pool: pool.wanted() });
    carry_out(&app, &asker, &wish, Errand::new(command).on(subject).naming(named).with(&body.raw)).await
}
