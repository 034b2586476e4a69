//! Who may do what, and what was tried.
mod command;
mod decide;
mod event;
mod evolve;
mod permit;
mod role;

pub use command::Command;
pub(crate) use decide::decide;
pub use event::Event;
pub(crate) use evolve::evolve;
pub use permit::{Denied, Principal, Via, authorize, network, permit};
pub use role::{Action, Allowed, Role};
