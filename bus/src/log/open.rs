//! Opening a log: does what is there belong together, and where does it end?

use super::frame::Framer;
use super::guard::{Head, Marker};
use super::reader::LogReader;
use super::writer::{Appender, LogWriter};
use super::{Fault, IMPORTING, LogError, OpenOptions, RESTORE, Recovered, Tip};
use crate::block::{Block, Expected};
use crate::merkle::{CompactRange, SUBTREE_LEAVES, empty_root, leaf_hash};
use crate::storage::{BlockKey, BlockReader, Files, Storage};

/// The last commit, every part of it sound.
struct Last {
    tip: Tip,
    epoch: u32,
}

pub(super) fn open(
    storage: Box<dyn Storage>,
    options: &OpenOptions,
) -> Result<(LogWriter, LogReader, Recovered), LogError> {
    let (blocks, files) = (storage.reader(), storage.files());
    if files.read(IMPORTING).map_err(LogError::storage("look for an import"))?.is_some() {
        return Err(LogError::refused(
            "an import into this folder was broken off",
            "empty the folder and import again",
        ));
    }
    let head = Head::read(&*files)?;
    let last_key =
        blocks.at_or_before(BlockKey::MAX).map_err(LogError::storage("find the last commit"))?.map(|(key, _)| key);
    let marker = match Marker::read(&*files)? {
        Some(marker) => marker,
        None => found(&*files, options, last_key, head.as_ref())?,
    };
    check_sort(marker, options)?;
    let expected = options.expected(marker.cluster);
    let last = last_key.map(|key| last_commit(&*blocks, key, expected)).transpose()?;
    if let Some(head) = &head {
        head.check_reached(marker, last.as_ref().map(|last| &last.tip))?;
        head.check_same(&tip_at(&*blocks, head.tip.commit, expected)?)?;
    }
    let last_epoch = last.as_ref().map_or(0, |last| last.epoch);
    if options.epoch < last_epoch {
        let reason = format!("epoch {} is over: the last commit has epoch {last_epoch}", options.epoch);
        return Err(LogError::refused(reason, "another writer has taken over; this one must not go on"));
    }
    let tip = last.map_or_else(|| Tip { commit: 0, size: 0, root: empty_root() }, |last| last.tip);
    if head.is_none() && tip.commit > 1 {
        // The first commit is answered behind its HEAD, so it was lost, and nothing tells how far the log had reached.
        return Err(LogError::refused(format!("HEAD is missing, and the log holds {} commits", tip.commit), RESTORE));
    }
    let reader = LogReader::new(blocks, files, marker, expected, tip, options.recent_bytes);
    let tree = restore_tree(&reader)?;
    let framer = Framer::new(marker.cluster, options.epoch, tip.commit, tree);
    let head_commit = head.map_or(0, |head| head.tip.commit);
    let mut appender = Appender::new(storage, reader.clone(), options.head_every, head_commit);
    if head.is_none() {
        // The first commit was made durable, and the machine stopped before HEAD was.
        appender.write_head()?;
    }
    let recovered = Recovered { marker, tip, founded: last_key.is_none(), last_epoch };
    Ok((LogWriter::new(framer, appender), reader, recovered))
}

/// Founds the log, which must be empty and never have been anything else.
fn found(
    files: &dyn Files,
    options: &OpenOptions,
    last_key: Option<BlockKey>,
    head: Option<&Head>,
) -> Result<Marker, LogError> {
    if let Some(key) = last_key {
        return Err(LogError::refused(
            format!("CLUSTER is missing, and the log holds {} commits", key.commit),
            RESTORE,
        ));
    }
    if let Some(head) = head {
        let reason = format!(
            "CLUSTER and the log are missing, and HEAD knows {} events of cluster {}",
            head.tip.size, head.cluster
        );
        return Err(LogError::refused(reason, RESTORE));
    }
    let Some(cluster) = options.found_as else {
        return Err(LogError::refused("there is no log here", "name the folder of a log that is there, or found one"));
    };
    let marker = Marker { cluster, demonstration: options.demonstration };
    marker.write(files)?;
    Ok(marker)
}

/// Refuses to mix a demonstration with the real thing.
fn check_sort(marker: Marker, options: &OpenOptions) -> Result<(), LogError> {
    let (reason, advice) = match (marker.demonstration, options.demonstration) {
        (true, false) => ("log is a demonstration with simulated GPUs", "simulate again, or name another folder"),
        (false, true) => {
            ("log is of a real cluster, and simulated GPUs must not get into it", "name another folder to simulate in")
        }
        (true, true) | (false, false) => return Ok(()),
    };
    Err(LogError::refused(reason, advice))
}

/// Reads all parts of the last commit. They are appended in one atomic step, so one that is missing was lost.
fn last_commit(blocks: &dyn BlockReader, last: BlockKey, expected: Expected) -> Result<Last, LogError> {
    let mut found = None;
    for part in 0..=last.part {
        let key = BlockKey { part, ..last };
        let block = read(blocks, key, expected)?;
        if block.header().parts != last.part + 1 {
            let what = format!("last commit has {} of its {} parts", last.part + 1, block.header().parts);
            return Err(Fault::at(key, what).into());
        }
        found = Some(block);
    }
    let block = found.expect("at least part 0 was read");
    Ok(Last { tip: tip_after(&block), epoch: block.header().epoch })
}

/// The log's end when it had reached this commit.
fn tip_at(blocks: &dyn BlockReader, commit: u64, expected: Expected) -> Result<Tip, LogError> {
    let found =
        blocks.at_or_before(BlockKey::last_of(commit)).map_err(LogError::storage("find the commit that HEAD names"))?;
    match found {
        Some((key, _)) if key.commit == commit => Ok(tip_after(&read(blocks, key, expected)?)),
        _ => Err(Fault::at(BlockKey::first_of(commit), "commit that HEAD names is missing").into()),
    }
}

fn read(blocks: &dyn BlockReader, key: BlockKey, expected: Expected) -> Result<Block, LogError> {
    let stored = blocks.get(key).map_err(LogError::storage("read a block"))?;
    let stored = stored.ok_or_else(|| Fault::at(key, "block is missing"))?;
    Block::decode(key, &stored, expected).map_err(Fault::block(key))
}

const fn tip_after(block: &Block) -> Tip {
    let header = block.header();
    Tip { commit: header.key.commit, size: header.tree_size(), root: header.root }
}

/// The Merkle tree at the tip: the peaks stored where the last full subtree ended, and the leaves since.
fn restore_tree(reader: &LogReader) -> Result<CompactRange, LogError> {
    let tip = reader.tip();
    let full = tip.size - tip.size % SUBTREE_LEAVES;
    let mut tree = CompactRange::new();
    if full > 0 {
        let block = reader.block_holding(full)?;
        let key = block.header().key;
        let nodes = block.tree().map_err(Fault::block(key))?;
        let nodes = nodes.filter(|nodes| nodes.range().size() == full);
        tree = nodes.ok_or_else(|| Fault::at(key, "peaks of the Merkle tree are missing"))?.range().clone();
    }
    reader.replay(full, tip.size, |_, event| -> Result<(), LogError> {
        tree.append(leaf_hash(event), &mut Vec::new());
        Ok(())
    })?;
    if tree.size() == tip.size && tree.root() == tip.root {
        return Ok(tree);
    }
    Err(Fault::at(
        BlockKey::first_of(tip.commit),
        "events since the last full subtree don't give the root stored with the last commit",
    )
    .into())
}
