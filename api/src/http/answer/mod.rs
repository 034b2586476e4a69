//! What goes out: the shapes that all calls share.
mod command;
mod event;
mod names;
mod paging;
mod secret;
mod shown;
mod warning;

pub(crate) use command::{Accepted, CommandAnswer, Errand, carry_out};
pub(crate) use event::EventView;
pub(crate) use names::Names;
pub(crate) use paging::{Belongs, Paging, no_page};
pub(crate) use secret::{Revealed, SecretJson};
pub(crate) use shown::{POSITION, Shown};
