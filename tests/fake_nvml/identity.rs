//! Which devices there are, and what they are called.

use crate::{
    address::Address,
    call::{
        Answer, Call, INVALID_ARGUMENT, NOT_FOUND, NOT_SUPPORTED, Place, UNKNOWN, fails, put, put_reading, put_text,
    },
    handle::{find, handle, present},
    state::Gpu,
};
use nvml_wrapper_sys::bindings::{nvmlDevice_t, nvmlPciInfo_t};
use std::ffi::{CStr, c_char, c_uint};

export! {
    fn nvmlDeviceGetCount_v2(call, count: Place<c_uint>) {
        put(count, number(call.state.gpus.len())?)
    }

    fn nvmlDeviceGetHandleByIndex_v2(call, index: c_uint, device: Place<nvmlDevice_t>) {
        let index = usize::try_from(index).map_err(|_| INVALID_ARGUMENT)?;
        put(device, open(&call, call.state.gpus.get(index).ok_or(INVALID_ARGUMENT)?)?)
    }

    fn nvmlDeviceGetHandleByUUID(call, uuid: *const c_char, device: Place<nvmlDevice_t>) {
        // SAFETY: the caller passes a string.
        let uuid = unsafe { text(uuid) }?;
        let found = find(&call.state, uuid).ok_or(NOT_FOUND)?;
        open(&call, found.gpu)?;
        put(device, handle(uuid))
    }

    fn nvmlDeviceGetHandleByPciBusId_v2(call, bus_id: *const c_char, device: Place<nvmlDevice_t>) {
        // SAFETY: the caller passes a string.
        let address = Address::parse(unsafe { text(bus_id) }?).ok_or(INVALID_ARGUMENT)?;
        let found = call.state.gpus.iter().find(|gpu| Address::parse(&gpu.pci_bus_id) == Some(address));
        put(device, open(&call, found.ok_or(NOT_FOUND)?)?)
    }

    fn nvmlDeviceGetIndex(call, device: nvmlDevice_t, index: Place<c_uint>) {
        let device = call.present(device)?;
        put(index, number(device.instance.map_or(device.index, |(index, _)| index))?)
    }

    fn nvmlDeviceGetUUID(call, device: nvmlDevice_t, uuid: *mut c_char, length: c_uint) {
        let device = call.present(device)?;
        let known = device.instance.map_or(&device.gpu.uuid, |(_, instance)| &instance.uuid);
        // SAFETY: the caller says how much room there is.
        unsafe { put_text(uuid, length, known) }
    }

    fn nvmlDeviceGetName(call, device: nvmlDevice_t, name: *mut c_char, length: c_uint) {
        let device = call.present(device)?;
        let mut known = device.gpu.name.clone();
        if let Some((_, instance)) = device.instance {
            known = format!("{known} MIG {}", instance.profile);
        }
        // SAFETY: the caller says how much room there is.
        unsafe { put_text(name, length, &known) }
    }

    fn nvmlDeviceGetSerial(call, device: nvmlDevice_t, serial: *mut c_char, length: c_uint) {
        let known = call.present(device)?.gpu.serial.as_ref().ok_or(NOT_SUPPORTED)?;
        // SAFETY: the caller says how much room there is.
        unsafe { put_text(serial, length, known) }
    }

    fn nvmlDeviceGetMinorNumber(call, device: nvmlDevice_t, minor: Place<c_uint>) {
        put_reading(minor, call.present(device)?.gpu.minor)
    }

    fn nvmlDeviceGetPciInfo_v3(call, device: nvmlDevice_t, pci: Place<nvmlPciInfo_t>) {
        let gpu = call.device(device)?.gpu;
        let Address { domain, bus, device, function } = Address::parse(&gpu.pci_bus_id).ok_or(UNKNOWN)?;
        let mut info = nvmlPciInfo_t {
            busIdLegacy: [0; 16],
            domain,
            bus,
            device,
            pciDeviceId: gpu.pci_device_id,
            pciSubSystemId: 0,
            busId: [0; 32],
        };
        fill(&mut info.busId, &gpu.pci_bus_id);
        fill(&mut info.busIdLegacy, &format!("{domain:04X}:{bus:02X}:{device:02X}.{function:X}"));
        put(pci, info)
    }
}

/// A handle of this GPU, if it is there.
fn open(call: &Call, gpu: &Gpu) -> Answer<nvmlDevice_t> {
    let device = find(&call.state, &gpu.uuid).ok_or(UNKNOWN)?;
    fails(&gpu.errors, call.symbol)?;
    present(device)?;
    Ok(handle(&gpu.uuid))
}

/// A length or index as NVML has them.
pub(crate) fn number(number: usize) -> Answer<c_uint> {
    number.try_into().map_err(|_| UNKNOWN)
}

/// Writes as much of the text as there is room for, before the zero that ends it.
fn fill(place: &mut [c_char], text: &str) {
    let room = place.len().saturating_sub(1);
    for (place, byte) in place.iter_mut().take(room).zip(text.bytes()) {
        *place = c_char::from_ne_bytes([byte]);
    }
}

/// A text that the caller passes.
///
/// # Safety
/// It is null, or ends with a zero, and is not changed while it is used.
unsafe fn text<'a>(text: *const c_char) -> Answer<&'a str> {
    if text.is_null() {
        return Err(INVALID_ARGUMENT);
    }
    // SAFETY: so the caller says.
    unsafe { CStr::from_ptr(text) }.to_str().map_err(|_| INVALID_ARGUMENT)
}
