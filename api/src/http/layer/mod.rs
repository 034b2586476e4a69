//! What every request passes on its way in and every answer on its way out.
//!
//! ```text
//! identify ─► harden ─► tidy ─► caught ─► limit ─► gate (per route) ─► handler
//! ```
mod harden;
mod identify;
mod limit;
mod tidy;

pub(super) use harden::harden;
pub(super) use identify::identify;
pub(super) use limit::limit;
pub(super) use tidy::{panicked, tidy};
