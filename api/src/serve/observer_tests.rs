use super::*;
use domain::{CommandId, Context, Event, Position, Stamp, Timestamp, decide, evolve, mirror::PodKey};

/// Nobody sees processes.
struct Unknown;

impl Devices for Unknown {
    fn of(&self, _: &NodeName, _: Uuid) -> Vec<DeviceId> {
        vec![]
    }
}

/// A cluster that is told what the watch finds.
struct World {
    cluster: Cluster,
    watch: Watch,
    commands: u128,
    events: Vec<Event>,
}

const AFTER: Duration = Duration::from_secs(10);

impl World {
    fn new() -> Self {
        let watch = Watch { after: AFTER, waiting: HashMap::new() };
        let mut world = Self { cluster: Cluster::default(), watch, commands: 0, events: vec![] };
        let operator = domain::user::Newcomer { login: "operator".parse().unwrap(), password: None };
        let id = domain::ClusterId(Uuid::from_u128(1));
        world.record(&Command::Found { cluster: id, demonstration: false, operator });
        world
    }

    /// Carries out a command, and says the names of the events.
    fn record(&mut self, command: &Command) -> Vec<&'static str> {
        self.commands += 1;
        let (limits, asker) = (domain::Limits::default(), Principal::SYSTEM);
        let context = Context {
            command: CommandId::from_uuid(Uuid::from_u128(self.commands << 16)),
            now: Timestamp::from_micros(1),
            asker: &asker,
            has_reason: false,
            limits: &limits,
        };
        let mut names = vec![];
        for event in decide(&self.cluster, command, &context).unwrap() {
            let position = Position(self.events.len() as u64 + 1);
            evolve(&mut self.cluster, Stamp { position, recorded_at: Timestamp::from_micros(1) }, &event);
            names.push(event.name());
            self.events.push(event);
        }
        names
    }

    /// Looks, records what is due, and says the names of the events.
    fn look(&mut self, pods: &[Pod], devices: &dyn Devices) -> Vec<&'static str> {
        let pods: Vec<_> = pods.iter().cloned().map(Arc::new).collect();
        let due = self.watch.due(&self.cluster, &"east".parse().unwrap(), &pods, devices);
        due.into_iter().flat_map(|command| self.record(&Command::Job(command))).collect()
    }

    fn jobs(&self) -> usize {
        self.cluster.jobs().len()
    }
}

fn pod(name: &str, uid: u128, devices: usize) -> Pod {
    Pod {
        key: PodKey { namespace: "ns".into(), name: name.into() },
        uid: Uuid::from_u128(uid),
        node: Some("n1".parse().unwrap()),
        phase: Phase::Running,
        ready: true,
        terminating: false,
        reason: None,
        restarts: 0,
        created_at: None,
        started_at: None,
        owner: None,
        component: None,
        user: None,
        gpus: 2,
        devices: (0..devices as u128).map(|nth| DeviceId::from_uuid(Uuid::from_u128(nth))).collect(),
    }
}

async fn pass(time: Duration) {
    tokio::time::advance(time).await;
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_runs_for_a_while_is_a_job_once_and_until_it_is_gone() {
    let mut world = World::new();
    let there = [pod("train", 1, 2)];
    assert!(world.look(&there, &Unknown).is_empty(), "it may be over soon");
    pass(AFTER).await;
    assert_eq!(world.look(&there, &Unknown), ["JobObserved"]);
    assert!(world.look(&there, &Unknown).is_empty());
    // A server that was started anew waits for nothing that is recorded already.
    world.watch = Watch { after: AFTER, waiting: HashMap::new() };
    assert!(world.look(&there, &Unknown).is_empty());
    assert_eq!(world.look(&[], &Unknown), ["JobFinished"]);
    assert_eq!(world.jobs(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_short_pod_is_no_job() {
    let mut world = World::new();
    world.look(&[pod("short", 1, 2)], &Unknown);
    pass(AFTER / 2).await;
    let over = Pod { phase: Phase::Succeeded, ..pod("short", 1, 2) };
    assert!(world.look(&[over], &Unknown).is_empty());
    pass(AFTER).await;
    assert!(world.look(&[], &Unknown).is_empty());
    assert!(world.watch.waiting.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_is_made_anew_is_another_job() {
    let mut world = World::new();
    world.look(&[pod("train", 1, 2)], &Unknown);
    pass(AFTER).await;
    world.look(&[pod("train", 1, 2)], &Unknown);
    assert_eq!(world.look(&[pod("train", 2, 2)], &Unknown), ["JobFinished"]);
    pass(AFTER).await;
    assert_eq!(world.look(&[pod("train", 2, 2)], &Unknown), ["JobObserved"]);
}

#[tokio::test(start_paused = true)]
async fn devices_are_waited_for_and_then_done_without() {
    struct Seen;
    impl Devices for Seen {
        fn of(&self, _: &NodeName, _: Uuid) -> Vec<DeviceId> {
            (0..2).map(|nth| DeviceId::from_uuid(Uuid::from_u128(nth))).collect()
        }
    }
    let mut world = World::new();
    let there = [pod("train", 1, 0)];
    world.look(&there, &Unknown);
    pass(AFTER).await;
    assert!(world.look(&there, &Unknown).is_empty(), "its devices are not known");
    assert_eq!(world.look(&there, &Seen), ["JobObserved"]);
    let devices = world.cluster.jobs().values().map(|job| job.devices.len()).collect::<Vec<_>>();
    assert_eq!(devices, [2]);

    let mut world = World::new();
    world.look(&there, &Unknown);
    pass(AFTER + DEVICES_WITHIN).await;
    assert_eq!(world.look(&there, &Unknown), ["JobObserved"]);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_does_not_speak_ends_nothing_and_pods_without_gpus_are_no_jobs() {
    let mut world = World::new();
    world.look(&[pod("train", 1, 2)], &Unknown);
    pass(AFTER).await;
    world.look(&[pod("train", 1, 2)], &Unknown);
    let silent = Pod { phase: Phase::Unknown, ..pod("train", 1, 2) };
    assert!(world.look(&[silent], &Unknown).is_empty());
    assert_eq!(world.jobs(), 1);
    let unclaimed = Pod { gpus: 0, devices: vec![], ..pod("train", 1, 0) };
    assert!(world.look(&[unclaimed], &Unknown).is_empty(), "its claims are not known yet");
    assert_eq!(world.jobs(), 1);
    let plain = [pod("train", 1, 2), Pod { gpus: 0, ..pod("web", 2, 0) }];
    world.look(&plain, &Unknown);
    pass(AFTER + DEVICES_WITHIN).await;
    assert!(world.look(&plain, &Unknown).is_empty());
}
