//! Reading the whole log through and proving it.

use super::guard::{Head, Marker};
use super::reader::LogReader;
use super::{Fault, LogError, RESTORE, Tip};
use crate::block::Block;
use crate::merkle::{CompactRange, SUBTREE_LEAVES, empty_root, leaf_hash};
use crate::storage::BlockKey;

/// What verifying read, all of it sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerifyReport {
    /// Which cluster's log it is.
    pub marker: Marker,
    /// The end of what was verified: the tip when it began.
    pub tip: Tip,
    /// Blocks read.
    pub blocks: u64,
    /// Records read.
    pub records: u64,
    /// Bytes of all blocks as stored.
    pub stored_bytes: u64,
}

/// Verifies everything up to the present tip: each block's checksum and key, that commits, parts and positions have
/// no gap, the Merkle root after each block, the stored subtree roots, and that `CLUSTER` and `HEAD` agree.
///
/// `progress` is called with commits done and in all, about a thousand times.
///
/// # Errors
/// [`LogError::Fault`] or [`LogError::Refused`] with the first thing that is not as it was written, where it is and
/// what to do; [`LogError::Storage`] when something can't be read.
pub fn verify(reader: &LogReader, mut progress: impl FnMut(u64, u64)) -> Result<VerifyReport, LogError> {
    // First the HEAD, then the tip: the log only grows.
    let head = Head::read(reader.files())?;
    let tip = reader.tip();
    let marker = Marker::read(reader.files())?;
    if marker != Some(reader.marker()) {
        let what = format!("it is not what it was when the log was opened, {:?}", reader.marker());
        return Err(Fault { place: "CLUSTER".to_owned(), what, advice: RESTORE }.into());
    }
    if let Some(head) = &head {
        head.check_reached(reader.marker(), (tip.commit > 0).then_some(&tip))?;
    } else if tip.commit > 0 {
        return Err(Fault { place: "HEAD".to_owned(), what: "it is missing".to_owned(), advice: RESTORE }.into());
    }

    let mut walk = Walk::default();
    let every = (tip.commit / 1000).max(1);
    for read in reader.scan(BlockKey::MIN) {
        let (key, stored) = read.map_err(LogError::storage("read a block"))?;
        if key.commit > tip.commit {
            break;
        }
        let block = reader.decode(key, &stored)?;
        walk.step(&block).map_err(|what| Fault::at(key, what))?;
        walk.stored_bytes += stored.len() as u64;
        if !walk.commit_is_whole() {
            continue;
        }
        if let Some(head) = head.filter(|head| head.tip.commit == key.commit) {
            head.check_same(&walk.tip())?;
        }
        if key.commit.is_multiple_of(every) || key.commit == tip.commit {
            progress(key.commit, tip.commit);
        }
    }
    if walk.tip() != tip || !walk.commit_is_whole() {
        let what = format!(
            "log ends after commit {} with {} events, and {} with {} are committed",
            walk.commit,
            walk.tree.size(),
            tip.commit,
            tip.size
        );
        return Err(Fault::at(BlockKey::first_of(walk.commit + 1), what).into());
    }
    Ok(VerifyReport {
        marker: reader.marker(),
        tip,
        blocks: walk.blocks,
        records: walk.records,
        stored_bytes: walk.stored_bytes,
    })
}

/// What must come next, given all before.
#[derive(Default)]
struct Walk {
    commit: u64,
    /// Part expected next, and parts in all; equal when the commit is whole.
    part: u16,
    parts: u16,
    epoch: u32,
    tree: CompactRange,
    blocks: u64,
    records: u64,
    stored_bytes: u64,
}

impl Walk {
    const fn commit_is_whole(&self) -> bool {
        self.part == self.parts
    }

    fn tip(&self) -> Tip {
        let root = if self.tree.size() == 0 { empty_root() } else { self.tree.root() };
        Tip { commit: self.commit, size: self.tree.size(), root }
    }

    fn step(&mut self, block: &Block) -> Result<(), String> {
        let header = block.header();
        let expected = if self.commit_is_whole() {
            BlockKey::first_of(self.commit + 1)
        } else {
            BlockKey { commit: self.commit, part: self.part }
        };
        if header.key != expected {
            return Err(format!("block of {expected} is missing before it"));
        }
        if header.key.part > 0 && header.parts != self.parts {
            return Err("parts of one commit count differently".to_owned());
        }
        if header.first_position != self.tree.size() + 1 {
            return Err(format!(
                "its first position is {}, and {} comes next",
                header.first_position,
                self.tree.size() + 1
            ));
        }
        if header.epoch < self.epoch {
            return Err(format!("its epoch {} is lower than the {} before it", header.epoch, self.epoch));
        }
        let mut nodes = Vec::new();
        let mut full = None;
        for (position, event) in block.events() {
            self.tree.append(leaf_hash(event), &mut nodes);
            if position.is_multiple_of(SUBTREE_LEAVES) {
                full = Some(self.tree.clone());
            }
        }
        if self.tree.root() != header.root {
            return Err("its events don't give the Merkle root stored with it".to_owned());
        }
        let kept = block.tree().map_err(|fault| fault.to_string())?;
        if kept.as_ref().map(|kept| (kept.nodes(), kept.range())) != full.as_ref().map(|full| (nodes.as_slice(), full))
        {
            return Err("its events don't give the subtree roots stored with it".to_owned());
        }
        (self.commit, self.part, self.parts, self.epoch) =
            (header.key.commit, header.key.part + 1, header.parts, header.epoch);
        self.blocks += 1;
        self.records += block.records().count() as u64;
        Ok(())
    }
}
