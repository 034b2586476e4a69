//! A Kubernetes cluster that does not exist: the pods around a simulated fleet, as far as an operator looks at them.
//!
//! None of its pods that runs asks for a GPU, so that all devices stay free for who plays with the fleet: those that ask
//! for one wait.
use super::{Pace, Picture, Teller};
use crate::{agent::Surroundings, source::simulated::Fleet};
use domain::{
    ClusterName, NodeName, Timestamp,
    mirror::{KubeNode, Phase, Pod, PodKey, Taint, Workload},
};
use std::{sync::Arc, time::Duration};
use tokio::{sync::watch, task::JoinSet};
use uuid::Uuid;

/// How often the pods that change are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The pods that are on every node: namespace, name, component.
const EVERYWHERE: [(&str, &str, &str); 4] = [
    ("dkube-system", "dkube-agent", "agent"),
    ("gpu-operator", "nvidia-device-plugin", "device-plugin"),
    ("gpu-operator", "nvidia-driver", "driver"),
    ("kube-system", "kube-proxy", "kube-proxy"),
];

/// The pods that are there once: namespace, name, component.
const ONCE: [(&str, &str, &str); 6] = [
    ("dkube-system", "dkube-operator", "operator"),
    ("dkube-system", "dkube-cluster-agent", "cluster-agent"),
    ("dkube-system", "nats-0", "bus"),
    ("kube-system", "coredns-a", "dns"),
    ("kube-system", "coredns-b", "dns"),
    ("kube-system", "metrics-server", "metrics"),
];

/// The jobs that come and go: namespace, name, and how long one round of its life takes, in seconds.
const ROUNDS: [(&str, &str, i64); 3] =
    [("vision", "tokenize", 540), ("speech", "resample", 780), ("speech", "evaluate", 1260)];

/// A simulated cluster at work. Dropped, it ends at once.
#[derive(Debug)]
pub struct Cluster {
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl Cluster {
    /// Starts to tell of a cluster around this fleet.
    pub fn start(cluster: ClusterName, fleet: &Fleet, around: &Surroundings) -> Self {
        let picture = Picture::new(around.clock.now());
        let nodes: Vec<NodeName> = fleet.nodes().map(|node| node.name().clone()).collect();
        let scene = Scene { seed: fleet.seed, began: fleet.began, gpus: fleet.size.gpus_per_node.into(), nodes };
        scene.furnish(&picture);
        scene.play(&picture, around.clock.now());
        picture.set_link(around.clock.now(), true, None, false);
        picture.complete();
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        let teller = Teller::new(cluster, picture.clone(), around.clone(), Pace::default());
        tasks.spawn(teller.run(stopped));
        let clock = Arc::clone(&around.clock);
        tasks.spawn(async move {
            loop {
                tokio::time::sleep(LOOK_EVERY).await;
                scene.play(&picture, clock.now());
            }
        });
        Self { stop, tasks }
    }

    /// Stops telling.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        self.tasks.shutdown().await;
    }
}

/// What there is, as a function of the time.
pub(super) struct Scene {
    pub(super) seed: u64,
    pub(super) began: Timestamp,
    pub(super) gpus: u32,
    pub(super) nodes: Vec<NodeName>,
}

impl Scene {
    /// What stays as it is.
    pub(super) fn furnish(&self, picture: &Picture) {
        for node in &self.nodes {
            picture.put_node(KubeNode {
                name: node.clone(),
                ready: Some(true),
                pressures: vec![],
                unschedulable: false,
                taints: vec![Taint { key: "nvidia.com/gpu".into(), value: "".into(), effect: "NoSchedule".into() }],
                gpu_capacity: Some(self.gpus),
                gpu_allocatable: Some(self.gpus),
                kubelet: "v1.34.1".into(),
                labels: vec![("topology.kubernetes.io/zone".into(), "simulated".into())],
            });
            for (namespace, name, component) in EVERYWHERE {
                let mut pod = self.pod(namespace, &format!("{name}-{node}"), component, Some(node));
                pod.owner = Some(Workload { kind: "DaemonSet".into(), name: name.into() });
                picture.put_pod(pod);
            }
        }
        for (nth, (namespace, name, component)) in ONCE.into_iter().enumerate() {
            let node = self.nodes.get(nth % self.nodes.len().max(1));
            picture.put_pod(self.pod(namespace, name, component, node));
        }
        for nth in 0..2 {
            let mut waiting = self.pod("vision", &format!("train-{nth}"), "trainer", None);
            waiting.gpus = self.gpus.saturating_mul(2);
            (waiting.phase, waiting.ready, waiting.started_at) = (Phase::Pending, false, None);
            waiting.reason = Some("Unschedulable".into());
            waiting.owner = Some(Workload { kind: "Job".into(), name: "train".into() });
            picture.put_pod(waiting);
        }
    }

    /// What comes and goes, at this time.
    pub(super) fn play(&self, picture: &Picture, now: Timestamp) {
        let age = now.micros().saturating_sub(self.began.micros()).max(0) / 1_000_000;
        for (namespace, name, length) in ROUNDS {
            let (round, at) = (age / length, age % length);
            if round > 0 {
                picture.drop_pod(&key(namespace, &format!("{name}-{}", round - 1)));
            }
            picture.put_pod(self.round(namespace, name, round, at, length));
        }
    }

    /// A pod of a job: it waits, runs, and ends; every seventh ends badly.
    fn round(&self, namespace: &str, name: &str, round: i64, at: i64, length: i64) -> Pod {
        let place = usize::try_from(round).unwrap_or_default() % self.nodes.len().max(1);
        let mut pod = self.pod(namespace, &format!("{name}-{round}"), name, self.nodes.get(place));
        let began = self.began.plus_seconds(round.saturating_mul(length));
        (pod.created_at, pod.started_at) = (Some(began), Some(began.plus_seconds(length / 20)));
        pod.owner = Some(Workload { kind: "Job".into(), name: name.into() });
        let badly = round % 7 == 3;
        (pod.phase, pod.ready) = match (at * 20 / length, badly) {
            (0, _) => (Phase::Pending, false),
            (1..16, _) => (Phase::Running, true),
            (_, false) => (Phase::Succeeded, false),
            (_, true) => (Phase::Failed, false),
        };
        match pod.phase {
            Phase::Pending => (pod.reason, pod.started_at) = (Some("ContainerCreating".into()), None),
            Phase::Failed => pod.reason = Some("OOMKilled".into()),
            Phase::Running | Phase::Succeeded | Phase::Unknown => {}
        }
        pod
    }

    /// A pod that runs.
    fn pod(&self, namespace: &str, name: &str, component: &str, node: Option<&NodeName>) -> Pod {
        Pod {
            node: node.cloned(),
            phase: Phase::Running,
            ready: true,
            created_at: Some(self.began),
            started_at: Some(self.began),
            component: Some(component.into()),
            ..Pod::new(key(namespace, name), self.uid(namespace, name))
        }
    }

    fn uid(&self, namespace: &str, name: &str) -> Uuid {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.seed.to_le_bytes()).update(namespace.as_bytes()).update(b"/").update(name.as_bytes());
        let mut bytes = [0; 16];
        hasher.finalize_xof().fill(&mut bytes);
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }
}

fn key(namespace: &str, name: &str) -> PodKey {
    PodKey { namespace: namespace.into(), name: name.into() }
}
