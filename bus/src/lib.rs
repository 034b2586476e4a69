//! The log on sled, the Merkle tree over it, the engine (one writer, group commit), the relay to NATS, and the
//! in-process bus.
//!
//! ```text
//! engine ─► log ─► storage (sled, or a simulated disk)
//!    │       ▲
//!    │       └── relay ─► bus (in-process, or NATS) ─► subscribers
//!    └── keyring: personal fields are sealed before they reach the log
//! ```

#[cfg(feature = "server")]
pub mod asyncapi;
#[cfg(feature = "server")]
pub mod block;
pub mod bus;
pub mod clock;
#[cfg(feature = "server")]
pub mod cloudevent;
#[cfg(feature = "server")]
pub mod engine;
#[cfg(feature = "server")]
pub mod intake;
#[cfg(feature = "server")]
pub mod keyring;
#[cfg(feature = "server")]
pub mod log;
#[cfg(feature = "server")]
pub mod merkle;
#[cfg(feature = "server")]
pub mod relay;
#[cfg(feature = "server")]
pub mod storage;
pub mod wire;
