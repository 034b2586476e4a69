//! The log on sled, the Merkle tree over it, the engine (one writer, group commit), the relay to NATS, and the
//! in-process bus.
//!
//! ```text
//! engine ─► log ─► storage (sled, or a simulated disk)
//!    │       ▲
//!    │       └── relay ─► bus (in-process, or NATS) ─► subscribers
//!    └── keyring: personal fields are sealed before they reach the log
//! ```

pub mod asyncapi;
pub mod block;
pub mod bus;
pub mod clock;
pub mod cloudevent;
pub mod engine;
pub mod intake;
pub mod keyring;
pub mod log;
pub mod merkle;
pub mod relay;
pub mod storage;
pub mod wire;
