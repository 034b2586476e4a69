//! Nodes: hosts with devices, known by what their agents report.
mod command;
mod decide;
mod event;
mod evolve;
mod facts;
mod reported;
mod state;

pub use command::{Command, Seen};
pub use event::Event;
pub use facts::Facts;
pub use reported::{Reported, in_service, recounted};
pub use state::{Contact, Node};

pub(crate) use decide::decide;
pub(crate) use evolve::evolve;
pub(crate) use reported::recount;
