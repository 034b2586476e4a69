//! What comes in: parsed at the door, refused with a problem document.
mod body;
mod header;
mod look;
mod query;
mod segment;
mod serde_help;
mod wish;

pub(crate) use body::Body;
pub(crate) use look::{AsOf, Look, Moment};
pub(crate) use query::{Nothing, Query};
pub(crate) use segment::Segment;
pub(crate) use serde_help::{Change, refusal};
pub(crate) use wish::{DryRun, Target, Wish};
