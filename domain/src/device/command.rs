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
    /// Let one of its conditions keep no work from it for a time.
    Override {
        /// The device.
        device: DeviceId,
        /// Which condition, there or not. Its kind is one that is known.
        condition: ConditionKind,
        /// Until when.
        until: Timestamp,
    },
    /// Let its conditions keep work from it again.
    EndOverrides {
        /// The device.
        device: DeviceId,
        /// Which condition, overridden or not; none: all of them.
        condition: Option<ConditionKind>,
    },
    /// Take a condition as ended, until it begins anew.
    Clear {
        /// The device.
        device: DeviceId,
        /// Which condition: it must have it.
        condition: ConditionKind,
    },
}
