//! What runs on a GPU.
use super::calls::Calls;
use crate::source::{Owner, Process, processes::Owners};
use nvml_wrapper::{Device, enums::device::UsedGpuMemory, struct_wrappers::device::ProcessInfo};
use std::collections::BTreeMap;

/// The processes that compute, draw, or share the GPU (MPS), each once, by their numbers. None, if those that compute
/// can't be told.
pub(super) fn read(device: &Device<'_>, calls: &mut Calls<'_>, owners: &mut Owners) -> Option<Vec<Process>> {
    let computing = calls.ask("compute processes", || device.running_compute_processes())?;
    let drawing = calls.ask("graphics processes", || device.running_graphics_processes()).unwrap_or_default();
    let sharing = calls.ask("MPS processes", || device.mps_running_compute_processes()).unwrap_or_default();
    Some(once(computing.into_iter().chain(drawing).chain(sharing), owners))
}

fn once(listed: impl Iterator<Item = ProcessInfo>, owners: &mut Owners) -> Vec<Process> {
    let mut found: BTreeMap<u32, Process> = BTreeMap::new();
    for info in listed {
        let memory = match info.used_gpu_memory {
            UsedGpuMemory::Used(bytes) => Some(bytes),
            UsedGpuMemory::Unavailable => None,
        };
        let process = found.entry(info.pid).or_insert_with(|| {
            // One of another table of processes (without `hostPID`) holds the GPU all the same.
            let (started, owner) = owners.of(info.pid).unwrap_or((0, Owner::Unknown));
            Process { pid: info.pid, started, gpu_instance: info.gpu_instance_id, memory_bytes: None, owner }
        });
        // A process that is in two lists has the same memory in both.
        process.memory_bytes = process.memory_bytes.max(memory);
    }
    found.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn info(pid: u32, used_gpu_memory: UsedGpuMemory) -> ProcessInfo {
        ProcessInfo { pid, used_gpu_memory, gpu_instance_id: Some(2), compute_instance_id: None }
    }

    #[test]
    fn a_process_in_two_lists_is_one() {
        let own = std::process::id();
        let listed = [
            info(own, UsedGpuMemory::Unavailable),
            info(u32::MAX, UsedGpuMemory::Used(1)),
            info(own, UsedGpuMemory::Used(512)),
        ];
        let found = once(listed.into_iter(), &mut Owners::new(PathBuf::from("/")));
        let [mine, other] = &found[..] else { panic!("two processes: {found:?}") };
        assert_eq!((mine.pid, mine.memory_bytes, mine.gpu_instance), (own, Some(512), Some(2)));
        assert!(mine.started > 0);
        assert_eq!((other.pid, other.started, &other.owner), (u32::MAX, 0, &Owner::Unknown));
    }
}
