use crate::NodeName;
use std::sync::Arc;

/// A node as Kubernetes has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KubeNode {
    /// Its name.
    pub name: NodeName,
    /// Its condition `Ready`; none where that is `Unknown` or not told.
    pub ready: Option<bool>,
    /// Its other conditions that are true: `MemoryPressure`, `DiskPressure`, `PIDPressure`, `NetworkUnavailable`.
    pub pressures: Vec<Arc<str>>,
    /// Whether the scheduler puts no new pod on it (`spec.unschedulable`).
    pub unschedulable: bool,
    /// What keeps pods off it.
    pub taints: Vec<Taint>,
    /// The GPUs that it has, as `nvidia.com/gpu`; none where it names no such resource.
    pub gpu_capacity: Option<u32>,
    /// Those of them that pods may have.
    pub gpu_allocatable: Option<u32>,
    /// The kubelet's version.
    pub kubelet: Arc<str>,
    /// The labels that tell where and what it is: zone, region, instance type, GPU product.
    pub labels: Vec<(Arc<str>, Arc<str>)>,
}

/// What keeps pods off a node unless they tolerate it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taint {
    /// Its key.
    pub key: Arc<str>,
    /// Its value; empty where it has none.
    pub value: Arc<str>,
    /// `NoSchedule`, `PreferNoSchedule` or `NoExecute`.
    pub effect: Arc<str>,
}

impl KubeNode {
    /// The most taints, pressures and labels, of each, that are mirrored.
    pub const LIST_MAX: usize = 32;
}
