//! Groups: named sets of users that share one pool.
mod command;
mod decide;
mod event;
mod evolve;
mod state;

pub use command::Command;
pub use event::Event;
pub use state::Group;

pub(crate) use decide::{decide, look_up};
pub(crate) use evolve::evolve;
