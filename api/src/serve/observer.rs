//! Pods with GPUs that run are jobs, whoever started them: recorded when they are seen, and when they are seen to be gone.
//!
//! It compares what is mirrored with the jobs that are active, so that a restart finds what changed meanwhile. It ends a
//! job only when its cluster is known as it is now: never because somebody can't see it.
use bus::engine::{Engine, Request};
use domain::{
    Cluster, ClusterName, Command, JobName, Login, NodeName, Principal,
    device::DeviceId,
    job::{self, Source},
    mirror::{Phase, Pod},
    telemetry::ProcessOwner,
};
use projections::{Live, Telemetry, mirror::Mirrors};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
    time::Duration,
};
use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior},
};
use uuid::Uuid;

/// How often it is looked.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How long a job is waited for whose devices are not known: after that it is recorded without them.
const DEVICES_WITHIN: Duration = Duration::from_mins(1);

/// The most commands of one look: the rest is found by the next.
const COMMANDS_MAX: usize = 256;

/// Which devices a pod uses, where its cluster does not tell: by the processes that node agents see.
pub(super) trait Devices: Send + Sync + 'static {
    /// The devices of this node that processes of the pod of this UID were last seen on.
    fn of(&self, node: &NodeName, pod: Uuid) -> Vec<DeviceId>;
}

/// The processes in the last frame of the node's agent.
impl Devices for Telemetry {
    fn of(&self, node: &NodeName, pod: Uuid) -> Vec<DeviceId> {
        let processes = self.link(node).and_then(|link| link.processes).unwrap_or_default();
        let of_pod = processes.into_iter().filter(|process| process.owner == ProcessOwner::Pod(pod));
        of_pod.map(|process| process.device).collect()
    }
}

/// What the observer looks at.
pub(super) struct Observer {
    pub(super) engine: Engine,
    pub(super) live: Live,
    pub(super) mirrors: Mirrors,
    pub(super) devices: Arc<dyn Devices>,
    /// How long a pod runs before it is a job.
    pub(super) after: Duration,
}

impl Observer {
    /// Looks and records until `stop` says so.
    pub(super) async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut watch = Watch { after: self.after, waiting: HashMap::new() };
        let mut looks = tokio::time::interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                _ = looks.tick() => {}
            }
            let fresh = self.mirrors.fresh();
            let due: Vec<_> = {
                let models = self.live.read();
                let cluster = models.state().cluster();
                let due = fresh.iter().flat_map(|(name, pods)| watch.due(cluster, name, pods, &*self.devices));
                due.take(COMMANDS_MAX).collect()
            };
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

/// The pods that may become jobs, and since when they are seen to run.
struct Watch {
    after: Duration,
    waiting: HashMap<Arc<str>, Instant>,
}

impl Watch {
    /// What is to be recorded of a cluster that is known as it is now.
    fn due(
        &mut self,
        cluster: &Cluster,
        name: &ClusterName,
        pods: &[Arc<Pod>],
        devices: &dyn Devices,
    ) -> Vec<job::Command> {
        let beginning = format!("kubernetes/{name}/");
        let active = active(cluster, &beginning);
        let recorded: HashSet<Uuid> = active.iter().filter_map(|source| uid_of(source)).collect();
        // What a recorded one asks for does not matter: an agent that was just started does not know its claims yet.
        let ours = |pod: &&Arc<Pod>| (pod.gpus > 0 || recorded.contains(&pod.uid)) && may_run(pod);
        let alive: BTreeMap<Arc<str>, &Arc<Pod>> =
            pods.iter().filter(ours).map(|pod| (source(&beginning, pod), pod)).collect();
        self.waiting.retain(|source, _| !source.starts_with(&beginning) || alive.contains_key(source));
        let gone = active.iter().filter(|source| !alive.contains_key(*source));
        let ended = gone.map(|source| job::Command::ObserveEnd { source: Arc::clone(source) });
        let mut due: Vec<_> = ended.collect();
        for (source, pod) in alive {
            if active.contains(&source) {
                self.waiting.remove(&source);
            } else if pod.phase == Phase::Running && pod.gpus > 0 {
                due.extend(self.begun(cluster, source, pod, devices));
            }
        }
        due
    }

    /// A pod that runs and is no job yet: whether it is one now.
    fn begun(&mut self, cluster: &Cluster, source: Arc<str>, pod: &Pod, devices: &dyn Devices) -> Option<job::Command> {
        let since = self.waiting.entry(Arc::clone(&source)).or_insert_with(Instant::now).elapsed();
        if since < self.after {
            return None;
        }
        let seen = || pod.node.as_ref().map(|node| devices.of(node, pod.uid)).unwrap_or_default();
        let told = if pod.devices.is_empty() { seen() } else { pod.devices.clone() };
        let told: BTreeSet<DeviceId> = told.into_iter().collect();
        let all = !told.is_empty() && u32::try_from(told.len()).is_ok_and(|count| count >= pod.gpus);
        if !all && since < self.after + DEVICES_WITHIN {
            return None;
        }
        let user = pod.user.as_ref().and_then(|login| login.parse::<Login>().ok());
        let user = user.and_then(|login| cluster.user_by_login(&login)).map(|user| user.id);
        let name = job_name(&pod.key.name)?;
        Some(job::Command::Observe { name, source, user, devices: told.into_iter().collect() })
    }
}

/// Whether a pod may be running. One whose node does not speak may still do.
fn may_run(pod: &Pod) -> bool {
    pod.node.is_some() && matches!(pod.phase, Phase::Running | Phase::Unknown)
}

/// The sources of the jobs that were seen in a cluster and not seen to end.
fn active(cluster: &Cluster, beginning: &str) -> BTreeSet<Arc<str>> {
    let sources = cluster.jobs().values().filter_map(|job| match &job.source {
        Source::Observed { source, .. } => Some(source),
        Source::Started { .. } => None,
    });
    sources.filter(|source| source.starts_with(beginning)).cloned().collect()
}

/// A pod that is made anew under the same name is another job: the UID says which one it is.
fn source(beginning: &str, pod: &Pod) -> Arc<str> {
    format!("{beginning}{}/{}/{}", pod.key.namespace, pod.key.name, pod.uid).into()
}

fn uid_of(source: &str) -> Option<Uuid> {
    source.rsplit('/').next()?.parse().ok()
}

/// A pod's name may be longer than a job's.
fn job_name(name: &str) -> Option<JobName> {
    name[..name.floor_char_boundary(128)].parse().ok()
}

#[cfg(test)]
#[path = "observer_tests.rs"]
mod tests;
