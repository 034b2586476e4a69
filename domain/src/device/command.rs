use super::{ConditionKind, DeviceId};
use crate::Timestamp;

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
    /// Let one of its conditions keep no work from it for a time, or end that.
    Override {
        /// The device.
        device: DeviceId,
        /// Which condition, there or not, and until when; none: none from now on. Its kind is one that is known.
        wanted: Option<(ConditionKind, Timestamp)>,
    },
    /// Take a condition as ended, until it begins anew.
    Clear {
        /// The device.
        device: DeviceId,
        /// Which condition: it must have it.
        condition: ConditionKind,
    },
}
