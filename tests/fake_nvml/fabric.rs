//! `NVLink`, and the fabric of its switches.

use crate::{
    call::{Answer, INVALID_ARGUMENT, NOT_SUPPORTED, Place, VERSION_MISMATCH, put, put_reading, version},
    state::{Gpu, NvLink},
};
use nvml_wrapper_sys::bindings::{
    nvmlDevice_t, nvmlEnableState_t, nvmlGpuFabricInfo_v2_t, nvmlGpuFabricInfo_v3_t, nvmlNvLinkErrorCounter_t,
};
use std::ffi::{c_uint, c_ulonglong};

/// `NVML_NVLINK_VERSION_4_0`.
const NVLINK_4: c_uint = 6;

export! {
    fn nvmlDeviceGetNvLinkState(call, device: nvmlDevice_t, link: c_uint, active: Place<nvmlEnableState_t>) {
        put(active, nvlink(call.gpu(device)?, link)?.active.into())
    }

    fn nvmlDeviceGetNvLinkVersion(call, device: nvmlDevice_t, link: c_uint, version: Place<c_uint>) {
        nvlink(call.gpu(device)?, link)?;
        put(version, NVLINK_4)
    }

    fn nvmlDeviceGetNvLinkErrorCounter(
        call, device: nvmlDevice_t, link: c_uint, counter: nvmlNvLinkErrorCounter_t, count: Place<c_ulonglong>,
    ) {
        let link = nvlink(call.gpu(device)?, link)?;
        let known = match counter {
            0 => link.replay,
            1 => link.recovery,
            2 => link.crc_flit,
            3 => link.crc_data,
            4 => None,
            _ => return Err(INVALID_ARGUMENT),
        };
        put_reading(count, known)
    }
}

fn nvlink(gpu: &Gpu, link: c_uint) -> Answer<&NvLink> {
    let links = gpu.nvlinks.as_ref().ok_or(NOT_SUPPORTED)?;
    usize::try_from(link).ok().and_then(|link| links.get(link)).ok_or(INVALID_ARGUMENT)
}

export! {
    fn nvmlDeviceGetGpuFabricInfoV(call, device: nvmlDevice_t, info: *mut nvmlGpuFabricInfo_v2_t) {
        let gpu = call.gpu(device)?;
        // SAFETY: the caller passes null, or a structure that begins as this one does, whatever its version.
        let place = unsafe { info.as_mut() }.ok_or(INVALID_ARGUMENT)?;
        let found = Some(place.version);
        let with_summary = found == version::<nvmlGpuFabricInfo_v3_t>(3);
        if !with_summary && found != version::<nvmlGpuFabricInfo_v2_t>(2) {
            return Err(VERSION_MISMATCH);
        }
        let known = gpu.fabric.as_ref().ok_or(NOT_SUPPORTED)?;
        *place = nvmlGpuFabricInfo_v2_t {
            version: place.version,
            clusterUuid: known.cluster_uuid,
            status: known.status,
            cliqueId: known.clique_id,
            state: known.state,
            healthMask: known.health_mask,
        };
        if with_summary {
            // SAFETY: the version says that it is this structure.
            unsafe { (*info.cast::<nvmlGpuFabricInfo_v3_t>()).healthSummary = known.health_summary };
        }
        Ok(())
    }
}
