//! Nodes.
use super::{compact, follow::Keeps};
use crate::mirror::Picture;
use domain::NodeName;
use k8s_openapi::api::core::v1::Node;
use std::collections::BTreeSet;

/// Keeps the nodes.
pub(super) struct Nodes {
    picture: Picture,
    listed: Option<BTreeSet<NodeName>>,
}

impl Nodes {
    pub(super) const fn new(picture: Picture) -> Self {
        Self { picture, listed: None }
    }
}

impl Keeps<Node> for Nodes {
    fn begin(&mut self) {
        self.listed = Some(BTreeSet::new());
    }

    fn put(&mut self, object: Node) {
        let Some(node) = compact::node(object) else { return };
        if let Some(listed) = &mut self.listed {
            listed.insert(node.name.clone());
        }
        self.picture.put_node(node);
    }

    fn gone(&mut self, object: Node) {
        if let Some(name) = object.metadata.name.and_then(|name| name.parse().ok()) {
            self.picture.drop_node(&name);
        }
    }

    fn whole(&mut self) {
        if let Some(listed) = self.listed.take() {
            self.picture.only_nodes(&listed);
        }
    }
}
