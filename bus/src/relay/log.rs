//! The log, as the relay needs it.
use crate::log::LogReader;
use domain::{
    ClusterId, Position, Recorded,
    stored::{self, Vault},
};
use std::{error::Error, fmt, sync::Arc};
use tokio::sync::watch;

/// A log whose committed events can be read.
pub trait CommittedLog: Send + Sync + 'static {
    /// Whose log it is.
    fn cluster(&self) -> ClusterId;

    /// The last durable position, as it rises. Once its sender is gone, no more events come.
    fn watermark(&self) -> watch::Receiver<Position>;

    /// The events after a position and up to another that is durable, in order and without gaps: at least one if there
    /// is any, and at most so many. May wait for a disk.
    ///
    /// # Errors
    /// They can't be read.
    fn read(&self, after: Position, up_to: Position, events_max: usize) -> Result<Vec<Recorded>, ReadError>;
}

/// The log can't be read.
#[derive(Debug, thiserror::Error)]
#[error("read events from the log")]
pub struct ReadError(#[source] pub Box<dyn Error + Send + Sync>);

/// The log on disk.
pub struct StoredLog {
    reader: LogReader,
    vault: Arc<dyn Vault + Send + Sync>,
    watermark: watch::Receiver<Position>,
}

impl StoredLog {
    /// The most stored bytes that are read at once.
    const BYTES_MAX: usize = 1 << 20;

    /// The log behind this reader, up to this watermark, with the vault that opens what is sealed in it.
    pub fn new(reader: LogReader, vault: Arc<dyn Vault + Send + Sync>, watermark: watch::Receiver<Position>) -> Self {
        Self { reader, vault, watermark }
    }
}

impl fmt::Debug for StoredLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredLog").field("reader", &self.reader).finish_non_exhaustive()
    }
}

impl CommittedLog for StoredLog {
    fn cluster(&self) -> ClusterId {
        ClusterId(self.reader.marker().cluster)
    }

    fn watermark(&self) -> watch::Receiver<Position> {
        self.watermark.clone()
    }

    fn read(&self, after: Position, up_to: Position, events_max: usize) -> Result<Vec<Recorded>, ReadError> {
        let found = self.reader.read(after.0, up_to.0, events_max, Self::BYTES_MAX);
        let found = found.map_err(|error| ReadError(error.into()))?;
        let decoded = found.iter().map(|event| stored::decode(&event.bytes, &*self.vault));
        decoded.collect::<Result<_, _>>().map_err(|error| ReadError(error.into()))
    }
}
