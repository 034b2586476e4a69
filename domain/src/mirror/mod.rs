//! What is mirrored of a Kubernetes cluster: shown as it is there, and never recorded. Rules look at none of it.
mod node;
mod pod;
mod update;

pub use node::{KubeNode, Taint};
pub use pod::{Phase, Pod, PodKey, Workload};
pub use update::{Link, Stream, Update};
