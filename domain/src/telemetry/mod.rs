//! What agents measure: mirrored, never recorded.
mod field;
mod frame;

pub use field::{Field, Unit};
pub use frame::{Column, DeviceFrame, Frame, Process, ProcessOwner, SAMPLES_MAX, XidCount};
