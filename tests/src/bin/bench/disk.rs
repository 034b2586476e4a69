//! The disk that is measured on, and the machine around it.
use anyhow::{Context, Result, ensure};
use rustix::fs::statfs;
use std::{
    fmt, fs,
    io::Write,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// `statfs` types of file systems that hold nothing on a disk (`linux/magic.h`: `TMPFS_MAGIC`, `RAMFS_MAGIC`).
const IN_MEMORY: [i64; 2] = [0x0102_1994, 0x8584_58f6_u32 as i64];

/// An empty folder on a real disk.
pub(crate) fn prepare(folder: &Path) -> Result<PathBuf> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let kind = statfs(folder)?.f_type;
    ensure!(
        !IN_MEMORY.contains(&kind),
        "{} is on a file system in memory, where a sync costs nothing: name a folder on a disk with --folder",
        folder.display()
    );
    Ok(folder.canonicalize()?)
}

/// What the figures were measured on.
pub(crate) struct Machine {
    pub(crate) processors: usize,
    pub(crate) model: String,
    pub(crate) kernel: String,
    pub(crate) sync: Duration,
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { processors, model, kernel, sync } = self;
        write!(
            f,
            "{processors} × {model}, Linux {kernel}, append + fdatasync {:.0} µs (median)",
            sync.as_secs_f64() * 1e6
        )
    }
}

pub(crate) fn machine(folder: &Path) -> Result<Machine> {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo")?;
    let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("unknown processor");
    let mut syncs = append_and_sync(folder, 200, 4096, Duration::from_secs(2))?;
    syncs.sort_unstable();
    Ok(Machine {
        processors: std::thread::available_parallelism()?.get(),
        model: model.trim_start_matches([' ', '\t', ':']).to_owned(),
        kernel: fs::read_to_string("/proc/sys/kernel/osrelease")?.trim().to_owned(),
        sync: syncs[syncs.len() / 2],
    })
}

/// Appends blocks to a file, each followed by an fdatasync: the most that any log on this disk can do.
pub(crate) fn append_and_sync(folder: &Path, most: usize, bytes: usize, limit: Duration) -> Result<Vec<Duration>> {
    let path = folder.join("raw");
    let mut file = fs::File::create(&path)?;
    let block = vec![0xa5; bytes];
    let (start, mut taken) = (Instant::now(), vec![]);
    while taken.len() < most && (start.elapsed() < limit || taken.is_empty()) {
        let before = Instant::now();
        file.write_all(&block)?;
        file.sync_data()?;
        taken.push(before.elapsed());
    }
    fs::remove_file(&path)?;
    Ok(taken)
}
