//! What is measured, kept in memory: the last sample of each device, and what it was over time. Mirrored, not folded: it is
//! gone with the process.
mod history;
mod ring;
mod series;

pub use history::{Idle, Latest, NodeLink, Telemetry};
pub use series::{Curve, Series, SeriesError};
