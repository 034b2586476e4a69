//! What the log stands on: blocks under ordered keys, and a few small named files.
//!
//! The log reaches the disk only through [`Storage`], of which there are two: [`sled::SledStorage`] on a real disk
//! and [`simulated::SimulatedDisk`], which can lose, tear and refuse what a disk can lose, tear and refuse.
//!
//! ## What is promised
//! - [`Storage::append`] takes all blocks of a commit in one atomic step: after a crash either all of them are
//!   there or none is. They are durable only once a later [`Storage::sync`] has returned `Ok`.
//! - Readers see appended blocks before they are synced. Whoever reads asks only up to a commit that is known to
//!   be durable, so this is not seen outside.
//! - After an append or sync that failed, the storage takes nothing more: appends, syncs and file writes answer
//!   [`StorageError::Poisoned`], because after a failed sync a later one may succeed falsely. Readers of blocks
//!   and files go on, so that what was committed before can still be served; only opening anew tells what the
//!   disk really holds.
//! - [`Files::write`] replaces a small file atomically and durably: after a crash it holds the old bytes or the
//!   new ones, and the new ones once the call has returned `Ok`.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;

mod folder;
pub mod simulated;
pub mod sled;

/// A block may not be longer than this, header and all.
pub const BLOCK_BYTES_MAX: usize = 64 * 1024;

/// The key of a block: its commit's number and its part within the commit. Keys sort as their bytes do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlockKey {
    /// The commit's number; the first commit has number 1.
    pub commit: u64,
    /// The part within the commit, from 0.
    pub part: u16,
}

impl BlockKey {
    /// Below every key in use.
    pub const MIN: Self = Self { commit: 0, part: 0 };
    /// Above every key in use.
    pub const MAX: Self = Self { commit: u64::MAX, part: u16::MAX };
    /// The encoded length.
    pub const LEN: usize = 10;

    /// The key of a commit's first part.
    pub const fn first_of(commit: u64) -> Self {
        Self { commit, part: 0 }
    }

    /// The highest key a part of this commit can have.
    pub const fn last_of(commit: u64) -> Self {
        Self { commit, part: u16::MAX }
    }

    /// The key right above this one; `MAX` stays where it is.
    #[must_use]
    pub const fn next(self) -> Self {
        match self.part.checked_add(1) {
            Some(part) => Self { part, ..self },
            None if self.commit == u64::MAX => Self::MAX,
            None => Self::first_of(self.commit + 1),
        }
    }

    /// Commit and part, big-endian.
    pub fn to_bytes(self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        bytes[..8].copy_from_slice(&self.commit.to_be_bytes());
        bytes[8..].copy_from_slice(&self.part.to_be_bytes());
        bytes
    }

    /// The key these bytes encode; `None` when they are not exactly a key.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (commit, part) = bytes.split_first_chunk::<8>()?;
        Some(Self { commit: u64::from_be_bytes(*commit), part: u16::from_be_bytes(part.try_into().ok()?) })
    }
}

impl fmt::Display for BlockKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "commit {} part {}", self.commit, self.part)
    }
}

/// Why the storage could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// No space is left.
    #[error("{operation}: the disk is full")]
    Full {
        /// What was tried, with its object.
        operation: String,
    },
    /// What is stored is not what was written.
    #[error("{what} in {place}; {advice}")]
    Corrupt {
        /// What was found.
        what: String,
        /// The file or key where it was found.
        place: String,
        /// What a person should do.
        advice: &'static str,
    },
    /// The operating system refused.
    #[error("{operation}")]
    Io {
        /// What was tried, with its object.
        operation: String,
        /// The system's answer.
        #[source]
        source: std::io::Error,
    },
    /// An earlier write failed, so nothing written after it could be trusted.
    #[error("{operation}: storage takes no writes since an earlier failure ({cause})")]
    Poisoned {
        /// What was tried.
        operation: &'static str,
        /// The failure that poisoned the storage.
        cause: String,
    },
    /// Written by a newer version, or with settings this one does not know.
    #[error("{place} can't be read by this version: {what}; upgrade to the version that wrote it")]
    Unsupported {
        /// What is not understood.
        what: String,
        /// The file or key.
        place: String,
    },
    /// Someone else has it open.
    #[error("{} is in use by {holder}; stop it first, a log has one writer", path.display())]
    InUse {
        /// The folder.
        path: PathBuf,
        /// Who holds it, as far as is known.
        holder: String,
    },
    /// The caller asked for something that is never allowed.
    #[error("{0}")]
    Refused(String),
}

impl StorageError {
    /// The error of an I/O operation that failed; a full disk is told apart.
    pub fn io(operation: impl Into<String>, source: std::io::Error) -> Self {
        use std::io::ErrorKind;
        let operation = operation.into();
        match source.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self::Full { operation },
            _ => Self::Io { operation, source },
        }
    }
}

/// Room on the disk, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// Taken by the blocks and what belongs to them.
    pub used: u64,
    /// Still free to this process.
    pub free: u64,
}

/// The one writer of a log's blocks.
pub trait Storage: Send {
    /// Appends the blocks of one commit in one atomic step; not durable before [`sync`](Self::sync).
    ///
    /// # Errors
    /// Any [`StorageError`]. A block above [`BLOCK_BYTES_MAX`] is refused and changes nothing; every other failure
    /// poisons the storage.
    fn append(&mut self, blocks: Vec<(BlockKey, Vec<u8>)>) -> Result<(), StorageError>;

    /// Makes all that was appended durable.
    ///
    /// # Errors
    /// Any [`StorageError`]; the storage is poisoned then, and what was appended since the last sync may or may
    /// not be on the disk.
    fn sync(&mut self) -> Result<(), StorageError>;

    /// A reader of the blocks, for any thread.
    fn reader(&self) -> Arc<dyn BlockReader>;

    /// The small named files, for any thread.
    fn files(&self) -> Arc<dyn Files>;
}

/// A block with its key, or the failure to read it.
pub type ReadBlock = Result<(BlockKey, Bytes), StorageError>;

/// Reads blocks while the writer appends.
pub trait BlockReader: Send + Sync {
    /// The block under this key.
    ///
    /// # Errors
    /// Any [`StorageError`] of reading.
    fn get(&self, key: BlockKey) -> Result<Option<Bytes>, StorageError>;

    /// The first block whose key is this one or above.
    ///
    /// # Errors
    /// Any [`StorageError`] of reading.
    fn at_or_after(&self, key: BlockKey) -> Result<Option<(BlockKey, Bytes)>, StorageError>;

    /// The last block whose key is this one or below; the last of all for [`BlockKey::MAX`].
    ///
    /// # Errors
    /// Any [`StorageError`] of reading.
    fn at_or_before(&self, key: BlockKey) -> Result<Option<(BlockKey, Bytes)>, StorageError>;

    /// All blocks from this key on, in order. Blocks appended after the scan began may or may not be seen.
    fn scan(&self, from: BlockKey) -> Box<dyn Iterator<Item = ReadBlock> + Send>;

    /// Bytes taken and free.
    ///
    /// # Errors
    /// Any [`StorageError`] of asking the file system.
    fn space(&self) -> Result<Space, StorageError>;
}

/// Small files by name, each replaced whole.
///
/// Names are made of ASCII letters, digits, `-`, `_` and `.`, and do not begin with a dot.
pub trait Files: Send + Sync {
    /// The bytes of a file; `None` when there is none of this name.
    ///
    /// # Errors
    /// Any [`StorageError`] of reading.
    fn read(&self, name: &str) -> Result<Option<Vec<u8>>, StorageError>;

    /// Replaces a file, or creates it: atomic, and durable once this has returned `Ok`.
    ///
    /// # Errors
    /// Any [`StorageError`]; the old bytes are still there then, or the new ones already. This does not poison
    /// the storage.
    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), StorageError>;

    /// As [`write`](Self::write), and the bytes that the file held are overwritten on the disk once the new ones
    /// are durable, as far as file system and device overwrite in place.
    ///
    /// # Errors
    /// As [`write`](Self::write). If the machine stops in between, the old bytes may remain in free space.
    fn write_destroying(&self, name: &str, bytes: &[u8]) -> Result<(), StorageError>;

    /// Overwrites and removes a file; durable once this has returned `Ok`. A name that is not there is no error.
    ///
    /// # Errors
    /// Any [`StorageError`]; the file may be gone, whole or overwritten then.
    fn destroy(&self, name: &str) -> Result<(), StorageError>;

    /// The names of all files, sorted.
    ///
    /// # Errors
    /// Any [`StorageError`] of reading the folder.
    fn names(&self) -> Result<Vec<String>, StorageError>;
}

/// Refuses a name that is not plainly one; see [`Files`].
fn check_name(name: &str) -> Result<(), StorageError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if !name.is_empty() && name.len() <= 100 && !name.starts_with('.') && name.chars().all(plain) {
        return Ok(());
    }
    Err(StorageError::Refused(format!("{name:?} is not a name for a file of the log")))
}

/// Refuses a block above [`BLOCK_BYTES_MAX`].
fn check_blocks(blocks: &[(BlockKey, Vec<u8>)]) -> Result<(), StorageError> {
    let Some((key, block)) = blocks.iter().find(|(_, block)| block.len() > BLOCK_BYTES_MAX) else { return Ok(()) };
    Err(StorageError::Refused(format!(
        "append block of {key}: {} bytes, and at most {BLOCK_BYTES_MAX} are allowed",
        block.len()
    )))
}

/// Shared by a storage and its files: the first failure, once there was one.
#[derive(Debug, Clone, Default)]
struct Poison(Arc<OnceLock<String>>);

impl Poison {
    fn check(&self, operation: &'static str) -> Result<(), StorageError> {
        match self.0.get() {
            None => Ok(()),
            Some(cause) => Err(StorageError::Poisoned { operation, cause: cause.clone() }),
        }
    }

    /// Remembers a failure and hands it back.
    fn poisons(&self, error: StorageError) -> StorageError {
        // The first cause is the one that matters.
        let _ = self.0.set(error.to_string());
        error
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_sort_as_their_bytes_do() {
        let keys = [
            BlockKey::MIN,
            BlockKey { commit: 1, part: 0 },
            BlockKey { commit: 1, part: 300 },
            BlockKey { commit: 256, part: 2 },
            BlockKey::MAX,
        ];
        assert!(keys.is_sorted());
        assert!(keys.map(BlockKey::to_bytes).is_sorted());
        for key in keys {
            assert_eq!(BlockKey::from_bytes(&key.to_bytes()), Some(key));
        }
        assert_eq!(BlockKey::from_bytes(&[0; 11]), None);
        assert_eq!(BlockKey::last_of(7).next(), BlockKey::first_of(8));
    }

    #[test]
    fn names_stay_in_their_folder() {
        for name in ["CLUSTER", "snapshot.cluster-1", "a_b"] {
            check_name(name).unwrap();
        }
        for name in ["", ".", "..", ".hidden", "a/b", "ä", "a\0"] {
            check_name(name).unwrap_err();
        }
    }

    #[test]
    fn a_full_disk_is_told_apart() {
        let error = std::io::Error::from(std::io::ErrorKind::StorageFull);
        assert!(matches!(StorageError::io("append", error), StorageError::Full { .. }));
    }
}
