//! The reports that the server has not taken yet: numbered, in order, bounded.
mod in_memory;
mod on_disk;
mod state;

pub use in_memory::InMemory;
pub use on_disk::{OnDisk, OpenError};

use crate::health::Memory;
use bus::wire::{Content, Report};
use domain::{Incarnation, Timestamp};

/// What keeps a report from being kept.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// There is no room until the server takes some.
    #[error("take in a report: {0} are waiting already")]
    Full(usize),
    /// What keeps them failed.
    #[error("keep the waiting reports")]
    Storage(#[source] std::io::Error),
}

/// Keeps the reports of one agent until the server has taken them. Their numbers begin at 1 in each incarnation and rise
/// by one; the oldest has the lowest. What is changed here outlives the agent once [`keep`](Self::keep) has said so, if
/// the queue does at all.
pub trait Queue: Send + 'static {
    /// The life that it is in.
    fn incarnation(&self) -> Incarnation;

    /// The reports that wait, the oldest first.
    fn waiting(&self) -> impl Iterator<Item = &Report> + Send;

    /// Takes in a report, under the next number.
    ///
    /// # Errors
    /// It is full: then the report is not taken.
    fn push(&mut self, observed_at: Timestamp, content: Content) -> Result<(), QueueError>;

    /// Forgets the reports up to this number.
    fn settle(&mut self, up_to: u64);

    /// Begins a new life, in which the reports that wait are numbered anew, in their order.
    fn begin_anew(&mut self, incarnation: Incarnation);

    /// What was last remembered, by this agent or the one before it.
    fn recall(&self) -> &Memory;

    /// Takes in what the next agent is to remember.
    fn remember(&mut self, memory: Memory);

    /// Makes all that was taken in outlive this agent. Everything is said once more the next time, if it fails.
    ///
    /// # Errors
    /// What keeps the reports failed.
    fn keep(&mut self) -> Result<(), QueueError>;

    /// The oldest report.
    fn first(&self) -> Option<&Report> {
        self.waiting().next()
    }
}
