use super::mirrored::MirroredNode;
use crate::http::{
    answer::Shown,
    input::{AsOf, Look, Segment},
    problem::Problem,
};
use domain::NodeName;

/// One node.
#[utoipa::path(get, path = "/v1/nodes/{name}", tag = "nodes", operation_id = "show_node",
    params(("name" = String, Path, description = "The node"), AsOf), responses((status = 200, body = MirroredNode)))]
pub(super) async fn show(Segment(name): Segment<NodeName>, look: Look) -> Result<Shown<MirroredNode>, Problem> {
    let (position, node) = look.view(|view| (view.position(), view.node(&name)));
    let node = look.found(node, "node.not_found", format_args!("node/{name}"))?;
    let revision = node.revision;
    Ok(Shown::one(position, revision, MirroredNode::of(look.app(), look.is_present(), node)))
}
