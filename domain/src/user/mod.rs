//! Users: people who were on-boarded.
mod command;
mod decide;
mod event;
mod evolve;
mod secret;
mod state;

pub use command::{Command, Entry, Newcomer};
pub use event::Event;
pub use secret::PasswordHash;
pub use state::{Invitation, User};

pub(crate) use decide::{Standing, arrival, decide, link};
pub(crate) use evolve::{end_sign_ins, evolve};
