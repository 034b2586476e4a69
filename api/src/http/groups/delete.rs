use crate::http::{
    answer::{Accepted, CommandAnswer, Errand, carry_out},
    app::App,
    auth::Asker,
    input::{DryRun, Segment, Wish},
    problem::Problem,
};
use axum::extract::State;
use domain::{Command, GroupName, Subject, group};

/// Removes an empty group.
#[utoipa::path(delete, path = "/v1/groups/{name}", tag = "groups", operation_id = "delete_group",
    params(("name" = String, Path, description = "The group"), DryRun), responses((status = 200, body = CommandAnswer)))]
pub(super) async fn delete(
    State(app): State<App>,
    asker: Asker,
    Segment(name): Segment<GroupName>,
    wish: Wish,
) -> Result<Accepted, Problem> {
    let subject = Subject::Group(name.clone());
    carry_out(&app, &asker, &wish, Errand::new(Command::Group(group::Command::Delete { name })).on(subject)).await
}
