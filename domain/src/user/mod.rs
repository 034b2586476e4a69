//! Users: people who were on-boarded.
mod command;
mod decide;
mod event;
mod evolve;
mod secret;
mod state;

pub use command::{Command, Newcomer};
pub use event::Event;
pub use secret::PasswordHash;
pub use state::User;

pub(crate) use decide::{arrival, decide};
pub(crate) use evolve::evolve;
