//! The stored form of what happens to devices.
use super::{
    DecodeError, EncodeError,
    codes::Coded,
    envelope::{timestamp, word},
    frozen::{Opener, Thaw, Writer},
};
use crate::{
    Event as Fact,
    device::{Condition, ConditionKind, DeviceId, Event, Instance, Remedy, Severity, Slot},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Serialize, Deserialize)]
pub(super) struct DeviceDiscoveredV1<'a> {
    device: [u8; 16],
    node: &'a str,
    slot: u64,
    model: &'a str,
    memory_bytes: u64,
    cordoned: bool,
}

#[derive(Serialize, Deserialize)]
pub(super) struct DeviceMissingV1<'a> {
    device: [u8; 16],
    node: &'a str,
}

#[derive(Serialize, Deserialize)]
pub(super) struct DeviceReturnedV1<'a> {
    device: [u8; 16],
    node: &'a str,
}

#[derive(Serialize, Deserialize)]
pub(super) struct DeviceReplacedV1<'a> {
    device: [u8; 16],
    replacement: [u8; 16],
    node: &'a str,
    slot: u64,
    model: &'a str,
    memory_bytes: u64,
    from: &'a str,
    pool: &'a str,
    cordoned: bool,
}

#[derive(Serialize, Deserialize)]
pub(super) struct DeviceMovedV1<'a> {
    device: [u8; 16],
    from: &'a str,
    node: &'a str,
    slot: u64,
}

#[derive(Serialize, Deserialize)]
pub(super) struct DeviceAssignedV1<'a> {
    device: [u8; 16],
    from: &'a str,
    pool: &'a str,
}

#[derive(Serialize, Deserialize)]
pub(super) struct DeviceCordonedV1 {
    device: [u8; 16],
}

#[derive(Serialize, Deserialize)]
pub(super) struct DeviceUncordonedV1 {
    device: [u8; 16],
}

#[derive(Serialize, Deserialize)]
pub(super) struct ConditionV1<'a> {
    kind: &'a str,
    severity: u8,
    remedy: u8,
    reason: &'a str,
    xid: Option<u32>,
    first_seen: i64,
    last_seen: i64,
}

#[derive(Serialize, Deserialize)]
pub(super) struct DeviceHealthChangedV1<'a> {
    device: [u8; 16],
    readable: bool,
    #[serde(borrow)]
    raised: Vec<ConditionV1<'a>>,
    #[serde(borrow)]
    cleared: Vec<&'a str>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct DeviceQuarantinedV1<'a> {
    device: [u8; 16],
    condition: &'a str,
}

#[derive(Serialize, Deserialize)]
pub(super) struct DeviceQuarantineLiftedV1 {
    device: [u8; 16],
}

#[derive(Serialize, Deserialize)]
pub(super) struct DeviceRetiredV1<'a> {
    device: [u8; 16],
    pool: &'a str,
}

#[derive(Serialize, Deserialize)]
pub(super) struct DeviceReinstatedV1 {
    device: [u8; 16],
}

#[derive(Serialize, Deserialize)]
pub(super) struct DeviceConditionOverriddenV1<'a> {
    device: [u8; 16],
    condition: &'a str,
    until: i64,
}

#[derive(Serialize, Deserialize)]
pub(super) struct DeviceOverrideEndedV1<'a> {
    device: [u8; 16],
    condition: &'a str,
}

#[derive(Serialize, Deserialize)]
pub(super) struct DeviceConditionClearedV1<'a> {
    device: [u8; 16],
    condition: &'a str,
}

#[derive(Serialize, Deserialize)]
pub(super) struct InstanceV1<'a> {
    uuid: &'a str,
    gpu_instance: u32,
    compute_instance: u32,
    profile: &'a str,
    memory_bytes: u64,
}

#[derive(Serialize, Deserialize)]
pub(super) struct DeviceInstancesChangedV1<'a> {
    device: [u8; 16],
    #[serde(borrow)]
    instances: Vec<InstanceV1<'a>>,
}

const fn bytes(id: DeviceId) -> [u8; 16] {
    id.uuid().into_bytes()
}

const fn id(bytes: [u8; 16]) -> DeviceId {
    DeviceId::from_uuid(Uuid::from_bytes(bytes))
}

pub(super) fn slot(bits: u64) -> Result<Slot, DecodeError> {
    Slot::from_bits(bits).ok_or(DecodeError::Damaged("the slot"))
}

pub(super) fn write(event: &Event, writer: &Writer<'_>) -> Result<Vec<u8>, EncodeError> {
    match event {
        Event::Discovered { device, node, slot, model, memory_bytes, cordoned } => writer.put(&DeviceDiscoveredV1 {
            device: bytes(*device),
            node: node.as_str(),
            slot: slot.to_bits(),
            model: model.as_str(),
            memory_bytes: *memory_bytes,
            cordoned: *cordoned,
        }),
        Event::Missing { device, node } => writer.put(&DeviceMissingV1 { device: bytes(*device), node: node.as_str() }),
        Event::Returned { device, node } => {
            writer.put(&DeviceReturnedV1 { device: bytes(*device), node: node.as_str() })
        }
        Event::Replaced { device, replacement, node, slot, model, memory_bytes, from, pool, cordoned } => {
            writer.put(&DeviceReplacedV1 {
                device: bytes(*device),
                replacement: bytes(*replacement),
                node: node.as_str(),
                slot: slot.to_bits(),
                model: model.as_str(),
                memory_bytes: *memory_bytes,
                from: from.as_str(),
                pool: pool.as_str(),
                cordoned: *cordoned,
            })
        }
        Event::Moved { device, from, node, slot } => writer.put(&DeviceMovedV1 {
            device: bytes(*device),
            from: from.as_str(),
            node: node.as_str(),
            slot: slot.to_bits(),
        }),
        Event::Assigned { device, from, pool } => {
            writer.put(&DeviceAssignedV1 { device: bytes(*device), from: from.as_str(), pool: pool.as_str() })
        }
        Event::Cordoned { device } => writer.put(&DeviceCordonedV1 { device: bytes(*device) }),
        Event::Uncordoned { device } => writer.put(&DeviceUncordonedV1 { device: bytes(*device) }),
        Event::HealthChanged { device, readable, raised, cleared } => writer.put(&DeviceHealthChangedV1 {
            device: bytes(*device),
            readable: *readable,
            raised: raised.iter().map(ConditionV1::of).collect(),
            cleared: cleared.iter().map(ConditionKind::as_str).collect(),
        }),
        Event::Quarantined { device, condition } => {
            writer.put(&DeviceQuarantinedV1 { device: bytes(*device), condition: condition.as_str() })
        }
        Event::QuarantineLifted { device } => writer.put(&DeviceQuarantineLiftedV1 { device: bytes(*device) }),
        Event::Retired { device, pool } => writer.put(&DeviceRetiredV1 { device: bytes(*device), pool: pool.as_str() }),
        Event::Reinstated { device } => writer.put(&DeviceReinstatedV1 { device: bytes(*device) }),
        Event::ConditionOverridden { device, condition, until } => writer.put(&DeviceConditionOverriddenV1 {
            device: bytes(*device),
            condition: condition.as_str(),
            until: until.micros(),
        }),
        Event::OverrideEnded { device, condition } => {
            writer.put(&DeviceOverrideEndedV1 { device: bytes(*device), condition: condition.as_str() })
        }
        Event::ConditionCleared { device, condition } => {
            writer.put(&DeviceConditionClearedV1 { device: bytes(*device), condition: condition.as_str() })
        }
        Event::InstancesChanged { device, instances } => writer.put(&DeviceInstancesChangedV1 {
            device: bytes(*device),
            instances: instances.iter().map(InstanceV1::of).collect(),
        }),
    }
}

impl<'a> InstanceV1<'a> {
    pub(super) fn of(instance: &'a Instance) -> Self {
        Self {
            uuid: &instance.uuid,
            gpu_instance: instance.gpu_instance,
            compute_instance: instance.compute_instance,
            profile: &instance.profile,
            memory_bytes: instance.memory_bytes,
        }
    }

    pub(super) fn instance(self) -> Instance {
        Instance {
            uuid: self.uuid.into(),
            gpu_instance: self.gpu_instance,
            compute_instance: self.compute_instance,
            profile: self.profile.into(),
            memory_bytes: self.memory_bytes,
        }
    }
}

impl<'a> ConditionV1<'a> {
    pub(super) fn of(condition: &'a Condition) -> Self {
        Self {
            kind: condition.kind.as_str(),
            severity: condition.severity.code(),
            remedy: condition.remedy.code(),
            reason: &condition.reason,
            xid: condition.xid,
            first_seen: condition.first_seen.micros(),
            last_seen: condition.last_seen.micros(),
        }
    }

    pub(super) fn condition(self) -> Result<Condition, DecodeError> {
        Ok(Condition {
            kind: word(self.kind, "a condition")?,
            severity: Severity::from_code(self.severity)?,
            remedy: Remedy::from_code(self.remedy)?,
            reason: self.reason.into(),
            xid: self.xid,
            first_seen: timestamp(self.first_seen, "the time of a condition")?,
            last_seen: timestamp(self.last_seen, "the time of a condition")?,
        })
    }
}

impl Thaw for DeviceDiscoveredV1<'_> {
    fn thaw(self, _: &Opener<'_>) -> Result<Fact, DecodeError> {
        Ok(Fact::Device(Event::Discovered {
            device: id(self.device),
            node: word(self.node, "the node")?,
            slot: slot(self.slot)?,
            model: word(self.model, "the model")?,
            memory_bytes: self.memory_bytes,
            cordoned: self.cordoned,
        }))
    }
}

impl Thaw for DeviceMissingV1<'_> {
    fn thaw(self, _: &Opener<'_>) -> Result<Fact, DecodeError> {
        Ok(Fact::Device(Event::Missing { device: id(self.device), node: word(self.node, "the node")? }))
    }
}

impl Thaw for DeviceReturnedV1<'_> {
    fn thaw(self, _: &Opener<'_>) -> Result<Fact, DecodeError> {
        Ok(Fact::Device(Event::Returned { device: id(self.device), node: word(self.node, "the node")? }))
    }
}

impl Thaw for DeviceReplacedV1<'_> {
    fn thaw(self, _: &Opener<'_>) -> Result<Fact, DecodeError> {
        Ok(Fact::Device(Event::Replaced {
            device: id(self.device),
            replacement: id(self.replacement),
            node: word(self.node, "the node")?,
            slot: slot(self.slot)?,
            model: word(self.model, "the model")?,
            memory_bytes: self.memory_bytes,
            from: word(self.from, "the pool")?,
            pool: word(self.pool, "the pool")?,
            cordoned: self.cordoned,
        }))
    }
}

impl Thaw for DeviceMovedV1<'_> {
    fn thaw(self, _: &Opener<'_>) -> Result<Fact, DecodeError> {
        Ok(Fact::Device(Event::Moved {
            device: id(self.device),
            from: word(self.from, "the node")?,
            node: word(self.node, "the node")?,
            slot: slot(self.slot)?,
        }))
    }
}

impl Thaw for DeviceAssignedV1<'_> {
    fn thaw(self, _: &Opener<'_>) -> Result<Fact, DecodeError> {
        let (from, pool) = (word(self.from, "the pool")?, word(self.pool, "the pool")?);
        Ok(Fact::Device(Event::Assigned { device: id(self.device), from, pool }))
    }
}

impl Thaw for DeviceCordonedV1 {
    fn thaw(self, _: &Opener<'_>) -> Result<Fact, DecodeError> {
        Ok(Fact::Device(Event::Cordoned { device: id(self.device) }))
    }
}

impl Thaw for DeviceUncordonedV1 {
    fn thaw(self, _: &Opener<'_>) -> Result<Fact, DecodeError> {
        Ok(Fact::Device(Event::Uncordoned { device: id(self.device) }))
    }
}

impl Thaw for DeviceHealthChangedV1<'_> {
    fn thaw(self, _: &Opener<'_>) -> Result<Fact, DecodeError> {
        let raised = self.raised.into_iter().map(ConditionV1::condition).collect::<Result<_, _>>()?;
        let cleared = self.cleared.into_iter().map(|kind| word(kind, "a condition")).collect::<Result<_, _>>()?;
        Ok(Fact::Device(Event::HealthChanged { device: id(self.device), readable: self.readable, raised, cleared }))
    }
}

impl Thaw for DeviceQuarantinedV1<'_> {
    fn thaw(self, _: &Opener<'_>) -> Result<Fact, DecodeError> {
        let condition = word(self.condition, "a condition")?;
        Ok(Fact::Device(Event::Quarantined { device: id(self.device), condition }))
    }
}

impl Thaw for DeviceQuarantineLiftedV1 {
    fn thaw(self, _: &Opener<'_>) -> Result<Fact, DecodeError> {
        Ok(Fact::Device(Event::QuarantineLifted { device: id(self.device) }))
    }
}

impl Thaw for DeviceRetiredV1<'_> {
    fn thaw(self, _: &Opener<'_>) -> Result<Fact, DecodeError> {
        Ok(Fact::Device(Event::Retired { device: id(self.device), pool: word(self.pool, "the pool")? }))
    }
}

impl Thaw for DeviceReinstatedV1 {
    fn thaw(self, _: &Opener<'_>) -> Result<Fact, DecodeError> {
        Ok(Fact::Device(Event::Reinstated { device: id(self.device) }))
    }
}

impl Thaw for DeviceConditionOverriddenV1<'_> {
    fn thaw(self, _: &Opener<'_>) -> Result<Fact, DecodeError> {
        let until = timestamp(self.until, "the end of the override")?;
        let condition = word(self.condition, "a condition")?;
        Ok(Fact::Device(Event::ConditionOverridden { device: id(self.device), condition, until }))
    }
}

impl Thaw for DeviceOverrideEndedV1<'_> {
    fn thaw(self, _: &Opener<'_>) -> Result<Fact, DecodeError> {
        let condition = word(self.condition, "a condition")?;
        Ok(Fact::Device(Event::OverrideEnded { device: id(self.device), condition }))
    }
}

impl Thaw for DeviceConditionClearedV1<'_> {
    fn thaw(self, _: &Opener<'_>) -> Result<Fact, DecodeError> {
        let condition = word(self.condition, "a condition")?;
        Ok(Fact::Device(Event::ConditionCleared { device: id(self.device), condition }))
    }
}

impl Thaw for DeviceInstancesChangedV1<'_> {
    fn thaw(self, _: &Opener<'_>) -> Result<Fact, DecodeError> {
        let instances = self.instances.into_iter().map(InstanceV1::instance).collect();
        Ok(Fact::Device(Event::InstancesChanged { device: id(self.device), instances }))
    }
}
