//! Handles: numbers that pass for pointers.

use crate::{
    call::{Answer, Call, GPU_IS_LOST, INVALID_ARGUMENT, NOT_SUPPORTED, RESET_REQUIRED, fails},
    state::{Gpu, MigInstance, State},
};
use nvml_wrapper_sys::bindings::nvmlDevice_t;
use std::{
    collections::BTreeMap,
    ptr,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// What handles of some kind stand for.
pub(crate) struct Held<T>(Mutex<BTreeMap<usize, T>>);

impl<T> Held<T> {
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(BTreeMap::new()))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<usize, T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new handle for this.
    pub(crate) fn add<P>(&self, value: T) -> *mut P {
        ptr::without_provenance_mut(insert(&mut self.lock(), value))
    }

    /// Works with what the handle stands for.
    pub(crate) fn with<P, R>(&self, handle: *mut P, work: impl FnOnce(&mut T) -> Answer<R>) -> Answer<R> {
        self.lock().get_mut(&handle.addr()).ok_or(INVALID_ARGUMENT).and_then(work)
    }

    /// Ends a handle.
    pub(crate) fn remove<P>(&self, handle: *mut P) -> Answer<T> {
        self.lock().remove(&handle.addr()).ok_or(INVALID_ARGUMENT)
    }
}

/// Holds this under the next number. Zero would be a null pointer.
fn insert<T>(held: &mut BTreeMap<usize, T>, value: T) -> usize {
    let number = held.last_key_value().map_or(1, |(last, _)| last + 1);
    held.insert(number, value);
    number
}

/// UUIDs of GPUs and MIG devices. Their handles last as long as the library is loaded.
static UUIDS: Held<String> = Held::new();

/// The handle of the device with this UUID: always the same.
pub(crate) fn handle(uuid: &str) -> nvmlDevice_t {
    let mut held = UUIDS.lock();
    let known = held.iter().find(|(_, known)| *known == uuid).map(|(number, _)| *number);
    ptr::without_provenance_mut(known.unwrap_or_else(|| insert(&mut held, uuid.to_owned())))
}

/// A device as it is now.
#[derive(Clone, Copy)]
pub(crate) struct Device<'a> {
    /// Of the GPU.
    pub(crate) index: usize,
    pub(crate) gpu: &'a Gpu,
    /// The MIG device on it that is meant, with its index.
    pub(crate) instance: Option<(usize, &'a MigInstance)>,
}

impl Call {
    /// The device behind the handle, lost or not.
    pub(crate) fn device(&self, handle: nvmlDevice_t) -> Answer<Device<'_>> {
        let uuid = UUIDS.with(handle, |uuid| Ok(uuid.clone()))?;
        let device = find(&self.state, &uuid);
        // A GPU that is no longer there is as lost as can be. A MIG device that was destroyed has no valid handle.
        let device = device.ok_or(if uuid.starts_with("MIG-") { INVALID_ARGUMENT } else { GPU_IS_LOST })?;
        fails(&device.gpu.errors, self.symbol)?;
        Ok(device)
    }

    /// The device behind the handle, if it is not lost.
    pub(crate) fn present(&self, handle: nvmlDevice_t) -> Answer<Device<'_>> {
        self.device(handle).and_then(present)
    }

    /// The GPU, or MIG device, behind the handle, if it can be read.
    pub(crate) fn readable(&self, handle: nvmlDevice_t) -> Answer<Device<'_>> {
        let device = self.present(handle)?;
        if device.gpu.reset_required { Err(RESET_REQUIRED) } else { Ok(device) }
    }

    /// The GPU behind the handle, if it can be read. MIG devices do not have this reading.
    pub(crate) fn gpu(&self, handle: nvmlDevice_t) -> Answer<&Gpu> {
        let device = self.readable(handle)?;
        if device.instance.is_some() { Err(NOT_SUPPORTED) } else { Ok(device.gpu) }
    }
}

/// This device, if it is not lost.
pub(crate) fn present(device: Device) -> Answer<Device> {
    if device.gpu.lost { Err(GPU_IS_LOST) } else { Ok(device) }
}

/// The GPU or MIG device with this UUID.
pub(crate) fn find<'a>(state: &'a State, uuid: &str) -> Option<Device<'a>> {
    state.gpus.iter().enumerate().find_map(|(index, gpu)| {
        if gpu.uuid == uuid {
            return Some(Device { index, gpu, instance: None });
        }
        let instance = instances(gpu).iter().enumerate().find(|(_, instance)| instance.uuid == uuid)?;
        Some(Device { index, gpu, instance: Some(instance) })
    })
}

/// The MIG devices of this GPU, while that mode is on.
pub(crate) fn instances(gpu: &Gpu) -> &[MigInstance] {
    gpu.mig.as_ref().filter(|mig| mig.mode.current).map_or(&[], |mig| &mig.instances)
}
