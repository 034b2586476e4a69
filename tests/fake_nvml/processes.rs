//! Processes that use a device.

use crate::{
    call::{Answer, INSUFFICIENT_SIZE, INVALID_ARGUMENT, NOT_SUPPORTED, Place},
    handle::Device,
    identity::number,
    state::Process,
};
use nvml_wrapper_sys::bindings::{nvmlDevice_t, nvmlProcessInfo_t};
use std::ffi::c_uint;

/// What stands for an instance where there is none.
const NO_INSTANCE: c_uint = c_uint::MAX;

/// `NVML_VALUE_NOT_AVAILABLE`, of a memory.
const MEMORY_UNKNOWN: u64 = u64::MAX;

export! {
    fn nvmlDeviceGetComputeRunningProcesses_v3(
        call, device: nvmlDevice_t, count: Place<c_uint>, processes: *mut nvmlProcessInfo_t,
    ) {
        let device = call.readable(device)?;
        // SAFETY: the caller says how much room there is.
        unsafe { list(count, processes, device, device.gpu.compute_processes.as_deref()) }
    }

    fn nvmlDeviceGetGraphicsRunningProcesses_v3(
        call, device: nvmlDevice_t, count: Place<c_uint>, processes: *mut nvmlProcessInfo_t,
    ) {
        let device = call.readable(device)?;
        // SAFETY: the caller says how much room there is.
        unsafe { list(count, processes, device, device.gpu.graphics_processes.as_deref()) }
    }

    fn nvmlDeviceGetMPSComputeRunningProcesses_v3(
        call, device: nvmlDevice_t, count: Place<c_uint>, processes: *mut nvmlProcessInfo_t,
    ) {
        let device = call.readable(device)?;
        // SAFETY: the caller says how much room there is.
        unsafe { list(count, processes, device, device.gpu.mps_processes.as_deref()) }
    }
}

/// Writes these processes, of a MIG device its own ones.
///
/// # Safety
/// There is room for the count at the place, unless it is null.
unsafe fn list(
    count: Place<c_uint>,
    place: *mut nvmlProcessInfo_t,
    device: Device,
    processes: Option<&[Process]>,
) -> Answer {
    let processes = processes.ok_or(NOT_SUPPORTED)?;
    let on_it = |process: &&Process| {
        device.instance.is_none_or(|(_, instance)| {
            process.gpu_instance == Some(instance.gpu_instance)
                && process.compute_instance.is_none_or(|number| number == instance.compute_instance)
        })
    };
    let processes: Vec<&Process> = processes.iter().filter(on_it).collect();
    let count = count.ok_or(INVALID_ARGUMENT)?;
    let room = std::mem::replace(count, number(processes.len())?);
    if room < *count {
        return Err(INSUFFICIENT_SIZE);
    }
    if *count > 0 && place.is_null() {
        return Err(INVALID_ARGUMENT);
    }
    for (offset, process) in processes.into_iter().enumerate() {
        let info = nvmlProcessInfo_t {
            pid: process.pid,
            usedGpuMemory: process.memory.unwrap_or(MEMORY_UNKNOWN),
            gpuInstanceId: process.gpu_instance.unwrap_or(NO_INSTANCE),
            computeInstanceId: process.compute_instance.unwrap_or(NO_INSTANCE),
        };
        // SAFETY: there are no more processes than there is room for.
        unsafe { place.add(offset).write(info) };
    }
    Ok(())
}
