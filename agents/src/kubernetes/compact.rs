//! What is mirrored of an object: all else, its managed fields first of all, is thrown away here.
use domain::{
    NodeName, Timestamp,
    mirror::{KubeNode, Phase, Pod, PodKey, Taint, Workload},
};
use k8s_openapi::{
    api::core::v1::{self as core, ContainerState, ContainerStatus, PodSpec, PodStatus},
    apimachinery::pkg::{api::resource::Quantity, apis::meta::v1::Time},
};
use std::{collections::BTreeMap, sync::Arc};
use uuid::Uuid;

/// A pod, and the names of its resource claims in its namespace. What they were given is not known here.
pub(super) struct Compact {
    pub(super) pod: Pod,
    pub(super) claims: Vec<String>,
}

/// The labels of a node that are mirrored: the well-known ones, and those of NVIDIA's feature discovery.
const NODE_LABELS: [&str; 6] = [
    "topology.kubernetes.io/region",
    "topology.kubernetes.io/zone",
    "node.kubernetes.io/instance-type",
    "kubernetes.io/arch",
    "nvidia.com/gpu.product",
    "nvidia.com/gpu.count",
];

/// The labels that name a pod's component, the first one that it has.
const COMPONENT_LABELS: [&str; 3] = ["app.kubernetes.io/component", "app.kubernetes.io/name", "app"];

/// The resource of whole GPUs, as NVIDIA's device plugin offers it.
const GPU: &str = "nvidia.com/gpu";
/// The beginning of the resources of parts of GPUs.
const MIG: &str = "nvidia.com/mig-";

/// Where a pod is found; none if it has no name.
pub(super) fn key(pod: &core::Pod) -> Option<PodKey> {
    let (namespace, name) = (pod.metadata.namespace.as_deref()?, pod.metadata.name.as_deref()?);
    Some(PodKey { namespace: namespace.into(), name: name.into() })
}

/// A pod; none if it is no pod as Kubernetes makes them: it has a name and a UUID.
pub(super) fn pod(object: core::Pod, user_label: &str) -> Option<Compact> {
    let key = key(&object)?;
    let uid = Uuid::try_parse(object.metadata.uid.as_deref()?).ok()?;
    let (meta, spec, status) = (object.metadata, object.spec.unwrap_or_default(), object.status.unwrap_or_default());
    let (labels, annotations) = (meta.labels.unwrap_or_default(), meta.annotations.unwrap_or_default());
    let owner = meta.owner_references.unwrap_or_default();
    let owner = owner.iter().find(|owner| owner.controller == Some(true)).or_else(|| owner.first());
    let user = labels.get(user_label).or_else(|| annotations.get(user_label));
    let component = COMPONENT_LABELS.iter().find_map(|name| labels.get(*name));
    let restarts = statuses(&status).map(|container| u32::try_from(container.restart_count).unwrap_or_default()).sum();
    let claims = claims(&spec, &status);
    let pod = Pod {
        key,
        uid,
        gpus: gpus(&spec),
        reason: reason(&status).map(text),
        ready: is_ready(&status),
        node: spec.node_name.and_then(|name| name.parse::<NodeName>().ok()),
        phase: phase(status.phase.as_deref()),
        terminating: meta.deletion_timestamp.is_some(),
        restarts,
        created_at: meta.creation_timestamp.as_ref().map(moment),
        started_at: status.start_time.as_ref().map(moment),
        owner: owner.map(|owner| Workload { kind: text(&owner.kind), name: text(&owner.name) }),
        component: component.filter(|name| !name.is_empty()).map(|name| text(name)),
        user: user.filter(|name| !name.is_empty()).map(|name| text(name)),
        devices: vec![],
    };
    Some(Compact { pod, claims })
}

/// A node; none if its name is none.
pub(super) fn node(object: core::Node) -> Option<KubeNode> {
    let name = object.metadata.name?.parse().ok()?;
    let (spec, status) = (object.spec.unwrap_or_default(), object.status.unwrap_or_default());
    let conditions = status.conditions.unwrap_or_default();
    let ready = conditions.iter().find(|condition| condition.type_ == "Ready");
    let ready = ready.and_then(|condition| match condition.status.as_str() {
        "True" => Some(true),
        "False" => Some(false),
        _ => None,
    });
    let pressing = conditions.iter().filter(|condition| condition.type_ != "Ready" && condition.status == "True");
    let taint = |taint: core::Taint| Taint {
        key: taint.key.into(),
        value: text(taint.value.as_deref().unwrap_or_default()),
        effect: text(&taint.effect),
    };
    let labels = object.metadata.labels.unwrap_or_default();
    let label = |name: &&str| labels.get(*name).map(|value| ((*name).into(), text(value)));
    let whole = |resources: &Option<BTreeMap<String, Quantity>>| resources.as_ref()?.get(GPU).and_then(number);
    Some(KubeNode {
        name,
        ready,
        pressures: pressing.map(|condition| text(&condition.type_)).take(KubeNode::LIST_MAX).collect(),
        unschedulable: spec.unschedulable.unwrap_or_default(),
        taints: spec.taints.unwrap_or_default().into_iter().map(taint).take(KubeNode::LIST_MAX).collect(),
        gpu_capacity: whole(&status.capacity),
        gpu_allocatable: whole(&status.allocatable),
        kubelet: text(&status.node_info.map(|info| info.kubelet_version).unwrap_or_default()),
        labels: NODE_LABELS.iter().filter_map(label).collect(),
    })
}

fn statuses(status: &PodStatus) -> impl Iterator<Item = &ContainerStatus> {
    status.init_container_statuses.iter().chain(&status.container_statuses).flatten()
}

/// Why a pod is not as it should be: what is said of it as a whole, of a container, or of its place.
fn reason(status: &PodStatus) -> Option<&str> {
    let whole = status.reason.as_deref().filter(|reason| !reason.is_empty());
    let container = || statuses(status).find_map(|container| of_container(container.state.as_ref()?));
    let place = || {
        let mut unmet = status.conditions.iter().flatten();
        let unmet = unmet.find(|condition| condition.type_ == "PodScheduled" && condition.status == "False");
        unmet.and_then(|condition| condition.reason.as_deref())
    };
    whole.or_else(container).or_else(place)
}

fn of_container(state: &ContainerState) -> Option<&str> {
    let waiting = state.waiting.as_ref().and_then(|waiting| waiting.reason.as_deref());
    let ended = state.terminated.as_ref().filter(|ended| ended.exit_code != 0);
    waiting.or_else(|| ended.and_then(|ended| ended.reason.as_deref()))
}

fn is_ready(status: &PodStatus) -> bool {
    let conditions = status.conditions.iter().flatten();
    conditions.into_iter().any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

/// The resource claims of a pod: those that it names, those made for it, and the one of its extended resources.
fn claims(spec: &PodSpec, status: &PodStatus) -> Vec<String> {
    let named = spec.resource_claims.iter().flatten().filter_map(|claim| claim.resource_claim_name.clone());
    let made = status.resource_claim_statuses.iter().flatten().filter_map(|claim| claim.resource_claim_name.clone());
    let extended = status.extended_resource_claim_status.iter().map(|claim| claim.resource_claim_name.clone());
    named.chain(made).chain(extended).collect()
}

/// What its containers ask for together. Init containers run before them, and their GPUs are the same ones.
fn gpus(spec: &PodSpec) -> u32 {
    let asked = |container: &core::Container| -> u32 {
        let resources = container.resources.as_ref();
        let of = |list: &BTreeMap<String, Quantity>| {
            let gpus = list.iter().filter(|(name, _)| *name == GPU || name.starts_with(MIG));
            gpus.filter_map(|(_, quantity)| number(quantity)).fold(0_u32, u32::saturating_add)
        };
        // Of an extended resource, the request is the limit.
        let limits = resources.and_then(|resources| resources.limits.as_ref()).map_or(0, of);
        let requests = resources.and_then(|resources| resources.requests.as_ref()).map_or(0, of);
        limits.max(requests)
    };
    let together = spec.containers.iter().map(asked).fold(0, u32::saturating_add);
    spec.init_containers.iter().flatten().map(asked).fold(together, u32::max)
}

/// A whole number: extended resources are counted in no other way.
fn number(quantity: &Quantity) -> Option<u32> {
    quantity.0.parse().ok()
}

fn phase(text: Option<&str>) -> Phase {
    Phase::ALL.into_iter().find(|phase| Some(phase.as_str()) == text).unwrap_or(Phase::Unknown)
}

fn moment(time: &Time) -> Timestamp {
    Timestamp::from_micros(time.0.as_microsecond())
}

/// Annotations may be long: what is more than a name is cut.
fn text(text: &str) -> Arc<str> {
    text[..text.floor_char_boundary(Pod::TEXT_MAX)].into()
}
