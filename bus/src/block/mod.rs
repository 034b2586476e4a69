//! The block: how one commit, or a part of it, is framed for the disk.
//!
//! A block is a header of [`HEADER_BYTES`] and a body. All numbers are little-endian.
//!
//! | at | bytes | what |
//! |---|---|---|
//! | 0 | 8 | magic `DKUBEBLK` |
//! | 8 | 4 | CRC-32C over everything after it, header and body |
//! | 12 | 2 | format version |
//! | 14 | 1 | codec: 0 none, 1 lz4 |
//! | 15 | 1 | zero |
//! | 16 | 16 | log id |
//! | 32 | 4 | epoch of the writer |
//! | 36 | 2 | part, from 0 |
//! | 38 | 2 | parts of the commit |
//! | 40 | 8 | commit number |
//! | 48 | 8 | position of the first event; of the next one to come when there is none |
//! | 56 | 4 | events |
//! | 60 | 4 | records |
//! | 64 | 4 | length of the body before compression |
//! | 68 | 4 | length of the body as stored |
//! | 72 | 8 | size of the Merkle tree after this block |
//! | 80 | 32 | its root |
//!
//! The first 14 bytes, and what the checksum covers, hold for every version to come, so that a newer block can be
//! told from a damaged one, and a tool can find blocks in the wreck of a file.
//!
//! The body holds the events (two bytes of length, then the bytes), then the records (a byte of kind, two of
//! length, the bytes). Kinds from [`kind::RESERVED`] on are the log's own: [`kind::TREE`] holds the roots of the
//! subtrees that the block's events completed, and the peaks of the tree at the last of them.

mod body;
mod fault;
mod header;
#[cfg(test)]
mod tests;
mod tree;

pub use body::Events;
pub(crate) use body::{BodyBuilder, EVENT_PREFIX, RECORD_PREFIX};
pub use fault::BlockFault;
pub use header::Header;
pub use tree::TreeNodes;
pub(crate) use tree::tree_record_bytes;

use body::{take_record, take_sized};
use bytes::Bytes;
use header::{MAGIC, RawHeader};
use uuid::Uuid;

use crate::merkle::SUBTREE_LEAVES;
use crate::storage::{BLOCK_BYTES_MAX, BlockKey};

/// The format version written.
pub const VERSION: u16 = 1;

/// The length of the header.
pub const HEADER_BYTES: usize = 112;

/// The longest body, before compression: a block fits [`BLOCK_BYTES_MAX`] even when nothing can be compressed.
pub const BODY_BYTES_MAX: usize = BLOCK_BYTES_MAX - HEADER_BYTES;

/// The longest event.
pub const EVENT_BYTES_MAX: usize = 16 * 1024;

/// The longest record.
pub const RECORD_BYTES_MAX: usize = 32 * 1024;

const CHECKED_FROM: usize = 12;
const CODEC_NONE: u8 = 0;
const CODEC_LZ4: u8 = 1;

/// What records are. The log itself knows only its own kinds.
pub mod kind {
    /// The outcome of a command that bore an idempotency key.
    pub const OUTCOME: u8 = 1;
    /// The high-water mark of an agent's reports.
    pub const MARK: u8 = 2;
    /// Kinds from here on are the log's own and not for callers.
    pub const RESERVED: u8 = 0x80;
    /// Subtree roots and peaks of the Merkle tree.
    pub const TREE: u8 = 0x80;
}

/// Something a commit keeps beside its events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// What it is, see [`kind`].
    pub kind: u8,
    /// Its bytes, opaque to the log.
    pub bytes: Bytes,
}

impl Record {
    /// A record of this kind.
    pub fn new(kind: u8, bytes: impl Into<Bytes>) -> Self {
        Self { kind, bytes: bytes.into() }
    }
}

/// How blocks are to be read.
#[derive(Debug, Clone, Copy)]
pub struct Expected {
    /// The log they must belong to.
    pub log: Uuid,
    /// Whether checksums are compared. Only tests that plant a bug say no.
    pub checksum: bool,
}

/// A block that was read and checked, or is about to be written: header and decompressed body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    header: Header,
    body: Bytes,
    /// Where the records begin.
    records_at: usize,
}

impl Block {
    /// Checks and decodes what stood under a key.
    ///
    /// # Errors
    /// A [`BlockFault`] for anything but a sound block of this log under its own key.
    pub fn decode(key: BlockKey, block: &Bytes, expected: Expected) -> Result<Self, BlockFault> {
        let parsed = RawHeader::parse(block);
        if !matches!(parsed, Err(BlockFault::Magic)) && block.len() >= CHECKED_FROM && expected.checksum {
            let stored = block[8..].first_chunk().copied().map_or(0, u32::from_le_bytes);
            let found = crc32c::crc32c(&block[CHECKED_FROM..]);
            if found != stored {
                return Err(BlockFault::Checksum { found, expected: stored });
            }
        }
        let raw = parsed?;
        let header = &raw.header;
        if header.log != expected.log {
            return Err(BlockFault::Foreign { found: header.log, expected: expected.log });
        }
        if header.key != key {
            return Err(BlockFault::Misplaced { found: header.key, expected: key });
        }
        let malformed = |what| Err(BlockFault::Malformed(what));
        if raw.raw_bytes > BODY_BYTES_MAX || raw.stored_bytes != block.len() - HEADER_BYTES {
            return malformed("its lengths don't add up");
        }
        let stored = block.slice(HEADER_BYTES..);
        let body = match raw.codec {
            CODEC_NONE => stored,
            CODEC_LZ4 => match lz4_flex::block::decompress(&stored, raw.raw_bytes) {
                Ok(body) => body.into(),
                Err(_) => return malformed("its body can't be decompressed"),
            },
            _ => return malformed("its codec is unknown"),
        };
        if body.len() != raw.raw_bytes {
            return malformed("its body has another length than its header says");
        }
        Self::new(raw.header, body)
    }

    /// A block of this header and body.
    fn new(header: Header, body: Bytes) -> Result<Self, BlockFault> {
        let cut_short = BlockFault::Malformed("its body ends within an event or a record");
        let mut rest = &body[..];
        for _ in 0..header.events {
            take_sized(&mut rest).ok_or(cut_short.clone())?;
        }
        let records_at = body.len() - rest.len();
        for _ in 0..header.records {
            take_record(&mut rest).ok_or(cut_short.clone())?;
        }
        if !rest.is_empty() {
            return Err(BlockFault::Malformed("its body goes on after its last record"));
        }
        Ok(Self { header, body, records_at })
    }

    /// The bytes to store: framed, compressed where that makes it shorter, and checksummed.
    pub fn encode(&self) -> Vec<u8> {
        let raw = &self.body[..];
        let mut block = vec![0; HEADER_BYTES + lz4_flex::block::get_maximum_output_size(raw.len())];
        // Cannot fail into a buffer of that size; uncompressed would be as good if it did.
        let packed = lz4_flex::block::compress_into(raw, &mut block[HEADER_BYTES..]).unwrap_or(usize::MAX);
        let (codec, stored) = if packed < raw.len() { (CODEC_LZ4, packed) } else { (CODEC_NONE, raw.len()) };
        block.truncate(HEADER_BYTES + stored);
        if codec == CODEC_NONE {
            block[HEADER_BYTES..].copy_from_slice(raw);
        }
        self.fill_header(&mut block, codec, stored);
        let checksum = crc32c::crc32c(&block[CHECKED_FROM..]);
        block[8..CHECKED_FROM].copy_from_slice(&checksum.to_le_bytes());
        block
    }

    fn fill_header(&self, block: &mut [u8], codec: u8, stored: usize) {
        let header = &self.header;
        let number = |length: usize| u32::try_from(length).expect("a body of less than 64 KiB").to_le_bytes();
        let mut put = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, &MAGIC);
        put(12, &VERSION.to_le_bytes());
        put(14, &[codec]);
        put(16, header.log.as_bytes());
        put(32, &header.epoch.to_le_bytes());
        put(36, &header.key.part.to_le_bytes());
        put(38, &header.parts.to_le_bytes());
        put(40, &header.key.commit.to_le_bytes());
        put(48, &header.first_position.to_le_bytes());
        put(56, &header.events.to_le_bytes());
        put(60, &header.records.to_le_bytes());
        put(64, &number(self.body.len()));
        put(68, &number(stored));
        put(72, &header.tree_size().to_le_bytes());
        put(80, &header.root);
    }

    /// What the header says.
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// Length of the body in memory.
    pub fn body_bytes(&self) -> usize {
        self.body.len()
    }

    /// Its events with their positions, in order. Allocates nothing.
    pub fn events(&self) -> Events<'_> {
        Events { rest: &self.body[..self.records_at], next: self.header.first_position }
    }

    /// The same bytes as a part of this block's memory, which they keep alive; nothing is copied.
    pub fn share(&self, event: &[u8]) -> Bytes {
        self.body.slice_ref(event)
    }

    /// Its records, the log's own left out.
    pub fn records(&self) -> impl Iterator<Item = Record> + '_ {
        self.all_records()
            .filter(|(kind, _)| *kind < kind::RESERVED)
            .map(|(kind, bytes)| Record { kind, bytes: self.body.slice_ref(bytes) })
    }

    fn all_records(&self) -> impl Iterator<Item = (u8, &[u8])> {
        let mut rest = &self.body[self.records_at..];
        std::iter::from_fn(move || take_record(&mut rest))
    }

    /// What it keeps of the Merkle tree; `None` when its events complete no subtree.
    ///
    /// # Errors
    /// [`BlockFault::Malformed`] when that does not fit its positions.
    pub fn tree(&self) -> Result<Option<TreeNodes>, BlockFault> {
        let last = self.header.tree_size();
        let first_boundary = (self.header.first_position - 1) / SUBTREE_LEAVES + 1;
        let boundaries = first_boundary..=last / SUBTREE_LEAVES;
        let mut kept = self.all_records().filter(|(kind, _)| *kind == kind::TREE);
        let nodes = match (kept.next(), kept.next()) {
            (None, _) if boundaries.is_empty() => return Ok(None),
            (Some((_, bytes)), None) => TreeNodes::parse(boundaries, bytes),
            _ => None,
        };
        nodes.map(Some).ok_or(BlockFault::Malformed("its subtree roots don't fit its positions"))
    }
}
