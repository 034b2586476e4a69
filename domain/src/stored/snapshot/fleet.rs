//! Pools, nodes and devices in a snapshot.
use crate::{
    Cluster, JobId, Position, Timestamp,
    device::{self, DeviceId, Severity},
    node::{self, Contact},
    policy::{Standing, Tripped},
    pool,
    stored::{
        DecodeError,
        codes::Coded,
        device::{ConditionV1, InstanceV1, slot},
        envelope::{timestamp, word},
        node::FactsV1,
        policy::HealthPolicyV1,
    },
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Serialize, Deserialize)]
pub(super) struct Fleet<'a> {
    #[serde(borrow)]
    policy: HealthPolicyV1<'a>,
    policy_revision: u64,
    #[serde(borrow)]
    pools: Vec<Pool<'a>>,
    #[serde(borrow)]
    nodes: Vec<Node<'a>>,
    #[serde(borrow)]
    devices: Vec<Device<'a>>,
}

#[derive(Serialize, Deserialize)]
struct Pool<'a> {
    name: &'a str,
    /// Who was quarantined by itself, and when.
    recent: Vec<(i64, [u8; 16])>,
    /// Since when its breaker has tripped, and when it last held something back.
    tripped: Option<(i64, i64)>,
    revision: u64,
}

#[derive(Serialize, Deserialize)]
struct Node<'a> {
    name: &'a str,
    #[serde(borrow)]
    facts: FactsV1<'a>,
    blind_since: Option<i64>,
    devices: Vec<(u64, [u8; 16])>,
    expected: Option<u16>,
    short_since: Option<i64>,
    surplus_since: Option<i64>,
    contact: u8,
    contact_since: i64,
    cordoned: bool,
    retired: bool,
    registered_at: i64,
    revision: u64,
}

#[derive(Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "as in the state")]
struct Device<'a> {
    id: [u8; 16],
    node: &'a str,
    slot: u64,
    model: &'a str,
    memory_bytes: u64,
    #[serde(borrow)]
    instances: Vec<InstanceV1<'a>>,
    #[serde(borrow)]
    pool: Option<&'a str>,
    reported: bool,
    retired: bool,
    retired_with_node: bool,
    readable: bool,
    readable_since: i64,
    #[serde(borrow)]
    conditions: Vec<ConditionV1<'a>>,
    #[serde(borrow)]
    dismissed: Vec<(&'a str, u8, i64, i64)>,
    #[serde(borrow)]
    overrides: Vec<(&'a str, i64)>,
    quarantined: bool,
    cordoned: bool,
    #[serde(borrow)]
    displaced_from: Option<&'a str>,
    replaces: Option<[u8; 16]>,
    job: Option<[u8; 16]>,
    observed: Vec<[u8; 16]>,
    discovered_at: i64,
    revision: u64,
}

impl<'a> Fleet<'a> {
    pub(super) fn of(cluster: &'a Cluster) -> Self {
        Self {
            policy: HealthPolicyV1::of(cluster.health_policy()),
            policy_revision: cluster.policy.revision.0,
            pools: cluster.pools.values().map(Pool::of).collect(),
            nodes: cluster.nodes.values().map(Node::of).collect(),
            devices: cluster.devices.values().map(Device::of).collect(),
        }
    }

    /// The policy, pools and nodes first: the stocks are made of them as the devices come in.
    pub(super) fn settle(self, cluster: &mut Cluster) -> Result<(), DecodeError> {
        cluster.policy = Standing { policy: self.policy.policy()?, revision: Position(self.policy_revision) };
        for pool in self.pools {
            let pool = pool.pool()?;
            cluster.pools.insert(pool.name.clone(), pool);
        }
        for node in self.nodes {
            let node = node.node()?;
            cluster.nodes.insert(node.name.clone(), node);
        }
        for device in self.devices {
            let mut device = device.device()?;
            let pool = device.pool.take();
            if pool.as_ref().is_some_and(|pool| !cluster.pools.contains_key(pool)) {
                return Err(DecodeError::Damaged("a device's pool"));
            }
            let id = device.id;
            cluster.overrides.extend(device.overrides.iter().map(|wish| (wish.until, id, wish.condition.clone())));
            cluster.set_aside(&device);
            cluster.devices.insert(id, device);
            cluster.change_device(id, |device| device.pool = pool);
        }
        Ok(())
    }
}

impl<'a> Pool<'a> {
    fn of(pool: &'a pool::Pool) -> Self {
        let recent = pool.breaker.recent.iter().map(|(at, device)| (at.micros(), device.uuid().into_bytes()));
        Self {
            name: pool.name.as_str(),
            recent: recent.collect(),
            tripped: pool.breaker.tripped.map(|tripped| (tripped.since.micros(), tripped.last.micros())),
            revision: pool.revision.0,
        }
    }

    fn pool(self) -> Result<pool::Pool, DecodeError> {
        let mut pool = pool::Pool::new(word(self.name, "a pool")?, Position(self.revision));
        let recent = self.recent.into_iter().map(|(at, id)| Ok((time(at)?, device_id(id))));
        pool.breaker.recent = recent.collect::<Result<_, DecodeError>>()?;
        if let Some((since, last)) = self.tripped {
            pool.breaker.tripped = Some(Tripped { since: time(since)?, last: time(last)? });
        }
        Ok(pool)
    }
}

impl<'a> Node<'a> {
    fn of(node: &'a node::Node) -> Self {
        Self {
            name: node.name.as_str(),
            facts: FactsV1::of(&node.facts),
            blind_since: node.blind_since.map(Timestamp::micros),
            devices: node.devices.iter().map(|(slot, id)| (slot.to_bits(), id.uuid().into_bytes())).collect(),
            expected: node.expected,
            short_since: node.short_since.map(Timestamp::micros),
            surplus_since: node.surplus_since.map(Timestamp::micros),
            contact: node.contact.code(),
            contact_since: node.contact_since.micros(),
            cordoned: node.cordoned,
            retired: node.retired,
            registered_at: node.registered_at.micros(),
            revision: node.revision.0,
        }
    }

    fn node(self) -> Result<node::Node, DecodeError> {
        let devices = self.devices.into_iter().map(|(bits, id)| Ok((slot(bits)?, device_id(id))));
        Ok(node::Node {
            name: word(self.name, "a node")?,
            facts: self.facts.facts()?,
            blind_since: self.blind_since.map(time).transpose()?,
            devices: devices.collect::<Result<_, DecodeError>>()?,
            expected: self.expected,
            short_since: self.short_since.map(time).transpose()?,
            surplus_since: self.surplus_since.map(time).transpose()?,
            contact: Contact::from_code(self.contact)?,
            contact_since: time(self.contact_since)?,
            cordoned: self.cordoned,
            retired: self.retired,
            registered_at: time(self.registered_at)?,
            revision: Position(self.revision),
        })
    }
}

impl<'a> Device<'a> {
    fn of(device: &'a device::Device) -> Self {
        Self {
            id: device.id.uuid().into_bytes(),
            node: device.node.as_str(),
            slot: device.slot.to_bits(),
            model: device.model.as_str(),
            memory_bytes: device.memory_bytes,
            instances: device.instances.iter().map(InstanceV1::of).collect(),
            pool: device.pool.as_ref().map(crate::PoolName::as_str),
            reported: device.reported,
            retired: device.retired,
            retired_with_node: device.retired_with_node,
            readable: device.readable,
            readable_since: device.readable_since.micros(),
            conditions: device.conditions.iter().map(ConditionV1::of).collect(),
            dismissed: device.dismissed.iter().map(dismissed).collect(),
            overrides: device.overrides.iter().map(|wish| (wish.condition.as_str(), wish.until.micros())).collect(),
            quarantined: device.quarantined,
            cordoned: device.cordoned,
            displaced_from: device.displaced_from.as_ref().map(crate::PoolName::as_str),
            replaces: device.replaces.map(|old| old.uuid().into_bytes()),
            job: device.job.map(|job| job.0.into_bytes()),
            observed: device.observed.iter().map(|job| job.0.into_bytes()).collect(),
            discovered_at: device.discovered_at.micros(),
            revision: device.revision.0,
        }
    }

    fn device(self) -> Result<device::Device, DecodeError> {
        let job = |bytes| JobId(Uuid::from_bytes(bytes));
        Ok(device::Device {
            id: device_id(self.id),
            node: word(self.node, "a node")?,
            slot: slot(self.slot)?,
            model: word(self.model, "a model")?,
            memory_bytes: self.memory_bytes,
            instances: self.instances.into_iter().map(InstanceV1::instance).collect(),
            pool: self.pool.map(|pool| word(pool, "a pool")).transpose()?,
            reported: self.reported,
            retired: self.retired,
            retired_with_node: self.retired_with_node,
            readable: self.readable,
            readable_since: time(self.readable_since)?,
            conditions: self.conditions.into_iter().map(ConditionV1::condition).collect::<Result<_, _>>()?,
            dismissed: self.dismissed.into_iter().map(undismissed).collect::<Result<_, _>>()?,
            overrides: self.overrides.into_iter().map(overridden).collect::<Result<_, _>>()?,
            quarantined: self.quarantined,
            cordoned: self.cordoned,
            displaced_from: self.displaced_from.map(|pool| word(pool, "a pool")).transpose()?,
            replaces: self.replaces.map(device_id),
            job: self.job.map(job),
            observed: self.observed.into_iter().map(job).collect(),
            discovered_at: time(self.discovered_at)?,
            revision: Position(self.revision),
        })
    }
}

fn time(micros: i64) -> Result<Timestamp, DecodeError> {
    timestamp(micros, "a time")
}

fn dismissed(old: &device::Dismissed) -> (&str, u8, i64, i64) {
    (old.kind.as_str(), old.severity.code(), old.first_seen.micros(), old.last_seen.micros())
}

fn undismissed(
    (kind, severity, first_seen, last_seen): (&str, u8, i64, i64),
) -> Result<device::Dismissed, DecodeError> {
    let (kind, severity) = (word(kind, "a condition")?, Severity::from_code(severity)?);
    let (first_seen, last_seen) = (time(first_seen)?, time(last_seen)?);
    Ok(device::Dismissed { kind, severity, first_seen, last_seen })
}

fn overridden((condition, until): (&str, i64)) -> Result<device::Override, DecodeError> {
    Ok(device::Override { condition: word(condition, "a condition")?, until: time(until)? })
}

const fn device_id(bytes: [u8; 16]) -> DeviceId {
    DeviceId::from_uuid(Uuid::from_bytes(bytes))
}
