//! Why bytes are not a block.
use uuid::Uuid;

use super::VERSION;
use crate::storage::BlockKey;

/// Why bytes are not a block of this log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BlockFault {
    /// It does not begin as a block does.
    #[error("bytes are not a block: they don't begin with its magic")]
    Magic,
    /// Header or body are not what was written.
    #[error("checksum is {found:08x} and should be {expected:08x}")]
    Checksum {
        /// As computed.
        found: u32,
        /// As stored.
        expected: u32,
    },
    /// The block is sound, and of a format that came later.
    #[error(
        "block has format version {found}, written by a newer version than this one, which knows {VERSION}; upgrade"
    )]
    Newer {
        /// Its format version.
        found: u16,
    },
    /// The block is sound and belongs to another log.
    #[error("block belongs to log {found} and this is log {expected}")]
    Foreign {
        /// The id in the block.
        found: Uuid,
        /// The id of the log that was read.
        expected: Uuid,
    },
    /// The block is sound and stood under another block's key.
    #[error("block of {found} stands in the place of {expected}")]
    Misplaced {
        /// The key in its header.
        found: BlockKey,
        /// The key it stood under.
        expected: BlockKey,
    },
    /// Numbers in it contradict each other.
    #[error("block contradicts itself: {0}")]
    Malformed(&'static str),
}
