//! From what was seen to what is wrong.
//!
//! ```text
//! Sighting ──signal──► number ──line of the policy──► holds or not ──damper──► condition, begun or over
//! XidEvent ──faults──► counted, and standing until a reset, a restart or a quiet time ──┘
//! ```
mod damper;
mod detail;
mod faults;
mod figures;
mod judge;
mod policy;
mod signal;

pub use damper::{Begin, Damping, Latch};
pub use detail::{Detail, Registers, Says};
pub use faults::Faults;
pub use judge::{Health, Judge, Memory, Present, Remembered, Wear, is_again};
pub use policy::{Flapping, Line, Policy, PolicyError, Remedied, Suspect, Test, Until, Values};
pub use signal::{NoSuchSignal, Signal};
