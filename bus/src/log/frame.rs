//! From events and records to the blocks of a commit. Does no I/O.

use std::sync::Arc;

use uuid::Uuid;

use super::{Committed, LogError, Tip};
use crate::block::{
    BODY_BYTES_MAX, Block, BodyBuilder, EVENT_BYTES_MAX, EVENT_PREFIX, Header, RECORD_BYTES_MAX, RECORD_PREFIX, Record,
    kind, tree_record_bytes,
};
use crate::merkle::{CompactRange, SUBTREE_LEAVES, leaf_hash};
use crate::storage::BlockKey;

/// Numbers commits and positions, and grows the Merkle tree.
#[derive(Debug)]
pub(super) struct Framer {
    log: Uuid,
    epoch: u32,
    commit: u64,
    tree: CompactRange,
}

/// A commit that is ready to be appended, by the log that framed it and in the order it was framed.
#[derive(Debug)]
pub(super) struct Framed {
    pub(super) blocks: Vec<Arc<Block>>,
    pub(super) stored: Vec<(BlockKey, Vec<u8>)>,
    pub(super) committed: Committed,
}

/// How many events and records go into one part.
#[derive(Debug, Clone, Copy, Default)]
struct Part {
    events: usize,
    records: usize,
    /// Body bytes without the log's own record.
    bytes: usize,
}

impl Framer {
    pub(super) const fn new(log: Uuid, epoch: u32, commit: u64, tree: CompactRange) -> Self {
        Self { log, epoch, commit, tree }
    }

    /// The position that the next event gets.
    pub(super) const fn next_position(&self) -> u64 {
        self.tree.size() + 1
    }

    /// Frames the next commit. What is framed has to be appended: a commit left out is missed by the next one.
    ///
    /// # Errors
    /// [`LogError::Invalid`] for an event above [`EVENT_BYTES_MAX`], a record above [`RECORD_BYTES_MAX`] or of a
    /// reserved kind, a commit of neither or of more than 65,535 parts. Nothing has changed then.
    pub(super) fn frame(&mut self, events: &[impl AsRef<[u8]>], records: &[Record]) -> Result<Framed, LogError> {
        check(events, records)?;
        let parts = plan(self.next_position(), events, records);
        let Ok(count) = u16::try_from(parts.len()) else {
            return Err(LogError::Invalid(format!(
                "commit needs {} parts, and at most {} are possible",
                parts.len(),
                u16::MAX
            )));
        };
        self.commit += 1;
        let first_position = self.next_position();
        let (mut events_left, mut records_left) = (events, records);
        let mut blocks = Vec::with_capacity(parts.len());
        for (n, part) in (0..count).zip(parts) {
            let (events, events_after) = events_left.split_at(part.events);
            let (records, records_after) = records_left.split_at(part.records);
            blocks.push(Arc::new(self.block(
                BlockKey { commit: self.commit, part: n },
                count,
                events,
                records,
                part.bytes,
            )));
            (events_left, records_left) = (events_after, records_after);
        }
        let stored = blocks.iter().map(|block| (block.header().key, block.encode())).collect();
        let root = blocks.last().map_or_else(|| self.tree.root(), |block| block.header().root);
        let tip = Tip { commit: self.commit, size: self.tree.size(), root };
        Ok(Framed { blocks, stored, committed: Committed { first_position, count: events.len() as u64, tip } })
    }

    fn block(
        &mut self,
        key: BlockKey,
        parts: u16,
        events: &[impl AsRef<[u8]>],
        records: &[Record],
        bytes: usize,
    ) -> Block {
        let first_position = self.next_position();
        let last = self.tree.size() + events.len() as u64;
        let mut body = BodyBuilder::with_capacity(bytes + tree_record_bytes(first_position, last));
        let mut nodes = Vec::new();
        let mut peaks = Vec::new();
        for event in events {
            let event = event.as_ref();
            body.event(event);
            self.tree.append(leaf_hash(event), &mut nodes);
            if self.tree.size() == last - last % SUBTREE_LEAVES {
                peaks = self.tree.to_bytes();
            }
        }
        for record in records {
            body.record(record.kind, &record.bytes);
        }
        if !nodes.is_empty() {
            let mut tree = nodes.concat();
            tree.extend(peaks);
            body.record(kind::TREE, &tree);
        }
        let (log, epoch, root) = (self.log, self.epoch, self.tree.root());
        body.finish(|events, records| Header { log, epoch, key, parts, first_position, events, records, root })
    }
}

fn check(events: &[impl AsRef<[u8]>], records: &[Record]) -> Result<(), LogError> {
    if events.is_empty() && records.is_empty() {
        return Err(LogError::Invalid("commit holds neither an event nor a record".to_owned()));
    }
    for event in events {
        let bytes = event.as_ref().len();
        if bytes > EVENT_BYTES_MAX {
            return Err(LogError::Invalid(format!(
                "event has {bytes} bytes, and at most {EVENT_BYTES_MAX} are allowed"
            )));
        }
    }
    for Record { kind, bytes } in records {
        if *kind >= kind::RESERVED {
            return Err(LogError::Invalid(format!("record kind {kind:#04x} is the log's own")));
        }
        let bytes = bytes.len();
        if bytes > RECORD_BYTES_MAX {
            return Err(LogError::Invalid(format!(
                "record has {bytes} bytes, and at most {RECORD_BYTES_MAX} are allowed"
            )));
        }
    }
    Ok(())
}

/// Fills one part after the other, events first, each up to what a block can hold uncompressed.
fn plan(next_position: u64, events: &[impl AsRef<[u8]>], records: &[Record]) -> Vec<Part> {
    let mut parts = Vec::with_capacity(1);
    let mut part = Part::default();
    let mut first = next_position;
    let event_sizes = events.iter().map(|event| (1, EVENT_PREFIX + event.as_ref().len()));
    let record_sizes = records.iter().map(|record| (0, RECORD_PREFIX + record.bytes.len()));
    for (event, bytes) in event_sizes.chain(record_sizes) {
        let last = first - 1 + (part.events + event) as u64;
        if part.bytes + bytes + tree_record_bytes(first, last) > BODY_BYTES_MAX {
            parts.push(part);
            first += part.events as u64;
            part = Part::default();
        }
        part.events += event;
        part.records += 1 - event;
        part.bytes += bytes;
    }
    parts.push(part);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block::Expected;

    const LOG: Uuid = Uuid::from_u128(1);

    fn framer() -> Framer {
        Framer::new(LOG, 1, 0, CompactRange::new())
    }

    fn decoded(framed: &Framed) -> Vec<Block> {
        let decode = |(key, stored): &(BlockKey, Vec<u8>)| {
            Block::decode(*key, &stored.clone().into(), Expected { log: LOG, checksum: true }).unwrap()
        };
        framed.stored.iter().map(decode).collect()
    }

    #[test]
    fn a_big_commit_is_split_and_keeps_its_order() {
        let mut numbering = framer();
        numbering.frame(&[[1]], &[]).unwrap();
        let events: Vec<Vec<u8>> =
            (0..700_u32).map(|n| n.to_le_bytes().repeat(if n % 7 == 0 { 4096 } else { 20 })).collect();
        let records: Vec<Record> = (0..5).map(|n| Record::new(n, vec![n; RECORD_BYTES_MAX])).collect();
        let framed = numbering.frame(&events, &records).unwrap();
        let blocks = decoded(&framed);
        assert!(blocks.len() > 20);
        assert!(blocks.iter().eq(framed.blocks.iter().map(|block| &**block)));
        let found: Vec<(u64, Vec<u8>)> = blocks
            .iter()
            .flat_map(|block| block.events().map(|(position, bytes)| (position, bytes.to_vec())))
            .collect();
        assert_eq!(found, (2..).zip(events).collect::<Vec<_>>());
        assert_eq!(blocks.iter().flat_map(|block| block.records().collect::<Vec<_>>()).collect::<Vec<_>>(), records);
        assert!(framed.stored.iter().all(|(_, block)| block.len() <= crate::storage::BLOCK_BYTES_MAX));
        let committed = framed.committed;
        assert_eq!((committed.first_position, committed.count, committed.tip.size), (2, 700, 701));
        let nodes: Vec<_> = blocks.iter().filter_map(|block| block.tree().unwrap()).collect();
        assert_eq!(nodes.iter().map(|nodes| nodes.nodes().len()).sum::<usize>(), 3);
        assert_eq!(nodes.last().unwrap().range().size(), 512);
        assert_eq!(nodes.last().unwrap().node(9, 512), Some(nodes.last().unwrap().range().root()));
    }

    #[test]
    fn tiny_events_leave_room_for_their_subtree_roots() {
        let events = vec![[]; 200_000];
        let framed = framer().frame(&events, &[]).unwrap();
        let blocks = decoded(&framed);
        assert!(blocks.iter().all(|block| block.body_bytes() <= BODY_BYTES_MAX && block.tree().unwrap().is_some()));
        assert_eq!(blocks.last().unwrap().header().tree_size(), 200_000);
    }

    #[test]
    fn what_does_not_belong_is_refused_and_changes_nothing() {
        let mut numbering = framer();
        let none: [&[u8]; 0] = [];
        assert!(numbering.frame(&none, &[]).is_err());
        assert!(numbering.frame(&[vec![0; EVENT_BYTES_MAX + 1]], &[]).is_err());
        assert!(numbering.frame(&none, &[Record::new(kind::TREE, vec![])]).is_err());
        assert!(numbering.frame(&none, &[Record::new(1, vec![0; RECORD_BYTES_MAX + 1])]).is_err());
        let framed = numbering.frame(&none, &[Record::new(1, vec![])]).unwrap();
        assert_eq!(framed.committed.tip, Tip { commit: 1, size: 0, root: crate::merkle::empty_root() });
    }
}
