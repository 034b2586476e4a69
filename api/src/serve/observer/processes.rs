//! Processes that use GPUs and are no pod's are jobs too, where nobody claimed the GPU here.
//!
//! What a node does not tell is not concluded: a job ends only when a frame of its node came just now and lacks the process.
use super::{Watch, active, ended, user_of};
use domain::{
    Cluster, NodeName, Timestamp,
    device::DeviceId,
    job,
    telemetry::{Process, ProcessOwner},
};
use projections::Telemetry;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};
use tokio::time::Instant;

/// How long a process runs before it is a job.
const AFTER: Duration = Duration::from_mins(1);

/// A frame that is older than this does not say what runs now.
const FRESH_SECONDS: i64 = 30;

/// The processes that may become jobs, and since when they are seen.
pub(in crate::serve) struct Processes {
    telemetry: Telemetry,
    waiting: HashMap<Arc<str>, Instant>,
}

/// A process over all devices that it uses.
#[derive(Debug, Clone, Default)]
struct Claim {
    devices: BTreeSet<DeviceId>,
    user: Option<Arc<str>>,
    pid: u32,
}

impl Watch for Processes {
    /// No frame comes more often.
    const EVERY: Duration = Duration::from_secs(5);

    fn due(&mut self, cluster: &Cluster, now: Timestamp) -> Vec<job::Command> {
        let active = active(cluster, "process/");
        let (mut due, mut seen) = (vec![], BTreeSet::new());
        for name in cluster.nodes().keys() {
            let link = self.telemetry.link(name).filter(|link| now < link.received_at.plus_seconds(FRESH_SECONDS));
            let Some(link) = link else { continue };
            let Some(processes) = &link.processes else { continue };
            let running = running(name, link.boot_id(), processes);
            let beginning = format!("process/{name}/");
            let own = active.iter().filter(|source| source.starts_with(&beginning));
            due.extend(ended(own, |source| running.contains_key(source)));
            for (source, claim) in running {
                seen.insert(Arc::clone(&source));
                if !active.contains(&source) && claim.is_nobodys(cluster) {
                    due.extend(self.begun(cluster, name, source, claim));
                }
            }
        }
        self.waiting.retain(|source, _| seen.contains(source) && !active.contains(source));
        due
    }
}

impl Processes {
    /// Those in the last frames of the nodes' agents.
    pub(in crate::serve) fn new(telemetry: Telemetry) -> Self {
        Self { telemetry, waiting: HashMap::new() }
    }

    /// A process that is no job yet: whether it is one now.
    fn begun(&mut self, cluster: &Cluster, node: &NodeName, source: Arc<str>, claim: Claim) -> Option<job::Command> {
        let since = *self.waiting.entry(Arc::clone(&source)).or_insert_with(Instant::now);
        if since.elapsed() < AFTER {
            return None;
        }
        let user = user_of(cluster, claim.user.as_deref());
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

#[cfg(test)]
#[path = "processes_tests.rs"]
mod tests;
