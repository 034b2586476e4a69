//! A disk that exists in memory and fails on request, for the simulation tests.
//!
//! It has a volatile cache: what was appended and not synced may be lost, kept or torn by a power cut. It is
//! deterministic: the same seed, faults and calls give the same disk. Nothing here reads a clock.
//!
//! Every change is a counted operation, and a cut can be planned for any of them: a test runs a script once,
//! asks for [`SimulatedDisk::operations`], and runs it again with a cut at each. Appending and syncing blocks are
//! one operation each; writing a file takes four (write, sync, rename, sync the folder).
//!
//! After a cut, everything that was open answers an error; [`SimulatedDisk::open`] starts the machine again.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::{BlockKey, BlockReader, Files, Poison, ReadBlock, Space, Storage, StorageError, check_blocks, check_name};

/// A `SplitMix64` generator: small, seeded, good enough to choose faults.
#[derive(Debug, Clone)]
pub struct SplitMix64(u64);

impl SplitMix64 {
    /// The sequence of this seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub const fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`; 0 when `bound` is 0.
    pub const fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { self.next_u64() % bound }
    }

    /// An index below `len`; 0 when `len` is 0.
    pub fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).unwrap_or(0)
    }

    /// True or false, evenly.
    pub const fn coin(&mut self) -> bool {
        self.next_u64() & 1 == 1
    }
}

/// What a power cut does to batches that were appended and not synced, and to a rename whose folder was not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Survival {
    /// All of it is lost.
    Lost,
    /// All of it is kept.
    Kept,
    /// The first few batches are kept, as many as the seed says; batches are never split.
    Prefix,
    /// As `Prefix`, and of the first batch that is not kept a torn piece remains: blocks cut short or garbled.
    /// The store below the log promises that this does not happen; checksums must notice if it does.
    Torn,
}

/// A simulated disk. Clones are the same disk.
#[derive(Debug, Clone)]
pub struct SimulatedDisk(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    disk: Mutex<Disk>,
    /// Told when syncs are not held any more.
    released: Condvar,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Failing {
    Append,
    Sync,
    File,
}

#[derive(Debug)]
struct Disk {
    random: SplitMix64,
    survival: Survival,
    durable: BTreeMap<BlockKey, Bytes>,
    /// What a running machine sees: durable blocks and those in the volatile cache.
    visible: BTreeMap<BlockKey, Bytes>,
    /// Batches of which the cache holds the only copy, oldest first.
    unsynced: Vec<Vec<BlockKey>>,
    files: BTreeMap<String, Vec<u8>>,
    capacity: u64,
    used: u64,
    operations: u64,
    cut_at: Option<u64>,
    /// The next of these fails.
    failing: BTreeSet<Failing>,
    /// Counts starts of the machine; a handle of an earlier one is dead.
    generation: u64,
    in_use: bool,
    /// Whether syncs wait, how many do, and how many of them may go on.
    holding: bool,
    held: usize,
    let_go: usize,
}

impl SimulatedDisk {
    /// An empty disk. All its choices follow from the seed.
    pub fn new(seed: u64) -> Self {
        let disk = Disk {
            random: SplitMix64::new(seed),
            survival: Survival::Prefix,
            durable: BTreeMap::new(),
            visible: BTreeMap::new(),
            unsynced: Vec::new(),
            files: BTreeMap::new(),
            capacity: 1 << 40,
            used: 0,
            operations: 0,
            cut_at: None,
            failing: BTreeSet::new(),
            generation: 0,
            in_use: false,
            holding: false,
            held: 0,
            let_go: 0,
        };
        Self(Arc::new(Shared { disk: Mutex::new(disk), released: Condvar::new() }))
    }

    /// Opens the disk, after a cut or after the storage before this was dropped.
    ///
    /// As on a real disk, what still is in the cache is synced first, and then the cache is dropped: after a
    /// failed sync this shows what the disk really has.
    ///
    /// # Errors
    /// [`StorageError::InUse`] while a storage of this disk is open.
    pub fn open(&self) -> Result<SimulatedStorage, StorageError> {
        let mut disk = self.disk();
        if disk.in_use {
            return Err(StorageError::InUse { path: "simulated disk".into(), holder: "this process".to_owned() });
        }
        disk.make_durable();
        disk.visible = disk.durable.clone();
        disk.in_use = true;
        let handle = Handle { disk: self.clone(), generation: disk.generation };
        Ok(SimulatedStorage { handle, poison: Poison::default() })
    }

    /// Cuts the power now. Nothing happens when it is cut already.
    pub fn crash(&self) {
        let mut disk = self.disk();
        if disk.in_use {
            disk.cut();
        }
    }

    /// Cuts the power in the middle of the `operation`th operation from now on; 1 is the next.
    pub fn crash_at(&self, operation: u64) {
        let mut disk = self.disk();
        disk.cut_at = Some(disk.operations + operation);
    }

    /// Forgets a planned cut.
    pub fn crash_never(&self) {
        self.disk().cut_at = None;
    }

    /// Whether no machine is running on the disk: it was cut, or its storage was dropped.
    pub fn is_down(&self) -> bool {
        !self.disk().in_use
    }

    /// Operations so far.
    pub fn operations(&self) -> u64 {
        self.disk().operations
    }

    /// What a cut does from now on; [`Survival::Prefix`] at first.
    pub fn set_survival(&self, survival: Survival) {
        self.disk().survival = survival;
    }

    /// The disk is full when this many bytes of blocks and files are on it.
    pub fn set_capacity(&self, bytes: u64) {
        self.disk().capacity = bytes;
    }

    /// Bytes of blocks and files on the disk.
    pub fn used(&self) -> u64 {
        self.disk().used
    }

    /// The next append fails and leaves nothing.
    pub fn fail_append(&self) {
        self.disk().failing.insert(Failing::Append);
    }

    /// The next sync fails. What was not synced before is lost, though a later sync would succeed.
    pub fn fail_sync(&self) {
        self.disk().failing.insert(Failing::Sync);
    }

    /// Lets every sync wait until [`release_syncs`](Self::release_syncs) or
    /// [`release_one_sync`](Self::release_one_sync), as a very slow disk does.
    pub fn hold_syncs(&self) {
        self.disk().holding = true;
    }

    /// Lets one sync that waits go on.
    pub fn release_one_sync(&self) {
        self.disk().let_go += 1;
        self.0.released.notify_all();
    }

    /// Lets syncs go on.
    pub fn release_syncs(&self) {
        self.disk().holding = false;
        self.0.released.notify_all();
    }

    /// How many syncs are held.
    pub fn held_syncs(&self) -> usize {
        self.disk().held
    }

    /// The next write of a file fails and leaves the old one.
    pub fn fail_file(&self) {
        self.disk().failing.insert(Failing::File);
    }

    /// The keys of all blocks that are durable.
    pub fn keys(&self) -> Vec<BlockKey> {
        self.disk().durable.keys().copied().collect()
    }

    /// Flips one bit of a stored block, as a failing medium does. False when there is no such bit.
    pub fn flip_bit(&self, key: BlockKey, bit: usize) -> bool {
        self.alter(key, |block| {
            let byte = block.get_mut(bit / 8)?;
            *byte ^= 1 << (bit % 8);
            Some(())
        })
    }

    /// Replaces a stored block, or removes it. False when there is none.
    pub fn replace_block(&self, key: BlockKey, block: Option<Vec<u8>>) -> bool {
        if let Some(new) = block {
            return self.alter(key, |block| {
                *block = new;
                Some(())
            });
        }
        let mut disk = self.disk();
        disk.visible.remove(&key);
        disk.durable.remove(&key).is_some()
    }

    /// The bytes of a file.
    pub fn file(&self, name: &str) -> Option<Vec<u8>> {
        self.disk().files.get(name).cloned()
    }

    /// Replaces or removes a file behind everyone's back.
    pub fn replace_file(&self, name: &str, bytes: Option<Vec<u8>>) {
        let mut disk = self.disk();
        match bytes {
            Some(bytes) => disk.files.insert(name.to_owned(), bytes),
            None => disk.files.remove(name),
        };
    }

    fn alter(&self, key: BlockKey, change: impl FnOnce(&mut Vec<u8>) -> Option<()>) -> bool {
        let mut disk = self.disk();
        let Some(mut block) = disk.durable.get(&key).map(|block| block.to_vec()) else { return false };
        if change(&mut block).is_none() {
            return false;
        }
        let block = Bytes::from(block);
        disk.durable.insert(key, block.clone());
        disk.visible.insert(key, block);
        true
    }

    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.0.disk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_while_held(&self) {
        let mut disk = self.disk();
        disk.held += 1;
        let waits = |disk: &mut Disk| disk.holding && disk.let_go == 0;
        let mut disk = self.0.released.wait_while(disk, waits).unwrap_or_else(PoisonError::into_inner);
        disk.let_go = disk.let_go.saturating_sub(1);
        disk.held -= 1;
    }
}

impl Disk {
    /// Counts an operation; true when the power is to be cut in its middle.
    fn operate(&mut self) -> bool {
        self.operations += 1;
        self.cut_at == Some(self.operations)
    }

    fn make_durable(&mut self) {
        for key in std::mem::take(&mut self.unsynced).into_iter().flatten() {
            self.durable.insert(key, self.visible[&key].clone());
        }
    }

    /// A choice the power cut makes about something that was not yet durable.
    const fn survives(&mut self) -> bool {
        match self.survival {
            Survival::Lost => false,
            Survival::Kept => true,
            Survival::Prefix | Survival::Torn => self.random.coin(),
        }
    }

    fn cut(&mut self) {
        let kept = match self.survival {
            Survival::Lost => 0,
            Survival::Kept => self.unsynced.len(),
            Survival::Prefix | Survival::Torn => self.random.index(self.unsynced.len() + 1),
        };
        let rest = self.unsynced.split_off(kept);
        self.make_durable();
        if self.survival == Survival::Torn
            && let Some(batch) = rest.first()
        {
            self.tear(batch);
        }
        self.visible = self.durable.clone();
        self.cut_at = None;
        self.generation += 1;
        self.in_use = false;
    }

    /// Leaves some blocks of a batch whole and one damaged.
    fn tear(&mut self, batch: &[BlockKey]) {
        let whole = self.random.index(batch.len());
        for (n, key) in batch.iter().enumerate().take(whole + 1) {
            let mut block = self.visible[key].to_vec();
            if n == whole {
                let from = self.random.index(block.len());
                if self.random.coin() {
                    block.truncate(from);
                } else {
                    // At least one bit differs.
                    for byte in &mut block[from..] {
                        *byte ^= self.random.next_u64().to_le_bytes()[0] | 1;
                    }
                }
            }
            self.durable.insert(*key, block.into());
        }
    }

    fn take_room(&mut self, bytes: usize, operation: &str) -> Result<(), StorageError> {
        let used = self.used + bytes as u64;
        if used > self.capacity {
            return Err(StorageError::Full { operation: operation.to_owned() });
        }
        self.used = used;
        Ok(())
    }

    fn put_file(&mut self, name: &str, bytes: &[u8]) {
        if let Some(old) = self.files.insert(name.to_owned(), bytes.to_vec()) {
            self.used = self.used.saturating_sub(old.len() as u64);
        }
    }
}

fn failed(operation: &str, why: &'static str) -> StorageError {
    StorageError::io(operation, io::Error::other(why))
}

/// One machine's access to the disk, until the power is cut.
#[derive(Debug, Clone)]
struct Handle {
    disk: SimulatedDisk,
    generation: u64,
}

impl Handle {
    fn disk(&self, operation: &str) -> Result<MutexGuard<'_, Disk>, StorageError> {
        let disk = self.disk.disk();
        if disk.generation == self.generation { Ok(disk) } else { Err(failed(operation, "the power was cut")) }
    }
}

/// The storage of a [`SimulatedDisk`].
#[derive(Debug)]
pub struct SimulatedStorage {
    handle: Handle,
    poison: Poison,
}

impl Drop for SimulatedStorage {
    fn drop(&mut self) {
        let mut disk = self.handle.disk.disk();
        if disk.generation == self.handle.generation {
            disk.in_use = false;
        }
    }
}

impl SimulatedStorage {
    fn try_append(&self, blocks: Vec<(BlockKey, Vec<u8>)>) -> Result<(), StorageError> {
        let operation = "append blocks";
        let mut disk = self.handle.disk(operation)?;
        let cut = disk.operate();
        if disk.failing.remove(&Failing::Append) {
            return Err(failed(operation, "simulated failure"));
        }
        disk.take_room(blocks.iter().map(|(_, block)| block.len()).sum(), operation)?;
        disk.unsynced.push(blocks.iter().map(|(key, _)| *key).collect());
        disk.visible.extend(blocks.into_iter().map(|(key, block)| (key, Bytes::from(block))));
        if cut {
            disk.cut();
            return Err(failed(operation, "the power was cut"));
        }
        Ok(())
    }

    fn try_sync(&self) -> Result<(), StorageError> {
        let operation = "sync blocks";
        self.handle.disk.wait_while_held();
        let mut disk = self.handle.disk(operation)?;
        if disk.operate() {
            disk.cut();
            return Err(failed(operation, "the power was cut"));
        }
        if disk.failing.remove(&Failing::Sync) {
            // As Linux does: the pages count as clean from now on, and the disk never got them.
            disk.unsynced.clear();
            return Err(failed(operation, "simulated failure"));
        }
        disk.make_durable();
        Ok(())
    }
}

impl Storage for SimulatedStorage {
    fn append(&mut self, blocks: Vec<(BlockKey, Vec<u8>)>) -> Result<(), StorageError> {
        self.poison.check("append blocks")?;
        check_blocks(&blocks)?;
        self.try_append(blocks).map_err(|error| self.poison.poisons(error))
    }

    fn sync(&mut self) -> Result<(), StorageError> {
        self.poison.check("sync blocks")?;
        self.try_sync().map_err(|error| self.poison.poisons(error))
    }

    fn reader(&self) -> Arc<dyn BlockReader> {
        Arc::new(self.handle.clone())
    }

    fn files(&self) -> Arc<dyn Files> {
        Arc::new(SimulatedFiles { handle: self.handle.clone(), poison: self.poison.clone() })
    }
}

impl BlockReader for Handle {
    fn get(&self, key: BlockKey) -> Result<Option<Bytes>, StorageError> {
        Ok(self.disk("read a block")?.visible.get(&key).cloned())
    }

    fn at_or_after(&self, key: BlockKey) -> Result<Option<(BlockKey, Bytes)>, StorageError> {
        let disk = self.disk("seek a block")?;
        Ok(disk.visible.range(key..).next().map(|(key, block)| (*key, block.clone())))
    }

    fn at_or_before(&self, key: BlockKey) -> Result<Option<(BlockKey, Bytes)>, StorageError> {
        let disk = self.disk("seek a block")?;
        Ok(disk.visible.range(..=key).next_back().map(|(key, block)| (*key, block.clone())))
    }

    fn scan(&self, from: BlockKey) -> Box<dyn Iterator<Item = ReadBlock> + Send> {
        let (handle, mut next) = (self.clone(), Some(from));
        Box::new(std::iter::from_fn(move || match handle.at_or_after(next?) {
            Ok(None) => None,
            Ok(Some((key, block))) => {
                next = (key != BlockKey::MAX).then(|| key.next());
                Some(Ok((key, block)))
            }
            Err(error) => {
                next = None;
                Some(Err(error))
            }
        }))
    }

    fn space(&self) -> Result<Space, StorageError> {
        let disk = self.disk("ask for free space")?;
        Ok(Space { used: disk.used, free: disk.capacity.saturating_sub(disk.used) })
    }
}

struct SimulatedFiles {
    handle: Handle,
    poison: Poison,
}

impl SimulatedFiles {
    fn replace(&self, name: &str, bytes: &[u8]) -> Result<(), StorageError> {
        check_name(name)?;
        self.poison.check("write a file")?;
        let operation = "write a file";
        let mut disk = self.handle.disk(operation)?;
        let temporary = format!(".{name}.new");
        let power_cut = || failed(operation, "the power was cut");
        // Written, and synced: until the rename, a cut leaves the old file and something under the other name.
        for _ in ["write", "sync"] {
            if disk.operate() {
                let torn = disk.random.index(bytes.len() + 1);
                disk.put_file(&temporary, &bytes[..torn]);
                disk.cut();
                return Err(power_cut());
            }
        }
        if disk.failing.remove(&Failing::File) {
            return Err(failed(operation, "simulated failure"));
        }
        disk.take_room(bytes.len(), operation)?;
        // Renamed, and the folder synced: until that is done, a cut may undo the rename.
        for _ in ["rename", "sync the folder"] {
            if disk.operate() {
                let to = if disk.survives() { name } else { &temporary };
                disk.put_file(to, bytes);
                disk.cut();
                return Err(power_cut());
            }
        }
        disk.put_file(name, bytes);
        Ok(())
    }
}

impl Files for SimulatedFiles {
    fn read(&self, name: &str) -> Result<Option<Vec<u8>>, StorageError> {
        check_name(name)?;
        Ok(self.handle.disk("read a file")?.files.get(name).cloned())
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), StorageError> {
        self.replace(name, bytes)
    }

    fn write_destroying(&self, name: &str, bytes: &[u8]) -> Result<(), StorageError> {
        // Free space is not modelled, so there is nothing of the old bytes left to overwrite.
        self.replace(name, bytes)?;
        let mut disk = self.handle.disk("overwrite the old file")?;
        if disk.operate() {
            disk.cut();
            return Err(failed("overwrite the old file", "the power was cut"));
        }
        Ok(())
    }

    fn destroy(&self, name: &str) -> Result<(), StorageError> {
        check_name(name)?;
        self.poison.check("destroy a file")?;
        let mut disk = self.handle.disk("destroy a file")?;
        disk.files.remove(&format!(".{name}.new"));
        for overwritten in [false, true] {
            if disk.operate() {
                if overwritten && disk.survives() {
                    disk.files.remove(name);
                } else if let Some(length) = disk.files.get(name).map(Vec::len) {
                    disk.put_file(name, &vec![0; length]);
                }
                disk.cut();
                return Err(failed("destroy a file", "the power was cut"));
            }
        }
        disk.files.remove(name);
        Ok(())
    }

    fn names(&self) -> Result<Vec<String>, StorageError> {
        let disk = self.handle.disk("list files")?;
        Ok(disk.files.keys().filter(|name| check_name(name).is_ok()).cloned().collect())
    }
}

#[cfg(test)]
mod tests;
