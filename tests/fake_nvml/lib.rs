//! A fake of NVIDIA's management library (NVML): it answers what its state file says, see [`state::State`].
//!
//! The file lies beside the loaded library, under the same name with `.json` behind it. It is read anew when it changed.
//! Copies of the library in one process know nothing of each other.

#![expect(unsafe_code, reason = "it stands in for a C library, whose callers pass pointers")]

#[macro_use]
mod call;
mod address;
mod ecc;
mod events;
mod fabric;
mod fields;
mod gpm;
mod handle;
mod identity;
mod mig;
mod processes;
mod readings;
mod source;
pub mod state;
mod system;
