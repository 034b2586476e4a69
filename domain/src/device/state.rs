use super::{Condition, DeviceId, Slot};
use crate::{
    Availability, JobId, Model, NodeName, PoolName, Position, Timestamp,
    node::{Contact, Node},
};

/// Whether a device is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// Its node reports it.
    Present,
    /// Its node no longer reports it.
    Missing,
    /// It is out of service, reported or not.
    Retired,
}

/// A device as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, each with its own events")]
pub struct Device {
    /// Its UUID.
    pub id: DeviceId,
    /// Its node.
    pub node: NodeName,
    /// Its slot there.
    pub slot: Slot,
    /// Its model.
    pub model: Model,
    /// Its memory in bytes.
    pub memory_bytes: u64,
    /// The pool that holds it; none for a retired one.
    pub pool: Option<PoolName>,
    /// Whether it is there.
    pub presence: Presence,
    /// Whether it was retired for its node's sake, and comes back with it.
    pub retired_with_node: bool,
    /// Whether its agent can read it; if not, its health is unknown.
    pub readable: bool,
    /// Its troubles, by kind.
    pub conditions: Vec<Condition>,
    /// Whether it was quarantined.
    pub quarantined: bool,
    /// Whether an operator wishes that it takes no job.
    pub cordoned: bool,
    /// The job that holds it alone.
    pub job: Option<JobId>,
    /// The observed jobs that are on it.
    pub observed: Vec<JobId>,
    /// When it was first seen here.
    pub discovered_at: Timestamp,
    /// Where it was last configured.
    pub revision: Position,
}

impl Device {
    /// The most conditions that a device may have.
    pub const CONDITIONS_MAX: usize = 32;

    /// The active jobs on it.
    pub fn jobs(&self) -> impl Iterator<Item = JobId> {
        self.job.into_iter().chain(self.observed.iter().copied())
    }

    /// The worst of its conditions that keep work from it.
    pub fn worst(&self) -> Option<&Condition> {
        let quarantining = self.conditions.iter().filter(|condition| condition.severity.quarantines());
        quarantining.max_by_key(|condition| condition.severity)
    }

    /// Whether it can be given to a job, being on this node: its own, which whoever goes through many looks up once.
    pub fn availability(&self, node: Option<&Node>) -> Availability {
        let lost = node.is_none_or(|node| node.contact == Contact::Lost);
        let node_cordoned = node.is_some_and(|node| node.cordoned);
        if self.job.is_some() || !self.observed.is_empty() {
            Availability::Busy
        } else if self.presence != Presence::Present {
            Availability::Missing
        } else if lost || !self.readable {
            Availability::Unknown
        } else if self.quarantined || self.worst().is_some() {
            Availability::Quarantined
        } else if self.cordoned || node_cordoned {
            Availability::Cordoned
        } else {
            Availability::Free
        }
    }
}
