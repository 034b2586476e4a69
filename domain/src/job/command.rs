use crate::{JobId, JobName, Login, Model, UserId, device::DeviceId};
use std::sync::Arc;

/// What may be wished for, or seen of, a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Claim devices for a user, out of the pool of their group.
    Start {
        /// What to call it.
        name: JobName,
        /// For whom.
        user: Login,
        /// How many devices, at least one.
        devices: u32,
        /// Of which model, where the pool mixes them.
        model: Option<Model>,
    },
    /// Give the devices back.
    Finish {
        /// The job.
        job: JobId,
        /// Whether an operator ends it without its owner, which needs a reason.
        force: bool,
    },
    /// A job is seen running.
    Observe {
        /// What it is called where it runs.
        name: JobName,
        /// Where: names the job among the observed ones.
        source: Arc<str>,
        /// Its owner, if known.
        user: Option<UserId>,
        /// The devices that it is on.
        devices: Vec<DeviceId>,
    },
    /// An observed job is seen to have ended.
    ObserveEnd {
        /// Where it ran.
        source: Arc<str>,
    },
}
