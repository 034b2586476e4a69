//! The health policy: what is made of what agents find, as far as operators see it differently, and how much may be
//! quarantined by itself.
mod breaker;
mod command;
mod decide;
mod event;
mod evolve;
mod guard;
mod state;

pub use breaker::{BreakerState, Tripped};
pub use command::Command;
pub use event::Event;
pub use state::{Breaker, HealthPolicy, Judgement, KindRule, Standing, XidRule};

pub(crate) use decide::decide;
pub(crate) use evolve::evolve;
pub(crate) use guard::Guard;
