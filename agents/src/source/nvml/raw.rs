//! The few calls of NVML that `nvml-wrapper` does not have, or from which it leaves out what is needed here.
#![expect(unsafe_code, reason = "NVML is a C library: these calls have no safe wrapper")]
use crate::source::Fabric;
use nvml_wrapper::{
    Device, EventSet, Nvml,
    error::{NvmlError, nvml_sym, nvml_try},
};
use nvml_wrapper_sys::bindings::{
    NVML_GPU_FABRIC_HEALTH_MASK_DEGRADED_BW_FALSE, NVML_GPU_FABRIC_HEALTH_MASK_DEGRADED_BW_TRUE,
    NVML_GPU_FABRIC_HEALTH_MASK_SHIFT_DEGRADED_BW, NVML_GPU_FABRIC_HEALTH_MASK_WIDTH_DEGRADED_BW,
    field_id::NVML_FI_DEV_TEMPERATURE_SLOWDOWN_TLIMIT, nvmlEccSramErrorStatus_t, nvmlEventData_t,
    nvmlEventTypeXidCriticalError, nvmlFieldValue_t, nvmlGpuFabricInfo_v2_t, nvmlGpuFabricInfoV_t,
    nvmlMarginTemperature_t, nvmlMemory_t, nvmlValueType_enum_NVML_VALUE_TYPE_SIGNED_INT as SIGNED_INT,
    nvmlValueType_enum_NVML_VALUE_TYPE_UNSIGNED_INT as UNSIGNED_INT,
    nvmlValueType_enum_NVML_VALUE_TYPE_UNSIGNED_LONG as UNSIGNED_LONG,
    nvmlValueType_enum_NVML_VALUE_TYPE_UNSIGNED_LONG_LONG as UNSIGNED_LONG_LONG,
};

/// What an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Event {
    /// The device, as [`handle`] gives it.
    pub handle: usize,
    /// The XID; none: the event is another one.
    pub xid: Option<u64>,
    /// The GPU instance (MIG), where the driver says one.
    pub gpu_instance: Option<u32>,
}

/// Whether the wrapper's types can be dropped: they panic where the library lacks these.
pub(super) fn can_be_freed(nvml: &Nvml) -> bool {
    nvml.lib().nvmlShutdown.is_ok()
}

/// Whether event sets can be made, and freed.
pub(super) fn has_events(nvml: &Nvml) -> bool {
    nvml.lib().nvmlEventSetFree.is_ok()
}

/// Whether samples of profiling counters can be made, and freed.
pub(super) fn has_samples(nvml: &Nvml) -> bool {
    nvml.lib().nvmlGpmSampleFree.is_ok()
}

/// A number that is the same for the same device, for as long as NVML is initialised.
pub(super) fn handle(device: &Device<'_>) -> usize {
    // SAFETY: the handle is taken as a number, and never given back to NVML.
    unsafe { device.handle() }.addr()
}

/// Whether the GPU itself says that its SRAM has failed too often (`nvmlDeviceGetSramEccErrorStatus`).
pub(super) fn sram_threshold_exceeded(device: &Device<'_>) -> Result<bool, NvmlError> {
    let call = nvml_sym(device.nvml().lib().nvmlDeviceGetSramEccErrorStatus.as_ref())?;
    // SAFETY: the struct is plain numbers, for which zero is a value.
    let mut status: nvmlEccSramErrorStatus_t = unsafe { std::mem::zeroed() };
    status.version = version::<nvmlEccSramErrorStatus_t>(1);
    // SAFETY: the handle is of this NVML, which the device borrows; the struct is of the size that its version says.
    nvml_try(unsafe { call(device.handle(), &raw mut status) })?;
    Ok(status.bThresholdExceeded != 0)
}

/// Its place in the fabric (`nvmlDeviceGetGpuFabricInfoV`), in the second version of the structure: that is the first that
/// says how sound it is, and newer drivers know it as well.
pub(super) fn fabric(device: &Device<'_>) -> Result<Fabric, NvmlError> {
    let call = nvml_sym(device.nvml().lib().nvmlDeviceGetGpuFabricInfoV.as_ref())?;
    let version = version::<nvmlGpuFabricInfo_v2_t>(2);
    let mut info =
        nvmlGpuFabricInfo_v2_t { version, clusterUuid: [0; 16], status: 0, cliqueId: 0, state: 0, healthMask: 0 };
    // SAFETY: the handle is of this NVML, which the device borrows; the library writes no more of the struct than its
    // version says, which is all of it.
    nvml_try(unsafe { call(device.handle(), (&raw mut info).cast::<nvmlGpuFabricInfoV_t>()) })?;
    let bandwidth = info.healthMask >> NVML_GPU_FABRIC_HEALTH_MASK_SHIFT_DEGRADED_BW
        & NVML_GPU_FABRIC_HEALTH_MASK_WIDTH_DEGRADED_BW;
    let degraded_bandwidth = match bandwidth {
        NVML_GPU_FABRIC_HEALTH_MASK_DEGRADED_BW_TRUE => Some(true),
        NVML_GPU_FABRIC_HEALTH_MASK_DEGRADED_BW_FALSE => Some(false),
        _ => None,
    };
    Ok(Fabric { state: info.state, status: info.status, degraded_bandwidth })
}

/// The GPU's memory in bytes, as drivers before 510 tell it (`nvmlDeviceGetMemoryInfo`).
pub(super) fn memory_total(device: &Device<'_>) -> Result<u64, NvmlError> {
    let call = nvml_sym(device.nvml().lib().nvmlDeviceGetMemoryInfo.as_ref())?;
    let mut memory = nvmlMemory_t { total: 0, free: 0, used: 0 };
    // SAFETY: the handle is of this NVML, and the struct outlives the call.
    nvml_try(unsafe { call(device.handle(), &raw mut memory) })?;
    Ok(memory.total)
}

/// How many degrees it may get hotter before its clocks are held back (`nvmlDeviceGetMarginTemperature`).
pub(super) fn thermal_margin(device: &Device<'_>) -> Result<i32, NvmlError> {
    let call = nvml_sym(device.nvml().lib().nvmlDeviceGetMarginTemperature.as_ref())?;
    let mut margin = nvmlMarginTemperature_t { version: version::<nvmlMarginTemperature_t>(1), marginTemperature: 0 };
    // SAFETY: the handle is of this NVML, and the struct is of the size that its version says.
    nvml_try(unsafe { call(device.handle(), &raw mut margin) })?;
    Ok(margin.marginTemperature)
}

/// The thermal margin at which it slows itself down (`NVML_FI_DEV_TEMPERATURE_SLOWDOWN_TLIMIT`): mostly below zero, of a
/// type that the wrapper does not know.
pub(super) fn slowdown_margin(device: &Device<'_>) -> Result<i32, NvmlError> {
    let call = nvml_sym(device.nvml().lib().nvmlDeviceGetFieldValues.as_ref())?;
    // SAFETY: the struct is plain numbers, for which zero is a value.
    let mut field: nvmlFieldValue_t = unsafe { std::mem::zeroed() };
    field.fieldId = NVML_FI_DEV_TEMPERATURE_SLOWDOWN_TLIMIT;
    // SAFETY: the handle is of this NVML, and there is one struct, which outlives the call.
    nvml_try(unsafe { call(device.handle(), 1, &raw mut field) })?;
    nvml_try(field.nvmlReturn)?;
    if !matches!(field.valueType, SIGNED_INT | UNSIGNED_INT) {
        return Err(NvmlError::UnexpectedVariant(field.valueType));
    }
    // SAFETY: both types are 32 bits, which are a number below zero as well.
    Ok(unsafe { field.value.siVal })
}

/// Fields of each of so many links, by number (`nvmlDeviceGetFieldValues` with the link as its scope): none for one that a
/// link does not have. The wrapper asks for the first link alone.
pub(super) fn link_fields<const N: usize>(
    device: &Device<'_>,
    links: u8,
    fields: [u32; N],
) -> Result<Vec<[Option<u64>; N]>, NvmlError> {
    let call = nvml_sym(device.nvml().lib().nvmlDeviceGetFieldValues.as_ref())?;
    let place = |link: u8, field: u32| {
        // SAFETY: the struct is plain numbers, for which zero is a value.
        let mut place: nvmlFieldValue_t = unsafe { std::mem::zeroed() };
        (place.fieldId, place.scopeId) = (field, link.into());
        place
    };
    let mut places: Vec<_> = (0..links).flat_map(|link| fields.map(|field| place(link, field))).collect();
    let count = i32::try_from(places.len()).map_err(|_| NvmlError::InvalidArg)?;
    // SAFETY: the handle is of this NVML, and there are so many structs, which outlive the call.
    nvml_try(unsafe { call(device.handle(), count, places.as_mut_ptr()) })?;
    let values = places.iter().map(number).collect::<Result<Vec<_>, _>>()?;
    if values.iter().all(Option::is_none) {
        return Err(NvmlError::NotSupported);
    }
    Ok(values.as_chunks().0.to_vec())
}

/// The value, where it is a whole number; none, where there is no such field.
fn number(field: &nvmlFieldValue_t) -> Result<Option<u64>, NvmlError> {
    match nvml_try(field.nvmlReturn) {
        Ok(()) => {}
        // A driver that does not know the number says that the argument is wrong.
        Err(NvmlError::NotSupported | NvmlError::InvalidArg) => return Ok(None),
        Err(error) => return Err(error),
    }
    match field.valueType {
        // SAFETY: the type says that this is what the driver wrote.
        UNSIGNED_INT => Ok(Some(unsafe { field.value.uiVal }.into())),
        // SAFETY: as above; `unsigned long` has 64 bits, and both are one number.
        UNSIGNED_LONG | UNSIGNED_LONG_LONG => Ok(Some(unsafe { field.value.ullVal })),
        other => Err(NvmlError::UnexpectedVariant(other)),
    }
}

/// The number of a MIG device's GPU instance.
pub(super) fn gpu_instance(device: &Device<'_>) -> Result<u32, NvmlError> {
    let call = nvml_sym(device.nvml().lib().nvmlDeviceGetGpuInstanceId.as_ref())?;
    let mut number = 0;
    // SAFETY: the handle is of this NVML, and the number outlives the call.
    nvml_try(unsafe { call(device.handle(), &raw mut number) })?;
    Ok(number)
}

/// The number of a MIG device's compute instance.
pub(super) fn compute_instance(device: &Device<'_>) -> Result<u32, NvmlError> {
    let call = nvml_sym(device.nvml().lib().nvmlDeviceGetComputeInstanceId.as_ref())?;
    let mut number = 0;
    // SAFETY: the handle is of this NVML, and the number outlives the call.
    nvml_try(unsafe { call(device.handle(), &raw mut number) })?;
    Ok(number)
}

/// Lets the set have the device's XIDs. The wrapper frees the set where one device refuses.
pub(super) fn register_xids(device: &Device<'_>, set: &EventSet<'_>) -> Result<(), NvmlError> {
    let call = nvml_sym(device.nvml().lib().nvmlDeviceRegisterEvents.as_ref())?;
    // SAFETY: device and set are of one NVML, which both borrow.
    nvml_try(unsafe { call(device.handle(), u64::from(nvmlEventTypeXidCriticalError), set.handle()) })
}

/// Waits so long for an event. The wrapper drops the GPU instance.
pub(super) fn wait(set: &EventSet<'_>, limit_ms: u32) -> Result<Event, NvmlError> {
    let call = nvml_sym(set.nvml.lib().nvmlEventSetWait_v2.as_ref())?;
    // SAFETY: the struct is numbers and a handle, which may be null.
    let mut data: nvmlEventData_t = unsafe { std::mem::zeroed() };
    // SAFETY: the set lives for as long as it is borrowed, and the struct outlives the call.
    nvml_try(unsafe { call(set.handle(), &raw mut data, limit_ms) })?;
    let is_xid = data.eventType & u64::from(nvmlEventTypeXidCriticalError) != 0;
    Ok(Event {
        handle: data.device.addr(),
        xid: is_xid.then_some(data.eventData),
        // NVML_INSTANCE_ID_INVALID: the event is of the whole GPU.
        gpu_instance: Some(data.gpuInstanceId).filter(|id| *id != u32::MAX),
    })
}

/// `NVML_STRUCT_VERSION` of nvml.h.
#[expect(clippy::cast_possible_truncation, reason = "these structs have less than 2^24 bytes")]
const fn version<T>(number: u32) -> u32 {
    size_of::<T>() as u32 | number << 24
}
