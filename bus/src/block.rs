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

use bytes::Bytes;
use uuid::Uuid;

use crate::merkle::{CompactRange, Hash, SUBTREE_LEAVES, completed_at};
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

const MAGIC: [u8; 8] = *b"DKUBEBLK";
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

/// How blocks are to be read.
#[derive(Debug, Clone, Copy)]
pub struct Expected {
    /// The log they must belong to.
    pub log: Uuid,
    /// Whether checksums are compared. Only tests that plant a bug say no.
    pub checksum: bool,
}

struct RawHeader {
    header: Header,
    codec: u8,
    raw_bytes: usize,
    stored_bytes: usize,
}

fn field<const N: usize>(block: &[u8; HEADER_BYTES], at: usize) -> [u8; N] {
    block[at..].first_chunk().copied().expect("a field within the header")
}

fn length(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

impl RawHeader {
    fn parse(block: &[u8]) -> Result<Self, BlockFault> {
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

/// Roots of the subtrees that the events of a block completed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeNodes {
    /// Multiples of [`SUBTREE_LEAVES`] among the block's positions, divided by it.
    boundaries: std::ops::RangeInclusive<u64>,
    /// For every boundary in order the roots that completed there, lowest level first.
    nodes: Vec<Hash>,
    /// The tree at the last boundary.
    range: CompactRange,
}

impl TreeNodes {
    fn parse(boundaries: std::ops::RangeInclusive<u64>, bytes: &[u8]) -> Option<Self> {
        let last = boundaries.end().checked_mul(SUBTREE_LEAVES)?;
        let count: u32 = boundaries.clone().map(|n| completed_at(n * SUBTREE_LEAVES)).sum();
        let (nodes, range) = bytes.split_at_checked(length(count) * 32)?;
        let range = CompactRange::from_bytes(range).ok()?;
        let nodes = nodes.as_chunks::<32>().0.to_vec();
        (!boundaries.is_empty() && range.size() == last).then_some(Self { boundaries, nodes, range })
    }

    /// The roots that completed, in the order of their completion.
    pub fn nodes(&self) -> &[Hash] {
        &self.nodes
    }

    /// The tree when the last of them completed.
    pub const fn range(&self) -> &CompactRange {
        &self.range
    }

    /// The root of the subtree of this level that completed at this size of the tree.
    pub fn node(&self, level: u32, size: u64) -> Option<Hash> {
        let level = level.checked_sub(crate::merkle::SUBTREE_LEVEL)?;
        if level >= completed_at(size) || !self.boundaries.contains(&(size / SUBTREE_LEAVES)) {
            return None;
        }
        let before: u32 =
            (*self.boundaries.start()..size / SUBTREE_LEAVES).map(|n| completed_at(n * SUBTREE_LEAVES)).sum();
        self.nodes.get(length(before + level)).copied()
    }
}

/// The length of the log's own record in a block with events up to `last`, whose first is `first`; 0 for none.
pub(crate) fn tree_record_bytes(first: u64, last: u64) -> usize {
    let (from, to) = ((first - 1) / SUBTREE_LEAVES + 1, last / SUBTREE_LEAVES);
    if from > to {
        return 0;
    }
    // Over all boundaries up to n together, one root a boundary, one more every second, and so on.
    let completed_up_to = |n: u64| 2 * n - u64::from(n.count_ones());
    let nodes = completed_up_to(to) - completed_up_to(from - 1) + u64::from(to.count_ones());
    RECORD_PREFIX + 8 + usize::try_from(nodes).unwrap_or(usize::MAX) * 32
}

/// Bytes before an event's own.
pub(crate) const EVENT_PREFIX: usize = 2;
/// Bytes before a record's own.
pub(crate) const RECORD_PREFIX: usize = 3;

/// Events of a block with their positions.
#[derive(Debug, Clone)]
pub struct Events<'a> {
    rest: &'a [u8],
    next: u64,
}

impl<'a> Iterator for Events<'a> {
    type Item = (u64, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let event = take_sized(&mut self.rest)?;
        self.next += 1;
        Some((self.next - 1, event))
    }
}

fn take_sized<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (size, after) = rest.split_first_chunk::<2>()?;
    let (bytes, after) = after.split_at_checked(usize::from(u16::from_le_bytes(*size)))?;
    *rest = after;
    Some(bytes)
}

fn take_record<'a>(rest: &mut &'a [u8]) -> Option<(u8, &'a [u8])> {
    let (kind, mut after) = rest.split_first()?;
    let bytes = take_sized(&mut after)?;
    *rest = after;
    Some((*kind, bytes))
}

/// Puts a body together: events first, then records.
#[derive(Debug, Default)]
pub(crate) struct BodyBuilder {
    body: Vec<u8>,
    events: u32,
    records: u32,
    records_at: usize,
}

impl BodyBuilder {
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Self { body: Vec::with_capacity(bytes), ..Self::default() }
    }

    pub(crate) fn event(&mut self, bytes: &[u8]) {
        debug_assert_eq!(self.records, 0, "events come before records");
        self.sized(bytes);
        self.events += 1;
        self.records_at = self.body.len();
    }

    pub(crate) fn record(&mut self, kind: u8, bytes: &[u8]) {
        self.body.push(kind);
        self.sized(bytes);
        self.records += 1;
    }

    fn sized(&mut self, bytes: &[u8]) {
        let size = u16::try_from(bytes.len()).expect("bounded when the commit was taken");
        self.body.extend_from_slice(&size.to_le_bytes());
        self.body.extend_from_slice(bytes);
    }

    /// The block of this body; `header` is asked for with the counts.
    pub(crate) fn finish(self, header: impl FnOnce(u32, u32) -> Header) -> Block {
        assert!(self.body.len() <= BODY_BYTES_MAX, "parts are planned to fit");
        Block { header: header(self.events, self.records), body: self.body.into(), records_at: self.records_at }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LOG: Uuid = Uuid::from_u128(7);
    const EXPECTED: Expected = Expected { log: LOG, checksum: true };
    const KEY: BlockKey = BlockKey { commit: 5, part: 1 };

    fn block(events: &[Vec<u8>], records: &[(u8, Vec<u8>)]) -> Block {
        let mut builder = BodyBuilder::with_capacity(0);
        for event in events {
            builder.event(event);
        }
        for (kind, bytes) in records {
            builder.record(*kind, bytes);
        }
        builder.finish(|events, records| Header {
            log: LOG,
            epoch: 3,
            key: KEY,
            parts: 2,
            first_position: 11,
            events,
            records,
            root: [9; 32],
        })
    }

    fn decode(stored: Vec<u8>) -> Result<Block, BlockFault> {
        Block::decode(KEY, &stored.into(), EXPECTED)
    }

    /// Stores a checksum that fits, so that what lies behind it is reached.
    fn sealed(mut stored: Vec<u8>) -> Vec<u8> {
        let checksum = crc32c::crc32c(&stored[CHECKED_FROM..]);
        stored[8..12].copy_from_slice(&checksum.to_le_bytes());
        stored
    }

    fn changed(at: usize, bytes: &[u8]) -> Result<Block, BlockFault> {
        let mut stored = block(&[vec![1; 400]], &[(kind::MARK, vec![2])]).encode();
        stored[at..at + bytes.len()].copy_from_slice(bytes);
        decode(sealed(stored))
    }

    #[test]
    fn the_header_is_where_the_table_says() {
        let stored = block(&[vec![1], vec![2]], &[]).encode();
        assert_eq!(&stored[..8], b"DKUBEBLK");
        assert_eq!(stored[12..16], [1, 0, 0, 0]);
        assert_eq!(stored[32..40], [3, 0, 0, 0, 1, 0, 2, 0]);
        assert_eq!(stored[40..64], [5, 0, 0, 0, 0, 0, 0, 0, 11, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(stored[64..80], [6, 0, 0, 0, 6, 0, 0, 0, 12, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(stored[HEADER_BYTES..], [1, 0, 1, 1, 0, 2]);
    }

    #[test]
    fn each_fault_is_told_apart() {
        use BlockFault::{Checksum, Foreign, Magic, Malformed, Misplaced, Newer};
        assert!(changed(0, &MAGIC).is_ok());
        assert_eq!(changed(0, b"x"), Err(Magic));
        assert_eq!(decode(b"short".to_vec()), Err(Magic));
        assert_eq!(changed(12, &[2, 0]), Err(Newer { found: 2 }));
        assert!(matches!(changed(16, &[1]), Err(Foreign { .. })));
        assert!(matches!(changed(40, &[6]), Err(Misplaced { .. })));
        assert!(matches!(changed(36, &[0]), Err(Misplaced { .. })));
        for (at, bytes) in [
            (12, &[0][..]),   // version 0
            (14, &[7]),       // codec
            (15, &[1]),       // reserved
            (36, &[2]),       // part 2 of 2
            (48, &[0]),       // position 0
            (56, &[2]),       // more events
            (60, &[0]),       // fewer records
            (64, &[0xff; 4]), // raw length
            (64, &[1]),
            (68, &[1]), // stored length
            (72, &[1]), // tree size
            (HEADER_BYTES, &[0xff; 4]),
        ] {
            assert!(matches!(changed(at, bytes), Err(Malformed(_))), "at {at}");
        }
        let mut stored = block(&[vec![1; 50]], &[]).encode();
        stored[60] ^= 1;
        assert!(matches!(decode(stored.clone()), Err(Checksum { .. })));
        assert!(matches!(decode(stored[..40].to_vec()), Err(Checksum { .. })));
        assert!(Block::decode(KEY, &stored.into(), Expected { checksum: false, ..EXPECTED }).is_err());
    }

    #[test]
    fn the_length_of_the_tree_record_is_foreseen() {
        for first in [1_u64, 100, 256, 257, 300, 1025, 1 << 20, (1 << 30) + 1] {
            for count in [0, 1, 2, 156, 157, 256, 257, 1000, 5000] {
                let last = first + count - 1;
                let mut boundaries = (first..=last).filter(|size| size.is_multiple_of(SUBTREE_LEAVES));
                let nodes: u32 = boundaries.clone().map(completed_at).sum();
                let bytes = boundaries.next_back().map_or(0, |last| 11 + 32 * (nodes + last.count_ones()) as usize);
                assert_eq!(tree_record_bytes(first, last), bytes, "{first} {count}");
            }
        }
    }

    fn some_block() -> impl Strategy<Value = Block> {
        let bytes = || proptest::collection::vec(prop_oneof![any::<u8>(), Just(0)], 0..200);
        (proptest::collection::vec(bytes(), 0..20), proptest::collection::vec((0..kind::RESERVED, bytes()), 0..6))
            .prop_map(|(events, records)| block(&events, &records))
    }

    proptest! {
        #[test]
        fn round_trip(events in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 0..20)) {
            let written = block(&events, &[(kind::OUTCOME, vec![4; 300])]);
            let read = decode(written.encode()).unwrap();
            prop_assert_eq!(&read, &written);
            let positions: Vec<u64> = read.events().map(|(position, _)| position).collect();
            prop_assert_eq!(positions, (11..11 + events.len() as u64).collect::<Vec<_>>());
            prop_assert!(read.events().map(|(_, bytes)| bytes.to_vec()).eq(events));
            prop_assert_eq!(read.records().collect::<Vec<_>>(), [Record::new(kind::OUTCOME, vec![4; 300])]);
        }

        #[test]
        fn any_flipped_bit_is_detected(block in some_block(), bit in any::<prop::sample::Index>()) {
            let mut stored = block.encode();
            let bit = bit.index(stored.len() * 8);
            stored[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(decode(stored).is_err());
        }

        #[test]
        fn any_cut_is_detected(block in some_block(), at in any::<prop::sample::Index>()) {
            let stored = block.encode();
            prop_assert!(decode(stored[..at.index(stored.len())].to_vec()).is_err());
        }

        #[test]
        fn no_bytes_make_it_panic(mut stored in proptest::collection::vec(any::<u8>(), 0..400), checksum in any::<bool>()) {
            let whole = block(&[vec![1; 40]], &[]).encode();
            let header = stored.len().min(80);
            stored[..header].copy_from_slice(&whole[..header]);
            let _ = Block::decode(KEY, &stored.into(), Expected { log: LOG, checksum }).map(|block| block.tree());
        }
    }
}
