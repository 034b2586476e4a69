use crate::http::{
    answer::Shown,
    input::{AsOf, Look, Segment},
    problem::Problem,
};
use domain::NodeName;
use projections::view::NodeView;

/// One node.
#[utoipa::path(get, path = "/v1/nodes/{name}", tag = "nodes", operation_id = "show_node",
    params(("name" = String, Path, description = "The node"), AsOf), responses((status = 200, body = NodeView)))]
pub(super) async fn show(Segment(name): Segment<NodeName>, look: Look) -> Result<Shown<NodeView>, Problem> {
    let (position, node) = look.view(|view| (view.position(), view.node(&name)));
    let node = look.found(node, "node.not_found", format_args!("node/{name}"))?;
    Ok(Shown::one(position, node.revision, node))
}
