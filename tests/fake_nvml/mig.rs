//! Multi-instance mode, and the devices that come of it.

use crate::{
    call::{INVALID_ARGUMENT, NOT_FOUND, NOT_SUPPORTED, Place, put},
    handle::{handle, instances},
};
use nvml_wrapper_sys::bindings::{nvmlDevice_t, nvmlDeviceAttributes_t};
use std::ffi::c_uint;

/// How many MIG devices an H100 can have.
const INSTANCES_MAX: c_uint = 7;

export! {
    fn nvmlDeviceGetMigMode(call, device: nvmlDevice_t, current: Place<c_uint>, pending: Place<c_uint>) {
        let known = call.gpu(device)?.mig.as_ref().ok_or(NOT_SUPPORTED)?.mode;
        put(current, known.current.into())?;
        put(pending, known.pending.into())
    }

    fn nvmlDeviceGetMaxMigDeviceCount(call, device: nvmlDevice_t, count: Place<c_uint>) {
        let on = call.gpu(device)?.mig.as_ref().is_some_and(|mig| mig.mode.current);
        put(count, if on { INSTANCES_MAX } else { 0 })
    }

    fn nvmlDeviceGetMigDeviceHandleByIndex(
        call, device: nvmlDevice_t, index: c_uint, instance: Place<nvmlDevice_t>,
    ) {
        let index = usize::try_from(index).map_err(|_| INVALID_ARGUMENT)?;
        let found = instances(call.gpu(device)?).get(index).ok_or(NOT_FOUND)?;
        put(instance, handle(&found.uuid))
    }

    fn nvmlDeviceIsMigDeviceHandle(call, device: nvmlDevice_t, is_one: Place<c_uint>) {
        put(is_one, call.present(device)?.instance.is_some().into())
    }

    fn nvmlDeviceGetDeviceHandleFromMigDeviceHandle(call, device: nvmlDevice_t, parent: Place<nvmlDevice_t>) {
        let device = call.present(device)?;
        device.instance.ok_or(INVALID_ARGUMENT)?;
        put(parent, handle(&device.gpu.uuid))
    }

    fn nvmlDeviceGetGpuInstanceId(call, device: nvmlDevice_t, id: Place<c_uint>) {
        let (_, instance) = call.present(device)?.instance.ok_or(NOT_SUPPORTED)?;
        put(id, instance.gpu_instance)
    }

    fn nvmlDeviceGetComputeInstanceId(call, device: nvmlDevice_t, id: Place<c_uint>) {
        let (_, instance) = call.present(device)?.instance.ok_or(NOT_SUPPORTED)?;
        put(id, instance.compute_instance)
    }

    fn nvmlDeviceGetAttributes_v2(call, device: nvmlDevice_t, attributes: Place<nvmlDeviceAttributes_t>) {
        let (_, instance) = call.readable(device)?.instance.ok_or(NOT_SUPPORTED)?;
        put(attributes, nvmlDeviceAttributes_t {
            multiprocessorCount: instance.multiprocessors,
            sharedCopyEngineCount: 1,
            sharedDecoderCount: 1,
            sharedEncoderCount: 0,
            sharedJpegCount: 1,
            sharedOfaCount: 0,
            gpuInstanceSliceCount: instance.gpu_slices,
            computeInstanceSliceCount: instance.compute_slices,
            memorySizeMB: instance.memory.map_or(0, |memory| memory.total / (1 << 20)),
        })
    }
}
