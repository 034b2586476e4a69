//! When each node was last heard of, by whatever its agent sends.
use domain::NodeName;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::time::Instant;

/// The most nodes that are remembered: past them, one that was never heard before is not.
const NODES_MAX: usize = 200_000;

/// When each node was last heard of in this process. Cheap to clone: all clones are one.
#[derive(Debug, Clone, Default)]
pub struct Heard(Arc<Mutex<HashMap<NodeName, Instant>>>);

impl Heard {
    /// The node's agent sent something now.
    pub fn mark(&self, node: &NodeName) {
        let now = Instant::now();
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = heard.get_mut(node) {
            *last = now;
        } else if heard.len() < NODES_MAX {
            heard.insert(node.clone(), now);
        }
    }

    /// When it last did; none if it never did since the server's start.
    pub fn last(&self, node: &NodeName) -> Option<Instant> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(node).copied()
    }
}
