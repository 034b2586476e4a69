//! Performance monitoring (GPM): readings between two samples. They are those of the second one.

use crate::{
    call::{Answer, INVALID_ARGUMENT, NOT_SUPPORTED, Place, SUCCESS, VERSION_MISMATCH, code, put, sound, wait},
    handle::Held,
};
use nvml_wrapper_sys::bindings::{
    NVML_GPM_METRICS_GET_VERSION, NVML_GPM_SUPPORT_VERSION, nvmlDevice_t, nvmlGpmMetricsGet_t, nvmlGpmSample_t,
    nvmlGpmSupport_t, nvmlReturn_t,
};
use std::{collections::BTreeMap, ffi::c_uint};

#[derive(Clone)]
struct Sample {
    /// UUID of the GPU, and the GPU instance on it.
    of: (String, Option<c_uint>),
    readings: BTreeMap<u32, f64>,
}

/// Samples; those that nothing was read into are `None`.
static SAMPLES: Held<Option<Sample>> = Held::new();

export! {
    fn nvmlGpmQueryDeviceSupport(call, device: nvmlDevice_t, support: Place<nvmlGpmSupport_t>) {
        let gpu = call.gpu(device)?;
        let place = support.ok_or(INVALID_ARGUMENT)?;
        if place.version != NVML_GPM_SUPPORT_VERSION {
            return Err(VERSION_MISMATCH);
        }
        place.isSupportedDevice = gpu.gpm.is_some().into();
        Ok(())
    }

    fn nvmlGpmSampleAlloc(_call, sample: Place<nvmlGpmSample_t>) {
        put(sample, SAMPLES.add(None))
    }

    fn nvmlGpmSampleGet(call, device: nvmlDevice_t, sample: nvmlGpmSample_t) {
        let gpu = call.gpu(device)?;
        let readings = gpu.gpm.clone().ok_or(NOT_SUPPORTED)?;
        fill(sample, Sample { of: (gpu.uuid.clone(), None), readings })
    }

    fn nvmlGpmMigSampleGet(call, device: nvmlDevice_t, instance: c_uint, sample: nvmlGpmSample_t) {
        let gpu = call.gpu(device)?;
        let mut instances = crate::handle::instances(gpu).iter();
        let found = instances.find(|known| known.gpu_instance == instance).ok_or(INVALID_ARGUMENT)?;
        let readings = found.gpm.clone().ok_or(NOT_SUPPORTED)?;
        fill(sample, Sample { of: (gpu.uuid.clone(), Some(instance)), readings })
    }

    fn nvmlGpmMetricsGet(_call, request: Place<nvmlGpmMetricsGet_t>) {
        let request = request.ok_or(INVALID_ARGUMENT)?;
        if request.version != NVML_GPM_METRICS_GET_VERSION {
            return Err(VERSION_MISMATCH);
        }
        let read = |sample| SAMPLES.with(sample, |sample| sample.clone().ok_or(INVALID_ARGUMENT));
        let (first, second) = (read(request.sample1)?, read(request.sample2)?);
        let count = usize::try_from(request.numMetrics).map_err(|_| INVALID_ARGUMENT)?;
        let metrics = request.metrics.get_mut(..count).ok_or(INVALID_ARGUMENT)?;
        if first.of != second.of {
            return Err(INVALID_ARGUMENT);
        }
        for metric in metrics {
            match second.readings.get(&metric.metricId) {
                Some(reading) => (metric.value, metric.nvmlReturn) = (*reading, SUCCESS),
                None => metric.nvmlReturn = NOT_SUPPORTED,
            }
        }
        Ok(())
    }
}

#[unsafe(no_mangle)]
extern "C" fn nvmlGpmSampleFree(sample: nvmlGpmSample_t) -> nvmlReturn_t {
    let call = wait("nvmlGpmSampleFree");
    // Whatever is answered, the sample is gone.
    code(SAMPLES.remove(sample).and_then(|_| sound(call?.state.driver.call)))
}

fn fill(sample: nvmlGpmSample_t, read: Sample) -> Answer {
    SAMPLES.with(sample, |sample| {
        *sample = Some(read);
        Ok(())
    })
}
