use super::{super::testing::World, *};
use domain::mirror::PodKey;
use projections::mirror::Bounds;

/// Nobody sees processes.
struct Unknown;

impl Devices for Unknown {
    fn of(&self, _: &NodeName, _: Uuid) -> Vec<DeviceId> {
        vec![]
    }
}

const AFTER: Duration = Duration::from_secs(10);

/// A Kubernetes cluster, and what is seen of it.
struct East {
    world: World,
    watch: Pods,
}

impl East {
    fn new() -> Self {
        Self { world: World::new(), watch: watch(Arc::new(Unknown)) }
    }

    /// Looks, records what is due, and says the names of the events.
    fn look(&mut self, pods: &[Pod]) -> Vec<&'static str> {
        let pods: Vec<_> = pods.iter().cloned().map(Arc::new).collect();
        let due = self.watch.due_of(&self.world.cluster, &"east".parse().unwrap(), &pods);
        self.world.record_all(due)
    }

    fn jobs(&self) -> usize {
        self.world.cluster.jobs().len()
    }
}

fn watch(devices: Arc<dyn Devices>) -> Pods {
    Pods::new(Mirrors::new(Bounds::default()), devices, AFTER)
}

fn pod(name: &str, uid: u128, devices: usize) -> Pod {
    let key = PodKey { namespace: "ns".into(), name: name.into() };
    Pod {
        node: Some("n1".parse().unwrap()),
        phase: Phase::Running,
        ready: true,
        gpus: 2,
        devices: (0..devices as u128).map(|nth| DeviceId::from_uuid(Uuid::from_u128(nth))).collect(),
        ..Pod::new(key, Uuid::from_u128(uid))
    }
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_runs_for_a_while_is_a_job_once_and_until_it_is_gone() {
    let mut east = East::new();
    let there = [pod("train", 1, 2)];
    assert!(east.look(&there).is_empty(), "it may be over soon");
    east.world.pass(AFTER).await;
    assert_eq!(east.look(&there), ["JobObserved"]);
    assert!(east.look(&there).is_empty());
    // A server that was started anew waits for nothing that is recorded already.
    east.watch = watch(Arc::new(Unknown));
    assert!(east.look(&there).is_empty());
    assert_eq!(east.look(&[]), ["JobFinished"]);
    assert_eq!(east.jobs(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_short_pod_is_no_job() {
    let mut east = East::new();
    east.look(&[pod("short", 1, 2)]);
    east.world.pass(AFTER / 2).await;
    let over = Pod { phase: Phase::Succeeded, ..pod("short", 1, 2) };
    assert!(east.look(&[over]).is_empty());
    east.world.pass(AFTER).await;
    assert!(east.look(&[]).is_empty());
    assert!(east.watch.waiting.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_is_made_anew_is_another_job() {
    let mut east = East::new();
    east.look(&[pod("train", 1, 2)]);
    east.world.pass(AFTER).await;
    east.look(&[pod("train", 1, 2)]);
    assert_eq!(east.look(&[pod("train", 2, 2)]), ["JobFinished"]);
    east.world.pass(AFTER).await;
    assert_eq!(east.look(&[pod("train", 2, 2)]), ["JobObserved"]);
}

#[tokio::test(start_paused = true)]
async fn devices_are_waited_for_and_then_done_without() {
    struct Seen;
    impl Devices for Seen {
        fn of(&self, _: &NodeName, _: Uuid) -> Vec<DeviceId> {
            (0..2).map(|nth| DeviceId::from_uuid(Uuid::from_u128(nth))).collect()
        }
    }
    let mut east = East::new();
    let there = [pod("train", 1, 0)];
    east.look(&there);
    east.world.pass(AFTER).await;
    assert!(east.look(&there).is_empty(), "its devices are not known");
    east.watch.devices = Arc::new(Seen);
    assert_eq!(east.look(&there), ["JobObserved"]);
    let devices = east.world.cluster.jobs().values().map(|job| job.devices.len()).collect::<Vec<_>>();
    assert_eq!(devices, [2]);

    let mut east = East::new();
    east.look(&there);
    east.world.pass(AFTER + DEVICES_WITHIN).await;
    assert_eq!(east.look(&there), ["JobObserved"]);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_does_not_speak_ends_nothing_and_pods_without_gpus_are_no_jobs() {
    let mut east = East::new();
    east.look(&[pod("train", 1, 2)]);
    east.world.pass(AFTER).await;
    east.look(&[pod("train", 1, 2)]);
    let silent = Pod { phase: Phase::Unknown, ..pod("train", 1, 2) };
    assert!(east.look(&[silent]).is_empty());
    assert_eq!(east.jobs(), 1);
    let unclaimed = Pod { gpus: 0, devices: vec![], ..pod("train", 1, 0) };
    assert!(east.look(&[unclaimed]).is_empty(), "its claims are not known yet");
    assert_eq!(east.jobs(), 1);
    let plain = [pod("train", 1, 2), Pod { gpus: 0, ..pod("web", 2, 0) }];
    east.look(&plain);
    east.world.pass(AFTER + DEVICES_WITHIN).await;
    assert!(east.look(&plain).is_empty());
}
