//! What a process takes of the machine, as the kernel counts it.
use anyhow::{Context, Result};
use rustix::param::clock_ticks_per_second;
use std::{fs, time::Duration};

/// What a process has taken so far.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Usage {
    /// Time on processors, in its own code and in the kernel.
    pub(crate) busy: Duration,
    /// Memory that is its own or shared, in bytes (`VmRSS`).
    pub(crate) resident: u64,
    /// The most that it had (`VmHWM`).
    pub(crate) most: u64,
}

impl Usage {
    /// The share of one processor that was taken since then, in per cent.
    pub(crate) fn share(self, before: Self, took: Duration) -> f64 {
        self.busy.saturating_sub(before.busy).as_secs_f64() / took.as_secs_f64() * 100.0
    }

    /// Of the process with this number.
    pub(crate) fn of(pid: u32) -> Result<Self> {
        let busy = busy(&format!("/proc/{pid}/stat"))?;
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        Ok(Self { busy, resident: memory(&status, "VmRSS:")?, most: memory(&status, "VmHWM:")? })
    }
}

/// The time that the process's threads of this name have taken.
pub(crate) fn threads(pid: u32, name: &str) -> Result<Duration> {
    let mut all = Duration::ZERO;
    for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
        let path = thread?.path();
        if fs::read_to_string(path.join("comm"))?.trim() == name {
            all += busy(&path.join("stat").to_string_lossy())?;
        }
    }
    Ok(all)
}

/// Fields 14 and 15 of `proc_pid_stat(5)`; the second, the name, may hold spaces.
fn busy(path: &str) -> Result<Duration> {
    let stat = fs::read_to_string(path).context("the process has ended")?;
    let fields: Vec<&str> = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().collect();
    let ticks = |field: usize| fields.get(field - 3).and_then(|text| text.parse::<u64>().ok()).context("a tick count");
    Ok(Duration::from_millis((ticks(14)? + ticks(15)?) * 1000 / clock_ticks_per_second()))
}

fn memory(status: &str, name: &str) -> Result<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name)).context("a line of /proc/<pid>/status")?;
    let kib: u64 = line.trim().trim_end_matches(" kB").trim().parse()?;
    Ok(kib * 1024)
}

/// So many bytes, for people.
pub(crate) fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}
