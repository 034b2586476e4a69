use super::{Condition, ConditionKind, DeviceId, Instance, Slot};
use crate::{Model, NodeName, PoolName, Timestamp, published::events};
use serde::Serialize;

events! {
    /// What happened to a device.
    #[derive(Debug, Clone, PartialEq, Eq, Serialize)]
    #[serde(untagged)]
    pub enum Event {
        /// An agent saw it for the first time; it joins the default pool.
        Discovered = "DeviceDiscovered" {
            /// The device.
            device: DeviceId,
            /// Its node.
            node: NodeName,
            /// Its slot there.
            slot: Slot,
            /// Its model.
            model: Model,
            /// Its memory in bytes.
            memory_bytes: u64,
            /// Whether it starts cordoned, by a setting.
            cordoned: bool,
        },
        /// Its node no longer reports it, retired or not.
        Missing = "DeviceMissing" {
            /// The device.
            device: DeviceId,
            /// The node that lacks it.
            node: NodeName,
        },
        /// It is reported again, in its old slot. Behind `DeviceReinstated`: it was reported all along.
        Returned = "DeviceReturned" {
            /// The device.
            device: DeviceId,
            /// Its node.
            node: NodeName,
        },
        /// Another device sits in the slot of a missing one, which is retired.
        Replaced = "DeviceReplaced" {
            /// The device that is retired.
            device: DeviceId,
            /// The one in its place.
            replacement: DeviceId,
            /// Their node.
            node: NodeName,
            /// Their slot.
            slot: Slot,
            /// The new one's model.
            model: Model,
            /// The new one's memory in bytes.
            memory_bytes: u64,
            /// The pool that the old one leaves.
            from: PoolName,
            /// The pool that the new one joins: the old one's, or the default pool where the model differs.
            pool: PoolName,
            /// Whether the new one is cordoned: as the old one was.
            cordoned: bool,
        },
        /// It is reported from another slot or node.
        Moved = "DeviceMoved" {
            /// The device.
            device: DeviceId,
            /// The node that it was on.
            from: NodeName,
            /// Where it is now.
            node: NodeName,
            /// The slot there.
            slot: Slot,
        },
        /// It changed pool.
        Assigned = "DeviceAssigned" {
            /// The device.
            device: DeviceId,
            /// The pool that it left.
            from: PoolName,
            /// The pool that holds it now.
            pool: PoolName,
        },
        /// It takes no new job, by an operator's wish.
        Cordoned = "DeviceCordoned" {
            /// The device.
            device: DeviceId,
        },
        /// The cordon ended.
        Uncordoned = "DeviceUncordoned" {
            /// The device.
            device: DeviceId,
        },
        /// Its conditions, or whether they can be known, changed.
        HealthChanged = "DeviceHealthChanged" {
            /// The device.
            device: DeviceId,
            /// Whether the agent can read it; if not, its health is unknown.
            readable: bool,
            /// Conditions that began or changed.
            raised: Vec<Condition>,
            /// Conditions that ended.
            cleared: Vec<ConditionKind>,
        },
        /// It takes no new job because of a critical or fatal condition.
        Quarantined = "DeviceQuarantined" {
            /// The device.
            device: DeviceId,
            /// The worst of its conditions.
            condition: ConditionKind,
        },
        /// The last critical or fatal condition ended: it takes jobs again.
        QuarantineLifted = "DeviceQuarantineLifted" {
            /// The device.
            device: DeviceId,
        },
        /// Until a time, one of its conditions keeps no work from it, by an operator's wish.
        ConditionOverridden = "DeviceConditionOverridden" {
            /// The device.
            device: DeviceId,
            /// Which condition.
            condition: ConditionKind,
            /// Until when.
            until: Timestamp,
        },
        /// The override of that condition ended: its time came, or an operator wished it.
        OverrideEnded = "DeviceOverrideEnded" {
            /// The device.
            device: DeviceId,
            /// Which condition it was of.
            condition: ConditionKind,
        },
        /// An operator says that a condition is over. It counts as over until it begins anew.
        ConditionCleared = "DeviceConditionCleared" {
            /// The device.
            device: DeviceId,
            /// Which condition.
            condition: ConditionKind,
        },
        /// It is divided into other parts than before (MIG).
        InstancesChanged = "DeviceInstancesChanged" {
            /// The device.
            device: DeviceId,
            /// Its parts; none: it is whole.
            instances: Vec<Instance>,
        },
        /// It is out of service until it is reinstated, and in no pool. Behind `NodeRetired`: for as long as its node
        /// is.
        Retired = "DeviceRetired" {
            /// The device.
            device: DeviceId,
            /// The pool that it leaves.
            pool: PoolName,
        },
        /// A retired one is back in service, in the default pool; unless its return follows, its node does not report it yet.
        Reinstated = "DeviceReinstated" {
            /// The device.
            device: DeviceId,
        },
    }
}
