//! Pools, nodes and devices in a snapshot.
use crate::{
    Cluster, JobId, Position,
    device::{self, DeviceId, Presence},
    node::{self, Contact},
    pool,
    stored::{
        DecodeError,
        codes::Coded,
        device::{ConditionV1, slot},
        envelope::{timestamp, word},
        node::FactsV1,
    },
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Serialize, Deserialize)]
pub(super) struct Fleet<'a> {
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
    revision: u64,
}

#[derive(Serialize, Deserialize)]
struct Node<'a> {
    name: &'a str,
    #[serde(borrow)]
    facts: FactsV1<'a>,
    devices: Vec<(u64, [u8; 16])>,
    expected: Option<u16>,
    contact: u8,
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
    pool: Option<&'a str>,
    presence: u8,
    retired_with_node: bool,
    readable: bool,
    #[serde(borrow)]
    conditions: Vec<ConditionV1<'a>>,
    quarantined: bool,
    cordoned: bool,
    job: Option<[u8; 16]>,
    observed: Vec<[u8; 16]>,
    discovered_at: i64,
    revision: u64,
}

impl<'a> Fleet<'a> {
    pub(super) fn of(cluster: &'a Cluster) -> Self {
        let pools = cluster.pools.values().map(|pool| Pool { name: pool.name.as_str(), revision: pool.revision.0 });
        Self {
            pools: pools.collect(),
            nodes: cluster.nodes.values().map(Node::of).collect(),
            devices: cluster.devices.values().map(Device::of).collect(),
        }
    }

    /// Pools and nodes first: the stocks are made of them as the devices come in.
    pub(super) fn settle(self, cluster: &mut Cluster) -> Result<(), DecodeError> {
        for pool in self.pools {
            let pool = pool::Pool::new(word(pool.name, "a pool")?, Position(pool.revision));
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
            cluster.devices.insert(id, device);
            cluster.change_device(id, |device| device.pool = pool);
        }
        Ok(())
    }
}

impl<'a> Node<'a> {
    fn of(node: &'a node::Node) -> Self {
        Self {
            name: node.name.as_str(),
            facts: FactsV1::of(&node.facts),
            devices: node.devices.iter().map(|(slot, id)| (slot.to_bits(), id.uuid().into_bytes())).collect(),
            expected: node.expected,
            contact: node.contact.code(),
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
            devices: devices.collect::<Result<_, DecodeError>>()?,
            expected: self.expected,
            contact: Contact::from_code(self.contact)?,
            cordoned: self.cordoned,
            retired: self.retired,
            registered_at: timestamp(self.registered_at, "a time")?,
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
            pool: device.pool.as_ref().map(crate::PoolName::as_str),
            presence: device.presence.code(),
            retired_with_node: device.retired_with_node,
            readable: device.readable,
            conditions: device.conditions.iter().map(ConditionV1::of).collect(),
            quarantined: device.quarantined,
            cordoned: device.cordoned,
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
            pool: self.pool.map(|pool| word(pool, "a pool")).transpose()?,
            presence: Presence::from_code(self.presence)?,
            retired_with_node: self.retired_with_node,
            readable: self.readable,
            conditions: self.conditions.into_iter().map(ConditionV1::condition).collect::<Result<_, _>>()?,
            quarantined: self.quarantined,
            cordoned: self.cordoned,
            job: self.job.map(job),
            observed: self.observed.into_iter().map(job).collect(),
            discovered_at: timestamp(self.discovered_at, "a time")?,
            revision: Position(self.revision),
        })
    }
}

const fn device_id(bytes: [u8; 16]) -> DeviceId {
    DeviceId::from_uuid(Uuid::from_bytes(bytes))
}
