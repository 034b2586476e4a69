//! Devices: single GPUs, found by agents, held by pools, claimed by jobs.
mod catalogue;
mod command;
mod decide;
mod event;
mod evolve;
mod health;
mod id;
mod instance;
mod slot;
mod state;

pub use command::Command;
pub use event::Event;
pub use health::{Condition, ConditionKind, Finding, Remedy, Severity};
pub use id::DeviceId;
pub use instance::Instance;
pub use slot::Slot;
pub use state::{Device, Dismissed, Override, Presence};

pub(crate) use decide::{assess, decide, end_overrides};
pub(crate) use evolve::evolve;
