//! Processes that use GPUs and are no pod's are jobs too, where nobody claimed the GPU here: recorded once they have run for a
//! while, and when they are seen to be gone.
//!
//! What a node does not tell is not concluded: a job ends only when a frame of its node came just now and lacks the process.
use bus::{
    clock::{Clock, SystemClock},
    engine::{Engine, Request},
};
use domain::{
    Cluster, Command, Login, NodeName, Principal, Timestamp,
    device::DeviceId,
    job::{self, Source},
    telemetry::{Process, ProcessOwner},
};
use projections::{Live, NodeLink, Telemetry};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};
use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior},
};

/// How often it is looked: no frame comes more often.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// How long a process runs before it is a job.
const AFTER: Duration = Duration::from_mins(1);

/// A frame that is older than this does not say what runs now.
const FRESH_SECONDS: i64 = 30;

/// The most commands of one look: the rest is found by the next.
const COMMANDS_MAX: usize = 256;

/// What is looked at.
pub(super) struct Observer {
    pub(super) engine: Engine,
    pub(super) live: Live,
    pub(super) telemetry: Telemetry,
}

impl Observer {
    /// Looks and records until `stop` says so.
    pub(super) async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut watch = Watch::default();
        let mut looks = tokio::time::interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                _ = looks.tick() => {}
            }
            let now = SystemClock.now();
            let due = watch.due(self.live.read().state().cluster(), now, |node| self.telemetry.link(node));
            for command in due {
                let request = Request::new(Principal::SYSTEM, Command::Job(command));
                if let Err(error) = self.engine.submit(request).await {
                    // It is due again at the next look.
                    tracing::debug!(%error, "what was observed could not be recorded");
                    break;
                }
            }
        }
    }
}

/// The processes that may become jobs, and since when they are seen.
#[derive(Debug, Default)]
struct Watch {
    waiting: HashMap<Arc<str>, Instant>,
}

/// A process over all devices that it uses.
#[derive(Debug, Clone, Default)]
struct Claim {
    devices: BTreeSet<DeviceId>,
    user: Option<Arc<str>>,
    pid: u32,
}

impl Watch {
    fn due(
        &mut self,
        cluster: &Cluster,
        now: Timestamp,
        link: impl Fn(&NodeName) -> Option<NodeLink>,
    ) -> Vec<job::Command> {
        let active = active(cluster);
        let (mut due, mut seen) = (vec![], BTreeSet::new());
        for name in cluster.nodes().keys() {
            let Some(link) = link(name).filter(|link| now < link.received_at.plus_seconds(FRESH_SECONDS)) else {
                continue;
            };
            let Some(processes) = &link.processes else { continue };
            let running = running(name, link.boot_id(), processes);
            let beginning = format!("process/{name}/");
            let own = active.iter().filter(|source| source.starts_with(&beginning));
            let gone = own.filter(|source| !running.contains_key(*source));
            due.extend(gone.map(|source| job::Command::ObserveEnd { source: Arc::clone(source) }));
            for (source, claim) in running {
                seen.insert(Arc::clone(&source));
                if !active.contains(&source) && claim.is_nobodys(cluster) {
                    due.extend(self.begun(cluster, name, source, claim));
                }
            }
        }
        self.waiting.retain(|source, _| seen.contains(source) && !active.contains(source));
        due.truncate(COMMANDS_MAX);
        due
    }

    /// A process that is no job yet: whether it is one now.
    fn begun(&mut self, cluster: &Cluster, node: &NodeName, source: Arc<str>, claim: Claim) -> Option<job::Command> {
        let since = *self.waiting.entry(Arc::clone(&source)).or_insert_with(Instant::now);
        if since.elapsed() < AFTER {
            return None;
        }
        let user = claim.user.and_then(|login| login.parse::<Login>().ok());
        let user = user.and_then(|login| cluster.user_by_login(&login)).map(|user| user.id);
        let name = format!("process {} on {node}", claim.pid).parse().ok()?;
        Some(job::Command::Observe { name, source, user, devices: claim.devices.into_iter().collect() })
    }
}

impl Claim {
    /// Whether no job that was started here holds any of its devices: what runs there is that job's.
    fn is_nobodys(&self, cluster: &Cluster) -> bool {
        self.devices.iter().all(|id| cluster.device(*id).is_none_or(|device| device.job.is_none()))
    }
}

/// The processes of a node that are no pod's, each with the source that names it for ever.
fn running(node: &NodeName, boot: &str, processes: &[Process]) -> BTreeMap<Arc<str>, Claim> {
    let mut running: BTreeMap<Arc<str>, Claim> = BTreeMap::new();
    for process in processes {
        let user = match &process.owner {
            ProcessOwner::Pod(_) => continue,
            ProcessOwner::User(name) => Some(Arc::clone(name)),
            ProcessOwner::Unknown => None,
        };
        let source = format!("process/{node}/{boot}/{}/{}", process.pid, process.started);
        let claim = running.entry(source.into()).or_default();
        (claim.user, claim.pid) = (user, process.pid);
        claim.devices.insert(process.device);
    }
    running
}

/// The sources of the processes that were seen and not seen to end.
fn active(cluster: &Cluster) -> BTreeSet<Arc<str>> {
    let sources = cluster.jobs().values().filter_map(|job| match &job.source {
        Source::Observed { source, .. } => Some(source),
        Source::Started { .. } => None,
    });
    sources.filter(|source| source.starts_with("process/")).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{
        CommandId, Context, Incarnation, Limits, Origin, Position, Stamp, decide,
        device::Slot,
        evolve,
        node::{self, Facts, Seen},
        telemetry::Frame,
        user::Newcomer,
    };
    use uuid::Uuid;

    fn device(number: u8) -> DeviceId {
        DeviceId::from_uuid(Uuid::from_u128(number.into()))
    }

    /// A node with two devices, and what its frames tell.
    struct World {
        cluster: Cluster,
        watch: Watch,
        telemetry: Telemetry,
        commands: u128,
        second: i64,
    }

    impl World {
        fn new() -> Self {
            let (cluster, watch, telemetry) = (Cluster::default(), Watch::default(), Telemetry::new(1 << 20));
            let mut world = Self { cluster, watch, telemetry, commands: 0, second: 0 };
            let operator = Newcomer { login: "ada".parse().unwrap(), password: None };
            world.record(&Command::Found {
                cluster: domain::ClusterId(Uuid::from_u128(1)),
                demonstration: false,
                operator,
            });
            let seen = |number: u8| Seen {
                device: device(number),
                slot: Slot { domain: 0, bus: number, device: 0, function: 0 },
                model: "NVIDIA H100 80GB HBM3".parse().unwrap(),
                memory_bytes: 1,
                instances: vec![],
            };
            world.record(&Command::Node(node::Command::ReportInventory {
                node: "n".parse().unwrap(),
                origin: Origin {
                    incarnation: Incarnation(Uuid::nil()),
                    sequence: 1,
                    observed_at: Timestamp::default(),
                },
                facts: Facts::default(),
                devices: vec![seen(1), seen(2)],
                settled: true,
            }));
            world
        }

        fn now(&self) -> Timestamp {
            Timestamp::default().plus_seconds(self.second)
        }

        fn record(&mut self, command: &Command) -> Vec<&'static str> {
            self.commands += 1;
            let id = CommandId::from_uuid(Uuid::from_u128(self.commands << 16));
            let (limits, asker) = (Limits::default(), Principal::SYSTEM);
            let context = Context { command: id, now: self.now(), asker: &asker, has_reason: false, limits: &limits };
            let events = decide(&self.cluster, command, &context).unwrap();
            let recorded_at = self.now();
            for event in &events {
                let position = Position(self.cluster.at().position.0 + 1);
                evolve(&mut self.cluster, Stamp { position, recorded_at }, event);
            }
            events.iter().map(domain::Event::name).collect()
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
            let frame = Frame {
                node: "n".parse().unwrap(),
                boot_id: "boot".into(),
                sequence: u64::try_from(self.second).unwrap(),
                sampled_at: self.now(),
                step_millis: 1000,
                samples: 1,
                devices: vec![],
                processes: processes.map(|all| all.iter().map(of).collect()),
            };
            self.telemetry.take(&frame, self.now());
            self.look()
        }

        fn look(&mut self) -> Vec<&'static str> {
            let telemetry = self.telemetry.clone();
            let due = self.watch.due(&self.cluster, self.now(), |node| telemetry.link(node));
            due.iter().flat_map(|command| self.record(&Command::Job(command.clone()))).collect()
        }

        async fn later(&mut self, seconds: u64) {
            tokio::time::advance(Duration::from_secs(seconds)).await;
            self.second += i64::try_from(seconds).unwrap();
        }
    }

    fn ada() -> ProcessOwner {
        ProcessOwner::User("ada".into())
    }

    #[tokio::test(start_paused = true)]
    async fn a_process_that_runs_for_a_while_is_a_job_until_it_is_gone() {
        let mut world = World::new();
        let both = [(1, 77, ada()), (2, 77, ada())];
        assert_eq!(world.told(Some(&both)), [""; 0], "it may be a short one");
        world.later(61).await;
        assert_eq!(world.told(Some(&both)), ["JobObserved"]);
        let job = world.cluster.jobs().values().next().unwrap().clone();
        assert_eq!(job.devices, [device(1), device(2)]);
        assert_eq!(job.user, world.cluster.user_by_login(&"ada".parse().unwrap()).map(|user| user.id));
        assert_eq!(job.source, Source::Observed { source: "process/n/boot/77/5".into(), breaches: vec![] });
        world.later(10).await;
        assert_eq!(world.told(Some(&both)), [""; 0]);
        world.later(10).await;
        assert_eq!(world.told(Some(&[])), ["JobFinished"]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_node_does_not_tell_ends_nothing() {
        let mut world = World::new();
        world.told(Some(&[(1, 77, ada())]));
        world.later(61).await;
        assert_eq!(world.told(Some(&[(1, 77, ada())])), ["JobObserved"]);
        world.later(10).await;
        assert_eq!(world.told(None), [""; 0], "it can't tell");
        world.later(600).await;
        assert_eq!(world.look(), [""; 0], "it is silent");
        assert_eq!(world.told(Some(&[(1, 78, ada())])), ["JobFinished"], "another process in its place");
    }

    #[tokio::test(start_paused = true)]
    async fn pods_and_what_runs_under_a_job_are_left_alone() {
        let mut world = World::new();
        let start = |devices| job::Command::Start {
            name: "train".parse().unwrap(),
            user: "ada".parse().unwrap(),
            devices,
            model: None,
        };
        let pod = [(1, 77, ProcessOwner::Pod(Uuid::from_u128(9)))];
        world.told(Some(&pod));
        world.later(61).await;
        assert_eq!(world.told(Some(&pod)), [""; 0]);
        world.record(&Command::Job(start(2)));
        world.told(Some(&[(1, 78, ada())]));
        world.later(61).await;
        assert_eq!(world.told(Some(&[(1, 78, ada())])), [""; 0], "it is the job's");
    }
}
