//! Read models folded from committed events, and what is asked of them.
//!
//! - [`Live`] holds the read models as they stand; [`start`] feeds them from the log through the port [`Events`].
//! - [`Models`] are folded by one loop: the [`State`] (the cluster and its users' names) and the [`Audit`] index.
//! - [`Past`] gives the [`State`] after any earlier event.
//! - [`State::look`] leads to the [views](view): who sees what, as structs that serialise.
//! - [`Presenter`] turns the log's ids into the names that they had.
//! - [`mirror`] holds what is not recorded: Kubernetes' pods and nodes, as their cluster's agent tells them.
//!
//! Nothing here reads a disk, a network or a clock (how long a mirror is silent aside): the log and the [`Store`] of snapshots are ports, and the time that
//! expiries are judged at is an argument.

mod audit;
mod counts;
mod cursor;
mod live;
pub mod mirror;
mod models;
mod names;
mod past;
mod present;
mod snapshot;
mod source;
mod state;
mod telemetry;
pub mod view;

#[cfg(test)]
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "figures for people")]
mod speed;
#[cfg(test)]
mod testing;

pub use audit::{Audit, Filter, FilterError, Found, Order, Query, Search};
pub use cursor::{Applied, Gap};
pub use live::{Behind, Feeder, Live, Phase, Ports, Reading, Refused, Settings, Status, saved, start};
pub use models::Models;
pub use names::Names;
pub use past::{Bounds, Past, PastError};
pub use present::{Presenter, actors, subjects};
pub use snapshot::Store;
pub use source::{Events, Root, SourceError};
pub use state::State;
pub use telemetry::{Curve, Idle, Latest, NodeLink, Series, SeriesError, Telemetry};
