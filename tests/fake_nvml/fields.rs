//! Field values: readings by number, each with a code of its own.

use crate::{
    call::{INVALID_ARGUMENT, NOT_SUPPORTED, SUCCESS},
    state::Gpu,
};
use nvml_wrapper_sys::bindings::{
    field_id::{
        NVML_FI_DEV_GET_GPU_RECOVERY_ACTION, NVML_FI_DEV_MEMORY_TEMP, NVML_FI_DEV_NVLINK_COUNT_EFFECTIVE_BER,
        NVML_FI_DEV_NVLINK_COUNT_EFFECTIVE_ERRORS, NVML_FI_DEV_NVLINK_COUNT_LINK_RECOVERY_EVENTS,
        NVML_FI_DEV_NVLINK_COUNT_LINK_RECOVERY_FAILED_EVENTS, NVML_FI_DEV_REMAPPED_COR, NVML_FI_DEV_REMAPPED_FAILURE,
        NVML_FI_DEV_REMAPPED_PENDING, NVML_FI_DEV_REMAPPED_UNC, NVML_FI_DEV_TEMPERATURE_SLOWDOWN_TLIMIT,
    },
    nvmlDevice_t, nvmlFieldValue_t, nvmlValue_t, nvmlValueType_enum_NVML_VALUE_TYPE_SIGNED_INT as SIGNED_INT,
    nvmlValueType_enum_NVML_VALUE_TYPE_UNSIGNED_INT as UNSIGNED_INT,
    nvmlValueType_enum_NVML_VALUE_TYPE_UNSIGNED_LONG_LONG as UNSIGNED_LONG_LONG, nvmlValueType_t,
};
use std::{ffi::c_int, slice};

export! {
    fn nvmlDeviceGetFieldValues(call, device: nvmlDevice_t, count: c_int, values: *mut nvmlFieldValue_t) {
        let device = call.present(device)?;
        let count = usize::try_from(count).map_err(|_| INVALID_ARGUMENT)?;
        if values.is_null() || count == 0 {
            return Err(INVALID_ARGUMENT);
        }
        // SAFETY: the caller says how many there are.
        let values = unsafe { slice::from_raw_parts_mut(values, count) };
        for place in values {
            let known = if device.instance.is_some() { None } else { value(device.gpu, place.fieldId, place.scopeId) };
            (place.timestamp, place.latencyUsec) = (0, 0);
            match known {
                Some((kind, value)) => {
                    (place.valueType, place.value, place.nvmlReturn) = (kind, value, SUCCESS);
                }
                None => place.nvmlReturn = NOT_SUPPORTED,
            }
        }
        Ok(())
    }
}

/// The field's type and value; `scope` is the link, where it is a link's.
fn value(gpu: &Gpu, field: u32, scope: u32) -> Option<(nvmlValueType_t, nvmlValue_t)> {
    let link = || usize::try_from(scope).ok().and_then(|link| gpu.nvlinks.as_ref()?.get(link));
    let of_link = match field {
        NVML_FI_DEV_NVLINK_COUNT_LINK_RECOVERY_EVENTS => link().and_then(|link| link.recovery_events),
        NVML_FI_DEV_NVLINK_COUNT_LINK_RECOVERY_FAILED_EVENTS => link().and_then(|link| link.failed_recovery_events),
        NVML_FI_DEV_NVLINK_COUNT_EFFECTIVE_ERRORS => link().and_then(|link| link.effective_errors),
        NVML_FI_DEV_NVLINK_COUNT_EFFECTIVE_BER => link().and_then(|link| link.effective_ber),
        _ => None,
    };
    if let Some(value) = of_link {
        return Some((UNSIGNED_LONG_LONG, nvmlValue_t { ullVal: value }));
    }
    if let Some(value) = gpu.fields.get(&field) {
        return Some((UNSIGNED_LONG_LONG, nvmlValue_t { ullVal: *value }));
    }
    if field == NVML_FI_DEV_TEMPERATURE_SLOWDOWN_TLIMIT {
        return gpu.slowdown_margin.map(|value| (SIGNED_INT, nvmlValue_t { siVal: value }));
    }
    let rows = gpu.remapped_rows;
    let value = match field {
        NVML_FI_DEV_MEMORY_TEMP => gpu.memory_temperature,
        NVML_FI_DEV_REMAPPED_COR => rows.map(|rows| rows.corrected),
        NVML_FI_DEV_REMAPPED_UNC => rows.map(|rows| rows.uncorrected),
        NVML_FI_DEV_REMAPPED_PENDING => rows.map(|rows| rows.pending.into()),
        NVML_FI_DEV_REMAPPED_FAILURE => rows.map(|rows| rows.failure.into()),
        NVML_FI_DEV_GET_GPU_RECOVERY_ACTION => gpu.recovery_action,
        _ => None,
    };
    value.map(|value| (UNSIGNED_INT, nvmlValue_t { uiVal: value }))
}
