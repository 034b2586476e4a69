//! Jobs: running claims of users on devices.
mod command;
mod decide;
mod event;
mod evolve;
mod state;

pub use command::Command;
pub use event::{Breach, Event};
pub use state::{Job, Source};

pub(crate) use decide::{decide, ended, is_only_on};
pub(crate) use evolve::evolve;
