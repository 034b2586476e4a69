use super::{KubeNode, Pod, PodKey};
use crate::{NodeName, Timestamp};
use std::sync::Arc;
use uuid::Uuid;

/// Whether an agent reaches its cluster's API server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Whether every kind is being watched.
    pub connected: bool,
    /// Since when it is so, by the agent's clock.
    pub since: Timestamp,
    /// What went wrong last, if anything did.
    pub error: Option<Arc<str>>,
    /// Whether the cluster serves `resource.k8s.io/v1`: claims and slices of devices.
    pub claims: bool,
}

/// Which message of an agent it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stream {
    /// The agent's life: another one after each start.
    pub epoch: Uuid,
    /// The message's number in that life: each is one more than the last.
    pub sequence: u64,
}

/// What an agent tells of its cluster. A full state is told as a beginning, parts and an end; after it, what changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Update {
    /// A full state begins: what is known stays shown until it is whole.
    Begin,
    /// A part of it.
    Part {
        /// Nodes.
        nodes: Vec<KubeNode>,
        /// Pods.
        pods: Vec<Pod>,
    },
    /// It is whole: what was not in it is gone.
    End,
    /// What changed since. Without anything: a sign of life.
    Change {
        /// Nodes that are new or other than before.
        nodes: Vec<KubeNode>,
        /// Pods that are new or other than before.
        pods: Vec<Pod>,
        /// Nodes that are gone.
        nodes_gone: Vec<NodeName>,
        /// Pods that are gone.
        pods_gone: Vec<PodKey>,
    },
}

impl Update {
    /// That there is an agent, and nothing else.
    pub const SIGN_OF_LIFE: Self = Self::Change { nodes: vec![], pods: vec![], nodes_gone: vec![], pods_gone: vec![] };

    /// Whether it tells nothing else than that there is an agent.
    pub fn is_sign_of_life(&self) -> bool {
        *self == Self::SIGN_OF_LIFE
    }
}
