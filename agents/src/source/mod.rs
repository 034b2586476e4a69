//! Observing: what a host and its GPUs give, whoever asks them.
pub mod host;
#[cfg(feature = "nvml")]
pub mod kernel_log;
#[cfg(feature = "nvml")]
pub mod nvml;
pub mod processes;
mod readings;
pub mod simulated;

pub use readings::{
    BitErrorRate, Ecc, Fabric, Memory, NvLinks, Pcie, Profile, Readings, Remap, Retired, Temperatures, Throttle,
    Violations,
};

use domain::{
    Model, Timestamp,
    device::{DeviceId, Instance, Slot},
    node::{Facts, Seen},
};
use std::{future::Future, sync::Arc, time::Duration};

/// When something is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tick {
    /// Since the agent (or the simulation) began: never goes back, so that durations can be told from it.
    pub elapsed: Duration,
    /// The node's clock: what is shown to people, and nothing is ordered by.
    pub wall: Timestamp,
}

/// Where an agent's knowledge comes from.
pub trait Source: Send + 'static {
    /// Looks at everything once.
    ///
    /// Answers in less than a polling period: a source whose driver may hang asks it on a thread of its own, and says
    /// [`Unreadable`] of what did not answer in time. `None` says that nothing runs on this host at present, so that
    /// nobody is there to report: only a simulation knows such a thing.
    fn observe(&mut self, tick: Tick) -> impl Future<Output = Option<Observation>> + Send;
}

/// All that was seen at one time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// What the host says of itself.
    pub host: Facts,
    /// For how long it has run, by a clock that nobody sets.
    pub uptime: Duration,
    /// Every GPU that is there; or that it can't be told which are there, which is not the same as none.
    pub devices: Result<Vec<Sighting>, Unreadable>,
    /// The XIDs that were logged since the last look, in their order.
    pub xids: Vec<XidEvent>,
    /// The number of the last record of the kernel's log that was read, if that log can be read: an agent that begins
    /// anew reads on behind it.
    pub logged_up_to: Option<u64>,
}

/// Why the driver gives no answer: nothing is known of its GPUs, neither good nor bad.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// No library of the driver is on this host, at any of the places where it may be.
    #[error("no NVML library is found")]
    NoLibrary,
    /// The library is there, the kernel's part is not (`NVML_ERROR_DRIVER_NOT_LOADED`).
    #[error("the driver is not loaded")]
    NotLoaded,
    /// The library is of another version than the kernel's part (`NVML_ERROR_LIB_RM_VERSION_MISMATCH`).
    #[error("driver and NVML library are of different versions")]
    VersionMismatch,
    /// A call has not returned in time: whether it ever will is not known.
    #[error("the driver gives no answer")]
    Hung,
    /// It answers with another error, which this says.
    #[error("the driver answers: {0}")]
    Failed(Arc<str>),
}

/// An XID (NVIDIA's fault code) as it was logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct XidEvent {
    /// Where the GPU sits: its UUID can't be asked for once it is lost.
    pub slot: Slot,
    /// The code.
    pub code: u32,
    /// The part of the GPU that it is about (MIG), where that was said.
    pub gpu_instance: Option<u32>,
    /// The process that it is about, where that was said.
    pub pid: Option<u32>,
    /// What else the line says, of at most [`DETAIL_MAX`](Self::DETAIL_MAX) bytes; empty, if nothing.
    pub detail: Arc<str>,
    /// When it was logged, by the node's clock.
    pub at: Timestamp,
}

impl XidEvent {
    /// The longest detail, in bytes.
    pub const DETAIL_MAX: usize = 200;

    /// The code with which the driver says what should be done: the detail says which of its actions that is.
    pub const RECOVERY_ACTION_CHANGED: u32 = 154;

    /// Whether how bad it is, or what it asks for, stands in the text of the kernel's log alone, which NVML does not give: `NVLink`'s
    /// registers (74), how bad a part's error is (144 to 150), and the action (154).
    pub const fn is_told_by_its_text(&self) -> bool {
        matches!(self.code, 74 | 144..=150 | Self::RECOVERY_ACTION_CHANGED)
    }
}

/// One GPU as it was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// Its UUID.
    pub device: DeviceId,
    /// Where it sits.
    pub slot: Slot,
    /// Its model.
    pub model: Model,
    /// Its memory in bytes.
    pub memory_bytes: u64,
    /// Its number in NVML's order (DCGM's label `gpu`), where one is known.
    pub index: Option<u32>,
    /// The number of its device file, as in `/dev/nvidia0`.
    pub minor: Option<u32>,
    /// The parts that it is divided into (MIG).
    pub instances: Vec<Instance>,
    /// What runs on it; none if that can't be told.
    pub processes: Option<Vec<Process>>,
    /// What the driver says of it now.
    pub state: State,
}

/// A process that uses a GPU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its number, as the agent sees it.
    pub pid: u32,
    /// The clock ticks since boot at which it started (`/proc/<pid>/stat`, field 22): with the boot id and the number it
    /// names the process for ever.
    pub started: u64,
    /// The GPU instance that it runs on.
    pub gpu_instance: Option<u32>,
    /// The GPU's memory that it holds, in bytes.
    pub memory_bytes: Option<u64>,
    /// Whose it is.
    pub owner: Owner,
}

/// Whose a process is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// A pod's, by the UID that is in the path of its control group.
    Pod(uuid::Uuid),
    /// A user's of the host, by name.
    User(Arc<str>),
    /// Not to be told: the agent may not see it, or it has ended.
    Unknown,
}

/// What the driver says of a GPU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It answers.
    Read(Box<Readings>),
    /// The driver knows that it has lost the GPU (`NVML_ERROR_GPU_IS_LOST`).
    Lost,
    /// The driver did not answer for it.
    Unreadable,
}

impl Sighting {
    /// What it gives when it can be read.
    pub fn readings(&self) -> Option<&Readings> {
        match &self.state {
            State::Read(readings) => Some(readings),
            State::Lost | State::Unreadable => None,
        }
    }
}

impl From<&Sighting> for Seen {
    fn from(sighting: &Sighting) -> Self {
        Self {
            device: sighting.device,
            slot: sighting.slot,
            model: sighting.model.clone(),
            memory_bytes: sighting.memory_bytes,
            instances: sighting.instances.clone(),
        }
    }
}
