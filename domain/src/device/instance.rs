use crate::published::record;
use serde::Serialize;
use std::sync::Arc;

record! {
    /// A part of a device that is divided (NVIDIA's Multi-Instance GPU).
    #[derive(Debug, Clone, PartialEq, Eq, Serialize)]
    pub struct Instance {
        /// Its UUID, as `MIG-…`.
        pub uuid: Arc<str>,
        /// The number of its GPU instance.
        pub gpu_instance: u32,
        /// The number of its compute instance in that.
        pub compute_instance: u32,
        /// Its profile, as `1g.10gb`.
        pub profile: Arc<str>,
        /// Its memory in bytes.
        pub memory_bytes: u64,
    }
}

impl Instance {
    /// The longest text of one, in bytes.
    pub const TEXT_MAX: usize = 64;
    /// The most of one device: NVIDIA makes at most 7 (`nvmlDeviceGetMaxMigDeviceCount`).
    pub const MAX: usize = 16;

    /// Whether its texts are within their bound.
    pub fn bounded(&self) -> bool {
        self.uuid.len() <= Self::TEXT_MAX && self.profile.len() <= Self::TEXT_MAX
    }
}
