//! Telling the server what a Kubernetes cluster looks like, whoever sees it.
//!
//! ```text
//! kubernetes (or a simulation) ──► picture (what is there, and what changed) ──► teller ──► bus
//! ```
mod picture;
mod simulated;
mod teller;
#[cfg(test)]
mod tests;

pub use picture::Picture;
pub use simulated::Cluster as SimulatedCluster;
pub use teller::{Pace, Teller};
