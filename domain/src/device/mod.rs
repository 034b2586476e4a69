//! Devices: single GPUs, found by agents, held by pools, claimed by jobs.
mod command;
mod decide;
mod event;
mod evolve;
mod health;
mod id;
mod slot;
mod state;

pub use command::Command;
pub use event::Event;
pub use health::{Condition, ConditionKind, Finding, Remedy, Severity};
pub use id::DeviceId;
pub use slot::Slot;
pub use state::{Device, Presence};

pub(crate) use decide::{assess, decide};
pub(crate) use evolve::evolve;
