//! The license: who may run this for how many people and devices, until when, and what is refused past that.
mod command;
mod decide;
mod event;
mod evolve;
mod state;

pub use command::Command;
pub use event::Event;
pub use state::{GRACE_DAYS_MAX, Installed, License, Phase, Unlicensed, WARN_DAYS};

pub(crate) use decide::{admits, decide};
pub(crate) use evolve::evolve;
