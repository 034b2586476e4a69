use proptest::prelude::*;

use super::*;
use crate::merkle::completed_at;

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
