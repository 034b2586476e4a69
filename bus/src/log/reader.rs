//! Reading what is committed, from any thread.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use bytes::Bytes;

use super::index::{Index, Waypoint, guess};
use super::recent::Recent;
use super::{Fault, LogError, Marker, Tip};
use crate::block::{Block, Expected, Header, Record};
use crate::merkle::{Hash, SUBTREE_LEVEL};
use crate::storage::{BlockKey, BlockReader, Files, ReadBlock};

/// Reads a log up to its tip. Clones share what they keep in memory.
#[derive(Clone)]
pub struct LogReader(Arc<Shared>);

struct Shared {
    blocks: Arc<dyn BlockReader>,
    files: Arc<dyn Files>,
    marker: Marker,
    expected: Expected,
    tip: RwLock<Tip>,
    recent: Mutex<Recent>,
    /// The last few blocks that were sought, the last one last: who looks at one event mostly looks at its neighbours.
    sought: Mutex<VecDeque<Arc<Block>>>,
    index: Mutex<Index>,
}

/// How many blocks that were sought are kept, of 64 KiB at most each.
const SOUGHT_MAX: usize = 8;

impl std::fmt::Debug for LogReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogReader").field("marker", &self.0.marker).field("tip", &self.tip()).finish_non_exhaustive()
    }
}

/// An event as it was committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    /// Its position.
    pub position: u64,
    /// Its bytes, which keep the memory of its whole block alive: copy them to keep a few for long.
    pub bytes: Bytes,
}

/// How big a log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stats {
    /// Commits.
    pub commits: u64,
    /// Events.
    pub events: u64,
    /// Bytes on the disk.
    pub bytes: u64,
    /// Bytes free on that disk.
    pub free_bytes: u64,
}

impl LogReader {
    pub(super) fn new(
        blocks: Arc<dyn BlockReader>,
        files: Arc<dyn Files>,
        marker: Marker,
        expected: Expected,
        tip: Tip,
        recent_bytes: usize,
    ) -> Self {
        Self(Arc::new(Shared {
            blocks,
            files,
            marker,
            expected,
            tip: RwLock::new(tip),
            recent: Mutex::new(Recent::new(recent_bytes)),
            sought: Mutex::default(),
            index: Mutex::default(),
        }))
    }

    /// The end of what is committed.
    pub fn tip(&self) -> Tip {
        *self.0.tip.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Which cluster's log it is.
    pub fn marker(&self) -> Marker {
        self.0.marker
    }

    /// Commits, events, and bytes taken and free.
    ///
    /// # Errors
    /// [`LogError::Storage`].
    pub fn stats(&self) -> Result<Stats, LogError> {
        let tip = self.tip();
        let space = self.0.blocks.space().map_err(LogError::storage("measure the log"))?;
        Ok(Stats { commits: tip.commit, events: tip.size, bytes: space.used, free_bytes: space.free })
    }

    /// The events after a position and up to another, or up to the tip where that comes first; as many as fit
    /// `events_max` and `bytes_max`, and at least one if there is any.
    ///
    /// # Errors
    /// [`LogError::Storage`] and [`LogError::Fault`].
    pub fn read(
        &self,
        after: u64,
        up_to: u64,
        events_max: usize,
        bytes_max: usize,
    ) -> Result<Vec<StoredEvent>, LogError> {
        let mut found = Vec::new();
        let mut bytes_left = bytes_max;
        for block in self.blocks(after, up_to) {
            let block = block?;
            for (position, bytes) in block.events().filter(|(position, _)| *position > after) {
                let full = found.len() >= events_max.max(1) || bytes.len() > bytes_left;
                if position > up_to || (full && !found.is_empty()) {
                    return Ok(found);
                }
                bytes_left = bytes_left.saturating_sub(bytes.len());
                found.push(StoredEvent { position, bytes: block.share(bytes) });
            }
        }
        Ok(found)
    }

    /// Hands out the events after a position and up to another, or up to the tip where that comes first, one after
    /// the other and without allocating for each: the way to fold the whole log.
    ///
    /// # Errors
    /// [`LogError::Storage`] and [`LogError::Fault`], and what `apply` answers: either ends it.
    pub fn replay<E: From<LogError>>(
        &self,
        after: u64,
        up_to: u64,
        mut apply: impl FnMut(u64, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        for block in self.blocks(after, up_to) {
            for (position, bytes) in block?.events() {
                if position > up_to {
                    return Ok(());
                }
                if position > after {
                    apply(position, bytes)?;
                }
            }
        }
        Ok(())
    }

    /// The blocks that hold the events after a position and up to another, or up to the tip where that comes
    /// first. The first and the last may hold others too.
    pub fn blocks(&self, after: u64, up_to: u64) -> Blocks {
        Blocks { reader: self.clone(), next: after.saturating_add(1), up_to: up_to.min(self.tip().size), scan: None }
    }

    /// The records of this commit and all after it, up to the tip, each with its commit's number.
    pub fn records(&self, from_commit: u64) -> Records {
        let scan = self.0.blocks.scan(BlockKey::first_of(from_commit));
        Records { reader: self.clone(), last: self.tip().commit, scan: Some(scan), found: Vec::new().into_iter() }
    }

    /// The commit that holds the event at a position; `None` when there is no such event.
    ///
    /// # Errors
    /// [`LogError::Storage`] and [`LogError::Fault`].
    pub fn commit_of(&self, position: u64) -> Result<Option<u64>, LogError> {
        if position == 0 || position > self.tip().size {
            return Ok(None);
        }
        Ok(Some(self.block_holding(position)?.header().key.commit))
    }

    /// The stored root of the perfect subtree of `2^level` leaves that is the `index`th of its level, from 0; `None`
    /// when the log does not reach its end, or the level is below [`SUBTREE_LEVEL`] and nothing is stored.
    ///
    /// # Errors
    /// [`LogError::Storage`] and [`LogError::Fault`].
    pub fn subtree_root(&self, level: u32, index: u64) -> Result<Option<Hash>, LogError> {
        let size = 1_u64.checked_shl(level).and_then(|leaves| index.checked_add(1)?.checked_mul(leaves));
        let Some(size) = size.filter(|size| level >= SUBTREE_LEVEL && *size <= self.tip().size) else {
            return Ok(None);
        };
        let block = self.block_holding(size)?;
        let key = block.header().key;
        let nodes = block.tree().map_err(Fault::block(key))?;
        let node = nodes.and_then(|nodes| nodes.node(level, size));
        node.map(Some).ok_or_else(|| Fault::at(key, "its subtree roots are missing").into())
    }

    pub(super) fn files(&self) -> &dyn Files {
        &*self.0.files
    }

    pub(super) fn set_tip(&self, tip: Tip) {
        *self.0.tip.write().unwrap_or_else(PoisonError::into_inner) = tip;
    }

    pub(super) fn push_recent(&self, blocks: Vec<Arc<Block>>) {
        let mut recent = self.0.recent.lock().unwrap_or_else(PoisonError::into_inner);
        for block in blocks {
            recent.push(block);
        }
    }

    pub(super) fn scan(&self, from: BlockKey) -> impl Iterator<Item = ReadBlock> + Send + use<> {
        self.0.blocks.scan(from)
    }

    pub(super) fn decode(&self, key: BlockKey, stored: &Bytes) -> Result<Block, LogError> {
        Block::decode(key, stored, self.0.expected).map_err(Fault::block(key))
    }

    /// The block with the event at a position that is committed.
    pub(super) fn block_holding(&self, position: u64) -> Result<Arc<Block>, LogError> {
        if let Some(block) = self.recent(position).or_else(|| self.sought_before(position)) {
            return Ok(block);
        }
        let block = Arc::new(self.seek_block(position)?);
        let mut sought = self.sought();
        sought.push_back(Arc::clone(&block));
        if sought.len() > SOUGHT_MAX {
            sought.pop_front();
        }
        Ok(block)
    }

    fn sought(&self) -> MutexGuard<'_, VecDeque<Arc<Block>>> {
        self.0.sought.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sought_before(&self, position: u64) -> Option<Arc<Block>> {
        self.sought().iter().rev().find(|block| block.header().holds(position)).cloned()
    }

    fn seek_block(&self, position: u64) -> Result<Block, LogError> {
        let commit = self.seek(position)?;
        let mut key = BlockKey::first_of(commit);
        loop {
            let stored = self.0.blocks.get(key).map_err(LogError::storage("read a block"))?;
            let stored = stored.ok_or_else(|| Fault::at(key, format!("block with position {position} is missing")))?;
            let header = Header::peek(&stored).map_err(Fault::block(key))?;
            // A header that lies is found out when its block is decoded, or by a position that isn't there.
            if header.holds(position) {
                return self.decode(key, &stored);
            }
            if key.part + 1 >= header.parts {
                return Err(
                    Fault::at(key, format!("commit does not hold position {position}, where it has to be")).into()
                );
            }
            key = key.next();
        }
    }

    fn recent(&self, position: u64) -> Option<Arc<Block>> {
        self.0.recent.lock().unwrap_or_else(PoisonError::into_inner).holding(position)
    }

    /// The last commit that begins at or before a position: the one that holds it.
    fn seek(&self, position: u64) -> Result<u64, LogError> {
        let tip = self.tip();
        let mut low = Waypoint { commit: 1, first_position: 1 };
        let mut high = Waypoint { commit: tip.commit + 1, first_position: tip.size + 1 };
        self.index().narrow(position, &mut low, &mut high);
        for step in 0.. {
            if high.commit - low.commit <= 1 {
                break;
            }
            let commit = guess(position, low, high, step);
            let found =
                self.0.blocks.at_or_after(BlockKey::first_of(commit)).map_err(LogError::storage("seek a block"))?;
            let Some((key, stored)) = found.filter(|(key, _)| key.commit < high.commit) else {
                high.commit = commit;
                continue;
            };
            let header = Header::peek(&stored).map_err(Fault::block(key))?;
            let found = Waypoint { commit: header.key.commit, first_position: header.first_position };
            if found.commit < commit || !(low.first_position..=high.first_position).contains(&found.first_position) {
                let key = BlockKey::first_of(commit);
                return Err(Fault::at(key, "block's position or key does not fit those around it").into());
            }
            self.index().insert(found);
            if found.first_position <= position {
                low = found;
            } else {
                // No commit is between the one asked for and the one found.
                high = Waypoint { commit, ..found };
            }
        }
        Ok(low.commit)
    }

    fn index(&self) -> MutexGuard<'_, Index> {
        self.0.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Blocks in order; see [`LogReader::blocks`]. Ends after the first error.
pub struct Blocks {
    reader: LogReader,
    next: u64,
    up_to: u64,
    scan: Option<Box<dyn Iterator<Item = ReadBlock> + Send>>,
}

impl Blocks {
    fn load(&mut self) -> Result<Arc<Block>, LogError> {
        if let Some(block) = self.reader.recent(self.next) {
            return Ok(block);
        }
        let Some(scan) = &mut self.scan else {
            let block = self.reader.block_holding(self.next)?;
            self.scan = Some(self.reader.0.blocks.scan(block.header().key.next()));
            return Ok(block);
        };
        for read in scan {
            let (key, stored) = read.map_err(LogError::storage("read a block"))?;
            let block = self.reader.decode(key, &stored)?;
            if key.part == 0 {
                let first_position = block.header().first_position;
                self.reader.index().insert(Waypoint { commit: key.commit, first_position });
            }
            if block.header().holds(self.next) {
                return Ok(Arc::new(block));
            }
            // Blocks of records only lie between; after memory served a few, so do blocks already handed out.
            if block.header().first_position > self.next {
                return Err(
                    Fault::at(key, format!("block begins after position {}, which is missing", self.next)).into()
                );
            }
        }
        Err(Fault::at(BlockKey::MAX, format!("log ends before position {}, which is committed", self.next)).into())
    }
}

impl Iterator for Blocks {
    type Item = Result<Arc<Block>, LogError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next > self.up_to {
            return None;
        }
        let block = self.load();
        self.next = block.as_ref().map_or(u64::MAX, |block| block.header().tree_size() + 1);
        Some(block)
    }
}

impl std::fmt::Debug for Blocks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Blocks").field("next", &self.next).field("up_to", &self.up_to).finish_non_exhaustive()
    }
}

/// Records with their commits; see [`LogReader::records`]. Ends after the first error.
pub struct Records {
    reader: LogReader,
    last: u64,
    scan: Option<Box<dyn Iterator<Item = ReadBlock> + Send>>,
    found: std::vec::IntoIter<(u64, Record)>,
}

impl Records {
    fn load(&mut self) -> Result<bool, LogError> {
        let Some(read) = self.scan.as_mut().and_then(Iterator::next) else { return Ok(false) };
        let (key, stored) = read.map_err(LogError::storage("read a block"))?;
        if key.commit > self.last {
            return Ok(false);
        }
        let records: Vec<_> = match Header::peek(&stored).map_err(Fault::block(key))?.records {
            0 => Vec::new(),
            _ => self.reader.decode(key, &stored)?.records().map(|record| (key.commit, record)).collect(),
        };
        self.found = records.into_iter();
        Ok(true)
    }
}

impl Iterator for Records {
    type Item = Result<(u64, Record), LogError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(found) = self.found.next() {
                return Some(Ok(found));
            }
            self.scan.as_ref()?;
            match self.load() {
                Ok(true) => {}
                Ok(false) => self.scan = None,
                Err(error) => {
                    self.scan = None;
                    return Some(Err(error));
                }
            }
        }
    }
}

impl std::fmt::Debug for Records {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Records").field("last", &self.last).finish_non_exhaustive()
    }
}
