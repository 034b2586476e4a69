//! The node agent: `observe → plan → act`.
//!
//! ```text
//! source ──Observation──► health ──Present──► plan ──reports──► queue ──one at a time──► bus
//! (NVML, or             (the policy, and     (what the server     (numbered, bounded, on disk
//!  simulated)            what was before)     does not know)       until it is taken)
//! ```
//!
//! What is seen is compared with what the server was told, and the difference is told: so recovery is the everyday path.
//! Only [`agent`] knows a network; all before it is given its time.
//!
//! Beside it, the agent of a Kubernetes cluster: `kubernetes` watches, and [`mirror`] tells the server what is there.

pub mod agent;
pub mod health;
#[cfg(feature = "kubernetes")]
pub mod kubernetes;
pub mod mirror;
pub mod plan;
#[cfg(feature = "program")]
pub mod program;
pub mod queue;
pub mod simulation;
pub mod source;
pub mod telemetry;

pub use simulation::Simulation;
