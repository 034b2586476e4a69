use super::*;
use domain::{
    Timestamp,
    device::DeviceId,
    mirror::{Phase, Taint, Workload},
};
use uuid::Uuid;

fn pod(name: &str, devices: usize) -> Pod {
    Pod {
        key: PodKey { namespace: "training".into(), name: name.into() },
        uid: Uuid::from_u128(7),
        node: Some("gpu-01".parse().unwrap()),
        phase: Phase::Running,
        ready: true,
        terminating: false,
        reason: Some("CrashLoopBackOff".into()),
        restarts: 3,
        created_at: Some(Timestamp::from_micros(1)),
        started_at: None,
        owner: Some(Workload { kind: "Job".into(), name: "train".into() }),
        component: Some("trainer".into()),
        user: Some("ada".into()),
        gpus: 2,
        devices: (0..devices as u128).map(|nth| DeviceId::from_uuid(Uuid::from_u128(nth))).collect(),
    }
}

fn node() -> KubeNode {
    KubeNode {
        name: "gpu-01".parse().unwrap(),
        ready: Some(true),
        pressures: vec!["DiskPressure".into()],
        unschedulable: true,
        taints: vec![Taint { key: "nvidia.com/gpu".into(), value: "".into(), effect: "NoSchedule".into() }],
        gpu_capacity: Some(8),
        gpu_allocatable: None,
        kubelet: "v1.34.1".into(),
        labels: vec![("topology.kubernetes.io/zone".into(), "a".into())],
    }
}

fn message(update: Update) -> Message {
    let link = Link { connected: true, since: Timestamp::from_micros(5), error: None, claims: true };
    Message { stream: Stream { epoch: Uuid::from_u128(1), sequence: 9 }, link, update }
}

#[test]
fn messages_and_answers_come_back_as_they_were() {
    let change = Update::Change {
        nodes: vec![node()],
        pods: vec![pod("a", 2)],
        nodes_gone: vec!["gpu-02".parse().unwrap()],
        pods_gone: vec![PodKey { namespace: "x".into(), name: "y".into() }],
    };
    for update in [Update::Begin, Update::Part { nodes: vec![node()], pods: vec![pod("b", 0)] }, Update::End, change] {
        let told = message(update);
        assert_eq!(Message::decode(&told.encode().unwrap()), Ok(told));
    }
    for answer in [Answer::Taken, Answer::Resync, Answer::Refused] {
        assert_eq!(Answer::decode(&answer.encode().unwrap()), Ok(answer));
    }
}

#[test]
fn what_breaks_a_bound_is_refused() {
    let part = |pods| message(Update::Part { nodes: vec![], pods });
    let slashed = pod("a/b", 0);
    assert_eq!(Message::decode(&part(vec![slashed]).encode().unwrap()), Err(WireError::Unknown("pod")));
    let many = part(vec![pod("a", Pod::DEVICES_MAX + 1)]).encode().unwrap();
    assert!(matches!(Message::decode(&many), Err(WireError::Unknown(_))));
    let long = part(vec![pod(&"a".repeat(Pod::TEXT_MAX + 1), 0)]).encode().unwrap();
    assert!(matches!(Message::decode(&long), Err(WireError::TooLarge { .. })));
    let large = part((0..2000).map(|nth| pod(&format!("pod-{nth}"), 8)).collect());
    assert!(matches!(large.encode(), Err(WireError::TooLarge { .. })));
    assert_eq!(Message::decode(&[1, 0]), Err(WireError::Malformed));
    assert_eq!(Message::decode(&[9, 0]), Err(WireError::Version(9)));
}

#[test]
fn weights_are_at_least_what_is_sent() {
    let frame = message(Update::Part { nodes: vec![], pods: vec![] }).encode().unwrap().len();
    let size = |update| message(update).encode().unwrap().len() - frame;
    let heavy = pod("a", Pod::DEVICES_MAX);
    assert!(size(Update::Part { nodes: vec![], pods: vec![heavy.clone()] }) <= pod_weight(&heavy));
    assert!(size(Update::Part { nodes: vec![node()], pods: vec![] }) <= node_weight(&node()));
}
