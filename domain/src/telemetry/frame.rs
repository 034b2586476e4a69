use super::Field;
use crate::{
    AgentRun, Incarnation, NodeName, Timestamp,
    device::{DeviceId, Slot},
};
use std::sync::Arc;
use uuid::Uuid;

/// The most samples of one frame: a bit each says which are there.
pub const SAMPLES_MAX: usize = 60;

/// What one node's agent measured within an interval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Whose it is, by its own word.
    pub node: NodeName,
    /// The node's boot.
    pub boot_id: Arc<str>,
    /// The run of the agent.
    pub run: AgentRun,
    /// The life of the agent's queue.
    pub life: Incarnation,
    /// How long the next frame may take, in milliseconds, while all is well.
    pub within_millis: u32,
    /// Which frame of the run, from 0: what is left out was lost.
    pub sequence: u64,
    /// The node's clock at the last sample.
    pub sampled_at: Timestamp,
    /// From one sample to the next, in milliseconds.
    pub step_millis: u32,
    /// How many samples there are: at most [`SAMPLES_MAX`].
    pub samples: u8,
    /// Every device that was seen.
    pub devices: Vec<DeviceFrame>,
    /// What runs on the devices at the end of the interval; none if that was not looked at.
    pub processes: Option<Vec<Process>>,
}

/// What was measured on one device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceFrame {
    /// The device.
    pub device: DeviceId,
    /// Its slot.
    pub slot: Slot,
    /// Its number in NVML's order.
    pub index: Option<u32>,
    /// The number of its device file.
    pub minor: Option<u32>,
    /// Which samples could be read at all, the first in the lowest bit.
    pub read: u64,
    /// What it gives. A field that is not here is not supported, or was never read.
    pub columns: Vec<Column>,
    /// The XIDs that its driver logged since the agent first ran on this host, the last one first.
    pub xids: Vec<XidCount>,
}

/// How often one XID (NVIDIA's fault code) was logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct XidCount {
    /// The code.
    pub code: u32,
    /// How often.
    pub count: u32,
}

/// One field of one device over the interval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Which field.
    pub field: Field,
    /// Which samples are missing, the first in the lowest bit.
    pub missing: u64,
    /// Those that are there, in order.
    pub values: Vec<i64>,
}

/// A process that uses a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// The device.
    pub device: DeviceId,
    /// Its number on the node.
    pub pid: u32,
    /// The clock ticks since boot at which it started.
    pub started: u64,
    /// The device's memory that it holds, in bytes.
    pub memory_bytes: Option<u64>,
    /// Whose it is.
    pub owner: ProcessOwner,
}

/// Whose a process is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProcessOwner {
    /// A pod's, by UID.
    Pod(Uuid),
    /// A user's of the host, by name.
    User(Arc<str>),
    /// Not to be told.
    Unknown,
}

impl Column {
    /// Every sample, those that are missing too.
    pub fn samples(&self, count: u8) -> impl Iterator<Item = Option<i64>> {
        let mut values = self.values.iter().copied();
        (0..count).map(move |nth| if self.missing >> nth & 1 == 1 { None } else { values.next() })
    }

    /// The last sample that is there.
    pub fn last(&self) -> Option<i64> {
        self.values.last().copied()
    }
}
