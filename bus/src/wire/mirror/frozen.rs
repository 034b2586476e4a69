//! What travels. Frozen: a change is a new version beside these, never an edit.
use super::{Answer, Message};
use crate::wire::WireError;
use domain::{
    Timestamp,
    device::DeviceId,
    mirror::{KubeNode, Link, Phase, Pod, PodKey, Stream, Taint, Update, Workload},
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use uuid::Uuid;

#[derive(Serialize, Deserialize)]
pub(super) struct MessageV1 {
    epoch: [u8; 16],
    sequence: u64,
    link: LinkV1,
    update: UpdateV1,
}

#[derive(Serialize, Deserialize)]
struct LinkV1 {
    connected: bool,
    since: i64,
    error: Option<Arc<str>>,
    claims: bool,
}

#[derive(Serialize, Deserialize)]
enum UpdateV1 {
    Begin,
    Part(Vec<NodeV1>, Vec<PodV1>),
    End,
    Change(Vec<NodeV1>, Vec<PodV1>, Vec<String>, Vec<KeyV1>),
}

#[derive(Serialize, Deserialize)]
struct KeyV1 {
    namespace: Arc<str>,
    name: Arc<str>,
}

#[derive(Serialize, Deserialize)]
struct PodV1 {
    key: KeyV1,
    uid: [u8; 16],
    node: Option<String>,
    phase: u8,
    ready: bool,
    terminating: bool,
    reason: Option<Arc<str>>,
    restarts: u32,
    created_at: Option<i64>,
    started_at: Option<i64>,
    owner: Option<(Arc<str>, Arc<str>)>,
    component: Option<Arc<str>>,
    user: Option<Arc<str>>,
    gpus: u32,
    devices: Vec<[u8; 16]>,
}

#[derive(Serialize, Deserialize)]
struct NodeV1 {
    name: String,
    ready: Option<bool>,
    pressures: Vec<Arc<str>>,
    unschedulable: bool,
    taints: Vec<(Arc<str>, Arc<str>, Arc<str>)>,
    gpu_capacity: Option<u32>,
    gpu_allocatable: Option<u32>,
    kubelet: Arc<str>,
    labels: Vec<(Arc<str>, Arc<str>)>,
}

/// Its variants keep their order, and a new one is a new version.
#[derive(Serialize, Deserialize)]
pub(super) enum AnswerV1 {
    Taken,
    Resync,
    Refused,
}

impl From<Answer> for AnswerV1 {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Taken => Self::Taken,
            Answer::Resync => Self::Resync,
            Answer::Refused => Self::Refused,
        }
    }
}

impl From<AnswerV1> for Answer {
    fn from(answer: AnswerV1) -> Self {
        match answer {
            AnswerV1::Taken => Self::Taken,
            AnswerV1::Resync => Self::Resync,
            AnswerV1::Refused => Self::Refused,
        }
    }
}

impl From<&Message> for MessageV1 {
    fn from(message: &Message) -> Self {
        let Message { stream, link, update } = message;
        let update = match update {
            Update::Begin => UpdateV1::Begin,
            Update::Part { nodes, pods } => {
                UpdateV1::Part(nodes.iter().map(NodeV1::from).collect(), pods.iter().map(PodV1::from).collect())
            }
            Update::End => UpdateV1::End,
            Update::Change { nodes, pods, nodes_gone, pods_gone } => UpdateV1::Change(
                nodes.iter().map(NodeV1::from).collect(),
                pods.iter().map(PodV1::from).collect(),
                nodes_gone.iter().map(|name| name.as_str().to_owned()).collect(),
                pods_gone.iter().map(KeyV1::from).collect(),
            ),
        };
        Self { epoch: stream.epoch.into_bytes(), sequence: stream.sequence, link: link.into(), update }
    }
}

impl TryFrom<MessageV1> for Message {
    type Error = WireError;
    fn try_from(message: MessageV1) -> Result<Self, WireError> {
        let MessageV1 { epoch, sequence, link, update } = message;
        let nodes = |nodes: Vec<NodeV1>| nodes.into_iter().map(KubeNode::try_from).collect::<Result<Vec<_>, _>>();
        let pods = |pods: Vec<PodV1>| pods.into_iter().map(Pod::try_from).collect::<Result<Vec<_>, _>>();
        let update = match update {
            UpdateV1::Begin => Update::Begin,
            UpdateV1::Part(some, others) => Update::Part { nodes: nodes(some)?, pods: pods(others)? },
            UpdateV1::End => Update::End,
            UpdateV1::Change(some, others, nodes_gone, pods_gone) => Update::Change {
                nodes: nodes(some)?,
                pods: pods(others)?,
                nodes_gone: nodes_gone.into_iter().map(|name| name.parse()).collect::<Result<_, _>>()?,
                pods_gone: pods_gone.into_iter().map(PodKey::try_from).collect::<Result<_, _>>()?,
            },
        };
        let stream = Stream { epoch: Uuid::from_bytes(epoch), sequence };
        Ok(Self { stream, link: link.try_into()?, update })
    }
}

impl From<&Link> for LinkV1 {
    fn from(link: &Link) -> Self {
        let Link { connected, since, error, claims } = link.clone();
        Self { connected, since: since.micros(), error, claims }
    }
}

impl TryFrom<LinkV1> for Link {
    type Error = WireError;
    fn try_from(link: LinkV1) -> Result<Self, WireError> {
        let LinkV1 { connected, since, error, claims } = link;
        let error = error.map(|text| short(text, 1024)).transpose()?;
        Ok(Self { connected, since: Timestamp::from_micros(since), error, claims })
    }
}

impl From<&PodKey> for KeyV1 {
    fn from(key: &PodKey) -> Self {
        Self { namespace: Arc::clone(&key.namespace), name: Arc::clone(&key.name) }
    }
}

impl TryFrom<KeyV1> for PodKey {
    type Error = WireError;
    fn try_from(key: KeyV1) -> Result<Self, WireError> {
        // They stand in cursors and sources with slashes between.
        let plain = |text: Arc<str>| {
            let sound = !text.is_empty() && !text.contains(|c: char| c == '/' || c.is_control());
            if sound { word(text) } else { Err(WireError::Unknown("pod")) }
        };
        Ok(Self { namespace: plain(key.namespace)?, name: plain(key.name)? })
    }
}

impl From<&Pod> for PodV1 {
    fn from(pod: &Pod) -> Self {
        Self {
            key: (&pod.key).into(),
            uid: pod.uid.into_bytes(),
            node: pod.node.as_ref().map(|node| node.as_str().to_owned()),
            phase: phase_number(pod.phase),
            ready: pod.ready,
            terminating: pod.terminating,
            reason: pod.reason.clone(),
            restarts: pod.restarts,
            created_at: pod.created_at.map(Timestamp::micros),
            started_at: pod.started_at.map(Timestamp::micros),
            owner: pod.owner.as_ref().map(|owner| (Arc::clone(&owner.kind), Arc::clone(&owner.name))),
            component: pod.component.clone(),
            user: pod.user.clone(),
            gpus: pod.gpus,
            devices: pod.devices.iter().map(|device| device.uuid().into_bytes()).collect(),
        }
    }
}

impl TryFrom<PodV1> for Pod {
    type Error = WireError;
    fn try_from(pod: PodV1) -> Result<Self, WireError> {
        if pod.devices.len() > Self::DEVICES_MAX {
            return Err(WireError::Unknown("so many devices of a pod"));
        }
        let owner = pod.owner.map(|(kind, name)| Ok::<_, WireError>(Workload { kind: word(kind)?, name: word(name)? }));
        Ok(Self {
            key: pod.key.try_into()?,
            uid: Uuid::from_bytes(pod.uid),
            node: pod.node.map(|node| node.parse()).transpose()?,
            phase: phase(pod.phase).ok_or(WireError::Unknown("phase"))?,
            ready: pod.ready,
            terminating: pod.terminating,
            reason: pod.reason.map(word).transpose()?,
            restarts: pod.restarts,
            created_at: pod.created_at.map(Timestamp::from_micros),
            started_at: pod.started_at.map(Timestamp::from_micros),
            owner: owner.transpose()?,
            component: pod.component.map(word).transpose()?,
            user: pod.user.map(word).transpose()?,
            gpus: pod.gpus,
            devices: pod.devices.into_iter().map(|bytes| DeviceId::from_uuid(Uuid::from_bytes(bytes))).collect(),
        })
    }
}

impl From<&KubeNode> for NodeV1 {
    fn from(node: &KubeNode) -> Self {
        let taint = |taint: &Taint| (Arc::clone(&taint.key), Arc::clone(&taint.value), Arc::clone(&taint.effect));
        Self {
            name: node.name.as_str().to_owned(),
            ready: node.ready,
            pressures: node.pressures.clone(),
            unschedulable: node.unschedulable,
            taints: node.taints.iter().map(taint).collect(),
            gpu_capacity: node.gpu_capacity,
            gpu_allocatable: node.gpu_allocatable,
            kubelet: Arc::clone(&node.kubelet),
            labels: node.labels.clone(),
        }
    }
}

impl TryFrom<NodeV1> for KubeNode {
    type Error = WireError;
    fn try_from(node: NodeV1) -> Result<Self, WireError> {
        let NodeV1 { name, ready, pressures, unschedulable, taints, gpu_capacity, gpu_allocatable, kubelet, labels } =
            node;
        if [pressures.len(), taints.len(), labels.len()].into_iter().any(|count| count > Self::LIST_MAX) {
            return Err(WireError::Unknown("so long a list of a node"));
        }
        let taint = |(key, value, effect)| {
            Ok::<_, WireError>(Taint { key: label(key)?, value: word(value)?, effect: word(effect)? })
        };
        let labelled = |(name, value)| Ok::<_, WireError>((label(name)?, word(value)?));
        Ok(Self {
            name: name.parse()?,
            ready,
            pressures: pressures.into_iter().map(word).collect::<Result<_, _>>()?,
            unschedulable,
            taints: taints.into_iter().map(taint).collect::<Result<_, _>>()?,
            gpu_capacity,
            gpu_allocatable,
            kubelet: word(kubelet)?,
            labels: labels.into_iter().map(labelled).collect::<Result<_, _>>()?,
        })
    }
}

fn word(text: Arc<str>) -> Result<Arc<str>, WireError> {
    short(text, Pod::TEXT_MAX)
}

/// A qualified name: a DNS-1123 subdomain of 253 characters, a slash, and 63 more.
fn label(text: Arc<str>) -> Result<Arc<str>, WireError> {
    short(text, 317)
}

fn short(text: Arc<str>, limit: usize) -> Result<Arc<str>, WireError> {
    if text.len() <= limit { Ok(text) } else { Err(WireError::TooLarge { size: text.len(), limit }) }
}

const fn phase_number(phase: Phase) -> u8 {
    match phase {
        Phase::Pending => 0,
        Phase::Running => 1,
        Phase::Succeeded => 2,
        Phase::Failed => 3,
        Phase::Unknown => 4,
    }
}

const fn phase(number: u8) -> Option<Phase> {
    Some(match number {
        0 => Phase::Pending,
        1 => Phase::Running,
        2 => Phase::Succeeded,
        3 => Phase::Failed,
        4 => Phase::Unknown,
        _ => return None,
    })
}
