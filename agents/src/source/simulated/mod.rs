//! A fleet that does not exist: seeded, so that the same seed shows the same devices and faults for ever.
mod chance;
mod fleet;
mod model;
mod node;
mod script;

pub use fleet::{Faults, Fleet, Size, SizeError};
pub use node::SimulatedNode;
pub use script::{Entry, Fault, Script};
