use super::{super::testing::World, *};
use domain::{
    AgentRun, Command, Incarnation, Origin,
    device::Slot,
    job::Source,
    node::{self, Facts, Seen},
    telemetry::Frame,
};
use uuid::Uuid;

fn device(number: u8) -> DeviceId {
    DeviceId::from_uuid(Uuid::from_u128(number.into()))
}

/// A node with two devices, and what its frames tell.
struct Node {
    world: World,
    watch: Processes,
    frames: u64,
}

impl Node {
    fn new() -> Self {
        let mut world = World::new();
        let seen = |number: u8| Seen {
            device: device(number),
            slot: Slot { domain: 0, bus: number, device: 0, function: 0 },
            model: "NVIDIA H100 80GB HBM3".parse().unwrap(),
            memory_bytes: 1,
            instances: vec![],
        };
        world.record(&Command::Node(node::Command::ReportInventory {
            node: "n".parse().unwrap(),
            origin: Origin { incarnation: Incarnation(Uuid::nil()), sequence: 1, observed_at: world.now },
            facts: Facts::default(),
            devices: Some(vec![seen(1), seen(2)]),
            settled: true,
        }));
        Self { world, watch: Processes::new(Telemetry::new(1 << 20)), frames: 0 }
    }

    /// The node tells of these processes (device, pid, owner), or that it can't tell; what is recorded then.
    fn told(&mut self, processes: Option<&[(u8, u32, ProcessOwner)]>) -> Vec<&'static str> {
        let of = |(number, pid, owner): &(u8, u32, ProcessOwner)| Process {
            device: device(*number),
            pid: *pid,
            started: 5,
            memory_bytes: None,
            owner: owner.clone(),
        };
        self.frames += 1;
        let frame = Frame {
            node: "n".parse().unwrap(),
            boot_id: "boot".into(),
            run: AgentRun(Uuid::nil()),
            life: Incarnation(Uuid::nil()),
            within_millis: 10_000,
            sequence: self.frames,
            sampled_at: self.world.now,
            step_millis: 1000,
            samples: 1,
            devices: vec![],
            processes: processes.map(|all| all.iter().map(of).collect()),
        };
        self.watch.telemetry.take(&frame, self.world.now);
        self.look()
    }

    fn look(&mut self) -> Vec<&'static str> {
        let due = self.watch.due(&self.world.cluster, self.world.now);
        self.world.record_all(due)
    }

    async fn later(&mut self, seconds: u64) {
        self.world.pass(Duration::from_secs(seconds)).await;
    }
}

fn ada() -> ProcessOwner {
    ProcessOwner::User("ada".into())
}

#[tokio::test(start_paused = true)]
async fn a_process_that_runs_for_a_while_is_a_job_until_it_is_gone() {
    let mut node = Node::new();
    let both = [(1, 77, ada()), (2, 77, ada())];
    assert_eq!(node.told(Some(&both)), [""; 0], "it may be a short one");
    node.later(61).await;
    assert_eq!(node.told(Some(&both)), ["JobObserved"]);
    let job = node.world.cluster.jobs().values().next().unwrap().clone();
    assert_eq!(job.devices, [device(1), device(2)]);
    assert_eq!(job.user, node.world.cluster.user_by_login(&"ada".parse().unwrap()).map(|user| user.id));
    assert_eq!(job.source, Source::Observed { source: "process/n/boot/77/5".into(), breaches: vec![] });
    node.later(10).await;
    assert_eq!(node.told(Some(&both)), [""; 0]);
    node.later(10).await;
    assert_eq!(node.told(Some(&[])), ["JobFinished"]);
}

#[tokio::test(start_paused = true)]
async fn what_a_node_does_not_tell_ends_nothing() {
    let mut node = Node::new();
    node.told(Some(&[(1, 77, ada())]));
    node.later(61).await;
    assert_eq!(node.told(Some(&[(1, 77, ada())])), ["JobObserved"]);
    node.later(10).await;
    assert_eq!(node.told(None), [""; 0], "it can't tell");
    node.later(600).await;
    assert_eq!(node.look(), [""; 0], "it is silent");
    assert_eq!(node.told(Some(&[(1, 78, ada())])), ["JobFinished"], "another process in its place");
}

#[tokio::test(start_paused = true)]
async fn pods_and_what_runs_under_a_job_are_left_alone() {
    let mut node = Node::new();
    let start = |devices| job::Command::Start {
        name: "train".parse().unwrap(),
        user: "ada".parse().unwrap(),
        devices,
        model: None,
    };
    let pod = [(1, 77, ProcessOwner::Pod(Uuid::from_u128(9)))];
    node.told(Some(&pod));
    node.later(61).await;
    assert_eq!(node.told(Some(&pod)), [""; 0]);
    node.world.record(&Command::Job(start(2)));
    node.told(Some(&[(1, 78, ada())]));
    node.later(61).await;
    assert_eq!(node.told(Some(&[(1, 78, ada())])), [""; 0], "it is the job's");
}
