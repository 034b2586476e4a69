use crate::{JobId, JobName, PoolName, Position, Timestamp, UserId, device::DeviceId};
use std::sync::Arc;

use super::Breach;

/// How a job came to be known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// It was started here, and holds its devices alone.
    Started {
        /// The pool that the devices are of.
        pool: PoolName,
    },
    /// It was seen running elsewhere.
    Observed {
        /// Where: `kubernetes/<cluster>/<namespace>/<pod>/<uid>`, `process/<node>/<pid>`.
        source: Arc<str>,
        /// The rules that it breaks.
        breaches: Vec<Breach>,
    },
}

/// An active job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// What it is called.
    pub name: JobName,
    /// Its owner, if known.
    pub user: Option<UserId>,
    /// Its devices, as they were given or seen.
    pub devices: Vec<DeviceId>,
    /// How it came to be known.
    pub source: Source,
    /// When it was recorded.
    pub started_at: Timestamp,
    /// Where it was last configured.
    pub revision: Position,
}
