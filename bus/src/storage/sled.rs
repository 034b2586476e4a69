//! Blocks in sled 0.34, with what it takes to make them durable.
//!
//! What sled leaves undone on Linux, and is done here:
//! - `flush` writes and never calls `fsync`: [`SledStorage`] holds the data file open itself and calls
//!   `fdatasync` after every flush. sled's own flusher is off; the writer alone decides when.
//! - Pages above a quarter of a segment go to `blobs/`, which is never synced. A leaf holds 17 values at most,
//!   so with values up to [`BLOCK_BYTES_MAX`](super::BLOCK_BYTES_MAX) and segments of 8 MiB none gets there; a
//!   file in `blobs/` is a fault.
//! - A torn snapshot of its page table makes it refuse to open. A snapshot is only a cache of the log, so what is
//!   torn is moved to `aside/` first. Nothing is ever deleted.
//! - New files and folders are not synced into the folders above: done after opening.
//! - Some corruption makes it panic: every call is guarded, and a panic becomes [`StorageError::Corrupt`].
//!
//! Before opening, all files are synced and their cached pages dropped, so that what is read is what the disk
//! has, even when an earlier process saw its sync fail.

use std::any::Any;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ::sled::{Batch, Config, Db};
use bytes::Bytes;

use super::folder::{Folder, create_folder, sync_folder};
use super::{BlockKey, BlockReader, Files, Poison, ReadBlock, Space, Storage, StorageError, check_blocks};

mod prepare;

/// The lock file's name in the data folder.
pub(super) const LOCK: &str = "LOCK";

/// The folder of sled's files within the data folder.
const LOG: &str = "log";

/// Fixed when a log is created: sled refuses to open with another.
const SEGMENT_BYTES: usize = 8 * 1024 * 1024;

/// sled's page cache. Read models live elsewhere, and the log keeps its newest blocks itself.
const CACHE_BYTES: u64 = 16 * 1024 * 1024;

/// One extra access is made for this many bytes read; see [`Store::let_go`].
const BYTES_PER_ACCESS: usize = 4 * 1024;

const DAMAGED: &str =
    "the folder is left as it is: copy it before trying anything, then restore from a backup or an export";

/// A log's blocks in `<data folder>/log` and its small files in `<data folder>`.
///
/// The folder is locked until this and all its readers are dropped.
#[derive(Debug)]
pub struct SledStorage {
    store: Arc<Store>,
    files: Arc<Folder>,
    poison: Poison,
}

/// What writer and readers share. Fields are dropped in this order: the lock goes last.
#[derive(Debug)]
struct Store {
    db: Db,
    /// The data file, opened once more: syncing it is up to us.
    data: File,
    folder: PathBuf,
    _lock: File,
}

impl SledStorage {
    /// Opens the log in this data folder, and creates folder and log when they are not there.
    ///
    /// # Errors
    /// [`StorageError::InUse`] when another process, or a reader still held in this one, has it open;
    /// [`StorageError::Corrupt`] when the files make no sense; [`StorageError::Io`] and
    /// [`StorageError::Full`] from the file system.
    pub fn open(data_folder: &Path) -> Result<Self, StorageError> {
        let folder = data_folder.join(LOG);
        create_folder(&folder)?;
        let lock = lock(data_folder)?;
        prepare::prepare(&folder)?;
        let db = open_db(&folder)?;
        prepare::refuse_blobs(&folder)?;
        let path = folder.join("db");
        let data = OpenOptions::new()
            .read(true)
            .write(true)
            .open(&path)
            .map_err(|error| StorageError::io(format!("open {}", path.display()), error))?;
        prepare::sync_new_files(&folder)?;
        sync_folder(data_folder)?;
        let poison = Poison::default();
        Ok(Self {
            store: Arc::new(Store { db, data, folder, _lock: lock }),
            files: Arc::new(Folder::new(data_folder.to_path_buf(), poison.clone())),
            poison,
        })
    }
}

impl Storage for SledStorage {
    fn append(&mut self, mut blocks: Vec<(BlockKey, Vec<u8>)>) -> Result<(), StorageError> {
        self.poison.check("append blocks")?;
        check_blocks(&blocks)?;
        let db = &self.store.db;
        let appended = if blocks.len() == 1 {
            let (key, block) = blocks.remove(0);
            self.store.call("append a block", || db.insert(key.to_bytes(), block).map(drop))
        } else {
            let mut batch = Batch::default();
            for (key, block) in blocks {
                batch.insert(&key.to_bytes(), block);
            }
            self.store.call("append blocks", || db.apply_batch(batch))
        };
        appended.map_err(|error| self.poison.poisons(error))
    }

    fn sync(&mut self) -> Result<(), StorageError> {
        self.poison.check("sync blocks")?;
        let Store { db, data, folder, .. } = &*self.store;
        self.store
            .call("flush", || db.flush().map(drop))
            .and_then(|()| {
                data.sync_data()
                    .map_err(|error| StorageError::io(format!("sync {}", folder.join("db").display()), error))
            })
            .map_err(|error| self.poison.poisons(error))
    }

    fn reader(&self) -> Arc<dyn BlockReader> {
        Arc::new(SledReader { store: Arc::clone(&self.store) })
    }

    fn files(&self) -> Arc<dyn Files> {
        Arc::clone(&self.files) as Arc<dyn Files>
    }
}

struct SledReader {
    store: Arc<Store>,
}

impl BlockReader for SledReader {
    fn get(&self, key: BlockKey) -> Result<Option<Bytes>, StorageError> {
        let db = &self.store.db;
        let Some(block) = self.store.call("read a block", || db.get(key.to_bytes()))? else { return Ok(None) };
        self.store.let_go(key, block.len())?;
        Ok(Some(Bytes::from_owner(block)))
    }

    fn at_or_after(&self, key: BlockKey) -> Result<Option<(BlockKey, Bytes)>, StorageError> {
        let db = &self.store.db;
        let found = self.store.call("seek a block", || db.range(key.to_bytes()..).next().transpose())?;
        found.map(|pair| self.store.keyed(pair)).transpose()
    }

    fn at_or_before(&self, key: BlockKey) -> Result<Option<(BlockKey, Bytes)>, StorageError> {
        let db = &self.store.db;
        let found = self.store.call("seek a block", || db.range(..=key.to_bytes()).next_back().transpose())?;
        found.map(|pair| self.store.keyed(pair)).transpose()
    }

    fn scan(&self, from: BlockKey) -> Box<dyn Iterator<Item = ReadBlock> + Send> {
        let blocks = self.store.db.range(from.to_bytes()..);
        Box::new(Scan { store: Arc::clone(&self.store), blocks: Some(blocks) })
    }

    fn space(&self) -> Result<Space, StorageError> {
        let folder = &self.store.folder;
        let db = &self.store.db;
        let used = self.store.call("measure the log", || db.size_on_disk())?;
        let system = rustix::fs::statvfs(folder)
            .map_err(|error| StorageError::io(format!("ask for free space of {}", folder.display()), error.into()))?;
        Ok(Space { used, free: system.f_bavail.saturating_mul(system.f_frsize) })
    }
}

/// Blocks in order; ends after the first failure.
struct Scan {
    store: Arc<Store>,
    blocks: Option<::sled::Iter>,
}

impl Iterator for Scan {
    type Item = ReadBlock;

    fn next(&mut self) -> Option<ReadBlock> {
        let blocks = self.blocks.as_mut()?;
        let read = self
            .store
            .call("scan blocks", || blocks.next().transpose())
            .and_then(|found| found.map(|pair| self.store.keyed(pair)).transpose());
        if !matches!(read, Ok(Some(_))) {
            self.blocks = None;
        }
        read.transpose()
    }
}

impl Store {
    /// Runs one operation of sled's; a panic in it is corruption that it found.
    fn call<T>(&self, operation: &str, call: impl FnOnce() -> ::sled::Result<T>) -> Result<T, StorageError> {
        guarded(operation, &self.folder, call)
    }

    /// Lets sled's cache keep to its bounds. It looks at what to drop only after 64 accesses to one of its 256
    /// shards, whatever their size, so reading through a log of big blocks would leave all of it in memory.
    fn let_go(&self, key: BlockKey, bytes: usize) -> Result<(), StorageError> {
        let key = key.to_bytes();
        for _ in 0..bytes / BYTES_PER_ACCESS {
            self.call("read a block", || self.db.contains_key(key))?;
        }
        Ok(())
    }

    fn keyed(&self, (key, block): (::sled::IVec, ::sled::IVec)) -> Result<(BlockKey, Bytes), StorageError> {
        match BlockKey::from_bytes(&key) {
            Some(key) => {
                self.let_go(key, block.len())?;
                Ok((key, Bytes::from_owner(block)))
            }
            None => Err(StorageError::Corrupt {
                what: format!("found key {:02x?}, which is no block's", &*key),
                place: self.folder.display().to_string(),
                advice: DAMAGED,
            }),
        }
    }
}

fn guarded<T>(operation: &str, folder: &Path, call: impl FnOnce() -> ::sled::Result<T>) -> Result<T, StorageError> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(explain(operation, folder, error)),
        Err(panic) => Err(StorageError::Corrupt {
            what: format!("{operation}: the store gave up: {}", panic_text(&*panic)),
            place: folder.display().to_string(),
            advice: DAMAGED,
        }),
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("without a reason")
}

fn explain(operation: &str, folder: &Path, error: ::sled::Error) -> StorageError {
    use ::sled::Error;
    let place = folder.display().to_string();
    let corrupt = |what: String| StorageError::Corrupt {
        what: format!("{operation}: {what}"),
        place: place.clone(),
        advice: DAMAGED,
    };
    match error {
        Error::Io(source) => StorageError::io(format!("{operation} in {place}"), source),
        Error::Unsupported(what) => StorageError::Unsupported { what, place },
        Error::Corruption { at: Some(at), .. } => corrupt(format!("data at {at} is damaged")),
        Error::Corruption { at: None, .. } => corrupt("data is damaged".to_owned()),
        Error::ReportableBug(what) => corrupt(what),
        Error::CollectionNotFound(_) => corrupt("the tree of blocks is missing".to_owned()),
    }
}

/// Opens sled. Right after a storage was dropped in this process, sled's threads may hold its file a moment longer.
fn open_db(folder: &Path) -> Result<Db, StorageError> {
    let config = Config::new()
        .path(folder)
        .flush_every_ms(None)
        .segment_size(SEGMENT_BYTES)
        .cache_capacity(CACHE_BYTES)
        .use_compression(false);
    for _ in 0..100 {
        match guarded("open the log", folder, || config.open()) {
            Err(StorageError::Io { source, .. }) if source.to_string().contains("could not acquire lock") => {
                std::thread::sleep(Duration::from_millis(20));
            }
            opened => return opened,
        }
    }
    Err(StorageError::InUse { path: folder.to_path_buf(), holder: "a program that opened sled's files".to_owned() })
}

/// Takes the lock of a data folder, which holds its owner's process id.
fn lock(data_folder: &Path) -> Result<File, StorageError> {
    let path = data_folder.join(LOCK);
    let io = |error| StorageError::io(format!("lock {}", path.display()), error);
    let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(io)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::Error(error)) => return Err(io(error)),
        Err(TryLockError::WouldBlock) => {
            let mut owner = String::new();
            let holder = match file.read_to_string(&mut owner) {
                Ok(_) if owner.trim() == std::process::id().to_string() => "this process".to_owned(),
                Ok(_) if !owner.trim().is_empty() => format!("process {}", owner.trim()),
                _ => "another process".to_owned(),
            };
            return Err(StorageError::InUse { path: data_folder.to_path_buf(), holder });
        }
    }
    // Only for people: a full disk must not keep anyone from opening the log to read it.
    let _ = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
    Ok(file)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn key(commit: u64, part: u16) -> BlockKey {
        BlockKey { commit, part }
    }

    fn reopen(dir: &Path) -> SledStorage {
        SledStorage::open(dir).unwrap()
    }

    #[test]
    fn blocks_are_kept_and_sought() {
        let dir = tempfile::tempdir().unwrap();
        let mut storage = reopen(dir.path());
        let reader = storage.reader();
        assert!(reader.at_or_before(BlockKey::MAX).unwrap().is_none());
        storage.append(vec![(key(1, 0), vec![1])]).unwrap();
        storage.append(vec![(key(3, 0), vec![30]), (key(3, 1), vec![31; BLOCK_BYTES])]).unwrap();
        storage.sync().unwrap();
        drop((storage, reader));

        let storage = reopen(dir.path());
        let reader = storage.reader();
        assert_eq!(reader.get(key(1, 0)).unwrap().unwrap().as_ref(), [1]);
        assert_eq!(reader.get(key(2, 0)).unwrap(), None);
        assert_eq!(reader.at_or_after(key(2, 0)).unwrap().unwrap().0, key(3, 0));
        assert_eq!(reader.at_or_before(key(2, 9)).unwrap().unwrap().0, key(1, 0));
        assert_eq!(reader.at_or_before(BlockKey::MAX).unwrap().unwrap().0, key(3, 1));
        let keys: Vec<_> = reader.scan(BlockKey::MIN).map(|read| read.unwrap().0).collect();
        assert_eq!(keys, [key(1, 0), key(3, 0), key(3, 1)]);
        let space = reader.space().unwrap();
        assert!(space.used > 0 && space.free > 0);
    }

    const BLOCK_BYTES: usize = super::super::BLOCK_BYTES_MAX;

    #[test]
    fn full_blocks_never_become_blobs() {
        let dir = tempfile::tempdir().unwrap();
        let mut storage = reopen(dir.path());
        for commit in 1..=200 {
            let block = vec![u8::try_from(commit % 251).unwrap(); BLOCK_BYTES];
            storage.append(vec![(key(commit, 0), block)]).unwrap();
            storage.sync().unwrap();
        }
        prepare::refuse_blobs(&storage.store.folder).unwrap();
        assert_eq!(storage.reader().scan(BlockKey::MIN).count(), 200);
    }

    #[test]
    fn a_block_too_long_is_refused_and_poisons_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let mut storage = reopen(dir.path());
        let refused = storage.append(vec![(key(1, 0), vec![0; BLOCK_BYTES + 1])]);
        assert!(matches!(refused, Err(StorageError::Refused(_))));
        storage.append(vec![(key(1, 0), vec![0])]).unwrap();
    }

    #[test]
    fn a_second_opening_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let storage = reopen(dir.path());
        let error = SledStorage::open(dir.path()).unwrap_err();
        assert!(error.to_string().contains("in use by this process"), "{error}");
        let reader = storage.reader();
        drop(storage);
        assert!(matches!(SledStorage::open(dir.path()), Err(StorageError::InUse { .. })));
        drop(reader);
        reopen(dir.path());
    }

    #[test]
    fn torn_snapshots_are_moved_aside() {
        let dir = tempfile::tempdir().unwrap();
        let mut storage = reopen(dir.path());
        storage.append(vec![(key(1, 0), vec![1])]).unwrap();
        storage.sync().unwrap();
        drop(storage);
        drop(reopen(dir.path()));
        let log = dir.path().join(LOG);
        fs::write(log.join("snap.00000000000000FF.generating"), b"torn").unwrap();
        fs::write(log.join("snap.FFFFFFFFFFFFFFFF"), b"damaged, and the newest").unwrap();
        let storage = reopen(dir.path());
        assert_eq!(storage.reader().get(key(1, 0)).unwrap().unwrap().as_ref(), [1]);
        assert!(log.join("aside/0.snap.00000000000000FF.generating").is_file());
        assert!(log.join("aside/0.snap.FFFFFFFFFFFFFFFF").is_file());
    }

    #[test]
    fn a_blob_is_a_fault() {
        let dir = tempfile::tempdir().unwrap();
        drop(reopen(dir.path()));
        fs::write(dir.path().join(LOG).join("blobs/7"), b"x").unwrap();
        let error = SledStorage::open(dir.path()).unwrap_err();
        assert!(matches!(error, StorageError::Corrupt { .. }), "{error}");
    }

    #[test]
    fn a_hole_in_the_data_is_explained_not_a_panic() {
        use std::os::unix::fs::FileExt as _;
        let dir = tempfile::tempdir().unwrap();
        let mut storage = reopen(dir.path());
        for commit in 1..=300 {
            storage.append(vec![(key(commit, 0), vec![7; 4000])]).unwrap();
            storage.sync().unwrap();
        }
        drop(storage);
        let data = OpenOptions::new().write(true).open(dir.path().join(LOG).join("db")).unwrap();
        data.write_all_at(&[0xa5; 4096], 500_000).unwrap();
        drop(data);
        // Whether sled refuses, panics or forgets is its own affair; it must not take the process down, and the
        // log above compares what is left with what it knows it had.
        match SledStorage::open(dir.path()) {
            Ok(storage) => drop(storage.reader().scan(BlockKey::MIN).collect::<Vec<_>>()),
            Err(error) => assert!(error.to_string().contains("log"), "{error}"),
        }
    }
}
