//! What a cluster agent mirrors of its Kubernetes cluster, and what the server answers.
mod frozen;
#[cfg(test)]
mod tests;

use super::{REPLY_MAX, WireError, read, write};
use bytes::Bytes;
use domain::mirror::{KubeNode, Link, Pod, PodKey, Stream, Update};
use frozen::{AnswerV1, MessageV1};

/// The largest message, in bytes. Who has more to tell sends several parts.
pub const MIRROR_MAX: usize = 256 * 1024;

/// One message of a cluster agent. Whose it is says the subject that it comes on. Each says how the agent reaches its
/// cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Which message it is.
    pub stream: Stream,
    /// How the agent reaches its cluster.
    pub link: Link,
    /// What it tells.
    pub update: Update,
}

/// The server's answer to a message. What it has is in its memory only: it says so when it lost it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It is taken; a repeat gets this answer too.
    Taken,
    /// The server has not all that came before: a full state is wanted.
    Resync,
    /// It is not taken, and would not be if it was sent again: it is malformed, or there is more than is mirrored.
    Refused,
}

impl Message {
    /// Its bytes.
    ///
    /// # Errors
    /// They are more than [`MIRROR_MAX`].
    pub fn encode(&self) -> Result<Bytes, WireError> {
        write(&MessageV1::from(self), MIRROR_MAX)
    }

    /// The message that these bytes are.
    ///
    /// # Errors
    /// See [`WireError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        read::<MessageV1>(bytes, MIRROR_MAX)?.try_into()
    }
}

impl Answer {
    /// Its bytes.
    ///
    /// # Errors
    /// None: it is one byte.
    pub fn encode(self) -> Result<Bytes, WireError> {
        write(&AnswerV1::from(self), REPLY_MAX)
    }

    /// The answer that these bytes are.
    ///
    /// # Errors
    /// See [`WireError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        Ok(read::<AnswerV1>(bytes, REPLY_MAX)?.into())
    }
}

/// At least the bytes that a pod takes in a message, so that parts are filled and not overfilled.
pub fn pod_weight(pod: &Pod) -> usize {
    let text = |text: &Option<std::sync::Arc<str>>| text.as_ref().map_or(0, |text| text.len());
    let owner = pod.owner.as_ref().map_or(0, |owner| owner.kind.len() + owner.name.len());
    let named = key_weight(&pod.key) + pod.node.as_ref().map_or(0, |node| node.as_str().len());
    128 + named + owner + text(&pod.reason) + text(&pod.component) + text(&pod.user) + 17 * pod.devices.len()
}

/// At least the bytes that a node takes in a message.
pub fn node_weight(node: &KubeNode) -> usize {
    let taints: usize =
        node.taints.iter().map(|taint| 16 + taint.key.len() + taint.value.len() + taint.effect.len()).sum();
    let labels: usize = node.labels.iter().map(|(name, value)| 8 + name.len() + value.len()).sum();
    let pressures: usize = node.pressures.iter().map(|pressure| 4 + pressure.len()).sum();
    128 + node.name.as_str().len() + node.kubelet.len() + taints + labels + pressures
}

/// At least the bytes that a pod's key takes in a message.
pub fn key_weight(key: &PodKey) -> usize {
    8 + key.namespace.len() + key.name.len()
}
