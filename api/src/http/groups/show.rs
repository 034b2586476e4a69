use crate::http::{
    answer::Shown,
    input::{AsOf, Look, Segment},
    problem::Problem,
};
use domain::GroupName;
use projections::view::GroupView;

/// One group.
#[utoipa::path(get, path = "/v1/groups/{name}", tag = "groups", operation_id = "show_group",
    params(("name" = String, Path, description = "The group"), AsOf), responses((status = 200, body = GroupView)))]
pub(super) async fn show(Segment(name): Segment<GroupName>, look: Look) -> Result<Shown<GroupView>, Problem> {
    let (position, group) = look.view(|view| (view.position(), view.group(&name)));
    let group = look.found(group, "group.not_found", format_args!("group/{name}"))?;
    Ok(Shown::one(position, group.revision, group))
}
