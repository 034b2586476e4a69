use crate::{Model, PoolName, device::DeviceId};

/// Which devices a new pool shall hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// These.
    Listed(Vec<DeviceId>),
    /// So many healthy idle ones of a model, out of the default pool.
    Picked {
        /// The model.
        model: Model,
        /// How many, at least one.
        count: u32,
    },
}

/// What an operator may wish for a pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Make one.
    Create {
        /// A name that no pool has.
        name: PoolName,
        /// Its devices.
        devices: Wanted,
    },
    /// Let it hold exactly these devices.
    SetDevices {
        /// The pool.
        name: PoolName,
        /// The whole wanted set.
        devices: Vec<DeviceId>,
    },
    /// Let it hold some devices more, and some no longer.
    ChangeDevices {
        /// The pool.
        name: PoolName,
        /// Devices of the default pool that it shall hold.
        add: Vec<DeviceId>,
        /// Devices that it shall release.
        remove: Vec<DeviceId>,
    },
    /// Release its devices and its group, and remove it.
    Delete {
        /// The pool.
        name: PoolName,
    },
}
