use crate::{JobId, JobName, PoolName, UserId, device::DeviceId, published::events};
use serde::Serialize;
use std::sync::Arc;

/// A rule that an observed job breaks: it cannot be refused, so it is flagged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Breach {
    /// Nobody knows whose it is.
    UnknownUser,
    /// Its user is in no group, or the group has no pool.
    NoPool,
    /// A device of it is in another pool than its user's.
    ForeignPool,
    /// A device of it is not fit for work, or not known.
    UnhealthyDevice,
    /// A device of it is claimed by another job.
    SharedDevice,
}

events! {
    /// What happened to a job. One event names at most [`CHUNK`](Event::CHUNK) devices; the rest are named by others in
    /// the same command.
    #[derive(Debug, Clone, PartialEq, Eq, Serialize)]
    #[serde(untagged)]
    pub enum Event {
        /// A user claimed devices.
        Started = "JobStarted" {
            /// The job.
            job: JobId,
            /// What its owner calls it.
            name: JobName,
            /// Its owner.
            user: UserId,
            /// The pool that the devices are of.
            pool: PoolName,
            /// The first of its devices, held by it alone.
            devices: Vec<DeviceId>,
        },
        /// A job was seen that nobody asked here for.
        Observed = "JobObserved" {
            /// The job.
            job: JobId,
            /// What it is called where it runs.
            name: JobName,
            /// Where it was seen, as `kubernetes/<cluster>/<namespace>/<pod>/<uid>` or `process/<node>/<pid>`.
            source: Arc<str>,
            /// Its owner, if known.
            user: Option<UserId>,
            /// The first of the devices that it is on; others may be on them too.
            devices: Vec<DeviceId>,
            /// The rules that it breaks.
            breaches: Vec<Breach>,
        },
        /// More devices of a job that just began.
        DevicesAdded = "JobDevicesAdded" {
            /// The job.
            job: JobId,
            /// The devices.
            devices: Vec<DeviceId>,
        },
        /// Devices of a job that ends behind this, in the same command.
        DevicesReleased = "JobDevicesReleased" {
            /// The job.
            job: JobId,
            /// The devices, free of it.
            devices: Vec<DeviceId>,
        },
        /// It ended, and its devices are free of it.
        Finished = "JobFinished" {
            /// The job.
            job: JobId,
            /// Its owner, if known.
            user: Option<UserId>,
            /// The pool that it was started in; none for an observed one.
            pool: Option<PoolName>,
            /// The first of its devices: the rest were released just before.
            devices: Vec<DeviceId>,
            /// Whether an operator ended the claim without its owner.
            forced: bool,
        },
    }
}

impl Event {
    /// The most devices that one event names, so that it stays within the size of an event.
    pub const CHUNK: usize = 256;
}
