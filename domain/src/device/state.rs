use super::{Condition, ConditionKind, DeviceId, Instance, Severity, Slot};
use crate::{
    Availability, JobId, Model, NodeName, PoolName, Position, Timestamp,
    node::{Contact, Node},
    policy::HealthPolicy,
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
    /// Its parts, if it is divided (MIG).
    pub instances: Vec<Instance>,
    /// The pool that holds it; none for a retired one.
    pub pool: Option<PoolName>,
    /// Whether its node reports it, in its slot: of a retired node nothing is known, and so none of its devices is.
    pub reported: bool,
    /// Whether it is out of service.
    pub retired: bool,
    /// Whether it was retired for its node's sake, and comes back with it.
    pub retired_with_node: bool,
    /// Whether its agent can read it; if not, its health is unknown.
    pub readable: bool,
    /// Since when it can, or can't.
    pub readable_since: Timestamp,
    /// Its troubles, by kind.
    pub conditions: Vec<Condition>,
    /// Conditions that an operator cleared: of each kind the last, until it begins anew or is seen again.
    pub dismissed: Vec<Dismissed>,
    /// The conditions that keep no work from it for a time, by an operator's wish: each once, by kind.
    pub overrides: Vec<Override>,
    /// Whether it was quarantined.
    pub quarantined: bool,
    /// Whether an operator wishes that it takes no job.
    pub cordoned: bool,
    /// The pool that it would be in, had it the model of the device that it replaced: until it is given to a pool.
    pub displaced_from: Option<PoolName>,
    /// The device in whose place it was found: that one is retired by it.
    pub replaces: Option<DeviceId>,
    /// The job that holds it alone.
    pub job: Option<JobId>,
    /// The observed jobs that are on it.
    pub observed: Vec<JobId>,
    /// When it was first seen here.
    pub discovered_at: Timestamp,
    /// Where it was last configured.
    pub revision: Position,
}

/// A condition that an operator cleared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dismissed {
    /// Which.
    pub kind: ConditionKind,
    /// How bad it was. If it gets worse, it stands again.
    pub severity: Severity,
    /// The node's clock when it was first seen: one that began later is another.
    pub first_seen: Timestamp,
    /// The node's clock when it was last seen, as far as was told: one that is seen again is not over.
    pub last_seen: Timestamp,
}

/// A condition that keeps no work from its device for a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// Which.
    pub condition: ConditionKind,
    /// Until when.
    pub until: Timestamp,
}

impl Device {
    /// The most conditions that a device may have, and the most that may be overridden.
    pub const CONDITIONS_MAX: usize = 32;

    /// Whether it is there.
    pub const fn presence(&self) -> Presence {
        match (self.retired, self.reported) {
            (true, _) => Presence::Retired,
            (false, true) => Presence::Present,
            (false, false) => Presence::Missing,
        }
    }

    /// The active jobs on it.
    pub fn jobs(&self) -> impl Iterator<Item = JobId> {
        self.job.into_iter().chain(self.observed.iter().copied())
    }

    /// The worst of its conditions that keep work from it, by this policy.
    pub fn worst(&self, policy: &HealthPolicy) -> Option<&Condition> {
        let standing = self.conditions.iter().filter(|condition| !self.is_overridden(&condition.kind));
        let judged = standing.map(|condition| (condition, policy.judge(condition)));
        let quarantining = judged.filter(|(_, judgement)| judgement.quarantines());
        quarantining.max_by_key(|(_, judgement)| judgement.severity).map(|(condition, _)| condition)
    }

    /// Whether that condition, there or not, keeps no work from it, by an operator's wish.
    pub fn is_overridden(&self, kind: &ConditionKind) -> bool {
        self.overrides.iter().any(|wish| wish.condition == *kind)
    }

    /// Overrides a condition, in the place of an override of the same one.
    pub(super) fn put_override(&mut self, wish: Override) {
        match self.overrides.binary_search_by(|old| old.condition.cmp(&wish.condition)) {
            Ok(at) => self.overrides[at] = wish,
            Err(at) => self.overrides.insert(at, wish),
        }
    }

    /// Whether an operator cleared this: the same occurrence, not seen since, and not worse than it was then.
    pub(crate) fn is_dismissed(&self, new: &Condition) -> bool {
        let same = |old: &Dismissed| old.kind == new.kind && old.first_seen == new.first_seen;
        self.dismissed.iter().any(|old| same(old) && new.last_seen <= old.last_seen && new.severity <= old.severity)
    }

    /// Whether it can be given to a job, being on this node (its own, which whoever goes through many looks up once), by
    /// this policy.
    pub fn availability(&self, node: Option<&Node>, policy: &HealthPolicy) -> Availability {
        let lost = node.is_none_or(|node| node.contact == Contact::Lost);
        let node_cordoned = node.is_some_and(|node| node.cordoned);
        if self.job.is_some() || !self.observed.is_empty() {
            Availability::Busy
        } else if self.presence() != Presence::Present {
            Availability::Missing
        } else if lost || !self.readable {
            Availability::Unknown
        } else if self.quarantined || self.worst(policy).is_some() {
            Availability::Quarantined
        } else if self.cordoned || node_cordoned {
            Availability::Cordoned
        } else {
            Availability::Free
        }
    }
}
