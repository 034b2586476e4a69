use domain::{Position, Recorded};

/// The committed events. Its methods may block: they are called off the async threads.
pub trait EventLog: Send + Sync + 'static {
    /// The events after a position and up to another, in order and without a gap: at least one if there is any, at most
    /// `max`.
    ///
    /// # Errors
    /// [`LogTrouble`].
    fn read(&self, after: Position, up_to: Position, max: usize) -> Result<Vec<Entry>, LogTrouble>;

    /// The events at these positions, in the order asked; a position that has none is left out.
    ///
    /// # Errors
    /// [`LogTrouble`].
    fn pick(&self, positions: &[Position]) -> Result<Vec<Entry>, LogTrouble>;

    /// How big the log is.
    ///
    /// # Errors
    /// [`LogTrouble`].
    fn size(&self) -> Result<LogSize, LogTrouble>;
}

/// An event as it was read.
#[derive(Debug, Clone, PartialEq)]
pub enum Entry {
    /// One that this release knows.
    Known(Box<Recorded>),
    /// One that a newer release wrote: shown as it is stored.
    Unknown {
        /// Its position.
        position: Position,
        /// Its type number.
        event_type: u16,
        /// Its schema version.
        version: u8,
        /// Its bytes, personal fields still sealed.
        bytes: Vec<u8>,
    },
}

impl Entry {
    /// Its position.
    pub fn position(&self) -> Position {
        match self {
            Self::Known(recorded) => recorded.position,
            Self::Unknown { position, .. } => *position,
        }
    }
}

/// How big the log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LogSize {
    /// Its events.
    pub events: u64,
    /// Its bytes on the disk.
    pub bytes: u64,
    /// The bytes free on that disk.
    pub free_bytes: u64,
}

/// The log can't be read, or an event in it can't be understood.
#[derive(Debug, thiserror::Error)]
#[error("{operation}")]
pub struct LogTrouble {
    /// What was tried.
    pub operation: &'static str,
    /// Why it failed.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}
