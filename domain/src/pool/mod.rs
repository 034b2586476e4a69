//! Pools: named sets of devices. Every device in service is in exactly one.
mod command;
mod decide;
mod event;
mod evolve;
mod state;

pub use command::{Command, Wanted};
pub use event::Event;
pub use state::Pool;

pub(crate) use decide::decide;
pub(crate) use evolve::evolve;
