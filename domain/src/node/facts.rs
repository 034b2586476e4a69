use crate::{Timestamp, published::record};
use serde::Serialize;
use std::sync::Arc;

record! {
    /// What an agent says of its host. A text that is empty is not known.
    #[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
    pub struct Facts {
        /// The kernel's boot id (`/proc/sys/kernel/random/boot_id`): another one after every start.
        pub boot_id: Arc<str>,
        /// The node's clock when it started.
        pub booted_at: Timestamp,
        /// Its addresses.
        pub addresses: Vec<Arc<str>>,
        /// The operating system, as `PRETTY_NAME` of os-release.
        pub os: Arc<str>,
        /// The kernel's release.
        pub kernel: Arc<str>,
        /// Logical processors.
        pub cpus: u32,
        /// Main memory in bytes.
        pub memory_bytes: u64,
        /// The GPU driver's version.
        pub driver: Arc<str>,
        /// The agent's version.
        pub agent: Arc<str>,
    }
}

impl Facts {
    /// The longest text, in bytes.
    pub const TEXT_MAX: usize = 128;
    /// The most addresses.
    pub const ADDRESSES_MAX: usize = 16;

    /// Whether the driver can't be asked: in the place of its version, the agent says in brackets why.
    pub fn is_blind(&self) -> bool {
        self.driver.starts_with('(')
    }

    /// Whether every text and list is within its bound.
    pub fn bounded(&self) -> bool {
        self.addresses.len() <= Self::ADDRESSES_MAX
            && [&self.boot_id, &self.os, &self.kernel, &self.driver, &self.agent]
                .into_iter()
                .chain(&self.addresses)
                .all(|text| text.len() <= Self::TEXT_MAX)
    }
}
