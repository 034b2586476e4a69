//! The log: numbered commits of events and records, durable before they are answered.
//!
//! ```text
//! LogWriter::commit ─► Framer (positions, Merkle tree, blocks) ─► Appender (append, sync, HEAD) ─► tip
//!                                                                                                   │
//! LogReader: read, replay, records, verify ◄── only what is committed, up to the tip ◄──────────────┘
//! ```
//!
//! What never happens:
//! - a commit is answered before it is durable, or is found in part;
//! - positions have gaps: the first event has position 1, commits are numbered from 1;
//! - a reader sees what is not committed;
//! - a log that is damaged, shorter than known or another one's is continued, or founds a second cluster;
//! - anything is committed after a failure: the writer has to be opened anew, which reads what the disk has.
//!
//! Opening does not read the log through. It reads the last commit, takes the peaks of the Merkle tree from where
//! the last full subtree of 256 leaves ended, adds the leaves since, and compares the root. [`verify()`] reads
//! everything.
//!
//! Readers seek by position through what the headers say and never count commits, so that small blocks may be
//! merged one day.

use std::sync::Arc;

use uuid::Uuid;

use crate::block::{BlockFault, Expected};
use crate::merkle::Hash;
use crate::storage::{BlockKey, Storage, StorageError};

mod archive;
mod frame;
mod guard;
mod index;
mod open;
mod reader;
mod recent;
mod root;
mod verify;
mod writer;

#[cfg(test)]
mod crash_tests;
#[cfg(test)]
mod tests;

pub use archive::{ArchiveError, export, import};
pub use guard::{CLUSTER, HEAD, Marker};
pub use reader::{Blocks, LogReader, Records, Stats, StoredEvent};
pub use verify::{VerifyReport, verify};
pub use writer::{Appended, LogWriter};

/// A file that is there while an archive is read in, and after that was broken off.
const IMPORTING: &str = "IMPORTING";

/// What a person does about a damaged log.
const RESTORE: &str =
    "nothing was changed: copy the folder before trying anything, then restore from a backup or an export";

/// Opens logs.
#[derive(Debug)]
pub struct Log;

impl Log {
    /// Opens the log in this storage, or founds it.
    ///
    /// # Errors
    /// [`LogError::Refused`] when `CLUSTER`, `HEAD`, the log and the options don't belong together;
    /// [`LogError::Fault`] when the end of the log is damaged; [`LogError::Storage`] when it can't be read.
    pub fn open(
        storage: Box<dyn Storage>,
        options: &OpenOptions,
    ) -> Result<(LogWriter, LogReader, Recovered), LogError> {
        open::open(storage, options)
    }
}

/// How a log is opened.
#[derive(Debug, Clone)]
pub struct OpenOptions {
    /// The cluster's id, should the log be founded by this opening; `None` to open only a log that is there.
    pub found_as: Option<Uuid>,
    /// Whether this is to be a demonstration; a log of the other sort is refused.
    pub demonstration: bool,
    /// The writer's epoch: never lower than that of the log's last commit.
    pub epoch: u32,
    /// `HEAD` is renewed after this many commits, besides the first one and [`LogWriter::close`].
    pub head_every: u64,
    /// Memory for the newest blocks, which live readers share.
    pub recent_bytes: usize,
    /// A bug to plant; only for the tests that must find it.
    #[doc(hidden)]
    pub sabotage: Option<Sabotage>,
}

impl OpenOptions {
    /// Opens a log that is not a demonstration, and founds it under this id when there is none.
    pub const fn new(found_as: Option<Uuid>) -> Self {
        Self { found_as, demonstration: false, epoch: 1, head_every: 1024, recent_bytes: 8 << 20, sabotage: None }
    }

    const fn expected(&self, log: Uuid) -> Expected {
        Expected { log, checksum: !matches!(self.sabotage, Some(Sabotage::SkipChecksum)) }
    }
}

/// A planted bug.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sabotage {
    /// Blocks are read without comparing their checksums.
    SkipChecksum,
}

/// The end of the log, or of what is known of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tip {
    /// Number of the last commit; 0 for none.
    pub commit: u64,
    /// Events, and so the last event's position; 0 for none.
    pub size: u64,
    /// Root of the Merkle tree over the events.
    pub root: Hash,
}

/// What a commit brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Committed {
    /// Position of its first event; of the next one to come when it has none.
    pub first_position: u64,
    /// Its events.
    pub count: u64,
    /// The log's end with it.
    pub tip: Tip,
}

/// What opening found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recovered {
    /// Which cluster's log it is.
    pub marker: Marker,
    /// Its end.
    pub tip: Tip,
    /// Whether this opening founded it, or went on with a founding that was interrupted.
    pub founded: bool,
    /// The epoch of its last commit; 0 when there is none.
    pub last_epoch: u32,
}

/// Something stored is not what was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("log is damaged at {place}: {what}; {advice}")]
pub struct Fault {
    /// The block or file.
    pub place: String,
    /// What was found.
    pub what: String,
    /// What a person should do.
    pub advice: &'static str,
}

impl Fault {
    fn at(key: BlockKey, what: impl Into<String>) -> Self {
        Self { place: key.to_string(), what: what.into(), advice: RESTORE }
    }

    fn block(key: BlockKey) -> impl FnOnce(BlockFault) -> LogError {
        move |fault| match fault {
            BlockFault::Newer { .. } => LogError::Storage {
                operation: "read a block",
                source: StorageError::Unsupported { what: fault.to_string(), place: key.to_string() },
            },
            _ => LogError::Fault(Self::at(key, fault.to_string())),
        }
    }
}

/// Why the log could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The storage failed.
    #[error("{operation}")]
    Storage {
        /// What was tried.
        operation: &'static str,
        /// The failure.
        #[source]
        source: StorageError,
    },
    /// Something stored is not what was written.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The log is not the one that was to be opened.
    #[error("log is refused: {reason}; {advice}")]
    Refused {
        /// What does not fit.
        reason: String,
        /// What a person should do.
        advice: &'static str,
    },
    /// The caller asked for what can't be committed; nothing has changed.
    #[error("{0}")]
    Invalid(String),
    /// An earlier failure left open what the disk holds.
    #[error("log takes no commits since an earlier failure ({cause}); open it anew")]
    Poisoned {
        /// The earlier failure.
        cause: Arc<str>,
    },
}

impl LogError {
    /// Whether the cause is that the disk is full.
    pub const fn is_full(&self) -> bool {
        matches!(self, Self::Storage { source: StorageError::Full { .. }, .. })
    }

    fn storage(operation: &'static str) -> impl FnOnce(StorageError) -> Self {
        move |source| Self::Storage { operation, source }
    }

    fn refused(reason: impl Into<String>, advice: &'static str) -> Self {
        Self::Refused { reason: reason.into(), advice }
    }
}
