//! Tokens: secrets that stand for a user, with a scope and an end.
mod command;
mod decide;
mod event;
mod evolve;
mod state;

pub use command::Command;
pub use event::Event;
pub use state::{Scope, Token, TokenHash};

pub(crate) use decide::decide;
pub(crate) use evolve::{evolve, remove};
