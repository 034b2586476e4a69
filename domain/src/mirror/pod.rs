use crate::{NodeName, Timestamp, device::DeviceId};
use std::sync::Arc;
use uuid::Uuid;

/// Where a pod is found: one at a time has this name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PodKey {
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
}

/// A pod as Kubernetes has it, as far as somebody needs it who looks for trouble or for a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pod {
    /// Where it is found.
    pub key: PodKey,
    /// Which one it is: a pod that is made anew under the same name has another.
    pub uid: Uuid,
    /// The node that it is on, once it is on one.
    pub node: Option<NodeName>,
    /// How far it is in its life.
    pub phase: Phase,
    /// Its condition `Ready`.
    pub ready: bool,
    /// Whether it is being deleted.
    pub terminating: bool,
    /// Why it is not as it should be: `CrashLoopBackOff`, `Evicted`, `Unschedulable`.
    pub reason: Option<Arc<str>>,
    /// How often its containers were started anew, in all.
    pub restarts: u32,
    /// When it was made, by the cluster's clock.
    pub created_at: Option<Timestamp>,
    /// When its node took it on.
    pub started_at: Option<Timestamp>,
    /// What made it.
    pub owner: Option<Workload>,
    /// The part of a whole that it is: label `app.kubernetes.io/component`, else `app.kubernetes.io/name`, else `app`.
    pub component: Option<Arc<str>>,
    /// The user that its label or annotation names.
    pub user: Option<Arc<str>>,
    /// How many GPUs, or parts of them, it asks for: resources `nvidia.com/gpu` and `nvidia.com/mig-…`, and what its
    /// resource claims were given.
    pub gpus: u32,
    /// The GPUs that its resource claims were given, where their UUIDs are known.
    pub devices: Vec<DeviceId>,
}

/// What made a pod.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Workload {
    /// What it is: `ReplicaSet`, `Job`, `DaemonSet`.
    pub kind: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
}

/// How far a pod is in its life: Kubernetes' `status.phase`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Taken on; not all of its containers run yet.
    Pending,
    /// It runs.
    Running,
    /// All its containers ended well.
    Succeeded,
    /// All its containers ended, and one of them badly.
    Failed,
    /// Its node does not say.
    Unknown,
}

impl Pod {
    /// The most devices of a pod that are mirrored: a claim names at most 32 (`resource.k8s.io/v1`), and a pod few claims.
    pub const DEVICES_MAX: usize = 128;

    /// The longest text of a field, in bytes: a namespace, a name, a label's value have at most 253.
    pub const TEXT_MAX: usize = 256;

    /// One that was just made: on no node, waiting, and asking for nothing. What is known of it is put in.
    pub const fn new(key: PodKey, uid: Uuid) -> Self {
        Self {
            key,
            uid,
            node: None,
            phase: Phase::Pending,
            ready: false,
            terminating: false,
            reason: None,
            restarts: 0,
            created_at: None,
            started_at: None,
            owner: None,
            component: None,
            user: None,
            gpus: 0,
            devices: vec![],
        }
    }
}

impl Phase {
    /// Every phase.
    pub const ALL: [Self; 5] = [Self::Pending, Self::Running, Self::Succeeded, Self::Failed, Self::Unknown];

    /// Its name, as Kubernetes has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Running => "Running",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
            Self::Unknown => "Unknown",
        }
    }

    /// Whether a pod that is so has ended for good.
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed)
    }
}
