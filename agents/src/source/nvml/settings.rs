//! What the source of real GPUs is told.
use crate::source::kernel_log;
use bus::clock::Clock;
use domain::node::Seen;
use std::{path::PathBuf, sync::Arc, time::Duration};

/// Where the driver's library may be: as the loader finds it, in the driver container of NVIDIA's GPU Operator, and where
/// distributions have it.
const LIBRARIES: [&str; 6] = [
    "libnvidia-ml.so.1",
    "/run/nvidia/driver/usr/lib64/libnvidia-ml.so.1",
    "/run/nvidia/driver/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1",
    "/run/nvidia/driver/usr/lib/aarch64-linux-gnu/libnvidia-ml.so.1",
    "/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1",
    "/usr/lib/aarch64-linux-gnu/libnvidia-ml.so.1",
];

/// The settings of [`NvmlSource`](super::NvmlSource).
#[derive(Clone)]
pub struct NvmlSettings {
    /// Where the NVML library may be: the first that can be opened is taken.
    pub libraries: Vec<PathBuf>,
    /// The kernel's log; none: it is not read, and XIDs come from NVML alone.
    pub kernel_log: Option<PathBuf>,
    /// The last of its records that an earlier life of the agent handed on in this boot of the host.
    pub kernel_log_from: Option<u64>,
    /// Where the host's files are.
    pub host_root: PathBuf,
    /// So long, a look waits for the driver: half a polling period.
    pub answer_within: Duration,
    /// So often, a driver that is not there is tried.
    pub retry_every: Duration,
    /// The GPUs that were known before, in this boot of the host: one that is lost can't be asked what it is.
    pub known: Vec<Seen>,
    /// The node's clock.
    pub clock: Arc<dyn Clock>,
    /// What the host's facts say of the agent.
    pub agent: Arc<str>,
}

impl NvmlSettings {
    /// The default ones, for an agent that looks so often.
    pub fn new(look_every: Duration, clock: Arc<dyn Clock>) -> Self {
        Self {
            libraries: LIBRARIES.into_iter().map(PathBuf::from).collect(),
            kernel_log: Some(PathBuf::from(kernel_log::DEFAULT_PATH)),
            kernel_log_from: None,
            host_root: PathBuf::from("/"),
            answer_within: look_every / 2,
            retry_every: Duration::from_secs(15),
            known: vec![],
            clock,
            agent: Arc::from(env!("CARGO_PKG_VERSION")),
        }
    }
}
