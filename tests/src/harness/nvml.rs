//! A fake NVML for one test: a copy of the library of `tests/fake_nvml`, and what it answers.

#[path = "../../fake_nvml/state.rs"]
pub mod state;

use super::server::build;
use anyhow::{Context, ensure};
use state::{Event, State};
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

/// A copy of the library, to be loaded from [`library`](Self::library). Copies know nothing of each other.
#[derive(Debug)]
pub struct FakeNvml {
    library: PathBuf,
    written: Mutex<Written>,
}

#[derive(Debug)]
struct Written {
    state: State,
    /// How often it was written.
    times: u64,
}

impl FakeNvml {
    /// A library in this folder, which answers what the state says.
    ///
    /// # Errors
    /// The library can't be built, the folder has one already, or the disk fails.
    pub fn new(folder: &Path, state: State) -> anyhow::Result<Self> {
        let library = folder.join("libnvidia-ml.so.1");
        ensure!(!library.exists(), "{} is there already", library.display());
        fs::copy(build::fake_nvml()?, &library).context("copy the fake NVML")?;
        let fake = Self { library, written: Mutex::new(Written { state, times: 0 }) };
        fake.change(|_| ())?;
        Ok(fake)
    }

    /// What the agent shall load in the place of NVIDIA's library.
    pub fn library(&self) -> &Path {
        &self.library
    }

    /// The file that says what it answers. Who writes something else there, for a test, renames a whole file to it.
    pub fn state_file(&self) -> PathBuf {
        let mut name = self.library.clone().into_os_string();
        name.push(".json");
        name.into()
    }

    /// What it answers now.
    pub fn state(&self) -> State {
        self.written().state.clone()
    }

    /// Lets it answer something else from now on. No call sees a part of the change.
    ///
    /// # Errors
    /// The disk fails.
    pub fn change<R>(&self, change: impl FnOnce(&mut State) -> R) -> anyhow::Result<R> {
        let mut written = self.written();
        let result = change(&mut written.state);
        written.times += 1;
        let new = self.library.with_extension("new");
        fs::write(&new, serde_json::to_vec_pretty(&written.state)?).context("write the state of the fake NVML")?;
        // The library tells one file from the next by its times, which the system counts in whole ticks.
        let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(written.times);
        let file = File::options().write(true).open(&new).context("open the state of the fake NVML")?;
        file.set_modified(modified).context("set the time of the state of the fake NVML")?;
        fs::rename(&new, self.state_file()).context("replace the state of the fake NVML")?;
        Ok(result)
    }

    /// Raises a critical XID on the GPU with this index: it is delivered to all event sets that are there.
    ///
    /// # Errors
    /// The disk fails.
    pub fn xid(&self, gpu: usize, xid: u64) -> anyhow::Result<()> {
        self.change(|state| {
            let id = state.events.iter().map(|event| event.id).max().unwrap_or(0) + 1;
            state.events.push(Event { id, gpu, xid, gpu_instance: None, compute_instance: None });
        })
    }

    /// Takes these functions from the library, as older drivers do not have them. To be called before it is loaded.
    ///
    /// # Errors
    /// It does not have such a function, or the disk fails.
    pub fn without(&mut self, symbols: &[&str]) -> anyhow::Result<()> {
        let mut bytes = fs::read(&self.library).context("read the fake NVML")?;
        let (start, end) = names(&bytes).context("the fake NVML is no library")?;
        for symbol in symbols {
            let names = bytes.get_mut(start..end).context("the fake NVML has no names")?;
            let sought = [b"\0", symbol.as_bytes(), b"\0"].concat();
            let found = names.windows(sought.len()).position(|name| name == sought);
            let found = found.with_context(|| format!("the fake NVML has no {symbol}"))?;
            let first = names.get_mut(found + 1).context("a name is cut off")?;
            *first = b'-';
        }
        fs::write(&self.library, bytes).context("write the fake NVML")
    }

    fn written(&self) -> MutexGuard<'_, Written> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where the names of the functions are that can be found in an ELF file of 64 bits: its section `.dynstr`.
fn names(file: &[u8]) -> Option<(usize, usize)> {
    const SHT_STRTAB: u64 = 3;
    const SHF_ALLOC: u64 = 2;
    let number = |at: usize, bytes: usize| {
        let bytes = file.get(at..at + bytes)?;
        Some(bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    };
    let place = |at: usize| usize::try_from(number(at, 8)?).ok();
    let short = |at: usize| usize::try_from(number(at, 2)?).ok();
    let (sections, length, count) = (place(0x28)?, short(0x3a)?, short(0x3c)?);
    (0..count).map(|section| sections + section * length).find_map(|section| {
        let (kind, flags) = (number(section + 4, 4)?, number(section + 8, 8)?);
        let (start, length) = (place(section + 0x18)?, place(section + 0x20)?);
        (kind == SHT_STRTAB && flags & SHF_ALLOC != 0).then_some((start, start + length))
    })
}
