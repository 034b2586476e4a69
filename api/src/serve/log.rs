//! The committed log, as the HTTP server and the read models want to read it.
use crate::http::port::{Entry, EventLog, LogSize, LogTrouble};
use bus::{keyring::KeyRing, log::LogReader};
use domain::{
    ClusterId, Position, Recorded,
    stored::{self, DecodeError},
};
use projections::{Events, Root, SourceError};
use std::sync::Arc;

/// The most stored bytes that are read at once.
const BYTES_MAX: usize = 4 << 20;

/// The committed log with the keys that open it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Committed {
    reader: LogReader,
    keyring: Arc<KeyRing>,
}

impl Committed {
    /// The log behind this reader, with the keys that open what is sealed in it.
    pub const fn new(reader: LogReader, keyring: Arc<KeyRing>) -> Self {
        Self { reader, keyring }
    }

    pub(crate) const fn reader(&self) -> &LogReader {
        &self.reader
    }

    fn entry(&self, bytes: &[u8]) -> Result<Entry, LogTrouble> {
        match stored::decode(bytes, &*self.keyring) {
            Ok(recorded) => Ok(Entry::Known(Box::new(recorded))),
            Err(DecodeError::UnknownType { event_type, version }) => {
                let (envelope, _) =
                    stored::decode_envelope(bytes).map_err(trouble("read an event of a newer release"))?;
                Ok(Entry::Unknown { position: envelope.position, event_type, version, bytes: bytes.to_vec() })
            }
            Err(error) => Err(trouble("read an event")(error)),
        }
    }
}

fn trouble<E: Into<Box<dyn std::error::Error + Send + Sync>>>(operation: &'static str) -> impl Fn(E) -> LogTrouble {
    move |error| LogTrouble { operation, source: error.into() }
}

impl EventLog for Committed {
    fn read(&self, after: Position, up_to: Position, max: usize) -> Result<Vec<Entry>, LogTrouble> {
        let found = self.reader.read(after.0, up_to.0, max, BYTES_MAX).map_err(trouble("read the log"))?;
        found.iter().map(|event| self.entry(&event.bytes)).collect()
    }

    fn pick(&self, positions: &[Position]) -> Result<Vec<Entry>, LogTrouble> {
        let one = |position: &Position| EventLog::read(self, Position(position.0.saturating_sub(1)), *position, 1);
        let found: Result<Vec<Vec<Entry>>, LogTrouble> = positions.iter().filter(|p| p.0 > 0).map(one).collect();
        Ok(found?.into_iter().flatten().collect())
    }

    fn size(&self) -> Result<LogSize, LogTrouble> {
        let stats = self.reader.stats().map_err(trouble("measure the log"))?;
        Ok(LogSize { events: stats.events, bytes: stats.bytes, free_bytes: stats.free_bytes })
    }
}

impl Events for Committed {
    fn log(&self) -> ClusterId {
        ClusterId(self.reader.marker().cluster)
    }

    fn read(&self, after: Position, up_to: Position, max: usize) -> Result<Vec<Recorded>, SourceError> {
        let found = self.reader.read(after.0, up_to.0, max, BYTES_MAX).map_err(SourceError::new)?;
        found.iter().map(|event| stored::decode(&event.bytes, &*self.keyring).map_err(SourceError::new)).collect()
    }

    fn root(&self, at: Position) -> Result<Root, SourceError> {
        let root = self.reader.root_at(at.0).map_err(SourceError::new)?;
        root.ok_or_else(|| SourceError::new(format!("position {at} is not committed")))
    }
}
