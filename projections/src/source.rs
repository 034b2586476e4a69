//! The port to the log: where committed events are read from.
use domain::{ClusterId, Position, Recorded};
use std::{error::Error, sync::Arc};

/// The root of the Merkle tree over the log's first events.
pub type Root = [u8; 32];

/// The committed events of one log. Calls may block on a disk; they come from threads that may.
pub trait Events: Send + Sync {
    /// Which log it is.
    fn log(&self) -> ClusterId;

    /// The events after a position, up to and with another one that is committed: in order, without gaps, at most
    /// `max` of them, and at least one if there is any.
    ///
    /// # Errors
    /// The log can't be read, or an event in it can't be understood.
    fn read(&self, after: Position, up_to: Position, max: usize) -> Result<Vec<Recorded>, SourceError>;

    /// The root over all events up to and with this position, which is committed.
    ///
    /// # Errors
    /// The log can't be read.
    fn root(&self, at: Position) -> Result<Root, SourceError>;
}

/// The log can't be read, or what it holds can't be understood.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the log can't be read")]
pub struct SourceError(#[source] pub Arc<dyn Error + Send + Sync>);

impl SourceError {
    /// What went wrong, as the reader of the log tells it.
    pub fn new(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(Arc::from(cause.into()))
    }
}

/// An error with all that caused it, on one line: for a state that people read.
pub(crate) fn told(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
