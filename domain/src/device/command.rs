use super::DeviceId;

/// What an operator may wish for a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Give it no new job, or end that.
    Cordon {
        /// The device.
        device: DeviceId,
        /// Whether it shall be cordoned.
        cordoned: bool,
    },
    /// Take it out of service, or back in.
    Retire {
        /// The device.
        device: DeviceId,
        /// Whether it shall be retired.
        retired: bool,
    },
}
