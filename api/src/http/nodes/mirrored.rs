//! A node with what Kubernetes says of it.
use crate::http::app::App;
use projections::{mirror::KubernetesNode, view::NodeView};
use serde::Serialize;

/// A node, and how Kubernetes has it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Node)]
pub(super) struct MirroredNode {
    /// The node.
    #[serde(flatten)]
    node: NodeView,
    /// How Kubernetes has it at present; null where no cluster that is mirrored has it, and in a look at the past.
    kubernetes: Option<KubernetesNode>,
}

impl MirroredNode {
    /// The node as it is looked at: at present, or in the past, which Kubernetes' mirror has not.
    pub(super) fn of(app: &App, present: bool, node: NodeView) -> Self {
        let kubernetes = if present { app.parts.mirrors.node(&node.name) } else { None };
        Self { node, kubernetes }
    }
}
