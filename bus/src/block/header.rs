//! The header: where it stands, and what it says.
use uuid::Uuid;

use super::{BlockFault, HEADER_BYTES, VERSION};
use crate::merkle::Hash;
use crate::storage::BlockKey;

pub(super) const MAGIC: [u8; 8] = *b"DKUBEBLK";

/// What a block's header says, lengths and checksum left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The log it belongs to: the cluster's id.
    pub log: Uuid,
    /// The epoch of its writer.
    pub epoch: u32,
    /// Commit and part; the key it stands under.
    pub key: BlockKey,
    /// Parts of the commit.
    pub parts: u16,
    /// Position of its first event; of the next one to come when it holds none.
    pub first_position: u64,
    /// Events in it.
    pub events: u32,
    /// Records in it, the log's own included.
    pub records: u32,
    /// Root of the Merkle tree after its events.
    pub root: Hash,
}

impl Header {
    /// Size of the Merkle tree after this block: the position of the last event so far.
    pub const fn tree_size(&self) -> u64 {
        self.first_position - 1 + self.events as u64
    }

    /// Whether the event at this position is in the block.
    pub const fn holds(&self, position: u64) -> bool {
        self.first_position <= position && position <= self.tree_size()
    }

    /// Reads a header without checking checksum or body: good for finding the way to a block, not for trusting it.
    ///
    /// # Errors
    /// [`BlockFault::Magic`], [`BlockFault::Newer`] or [`BlockFault::Malformed`].
    pub fn peek(block: &[u8]) -> Result<Self, BlockFault> {
        Ok(RawHeader::parse(block)?.header)
    }
}

/// A header with what only decoding needs.
pub(super) struct RawHeader {
    pub(super) header: Header,
    pub(super) codec: u8,
    pub(super) raw_bytes: usize,
    pub(super) stored_bytes: usize,
}

fn field<const N: usize>(block: &[u8; HEADER_BYTES], at: usize) -> [u8; N] {
    block[at..].first_chunk().copied().expect("a field within the header")
}

pub(super) fn length(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

impl RawHeader {
    pub(super) fn parse(block: &[u8]) -> Result<Self, BlockFault> {
        let Some(h) = block.first_chunk::<HEADER_BYTES>() else {
            return Err(if block.starts_with(&MAGIC) {
                BlockFault::Malformed("it ends within its header")
            } else {
                BlockFault::Magic
            });
        };
        if !h.starts_with(&MAGIC) {
            return Err(BlockFault::Magic);
        }
        let version = u16::from_le_bytes(field(h, 12));
        if version > VERSION {
            return Err(BlockFault::Newer { found: version });
        }
        let header = Header {
            log: Uuid::from_bytes(field(h, 16)),
            epoch: u32::from_le_bytes(field(h, 32)),
            key: BlockKey { commit: u64::from_le_bytes(field(h, 40)), part: u16::from_le_bytes(field(h, 36)) },
            parts: u16::from_le_bytes(field(h, 38)),
            first_position: u64::from_le_bytes(field(h, 48)),
            events: u32::from_le_bytes(field(h, 56)),
            records: u32::from_le_bytes(field(h, 60)),
            root: field(h, 80),
        };
        let tree_size = u64::from_le_bytes(field(h, 72));
        let malformed = |what| Err(BlockFault::Malformed(what));
        if version == 0 || h[15] != 0 {
            return malformed("its version or its reserved byte is not one that was ever written");
        }
        if header.key.commit == 0 || header.key.part >= header.parts {
            return malformed("its commit or part number is out of range");
        }
        if header.first_position.checked_sub(1).and_then(|before| before.checked_add(header.events.into()))
            != Some(tree_size)
        {
            return malformed("position, count and tree size don't add up");
        }
        Ok(Self {
            header,
            codec: h[14],
            raw_bytes: length(u32::from_le_bytes(field(h, 64))),
            stored_bytes: length(u32::from_le_bytes(field(h, 68))),
        })
    }
}
