use crate::http::{
    answer::{Accepted, CommandAnswer, Errand, carry_out},
    app::App,
    auth::Asker,
    input::{Body, DryRun, Wish},
    problem::Problem,
};
use axum::extract::State;
use domain::{Command, GroupName, Login, PoolName, group};
use serde::Deserialize;

/// A group to be made.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateGroup {
    /// A name that no group has: a DNS-1123 label.
    #[schema(value_type = String, example = "vision-team")]
    name: GroupName,
    /// Users that are in no group.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    users: Vec<Login>,
    /// A pool that no group is bound to.
    #[schema(value_type = Option<String>)]
    pool: Option<PoolName>,
}

/// Makes a group.
#[utoipa::path(post, path = "/v1/groups", tag = "groups", operation_id = "create_group", params(DryRun),
    request_body = CreateGroup, responses((status = 200, body = CommandAnswer), (status = 201, body = CommandAnswer)))]
pub(super) async fn create(
    State(app): State<App>,
    asker: Asker,
    wish: Wish,
    body: Body<CreateGroup>,
) -> Result<Accepted, Problem> {
    let CreateGroup { name, users, pool } = body.value;
    let (location, named) = (format!("/v1/groups/{name}"), users.clone());
    let command = Command::Group(group::Command::Create { name, users, pool });
    Ok(carry_out(&app, &asker, &wish, Errand::new(command).naming(named).with(&body.raw)).await?.made(location))
}
