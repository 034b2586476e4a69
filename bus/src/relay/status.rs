//! What the relay shows of itself.
use domain::Position;
use std::sync::Arc;

/// How the relay stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// What it is doing.
    pub state: State,
    /// The last event that the stream is known to hold; none before it was looked at.
    pub cursor: Option<Position>,
    /// What last went wrong, also when it is over.
    pub last_error: Option<Arc<str>>,
}

/// What the relay is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It seeks a connection, or looks at what the stream holds. Nothing is lost meanwhile.
    Connecting,
    /// It carries events.
    Relaying,
    /// It stands still until a person has looked.
    Faulted(Fault),
    /// It has ended.
    Stopped,
}

/// Why a stream can't be this log's continuation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It holds another cluster's events.
    #[error("the stream belongs to {0}: use another NATS server or account for this cluster")]
    Foreign(String),
    /// It holds more than the log does: the log was restored from an old backup, or another server writes.
    #[error("the stream is ahead of the log: it ends at {stream}, the log at {log}")]
    Ahead {
        /// The stream's last sequence.
        stream: Position,
        /// The log's last position.
        log: Position,
    },
    /// What it holds at a position is not the log's event.
    #[error("the stream holds something else than the log at position {0}")]
    Differs(Position),
    /// It held events, and its last one is gone: it was purged, or messages were deleted.
    #[error("the stream's last message, {0}, is gone: it was emptied or cut by hand")]
    Emptied(Position),
    /// It is not set up as the relay needs it.
    #[error("the stream is set up so that it can't hold the log: {0}")]
    Misconfigured(&'static str),
    /// An event was acknowledged as stored before, though the stream ended before it.
    #[error("the stream takes event {0} for one that it holds, and stored nothing")]
    Duplicate(Position),
    /// An event was stored at another place than its own.
    #[error("event {position} was stored in stream {stream} at {sequence}")]
    OutOfPlace {
        /// The event's position.
        position: Position,
        /// Where it was stored.
        stream: String,
        /// Its place there.
        sequence: u64,
    },
}

impl Status {
    pub(super) const START: Self = Self { state: State::Connecting, cursor: None, last_error: None };

    /// How many committed events the stream is not yet known to hold.
    pub fn lag(&self, watermark: Position) -> u64 {
        watermark.0.saturating_sub(self.cursor.unwrap_or_default().0)
    }
}
