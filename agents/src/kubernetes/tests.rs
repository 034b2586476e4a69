use super::{
    claims::Claims,
    compact::{self, Compact},
    follow::Keeps,
    pods::Pods,
};
use crate::mirror::Picture;
use domain::{
    Timestamp,
    mirror::{Phase, PodKey},
};
use k8s_openapi::api::core::v1 as core;
use k8s_openapi::{
    api::core::v1::{
        Container, ContainerState, ContainerStateTerminated, ContainerStateWaiting, ContainerStatus, NodeCondition,
        NodeSpec, NodeStatus, PodCondition, PodSpec, PodStatus, ResourceRequirements,
    },
    apimachinery::pkg::{api::resource::Quantity, apis::meta::v1::ObjectMeta},
};

fn object(name: &str) -> core::Pod {
    core::Pod {
        metadata: ObjectMeta {
            namespace: Some("ns".to_owned()),
            name: Some(name.to_owned()),
            uid: Some("00000000-0000-4000-8000-000000000001".to_owned()),
            ..ObjectMeta::default()
        },
        spec: Some(PodSpec::default()),
        status: Some(PodStatus { phase: Some("Running".to_owned()), ..PodStatus::default() }),
    }
}

fn seen(object: core::Pod) -> domain::mirror::Pod {
    compact::pod(object, "dkube.io/user").map(|Compact { pod, .. }| pod).unwrap()
}

fn container(resource: &str, count: &str) -> Container {
    let limits = [(resource.to_owned(), Quantity(count.to_owned()))].into();
    Container {
        resources: Some(ResourceRequirements { limits: Some(limits), ..ResourceRequirements::default() }),
        ..Container::default()
    }
}

fn in_state(state: ContainerState) -> ContainerStatus {
    ContainerStatus { restart_count: 3, state: Some(state), ..ContainerStatus::default() }
}

#[test]
fn gpus_are_those_of_all_containers_at_a_time() {
    let mut pod = object("a");
    pod.spec = Some(PodSpec {
        containers: vec![
            container("nvidia.com/gpu", "2"),
            container("nvidia.com/mig-1g.10gb", "1"),
            container("cpu", "64"),
        ],
        init_containers: Some(vec![container("nvidia.com/gpu", "2")]),
        ..PodSpec::default()
    });
    assert_eq!(seen(pod.clone()).gpus, 3);
    pod.spec.as_mut().unwrap().init_containers = Some(vec![container("nvidia.com/gpu", "8")]);
    assert_eq!(seen(pod).gpus, 8);
    assert_eq!(seen(object("b")).gpus, 0);
}

#[test]
fn the_reason_is_that_of_the_whole_of_a_container_or_of_its_place() {
    let reason = |status| seen(core::Pod { status: Some(status), ..object("a") }).reason;
    let waiting = ContainerStateWaiting { reason: Some("CrashLoopBackOff".to_owned()), message: None };
    let waiting = in_state(ContainerState { waiting: Some(waiting), ..ContainerState::default() });
    let ended = |exit_code| {
        let reason = Some(if exit_code == 0 { "Completed" } else { "OOMKilled" }.to_owned());
        let ended = ContainerStateTerminated { exit_code, reason, ..ContainerStateTerminated::default() };
        in_state(ContainerState { terminated: Some(ended), ..ContainerState::default() })
    };
    let of =
        |containers: Vec<ContainerStatus>| PodStatus { container_statuses: Some(containers), ..PodStatus::default() };
    assert_eq!(reason(of(vec![ended(0), waiting.clone()])).as_deref(), Some("CrashLoopBackOff"));
    assert_eq!(reason(of(vec![ended(137)])).as_deref(), Some("OOMKilled"));
    assert_eq!(reason(of(vec![ended(0)])), None);
    let evicted = PodStatus { reason: Some("Evicted".to_owned()), ..of(vec![waiting]) };
    assert_eq!(reason(evicted).as_deref(), Some("Evicted"));
    let unplaced = PodCondition {
        type_: "PodScheduled".to_owned(),
        status: "False".to_owned(),
        reason: Some("Unschedulable".to_owned()),
        ..PodCondition::default()
    };
    let unplaced = PodStatus { conditions: Some(vec![unplaced]), ..PodStatus::default() };
    assert_eq!(reason(unplaced).as_deref(), Some("Unschedulable"));
}

#[test]
fn a_user_is_named_by_a_label_or_else_an_annotation() {
    let mut pod = object("a");
    pod.metadata.annotations = Some([("dkube.io/user".to_owned(), "bob@example.com".to_owned())].into());
    assert_eq!(seen(pod.clone()).user.as_deref(), Some("bob@example.com"));
    pod.metadata.labels =
        Some([("dkube.io/user".to_owned(), "ada".to_owned()), ("app".to_owned(), "x".to_owned())].into());
    let pod = seen(pod);
    assert_eq!((pod.user.as_deref(), pod.component.as_deref()), (Some("ada"), Some("x")));
}

#[test]
fn what_is_no_pod_is_left_out_and_an_unknown_phase_is_unknown() {
    let mut pod = object("a");
    pod.metadata.uid = Some("not one".to_owned());
    assert!(compact::pod(pod, "x").is_none());
    let mut pod = object("a");
    pod.status.as_mut().unwrap().phase = Some("Dreaming".to_owned());
    assert_eq!(seen(pod).phase, Phase::Unknown);
}

#[test]
fn a_node_is_ready_or_not_or_nobody_knows() {
    let node = |status: &str| core::Node {
        metadata: ObjectMeta { name: Some("n1".to_owned()), ..ObjectMeta::default() },
        spec: Some(NodeSpec { unschedulable: Some(true), ..NodeSpec::default() }),
        status: Some(NodeStatus {
            conditions: Some(vec![NodeCondition {
                type_: "Ready".to_owned(),
                status: status.to_owned(),
                ..NodeCondition::default()
            }]),
            ..NodeStatus::default()
        }),
    };
    for (status, ready) in [("True", Some(true)), ("False", Some(false)), ("Unknown", None)] {
        let node = compact::node(node(status)).unwrap();
        assert_eq!((node.ready, node.unschedulable, node.gpu_capacity), (ready, true, None));
    }
}

#[test]
fn a_list_that_lacks_a_pod_says_that_it_is_gone() {
    let picture = Picture::new(Timestamp::from_micros(0));
    let mut pods = Pods::new(picture.clone(), Claims::new(picture.clone()), "dkube.io/user".to_owned(), false);
    for names in [&["a", "b"][..], &["b"][..]] {
        pods.begin();
        for name in names {
            pods.put(object(name));
        }
        pods.whole();
    }
    let mut there = 0;
    let key = |name: &str| PodKey { namespace: "ns".into(), name: name.into() };
    picture.with_pod(&key("a"), |_| there += 1);
    assert_eq!(there, 0);
    picture.with_pod(&key("b"), |_| there += 1);
    assert_eq!(there, 1);
}
