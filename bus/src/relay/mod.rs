//! From the log to subscribers: every committed event once, in order, and never before it is durable.
//!
//! ```text
//! log ─► carry ─► Session ─► JetStream stream DKUBE_EVENTS   (relay_to_jetstream)
//!            └──► subscribers in this process                (relay_to_subscribers)
//! ```
//!
//! An event's position is its sequence in the stream, and the stream's own last sequence is the cursor: nothing is
//! kept here. Several events are on their way at a time; each names the sequence and the id of the event before it, so
//! the server takes each only behind its predecessor, whoever else writes into the stream.
//!
//! On any doubt (a lost connection, a late or refused acknowledgement) the [`Session`](session::Session) is thrown
//! away with its connection. The next one reads the stream's last message, compares it with the log at that position,
//! and goes on behind it. So a message that was sent and not acknowledged is neither lost nor repeated.
//!
//! What can't be settled so is a [`Fault`]: it is shown, the relay stands still, commands go on, and nothing in the
//! stream is touched until a person decides.
mod backoff;
mod carry;
mod embedded;
mod jetstream;
mod log;
mod session;
mod status;
mod stream;

#[cfg(test)]
mod tests;

pub use embedded::relay_to_subscribers;
pub use jetstream::{RebuildError, Relay, relay_to_jetstream};
pub use log::{CommittedLog, ReadError, StoredLog};
pub(crate) use session::guards;
#[cfg(test)]
pub(crate) use session::headers;

pub use status::{Fault, State, Status};
pub use stream::{STREAM, STREAM_REQUESTS, StreamSettings};

/// Why a piece of work ended.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Trouble {
    /// It is open what the stream holds, or there is no connection: look again, as long as it takes.
    Doubt(String),
    /// The stream can't be this log's continuation.
    Fault(Fault),
    /// The log is closed: nothing will follow.
    Closed,
}

impl Trouble {
    /// A doubt, for an operation that failed.
    fn doubt(operation: &str) -> impl FnOnce(&dyn std::error::Error) -> Self {
        move |error| {
            let mut text = format!("{operation}: {error}");
            let mut source = error.source();
            while let Some(cause) = source {
                text = format!("{text}: {cause}");
                source = cause.source();
            }
            Self::Doubt(text)
        }
    }
}
