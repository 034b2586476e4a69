use super::Facts;
use crate::{
    Model, NodeName, Origin,
    device::{DeviceId, Finding, Instance, Slot},
};
use std::sync::Arc;

/// A device as its node's agent sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The device.
    pub device: DeviceId,
    /// Where it sits.
    pub slot: Slot,
    /// Its model.
    pub model: Model,
    /// Its memory in bytes.
    pub memory_bytes: u64,
    /// Its parts, if it is divided (MIG).
    pub instances: Vec<Instance>,
}

/// What may be wished for, or reported by, a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// The agent tells of its host and of every device on it.
    ReportInventory {
        /// The node, which must be the agent's own.
        node: NodeName,
        /// Which report this is.
        origin: Origin,
        /// What it says of the host.
        facts: Facts,
        /// Every device that it sees; none if it can't tell which there are: then those that are known can't be read.
        devices: Option<Vec<Seen>>,
        /// Whether it is the last that the agent has to say: until then nobody is quarantined or let go, so that a fault
        /// that is over in a later report has no effect.
        settled: bool,
    },
    /// The agent tells of changes in its devices' health.
    ReportHealth {
        /// The node, which must be the agent's own.
        node: NodeName,
        /// Which report this is.
        origin: Origin,
        /// What changed, each device once.
        findings: Vec<Finding>,
        /// Whether it is the last that the agent has to say, as above.
        settled: bool,
    },
    /// A report that came in the node's name was refused, which is to stand in the log.
    RecordRefusal {
        /// The node, known or not.
        node: NodeName,
        /// Why: a stable code.
        code: Arc<str>,
        /// Why, for a person.
        detail: Arc<str>,
    },
    /// The node's lease ran out.
    Lose {
        /// The node.
        node: NodeName,
    },
    /// The node is heard again, by other than a report (a report of a lost node is its return by itself).
    Return {
        /// The node.
        node: NodeName,
    },
    /// Change what an operator decides; what is `None` stays.
    Change {
        /// The node.
        node: NodeName,
        /// Whether its devices shall take no new job.
        cordoned: Option<bool>,
        /// How many devices it shall have (`Some(None)`: as many as were seen).
        expected_devices: Option<Option<u16>>,
        /// Whether it shall be out of service.
        retired: Option<bool>,
    },
}
