//! Reports, and the agent's memory, kept in one file that is replaced as a whole.
use super::{
    InMemory, Queue, QueueError,
    state::{State, StateError},
};
use crate::health::Memory;
use bus::wire::{Content, Report};
use domain::{Incarnation, Timestamp};
use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

/// A queue whose reports, with what the agent remembers, outlive the process and the host: what [`keep`](Queue::keep)
/// has said to be kept is on the disk.
#[derive(Debug)]
pub struct OnDisk {
    queue: InMemory,
    folder: PathBuf,
    changed: bool,
    /// Held as long as this queue lives.
    _lock: File,
}

/// Why the queue can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The disk, or the permissions.
    #[error("{operation} {}", path.display())]
    Storage {
        /// What was tried.
        operation: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// Another agent has it.
    #[error("another agent uses {}", .0.display())]
    InUse(PathBuf),
}

const STATE: &str = "state";
const LOCK: &str = "lock";

/// So often, and so long apart, the lock is tried: who only looks whether it is taken has it for a moment.
const LOCK_TRIES: u32 = 10;
const LOCK_TRIED_EVERY: Duration = Duration::from_millis(20);

const SIZE_MAX: u64 = 64 << 20;

impl OnDisk {
    /// The queue in this folder, which is made if it is not there; an empty one of the life `fresh`, if there is none. One
    /// that is damaged is set aside as `state.damaged`, and all is told anew.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(folder: &Path, fresh: Incarnation, limit: usize) -> Result<Self, OpenError> {
        let failed = |operation, path: &Path| {
            let path = path.to_owned();
            move |source| OpenError::Storage { operation, path, source }
        };
        fs::create_dir_all(folder).map_err(failed("make the folder", folder))?;
        let path = folder.join(LOCK);
        let lock = private().open(&path).map_err(failed("open", &path))?;
        match soon(|| lock.try_lock()) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(OpenError::InUse(folder.to_owned())),
            Err(TryLockError::Error(source)) => return Err(failed("lock", &path)(source)),
        }
        let path = folder.join(STATE);
        let state = match read(&path).map_err(failed("read", &path))?.map(|bytes| State::decode(&bytes)) {
            None => None,
            Some(Ok(state)) => Some(state),
            Some(Err(error)) => {
                let (aside, error): (_, &dyn std::error::Error) = (folder.join("state.damaged"), &error);
                tracing::error!(error, path = %path.display(), "what this agent kept can't be read: it is set aside, and all is told anew");
                fs::rename(&path, &aside).map_err(failed("set aside", &path))?;
                None
            }
        };
        let queue = match state {
            Some(State { incarnation, next, waiting, memory }) => {
                InMemory::new(incarnation, limit).holding(waiting, next).remembering(memory)
            }
            None => InMemory::new(fresh, limit),
        };
        Ok(Self { queue, folder: folder.to_owned(), changed: false, _lock: lock })
    }

    /// Whether an agent has the queue in this folder. One that is just being started is not kept from it.
    ///
    /// # Errors
    /// The disk, or the permissions: [`open`](Self::open) would fail.
    pub fn is_in_use(folder: &Path) -> io::Result<bool> {
        let lock = match OpenOptions::new().write(true).open(folder.join(LOCK)) {
            Ok(lock) => lock,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        match lock.try_lock_shared() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn write(&self) -> io::Result<()> {
        let state = State {
            incarnation: self.queue.incarnation(),
            next: self.queue.next(),
            waiting: self.queue.waiting().cloned().collect(),
            memory: self.queue.recall().clone(),
        };
        let bytes = state.encode().map_err(|error: StateError| io::Error::other(error))?;
        let (new, path) = (self.folder.join("state.new"), self.folder.join(STATE));
        let mut file = private().truncate(true).open(&new)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        fs::rename(&new, &path)?;
        File::open(&self.folder)?.sync_all()
    }
}

/// Tries again for a while as long as somebody has it.
fn soon(lock: impl Fn() -> Result<(), TryLockError>) -> Result<(), TryLockError> {
    for _ in 1..LOCK_TRIES {
        match lock() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(LOCK_TRIED_EVERY),
            done => return done,
        }
    }
    lock()
}

/// A file that only its owner reads.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true).mode(0o600);
    options
}

/// The file's bytes; none if it is not there.
fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::metadata(path) {
        Ok(about) if about.len() > SIZE_MAX => Ok(Some(vec![])),
        Ok(_) => fs::read(path).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

impl Queue for OnDisk {
    fn incarnation(&self) -> Incarnation {
        self.queue.incarnation()
    }

    fn waiting(&self) -> impl Iterator<Item = &Report> + Send {
        self.queue.waiting()
    }

    fn push(&mut self, observed_at: Timestamp, content: Content) -> Result<(), QueueError> {
        self.queue.push(observed_at, content)?;
        self.changed = true;
        Ok(())
    }

    fn settle(&mut self, up_to: u64) {
        self.queue.settle(up_to);
        self.changed = true;
    }

    fn begin_anew(&mut self, incarnation: Incarnation) {
        self.queue.begin_anew(incarnation);
        self.changed = true;
    }

    fn recall(&self) -> &Memory {
        self.queue.recall()
    }

    fn remember(&mut self, memory: Memory) {
        self.queue.remember(memory);
        self.changed = true;
    }

    fn keep(&mut self) -> Result<(), QueueError> {
        if !self.changed {
            return Ok(());
        }
        if let Err(error) = self.write() {
            // What is told from now on is not in it: an agent that went on from there would give its numbers again. One that
            // finds nothing begins a life of its own.
            let _ = fs::remove_file(self.folder.join(STATE));
            return Err(QueueError::Storage(error));
        }
        self.changed = false;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::{Faults, Health, Remembered, Wear};
    use domain::{
        device::{Condition, Remedy, Severity},
        node::Seen,
    };
    use uuid::Uuid;

    fn life(number: u128) -> Incarnation {
        Incarnation(Uuid::from_u128(number))
    }

    fn open(folder: &Path) -> OnDisk {
        OnDisk::open(folder, life(1), 4).unwrap()
    }

    fn memory() -> Memory {
        let condition = Condition {
            kind: "gpu.lost".parse().unwrap(),
            severity: Severity::Fatal,
            remedy: Remedy::RebootNode,
            reason: "it is gone".into(),
            xid: Some(79),
            first_seen: Timestamp::from_micros(1),
            last_seen: Timestamp::from_micros(2),
        };
        let seen = Seen {
            device: domain::device::DeviceId::from_uuid(Uuid::from_u128(7)),
            slot: "0000:b3:00".parse().unwrap(),
            model: "NVIDIA H100 80GB HBM3".parse().unwrap(),
            memory_bytes: 1,
            instances: vec![],
        };
        let said = [(condition.kind.clone(), Some(condition)), ("nvlink.down".parse().unwrap(), None)];
        let health = Health { readable: true, said: said.into() };
        let remembered = Remembered { seen, health, faults: Faults::default(), wear: Wear::default() };
        Memory { boot_id: "boot".into(), log_position: Some(9), devices: vec![remembered] }
    }

    #[test]
    fn what_was_kept_is_there_again_and_what_was_not_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let mut queue = open(folder.path());
        for _ in 0..3 {
            queue.push(Timestamp::from_micros(5), Content::Health { findings: vec![] }).unwrap();
        }
        queue.settle(1);
        queue.remember(memory());
        queue.keep().unwrap();
        queue.push(Timestamp::default(), Content::Health { findings: vec![] }).unwrap();
        drop(queue);

        let mut again = OnDisk::open(folder.path(), life(2), 4).unwrap();
        assert_eq!(again.incarnation(), life(1));
        assert_eq!(again.waiting().map(|report| report.origin.sequence).collect::<Vec<_>>(), [2, 3]);
        assert_eq!(*again.recall(), memory());
        again.push(Timestamp::default(), Content::Health { findings: vec![] }).unwrap();
        assert_eq!(again.waiting().last().unwrap().origin.sequence, 4);
    }

    #[test]
    fn a_damaged_file_is_set_aside() {
        let folder = tempfile::tempdir().unwrap();
        let mut queue = open(folder.path());
        queue.push(Timestamp::default(), Content::Health { findings: vec![] }).unwrap();
        queue.remember(memory());
        queue.keep().unwrap();
        drop(queue);
        let path = folder.path().join(STATE);
        let sound = fs::read(&path).unwrap();
        let mut other = sound.clone();
        let text = other.windows(4).position(|bytes| bytes == b"boot").unwrap();
        other[text] = b'B';
        for damage in [&other, &sound[..sound.len() - 1], b"", b"dkube-agent state 2\nx", &sound[..25]] {
            fs::write(&path, damage).unwrap();
            let queue = OnDisk::open(folder.path(), life(2), 4).unwrap();
            assert_eq!((queue.incarnation(), queue.waiting().count()), (life(2), 0));
            assert!(!path.exists() && folder.path().join("state.damaged").exists());
        }
    }

    #[test]
    fn one_agent_at_a_time_has_it() {
        let folder = tempfile::tempdir().unwrap();
        let first = open(folder.path());
        assert!(matches!(OnDisk::open(folder.path(), life(2), 4), Err(OpenError::InUse(_))));
        assert!(OnDisk::is_in_use(folder.path()).unwrap());
        drop(first);
        assert!(!OnDisk::is_in_use(folder.path()).unwrap());
        open(folder.path());
    }

    #[test]
    fn who_only_looks_whether_it_is_taken_keeps_no_agent_from_it() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!OnDisk::is_in_use(folder.path()).unwrap(), "there is none yet");
        drop(open(folder.path()));
        let looks = File::options().write(true).open(folder.path().join(LOCK)).unwrap();
        looks.try_lock_shared().unwrap();
        let lock = File::options().write(true).open(folder.path().join(LOCK)).unwrap();
        let tried = std::cell::Cell::new(0);
        let locked = soon(|| {
            tried.set(tried.get() + 1);
            if tried.get() == 2 {
                looks.unlock().unwrap();
            }
            lock.try_lock()
        });
        assert!(locked.is_ok() && tried.get() == 2);
    }

    #[test]
    fn a_disk_that_fails_is_told_and_nothing_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let mut queue = open(folder.path());
        queue.remember(memory());
        queue.keep().unwrap();
        fs::create_dir(folder.path().join("state.new")).unwrap();
        queue.push(Timestamp::default(), Content::Health { findings: vec![] }).unwrap();
        assert!(matches!(queue.keep(), Err(QueueError::Storage(_))));
        assert!(!folder.path().join(STATE).exists(), "nobody goes on from what is not true");
        fs::remove_dir(folder.path().join("state.new")).unwrap();
        queue.keep().unwrap();
        drop(queue);
        assert_eq!(open(folder.path()).waiting().count(), 1);
    }
}
