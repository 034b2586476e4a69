//! What is mirrored of Kubernetes clusters: held in memory, shown as it is there, gone with the process.
//!
//! A cluster's agent tells a full state and then what changes; what it told stays shown while it is away, with how old it
//! is. A full state replaces the last one when it is whole, so that nothing disappears and comes back meanwhile.
mod keep;
mod page;
#[cfg(test)]
mod tests;
mod view;

pub use keep::{Bounds, Mirrors, Took};
pub use view::{
    KubernetesNode, MirrorView, PodCount, PodFilter, PodList, PodPhase, PodSummary, PodTotals, PodView, TaintView,
    WorkloadView,
};

pub(crate) use keep::{Mirror, Shown};
