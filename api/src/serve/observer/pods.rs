//! Pods with GPUs that run are jobs, whoever started them.
//!
//! A job ends only when its cluster is known as it is now: never because somebody can't see it.
use super::{Watch, active, ended, user_of};
use domain::{
    Cluster, ClusterName, JobName, NodeName, Timestamp,
    device::DeviceId,
    job,
    mirror::{Phase, Pod},
    telemetry::ProcessOwner,
};
use projections::{Telemetry, mirror::Mirrors};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
    time::Duration,
};
use tokio::time::Instant;
use uuid::Uuid;

/// How long a job is waited for whose devices are not known: after that it is recorded without them.
const DEVICES_WITHIN: Duration = Duration::from_mins(1);

/// Which devices a pod uses, where its cluster does not tell: by the processes that node agents see.
pub(in crate::serve) trait Devices: Send + Sync + 'static {
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

/// The pods that may become jobs, and since when they are seen to run.
pub(in crate::serve) struct Pods {
    mirrors: Mirrors,
    devices: Arc<dyn Devices>,
    after: Duration,
    waiting: HashMap<Arc<str>, Instant>,
}

impl Watch for Pods {
    const EVERY: Duration = Duration::from_millis(500);

    fn due(&mut self, cluster: &Cluster, _: Timestamp) -> Vec<job::Command> {
        let fresh = self.mirrors.fresh();
        fresh.iter().flat_map(|(name, pods)| self.due_of(cluster, name, pods)).collect()
    }
}

impl Pods {
    /// Those of these mirrors; each is a job once it has run for as long as `after`.
    pub(in crate::serve) fn new(mirrors: Mirrors, devices: Arc<dyn Devices>, after: Duration) -> Self {
        Self { mirrors, devices, after, waiting: HashMap::new() }
    }

    /// What is to be recorded of a cluster that is known as it is now.
    fn due_of(&mut self, cluster: &Cluster, name: &ClusterName, pods: &[Arc<Pod>]) -> Vec<job::Command> {
        let beginning = format!("kubernetes/{name}/");
        let active = active(cluster, &beginning);
        let recorded: HashSet<Uuid> = active.iter().filter_map(|source| uid_of(source)).collect();
        // What a recorded one asks for does not matter: an agent that was just started does not know its claims yet.
        let ours = |pod: &&Arc<Pod>| (pod.gpus > 0 || recorded.contains(&pod.uid)) && may_run(pod);
        let alive: BTreeMap<Arc<str>, &Arc<Pod>> =
            pods.iter().filter(ours).map(|pod| (source(&beginning, pod), pod)).collect();
        self.waiting.retain(|source, _| !source.starts_with(&beginning) || alive.contains_key(source));
        let mut due: Vec<_> = ended(&active, |source| alive.contains_key(source)).collect();
        for (source, pod) in alive {
            if active.contains(&source) {
                self.waiting.remove(&source);
            } else if pod.phase == Phase::Running && pod.gpus > 0 {
                due.extend(self.begun(cluster, source, pod));
            }
        }
        due
    }

    /// A pod that runs and is no job yet: whether it is one now.
    fn begun(&mut self, cluster: &Cluster, source: Arc<str>, pod: &Pod) -> Option<job::Command> {
        let since = self.waiting.entry(Arc::clone(&source)).or_insert_with(Instant::now).elapsed();
        if since < self.after {
            return None;
        }
        let seen = || pod.node.as_ref().map(|node| self.devices.of(node, pod.uid)).unwrap_or_default();
        let told = if pod.devices.is_empty() { seen() } else { pod.devices.clone() };
        let told: BTreeSet<DeviceId> = told.into_iter().collect();
        let all = !told.is_empty() && u32::try_from(told.len()).is_ok_and(|count| count >= pod.gpus);
        if !all && since < self.after + DEVICES_WITHIN {
            return None;
        }
        let user = user_of(cluster, pod.user.as_deref());
        let name = job_name(&pod.key.name)?;
        Some(job::Command::Observe { name, source, user, devices: told.into_iter().collect() })
    }
}

/// Whether a pod may be running. One whose node does not speak may still do.
fn may_run(pod: &Pod) -> bool {
    pod.node.is_some() && matches!(pod.phase, Phase::Running | Phase::Unknown)
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
#[path = "pods_tests.rs"]
mod tests;
