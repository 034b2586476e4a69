//! What people see of what is mirrored.
use super::{Mirror, Mirrors, Shown};
use domain::{
    ClusterName, NodeName, Timestamp,
    device::DeviceId,
    mirror::{KubeNode, Phase, Pod, Taint},
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use utoipa::ToSchema;
use uuid::Uuid;

/// How far a pod is in its life, as Kubernetes says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
pub enum PodPhase {
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

/// A pod, as Kubernetes has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PodView {
    /// The Kubernetes cluster that it is of.
    #[schema(value_type = String)]
    pub cluster: ClusterName,
    /// Its namespace.
    #[schema(value_type = String)]
    pub namespace: Arc<str>,
    /// Its name.
    #[schema(value_type = String)]
    pub name: Arc<str>,
    /// Its UID: another one when it is made anew under the same name.
    pub uid: Uuid,
    /// The node that it is on; null before it is on one.
    #[schema(value_type = Option<String>)]
    pub node: Option<NodeName>,
    /// How far it is in its life.
    pub phase: PodPhase,
    /// Whether it is ready.
    pub ready: bool,
    /// Whether it is being deleted.
    pub terminating: bool,
    /// Why it is not as it should be, as `CrashLoopBackOff` or `Evicted`; null if nothing is told.
    #[schema(value_type = Option<String>)]
    pub reason: Option<Arc<str>>,
    /// How often its containers were started anew.
    pub restarts: u32,
    /// When it was made, by the cluster's clock.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub created_at: Option<Timestamp>,
    /// When its node took it on.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub started_at: Option<Timestamp>,
    /// What made it.
    pub owner: Option<WorkloadView>,
    /// The component that it is of, by its labels.
    #[schema(value_type = Option<String>)]
    pub component: Option<Arc<str>>,
    /// The user that it names.
    #[schema(value_type = Option<String>)]
    pub user: Option<Arc<str>>,
    /// How many GPUs, or parts of them, it asks for.
    pub gpus: u32,
    /// The GPUs that its resource claims were given, where their UUIDs are known.
    #[schema(value_type = Vec<String>)]
    pub devices: Vec<DeviceId>,
    /// Whether its cluster's agent can't see it at present: then this is how it was.
    pub stale: bool,
}

/// What made a pod.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct WorkloadView {
    /// What it is, as `ReplicaSet` or `Job`.
    #[schema(value_type = String)]
    pub kind: Arc<str>,
    /// Its name.
    #[schema(value_type = String)]
    pub name: Arc<str>,
}

/// How well a cluster is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct MirrorView {
    /// The cluster.
    #[schema(value_type = String)]
    pub cluster: ClusterName,
    /// Whether what is shown of it is how it is: its agent speaks, and reaches its API server.
    pub connected: bool,
    /// Since when its agent reaches, or does not reach, the API server, by the agent's clock.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// When its agent was last heard.
    #[schema(value_type = String, format = DateTime)]
    pub heard_at: Timestamp,
    /// How long ago that was, in seconds.
    pub age_seconds: u64,
    /// Whether everything was told once: before it, nothing is shown.
    pub complete: bool,
    /// Whether the cluster tells which devices pods were given (`resource.k8s.io/v1`).
    pub claims: bool,
    /// What keeps its agent from it; null if nothing does. Left out for eyes that may not see that.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub error: Option<Option<Arc<str>>>,
    /// How many nodes are mirrored.
    pub nodes: u32,
    /// How many pods are mirrored.
    pub pods: u32,
}

/// A page of pods, and how well their clusters are known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PodList {
    /// The pods, by cluster, namespace and name.
    pub items: Vec<PodView>,
    /// The cursor of the next page: give it as `after`. Null on the last page.
    pub next: Option<String>,
    /// The clusters that they are of.
    pub mirrors: Vec<MirrorView>,
}

/// Pods counted by component, and how well their clusters are known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PodSummary {
    /// How many there are.
    pub total: u32,
    /// By namespace and component; those without a component have null there.
    pub items: Vec<PodCount>,
    /// How many rows more there would be: at most 1000 are told.
    pub left_out: u32,
    /// The clusters that they are of.
    pub mirrors: Vec<MirrorView>,
}

/// The pods of one component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PodCount {
    /// The cluster.
    #[schema(value_type = String)]
    pub cluster: ClusterName,
    /// The namespace.
    #[schema(value_type = String)]
    pub namespace: Arc<str>,
    /// The component.
    #[schema(value_type = Option<String>)]
    pub component: Option<Arc<str>>,
    /// How many pods it has.
    pub total: u32,
    /// Of those, the ones that are ready.
    pub ready: u32,
    /// Those that wait for a node or to be started.
    pub pending: u32,
    /// Those that run.
    pub running: u32,
    /// Those that ended well.
    pub succeeded: u32,
    /// Those that ended badly.
    pub failed: u32,
    /// Those whose node does not say.
    pub unknown: u32,
    /// How often their containers were started anew.
    pub restarts: u64,
}

/// All pods, counted by how far they are in their life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, ToSchema)]
pub struct PodTotals {
    /// How many there are.
    pub total: u32,
    /// Those that wait for a node or to be started.
    pub pending: u32,
    /// Those that run.
    pub running: u32,
    /// Those that ended well.
    pub succeeded: u32,
    /// Those that ended badly.
    pub failed: u32,
    /// Those whose node does not say.
    pub unknown: u32,
    /// How many clusters are mirrored.
    pub clusters: u32,
    /// Of those, the ones that can't be seen at present.
    pub clusters_away: u32,
}

/// A node, as Kubernetes has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct KubernetesNode {
    /// The cluster that it is of.
    #[schema(value_type = String)]
    pub cluster: ClusterName,
    /// Whether it is ready; null where its kubelet does not say.
    pub ready: Option<bool>,
    /// What it is short of, as `MemoryPressure`.
    #[schema(value_type = Vec<String>)]
    pub pressures: Vec<Arc<str>>,
    /// Whether Kubernetes puts no new pod on it.
    pub unschedulable: bool,
    /// What keeps pods off it.
    pub taints: Vec<TaintView>,
    /// The GPUs that it offers (`nvidia.com/gpu`); null where it names no such resource.
    pub gpu_capacity: Option<u32>,
    /// Those of them that pods may have.
    pub gpu_allocatable: Option<u32>,
    /// The kubelet's version.
    #[schema(value_type = String)]
    pub kubelet: Arc<str>,
    /// The labels that tell where and what it is.
    #[schema(value_type = BTreeMap<String, String>)]
    pub labels: BTreeMap<Arc<str>, Arc<str>>,
    /// Whether the cluster's agent can't see it at present: then this is how it was.
    pub stale: bool,
}

/// What keeps pods off a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct TaintView {
    /// Its key.
    #[schema(value_type = String)]
    pub key: Arc<str>,
    /// Its value; empty where it has none.
    #[schema(value_type = String)]
    pub value: Arc<str>,
    /// What it does.
    #[schema(value_type = String)]
    pub effect: Arc<str>,
}

/// Which pods: those that meet all that is given.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PodFilter {
    /// Of this cluster.
    pub cluster: Option<ClusterName>,
    /// In this namespace.
    pub namespace: Option<String>,
    /// On this node.
    pub node: Option<NodeName>,
    /// So far in their life.
    pub phase: Option<PodPhase>,
    /// Made by something of this name.
    pub owner: Option<String>,
    /// Of this component.
    pub component: Option<String>,
    /// That name this user.
    pub user: Option<String>,
}

impl PodFilter {
    pub(super) fn admits(&self, cluster: &ClusterName, pod: &Pod) -> bool {
        let is =
            |wanted: &Option<String>, found: Option<&str>| wanted.as_deref().is_none_or(|text| found == Some(text));
        self.cluster.as_ref().is_none_or(|wanted| wanted == cluster)
            && is(&self.namespace, Some(&pod.key.namespace))
            && self.node.as_ref().is_none_or(|node| pod.node.as_ref() == Some(node))
            && self.phase.is_none_or(|phase| phase == pod.phase.into())
            && is(&self.owner, pod.owner.as_ref().map(|owner| &*owner.name))
            && is(&self.component, pod.component.as_deref())
            && is(&self.user, pod.user.as_deref())
    }
}

impl PodView {
    pub(super) fn of(cluster: &ClusterName, pod: &Pod, stale: bool) -> Self {
        let pod = pod.clone();
        Self {
            cluster: cluster.clone(),
            namespace: pod.key.namespace,
            name: pod.key.name,
            uid: pod.uid,
            node: pod.node,
            phase: pod.phase.into(),
            ready: pod.ready,
            terminating: pod.terminating,
            reason: pod.reason,
            restarts: pod.restarts,
            created_at: pod.created_at,
            started_at: pod.started_at,
            owner: pod.owner.map(|owner| WorkloadView { kind: owner.kind, name: owner.name }),
            component: pod.component,
            user: pod.user,
            gpus: pod.gpus,
            devices: pod.devices,
            stale,
        }
    }
}

impl MirrorView {
    pub(super) fn of(cluster: &ClusterName, mirror: &Mirror, silence: Duration) -> Self {
        let silent = mirror.is_silent(silence);
        let counted =
            |count: fn(&Shown) -> usize| u32::try_from(mirror.shown.as_ref().map_or(0, count)).unwrap_or(u32::MAX);
        let quiet = || silent.then(|| "the cluster's agent is silent".into());
        Self {
            cluster: cluster.clone(),
            connected: mirror.is_fresh(silence),
            since: mirror.link.since,
            heard_at: mirror.heard_at,
            age_seconds: mirror.heard.elapsed().as_secs(),
            complete: mirror.shown.is_some(),
            claims: mirror.link.claims,
            error: Some(if mirror.link.connected { quiet() } else { mirror.link.error.clone().or_else(quiet) }),
            nodes: counted(|shown| shown.nodes.len()),
            pods: counted(|shown| shown.pods.len()),
        }
    }
}

impl Mirrors {
    /// A node of that name, in the first cluster that has one.
    pub fn node(&self, name: &NodeName) -> Option<KubernetesNode> {
        self.read(|clusters, silence| {
            clusters.iter().find_map(|(cluster, mirror)| {
                let node = mirror.shown.as_ref()?.nodes.get(name)?;
                Some(KubernetesNode::of(cluster, node, !mirror.is_fresh(silence)))
            })
        })
    }
}

impl KubernetesNode {
    fn of(cluster: &ClusterName, node: &KubeNode, stale: bool) -> Self {
        let taint = |Taint { key, value, effect }| TaintView { key, value, effect };
        let node = node.clone();
        Self {
            cluster: cluster.clone(),
            ready: node.ready,
            pressures: node.pressures,
            unschedulable: node.unschedulable,
            taints: node.taints.into_iter().map(taint).collect(),
            gpu_capacity: node.gpu_capacity,
            gpu_allocatable: node.gpu_allocatable,
            kubelet: node.kubelet,
            labels: node.labels.into_iter().collect(),
            stale,
        }
    }
}

impl From<Phase> for PodPhase {
    fn from(phase: Phase) -> Self {
        match phase {
            Phase::Pending => Self::Pending,
            Phase::Running => Self::Running,
            Phase::Succeeded => Self::Succeeded,
            Phase::Failed => Self::Failed,
            Phase::Unknown => Self::Unknown,
        }
    }
}
